"""What a member's pod is made of, and what a pod says of itself. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from actuators.clouds.kubernetes_options import Options
from actuators.kube.labels import PLACE, labels, place, read_place
from actuators.ports import Instance, Where
from streams.records.action import Launch

GATE = "pileus/launch"
"""A pod with this gate is not scheduled: nothing runs until it is taken away."""
CONTAINER = "member"
_POD_SECURITY = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_CONTAINER_SECURITY = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
"""What the standard ``restricted`` wants to be said."""
_NEVER = frozenset({"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"})
"""Why a container waits, where it waits in vain."""
_MISSING = ("not found", "manifest unknown", "does not exist", "pull access denied")
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
_SOON = "failed to sync"
"""A kubelet that does not know a ConfigMap or Secret yet says so, too, of a container that it cannot configure."""
_TURNED_AWAY = frozenset(
    {"NodeAffinity", "NodeShutdown", "UnexpectedAdmissionError", "TopologyAffinityError", "Evicted", "Preempting"}
)
"""Why a node that a pod was bound to did not take it, beside ``OutOfcpu`` and the like."""


class Phase(StrEnum):
    """How far a pod has come."""

    CREATED = "created"
    """It is held back: nothing of it has run."""
    ALIVE = "alive"
    ENDING = "ending"
    """It is being deleted."""
    ENDED = "ended"
    """Its containers have ended; the object is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod of ours, as the API server has it."""

    name: str
    namespace: str
    uid: str
    version: str
    """Its resource version."""
    where: Where
    phase: Phase
    gates: tuple[str, ...]
    """Scheduling gates of others: not ours to take away."""
    deleted: bool
    """Its deletion has begun."""
    running: bool
    """Its container has been started."""
    host: str
    port: int
    workload: str
    """The workload that it was taken from; empty: it was made for the member."""
    no_room: str
    """Why no node takes it; empty: one may."""
    turned_away: str
    """Why the node that it was bound to did not take it; empty: it did, or there is none."""
    never: str
    """Why it will never run; empty: it may."""
    said: str
    """What it says of its end."""

    @property
    def instance(self) -> Instance:
        """Return it as the port has it: without an address as long as it does not run."""
        known = self.running and bool(self.host)
        return Instance(
            where=self.where,
            instance=f"pod-{self.uid}",
            host=self.host if known else "",
            port=self.port if known else 0,
        )


def pod(made: Mapping[str, Any], owner: str) -> Pod | None:
    """Read a pod; ``None`` when it is not this owner's."""
    metadata = made["metadata"]
    found = read_place(metadata, owner)
    if found is None:
        return None
    where, port, workload = found
    status = made.get("status") or {}
    phase = status.get("phase", "")
    return Pod(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        where=where,
        phase=_phase(made, phase),
        gates=tuple(each["name"] for each in made["spec"].get("schedulingGates") or [] if each["name"] != GATE),
        deleted=bool(metadata.get("deletionTimestamp")),
        running=phase == "Running",
        host=status.get("podIP") or "",
        port=port,
        workload=workload,
        no_room=_no_room(status),
        turned_away=_turned_away(status),
        never=_never(status),
        said=_end(status),
    )


