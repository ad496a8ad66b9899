"""The scheduler: binds pods to nodes that have room, and says why there is none."""

from collections import Counter
from typing import Any

from tests.kubernetes_stand_in.pods import ENDED, quantity, requests, scheduled
from tests.kubernetes_stand_in.resources import RESOURCES
from tests.kubernetes_stand_in.store import Object, Store

_PODS = RESOURCES["pods"]
_NOT_MATCHED = "node(s) didn't match Pod's node affinity/selector"


def schedule(store: Store) -> None:
    """Bind every pod that waits for a node, behind no gate; where none takes it, say so."""
    everyone = store.all("pods")
    nodes = store.all("nodes")
    for pod in everyone:
        status, spec = pod["status"], pod["spec"]
        waits = status.get("phase") == "Pending" and not spec.get("nodeName")
        if waits and not spec.get("schedulingGates") and not pod["metadata"].get("deletionTimestamp"):
            _place(store, pod, nodes, store.all("pods"))


def _place(store: Store, pod: Object, nodes: list[Object], everyone: list[Object]) -> None:
    why = Counter[str]()
    fits = []
    for node in nodes:
        there = [each for each in everyone if _is_on(each, node)]
        wrong = _refusals(pod, node, there)
        why.update(wrong)
        if not wrong:
            fits.append((len(there), node["metadata"]["name"]))
    if fits:
        _, name = min(fits)
        condition = scheduled(on=name)
        bound = {**pod, "spec": {**pod["spec"], "nodeName": name}}
        store.replace(_PODS, {**bound, "status": _with(pod["status"], condition)})
        return
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(why.items()))
    message = f"0/{len(nodes)} nodes are available: {reasons}." if nodes else "no nodes available to schedule pods"
    said = [each.get("message") for each in pod["status"]["conditions"] if each["type"] == "PodScheduled"]
    if said != [message]:
        condition = scheduled(on="", reason="Unschedulable", message=message)
        store.replace(_PODS, {**pod, "status": _with(pod["status"], condition)})


def _refusals(pod: Object, node: Object, there: list[Object]) -> list[str]:
    """Return why a node does not take a pod."""
    labels = node["metadata"].get("labels") or {}
    if not (pod["spec"].get("nodeSelector") or {}).items() <= labels.items():
        return [_NOT_MATCHED]
    conditions = {each["type"]: each["status"] for each in node["status"].get("conditions") or []}
    if node.get("spec", {}).get("unschedulable") or conditions.get("Ready") != "True":
        return ["node(s) were unschedulable"]
    room = node["status"]["allocatable"]
    found = ["Too many pods"] if len(there) + 1 > quantity(room["pods"]) else []
    used = dict[str, float]()
    for each in [*there, pod]:
        used |= {name: used.get(name, 0.0) + much for name, much in requests(each).items()}
    return found + [f"Insufficient {name}" for name, much in used.items() if much > quantity(room.get(name, 0))]


def _is_on(pod: Object, node: Object) -> bool:
    return pod["spec"].get("nodeName") == node["metadata"]["name"] and pod["status"].get("phase") not in ENDED


def _with(status: Object, condition: dict[str, Any]) -> Object:
    others = [each for each in status.get("conditions") or [] if each["type"] != condition["type"]]
    return {**status, "conditions": [*others, condition]}
