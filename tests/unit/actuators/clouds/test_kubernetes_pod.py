"""What a pod says of itself, in the words of real schedulers and kubelets."""

from typing import Any

import pytest

from actuators.clouds.kubernetes_options import options
from actuators.clouds.kubernetes_pod import GATE, Phase, Pod, manifest, pod
from actuators.kube.labels import PLACE, labels, place
from config.kubernetes_account import KubernetesAccount
from streams.records.action import Launch
from tests.clouds import a_place

FULL = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}


def read(*, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> Pod:
    where = a_place()
    own = {"name": "shop-web-1", "namespace": "shop", "uid": "1", "resourceVersion": "7", "labels": labels("us", where)}
    said = {"metadata": {**own, "annotations": {PLACE: place(where, port=80)}, **metadata}, "spec": spec or {}}
    found = pod({**said, "status": status or {"phase": "Pending"}}, "us")
    assert found is not None
    return found


def waiting(reason: str, message: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "member", "state": state}]}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param({"phase": "Pending", "conditions": [FULL]}, "0/3 nodes are available", id="no node takes it"),
        pytest.param(
            {"phase": "Pending", "conditions": [FULL], "nominatedNodeName": "n1"}, "", id="others are on their way out"
        ),
        pytest.param({"phase": "Pending", "conditions": [{**FULL, "reason": "SchedulingGated"}]}, "", id="gated"),
        pytest.param({"phase": "Pending", "conditions": None}, "", id="nothing is known"),
    ],
)
def test_what_is_no_room(status: dict[str, Any], said: str) -> None:
    assert read(status=status).no_room == said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(waiting("ErrImagePull", "x:1: not found"), "ErrImagePull: x:1: not found", id="no such image"),
        pytest.param(
            waiting("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: x: not found'),
            'ImagePullBackOff: Back-off pulling image "x": ErrImagePull: x: not found',
            id="no such image, some time later",
        ),
        pytest.param(waiting("ErrImagePull", "dial tcp: i/o timeout"), "", id="a registry that does not answer"),
        pytest.param(waiting("ImagePullBackOff", 'Back-off pulling image "x"'), "", id="nothing said"),
        pytest.param(
            waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
            "CreateContainerConfigError: container has runAsNonRoot and image will run as root",
            id="a container that may not be",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", "failed to sync configmap cache: timed out"), "", id="a busy kubelet"
        ),
        pytest.param(waiting("ContainerCreating", ""), "", id="on its way"),
        pytest.param({"phase": "Running", "containerStatuses": None}, "", id="nothing is known"),
    ],
)
def test_what_will_never_run(status: dict[str, Any], said: str) -> None:
    assert read(status=status).never == said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param({"phase": "Failed", "reason": "OutOfcpu", "message": "no cpu"}, "OutOfcpu: no cpu", id="full"),
        pytest.param({"phase": "Failed", "reason": "NodeAffinity"}, "NodeAffinity: ", id="a label was taken away"),
        pytest.param({"phase": "Failed", "reason": "Evicted", "message": "memory"}, "Evicted: memory", id="evicted"),
        pytest.param({"phase": "Failed"}, "", id="its program failed"),
        pytest.param({"phase": "Running", "reason": "OutOfcpu"}, "", id="it runs"),
    ],
)
def test_what_a_node_turns_away(status: dict[str, Any], said: str) -> None:
    assert read(status=status).turned_away == said


@pytest.mark.parametrize(
    ("spec", "status", "metadata", "phase"),
    [
        pytest.param({"schedulingGates": [{"name": GATE}]}, None, {}, Phase.CREATED, id="held by us"),
        pytest.param({"schedulingGates": [{"name": "kueue"}]}, None, {}, Phase.ALIVE, id="held by another"),
        pytest.param({}, None, {"deletionTimestamp": "2026-01-01T00:00:00Z"}, Phase.ENDING, id="being deleted"),
        pytest.param(
            {}, {"phase": "Succeeded"}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}, Phase.ENDED, id="ended, deleted"
        ),
        pytest.param({}, {"phase": "Unknown"}, {}, Phase.ALIVE, id="its node is silent"),
    ],
)
def test_how_far_it_has_come(
    spec: dict[str, Any], status: dict[str, Any] | None, metadata: dict[str, Any], phase: Phase
) -> None:
    assert read(spec=spec, status=status, **metadata).phase is phase


@pytest.mark.parametrize(
    ("properties", "pod_has", "container_has"),
    [
        pytest.param({}, None, None, id="nothing is said"),
        pytest.param(
            {"podSecurity": "restricted"},
            {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            id="restricted",
        ),
    ],
)
def test_what_a_pod_is_allowed(properties: dict[str, str], pod_has: object, container_has: object) -> None:
    made = options(KubernetesAccount(owner="us"), properties, tenant="t")

    spec = manifest(a_place(), Launch(image="x"), made, owner="us", port=80, settings={})["spec"]

    assert spec.get("securityContext") == pod_has
    assert spec["containers"][0].get("securityContext") == container_has


def test_gates_of_others_are_known() -> None:
    assert read(spec={"schedulingGates": [{"name": "kueue"}, {"name": GATE}]}).gates == ("kueue",)