def manifest(
    where: Where, launch: Launch, made: Options, *, owner: str, port: int, settings: Mapping[str, str]
) -> dict[str, Any]:
    """Return a member's pod, held back by ``GATE``."""
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": launch.image,
        "env": _environment(where, launch, port=port, settings=settings),
        "resources": {"requests": dict(made.requests), "limits": dict(made.limits)},
    }
    if launch.command:
        words = (word.replace("{python}", "python3").replace("{port}", str(port)) for word in launch.command)
        container["command"] = [_literally(word) for word in words]
    if made.pull:
        container["imagePullPolicy"] = made.pull
    if port:
        container["ports"] = [
            {"containerPort": each, "protocol": "TCP"} for each in dict.fromkeys((port, *launch.ports))
        ]
        if launch.health:
            container["readinessProbe"] = _probe(launch.health, port)
    container |= {"securityContext": _CONTAINER_SECURITY} if made.restricted else {}
    spec: dict[str, Any] = {
        "schedulingGates": [{"name": GATE}],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": whole_s(launch.grace_s),
        "enableServiceLinks": False,
        "automountServiceAccountToken": bool(made.service_account),
        "containers": [container],
    }
    spec |= {"imagePullSecrets": [{"name": each} for each in made.secrets]} if made.secrets else {}
    spec |= {"serviceAccountName": made.service_account} if made.service_account else {}
    spec |= {"priorityClassName": made.priority} if made.priority else {}
    spec |= {"securityContext": _POD_SECURITY} if made.restricted else {}
    spec |= {"nodeSelector": dict(made.nodes)} if made.nodes else {}
    metadata = {
        "name": where.member,
        "namespace": made.namespace,
        "labels": labels(owner, where),
        "annotations": {PLACE: place(where, port=port)},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def whole_s(seconds: float) -> int:
    """Return seconds as the API takes them: whole ones, at least 1; 0 would leave the process running unseen."""
    return max(1, math.ceil(seconds))


def _environment(where: Where, launch: Launch, *, port: int, settings: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what member and agent are told: the launch's variables, over them who they are and where Kafka is."""
    own = {
        "PILEUS_MEMBER": where.member,
        "PILEUS_CLUSTER": where.cluster,
        "PILEUS_APPLICATION": where.application,
        "PILEUS_TENANT": where.tenant,
        "PILEUS_HEALTH": launch.health,
        "PILEUS_PORT": str(port),
        "PILEUS_HOST": "127.0.0.1",
        "PORT": str(port),
        "HOST": "0.0.0.0",  # noqa: S104 - inside the pod
    }
    told = launch.environment | dict(settings) | own
    return [{"name": name, "value": _literally(text)} for name, text in sorted(told.items())]


def _literally(text: str) -> str:
    """Return a text that Kubernetes takes as it stands: it would replace ``$(NAME)``."""
    return text.replace("$", "$$")


def _probe(health: str, port: int) -> dict[str, Any]:
    """Return the readiness probe of ``tcp`` or ``http:/path``."""
    kind, _, path = health.partition(":")
    asked = {"httpGet": {"path": path or "/", "port": port}} if kind == "http" else {"tcpSocket": {"port": port}}
    return asked | {"periodSeconds": 2, "timeoutSeconds": 2}


def _phase(made: Mapping[str, Any], said: str) -> Phase:
    if said in {"Succeeded", "Failed"}:
        return Phase.ENDED
    if made["metadata"].get("deletionTimestamp"):
        return Phase.ENDING
    gates = made["spec"].get("schedulingGates") or []
    return Phase.CREATED if any(each.get("name") == GATE for each in gates) else Phase.ALIVE


def _no_room(status: Mapping[str, Any]) -> str:
    if status.get("nominatedNodeName"):
        return ""  # pods of a lower priority are on their way out for it
    for each in status.get("conditions") or []:
        if each["type"] == "PodScheduled" and each["status"] == "False" and each.get("reason") == "Unschedulable":
            return each.get("message") or "unschedulable"
    return ""


def _turned_away(status: Mapping[str, Any]) -> str:
    reason = status.get("reason") or ""
    refused = status.get("phase") == "Failed" and (reason.startswith("OutOf") or reason in _TURNED_AWAY)
    return f"{reason}: {status.get('message') or ''}" if refused else ""


def _never(status: Mapping[str, Any]) -> str:
    for each in status.get("containerStatuses") or []:
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if (reason in _NEVER and not message.startswith(_SOON)) or (
            reason in _PULLING and any(word in message.lower() for word in _MISSING)
        ):
            return f"{reason}: {message}"
    return ""


def _end(status: Mapping[str, Any]) -> str:
    ends = [(each.get("state") or {}).get("terminated") or {} for each in status.get("containerStatuses") or []]
    codes = ", ".join(f"exit code {each['exitCode']}" for each in ends if "exitCode" in each)
    return ": ".join(filter(None, (status.get("reason", ""), status.get("message", ""), codes)))
