"""The cloud of pods on a stand-in for a Kubernetes cluster, beyond what every cloud promises."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actuators.clouds.kubernetes import KubernetesCloud
from actuators.clouds.kubernetes_pod import GATE
from actuators.ports import (
    CredentialsError,
    InvalidRequestError,
    OutOfCapacityError,
    QuotaExceededError,
    TransientCloudError,
)
from tests.clouds import a_place
from tests.kubernetes_stand_in.access import PILEUS
from tests.kubernetes_stand_in.faults import Fault, Proxy, running_proxy
from tests.kubernetes_stand_in.opened import Opened
from tests.kubernetes_stand_in.resources import RESOURCES
from tests.kubernetes_stand_in.site import Cluster, Site
from tests.waiting import until


@pytest.fixture
def site(kubernetes: Cluster) -> Iterator[Site]:
    site = kubernetes.site()
    yield site
    site.close()


@pytest.fixture
async def opened(site: Site) -> AsyncIterator[Opened]:
    opened = Opened(site)
    yield opened
    for cloud in opened.clouds:
        cloud.close()


@pytest.fixture
def proxy(kubernetes: Cluster) -> Iterator[Proxy]:
    with running_proxy(kubernetes.plane) as proxy:
        yield proxy


# --- what a pod is ---------------------------------------------------------------------------------------------------


async def test_a_pod_is_what_its_definition_says(site: Site, opened: Opened) -> None:
    given = {**site.properties, "cpu": "250m", "memory": "64Mi", "memoryLimit": "128Mi", "imagePullSecrets": "one, two"}
    launch = msgspec.structs.replace(
        site.launch, properties=given, environment={"PRICE": "$(COST) $$"}, health="http:/health", grace_s=2.5
    )

    launched = await opened().launch(a_place(), launch)

    pod = site.pods()["shop-web-1"]
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    told = {each["name"]: each.get("value", "") for each in container["env"]}
    assert launched.host == pod["status"]["podIP"]
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("Never", 3)
    assert [each["name"] for each in spec["imagePullSecrets"]] == ["one", "two"]
    assert container["resources"] == {
        "requests": {"cpu": "250m", "memory": "64Mi"},
        "limits": {"cpu": "250m", "memory": "128Mi"},
    }
    assert container["readinessProbe"]["httpGet"]["path"] == "/health"
    assert container["command"] == ["serve", "8080"]
    assert (told["PILEUS_MEMBER"], told["PORT"], told["PRICE"]) == ("shop-web-1", "8080", "$$(COST) $$$$")
    assert pod["metadata"]["labels"]["pileus/cluster"] == "shop-web"


async def test_words_that_no_label_can_hold_are_kept_in_full(opened: Opened) -> None:
    where = replace(a_place(), tenant="t" * 100, application="-shop_")
    cloud = opened()

    await cloud.launch(where, opened.site.launch)

    assert (await cloud.instances())["shop-web-1"].where == where


# --- room and refusals -----------------------------------------------------------------------------------------------


async def test_a_quota_that_is_reached_is_told_as_such(site: Site, opened: Opened) -> None:
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    await asyncio.to_thread(site.core.create_namespaced_resource_quota, site.name, quota)
    cloud = opened()

    def counted() -> bool:
        return bool(site.core.read_namespaced_resource_quota("few", site.name).status.used)

    await until(counted, within_s=20, what="the quota counts")
    await cloud.launch(a_place("shop-web-1"), site.launch)

    with pytest.raises(QuotaExceededError, match="exceeded quota: few, requested: pods=1, used: pods=1"):
        await cloud.launch(a_place("shop-web-2"), site.launch)


async def test_what_no_node_takes_is_no_room_and_leaves_nothing(site: Site, opened: Opened) -> None:
    cloud = opened(room_s=0.5)
    much = msgspec.structs.replace(site.launch, properties={**site.properties, "cpu": "1000"})

    with pytest.raises(OutOfCapacityError, match="Insufficient cpu"):
        await cloud.launch(a_place(), much)

    assert site.pods() == {}
    assert (await cloud.launch(a_place(), site.launch)).port == 8080


async def test_a_pod_that_its_node_turns_away_is_no_room_and_its_name_may_be_used_again(
    site: Site, opened: Opened
) -> None:
    cloud = opened()
    full = msgspec.structs.replace(site.launch, image="tests/no-room:1")

    with pytest.raises(OutOfCapacityError, match="OutOfcpu"):
        await cloud.launch(a_place(), full)

    assert site.pods() == {}
    assert (await cloud.launch(a_place(), site.launch)).port == 8080


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"properties": {"cpu": "much"}}, "property cpu", id="a property of ours"),
        pytest.param(
            {"properties": {"cpu": "2", "cpuLimit": "1"}}, "must be less than or equal to cpu limit", id="422"
        ),
        pytest.param({"image": ""}, "image is empty", id="no image"),
        pytest.param({"properties": {"namespace": "kube-system"}}, "one of the account's", id="a foreign namespace"),
        pytest.param({"image": "tests/no-such-name:BAD"}, "InvalidImageName", id="a name that is none"),
        pytest.param({"image": "tests/missing:1"}, "not found", id="an image that is not there"),
    ],
)
async def test_what_can_never_be_is_refused_and_leaves_nothing(
    site: Site, opened: Opened, given: dict[str, Any], said: str
) -> None:
    cloud = opened()
    launch = msgspec.structs.replace(
        site.launch, **{**given, "properties": {**site.properties, **given.get("properties", {})}}
    )

    with pytest.raises(InvalidRequestError, match=said):
        await cloud.launch(a_place(), launch)

    await until(lambda: site.pods() == {}, within_s=10, what="no pod is left")


async def test_a_namespace_that_is_not_there_is_invalid_not_empty(opened: Opened) -> None:
    with pytest.raises(CredentialsError, match='cannot list resource "pods"'):
        await opened(namespace="nowhere").launch(a_place(), opened.site.launch)


async def test_a_wrong_token_is_told_as_credentials(opened: Opened) -> None:
    cloud = opened(token="wrong")  # noqa: S106 - it is none

    with pytest.raises(CredentialsError, match="401"):
        await cloud.instances()
    with pytest.raises(CredentialsError, match="401"):
        await cloud.launch(a_place(), opened.site.launch)


async def test_a_kubeconfig_that_changes_needs_no_restart(site: Site, opened: Opened, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(site.cluster.plane.kubeconfig("revoked").read_text())
    cloud = opened(kubeconfig=str(file))
    with pytest.raises(CredentialsError, match="401"):
        await cloud.launch(a_place(), site.launch)
    file.write_text(site.cluster.plane.kubeconfig(PILEUS).read_text())

    assert (await cloud.launch(a_place(), site.launch)).port == 8080


async def test_a_namespace_per_tenant_and_pods_of_all_of_them_are_seen(site: Site, kubernetes: Cluster) -> None:
    other = kubernetes.site()
    cloud = KubernetesCloud(site.account(namespaces=(other.name,)), settings={}, now=time.time)
    there = {**site.properties, "namespace": "test-{tenant}"}
    where = replace(a_place("blog-web-1"), tenant=other.name.removeprefix("test-"))
    await cloud.launch(a_place(), site.launch)
    await cloud.launch(where, msgspec.structs.replace(site.launch, properties=there))

    assert list(other.pods()) == ["blog-web-1"]
    assert sorted(await cloud.instances()) == ["blog-web-1", "shop-web-1"]
    await cloud.terminate("blog-web-1", 1.0)
    assert other.pods() == {}
    cloud.close()
    other.close()


# --- one member, one pod ---------------------------------------------------------------------------------------------


async def test_a_pod_that_is_not_ours_is_neither_seen_nor_touched(site: Site, opened: Opened) -> None:
    foreign = {"metadata": {"name": "shop-web-1"}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    await asyncio.to_thread(site.core.create_namespaced_pod, site.name, foreign)
    theirs = KubernetesCloud(site.account(owner="others"), settings={}, now=time.time)
    await theirs.launch(a_place("shop-web-2"), site.launch)
    cloud = opened()

    assert await cloud.instances() == {}
    for member in ("shop-web-1", "shop-web-2"):
        with pytest.raises(InvalidRequestError, match="not ours"):
            await cloud.launch(a_place(member), site.launch)
        await cloud.terminate(member, 1.0)

    assert sorted(site.pods()) == ["shop-web-1", "shop-web-2"]
    theirs.close()


async def test_several_actuators_at_once_launch_one_pod_and_end_it(site: Site, opened: Opened) -> None:
    clouds = [opened() for _ in range(5)]

    launched = await asyncio.gather(*(cloud.launch(a_place(), site.launch) for cloud in clouds))

    assert len(site.pods()) == 1
    assert all(each == launched[0] for each in launched)
    await asyncio.gather(*(cloud.terminate("shop-web-1", 1.0) for cloud in clouds))
    assert site.pods() == {}
    for cloud in clouds:
        async with asyncio.timeout(20):
            while await cloud.instances():
                await asyncio.sleep(0.01)


async def test_a_launch_that_was_killed_after_the_create_is_taken_up(site: Site, opened: Opened, proxy: Proxy) -> None:
    proxy.faults.append(Fault("PATCH", "/pods/shop-web-1", status=500))
    with pytest.raises(TransientCloudError, match="500"):
        await opened(url=proxy.url).launch(a_place(), site.launch)
    (held,) = site.pods().values()
    assert held["spec"]["schedulingGates"] == [{"name": GATE}]

    later = opened()
    assert list(await later.instances()) == ["shop-web-1"]
    launched = await later.launch(a_place(), site.launch)

    assert launched.instance == f"pod-{held['metadata']['uid']}"
    assert launched.port == 8080


async def test_a_pod_that_was_changed_since_it_was_seen_is_not_let_go(site: Site, opened: Opened, proxy: Proxy) -> None:
    proxy.faults.append(Fault("PATCH", "/pods/shop-web-1", status=500))
    with pytest.raises(TransientCloudError, match="500"):
        await opened(url=proxy.url).launch(a_place(), site.launch)
    store = opened()._store
    (seen,) = await store.pods("shop-web-1")
    labels = {"metadata": {"labels": {"team": "shop"}}}
    await asyncio.to_thread(site.core.patch_namespaced_pod, "shop-web-1", site.name, labels)

    assert await store.change(seen, {"spec": {"schedulingGates": None}}) is None
    assert site.pods()["shop-web-1"]["spec"]["schedulingGates"] == [{"name": GATE}]


async def test_a_gate_of_somebody_else_stays_when_ours_goes(site: Site, opened: Opened, proxy: Proxy) -> None:
    proxy.faults.append(Fault("PATCH", "/pods/shop-web-1", status=500))
    with pytest.raises(TransientCloudError, match="500"):
        await opened(url=proxy.url).launch(a_place(), site.launch)
    held = site.pods()["shop-web-1"]
    with site.cluster.plane.store.lock:  # as an admission webhook does, when a pod is created
        there = site.cluster.plane.store.get("pods", site.name, "shop-web-1")
        gates = [*held["spec"]["schedulingGates"], {"name": "queue/wait"}]
        site.cluster.plane.store.replace(
            RESOURCES["pods"], {**there, "spec": {**there["spec"], "schedulingGates": gates}}
        )

    launched = await opened(settle_s=0.5).launch(a_place(), site.launch)

    assert site.pods()["shop-web-1"]["spec"]["schedulingGates"] == [{"name": "queue/wait"}]
    assert (launched.host, launched.port) == ("", 0)


async def test_a_pod_that_a_finalizer_holds_is_cleared_away_once_and_not_called_gone(
    site: Site, opened: Opened, proxy: Proxy
) -> None:
    cloud = opened(url=proxy.url, end_s=0.5)
    await cloud.launch(a_place(), site.launch)
    held = {"metadata": {"finalizers": ["tests/hold"]}}
    await asyncio.to_thread(site.core.patch_namespaced_pod, "shop-web-1", site.name, held)
    site.lose("shop-web-1")

    async def look(times: int) -> int:
        for _ in range(times):
            assert await cloud.instances() == {}
        return sum(method in {"POST", "DELETE"} for method, _ in proxy.calls)

    async with asyncio.timeout(20):
        while not site.pods()["shop-web-1"]["metadata"].get("deletionTimestamp"):
            with contextlib.suppress(AssertionError):
                await look(1)
        while (before := await look(5)) != await look(5):
            await asyncio.sleep(0.02)
    with pytest.raises(TransientCloudError, match="not gone"):
        await cloud.terminate("shop-web-1", 0.5)
    free = {"metadata": {"finalizers": None}}
    await asyncio.to_thread(site.core.patch_namespaced_pod, "shop-web-1", site.name, free)
    await cloud.terminate("shop-web-1", 0.5)

    assert before > 0
    assert site.pods() == {}


async def test_a_paused_launch_that_wakes_up_after_the_end_starts_nothing(
    site: Site, opened: Opened, proxy: Proxy
) -> None:
    proxy.faults.append(Fault("PATCH", "/pods/shop-web-1", status=500))
    with pytest.raises(TransientCloudError):
        await opened(url=proxy.url).launch(a_place(), site.launch)
    await opened().terminate("shop-web-1", 1.0)

    with pytest.raises(InvalidRequestError, match="never used again"):
        await opened().launch(a_place(), site.launch)

    assert site.pods() == {}


async def test_a_pod_that_somebody_deletes_does_not_come_back(site: Site, opened: Opened) -> None:
    cloud = opened()
    await cloud.launch(a_place(), site.launch)
    assert list(await cloud.instances()) == ["shop-web-1"]
    await asyncio.to_thread(site.core.delete_namespaced_pod, "shop-web-1", site.name)

    async with asyncio.timeout(20):
        while await cloud.instances():
            await asyncio.sleep(0.02)
    with pytest.raises(InvalidRequestError, match="never used again"):
        await opened().launch(a_place(), site.launch)
