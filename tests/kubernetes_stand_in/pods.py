"""Pods: defaults, what is valid, what of one may be changed, and whether there is a quota for it."""

import copy
import re
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_stand_in.checks import Causes
from tests.kubernetes_stand_in.refusals import forbidden
from tests.kubernetes_stand_in.store import Object, Store, now_text

_QUANTITY = re.compile(r"([0-9.]+)([eE]-?\d+)?([a-zA-Z]*)")
_UNITS = {"": 1.0, "m": 1e-3} | {unit: 1000.0 ** (n + 1) for n, unit in enumerate("kMGTPE")}
_UNITS |= {f"{unit}i": 1024.0 ** (n + 1) for n, unit in enumerate("KMGTPE")}
ENDED = {"Succeeded", "Failed"}
_DEFAULTS = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "serviceAccountName": "default",
}
_OTHERS = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations`,`spec.terminationGracePeriodSeconds`"
)


def quantity(text: Any) -> float:
    """Return a quantity as a number: ``250m`` is 0.25; raises ``ValueError`` when it is none."""
    found = _QUANTITY.fullmatch(str(text))
    if found is None or found[3] not in _UNITS:
        raise ValueError(text)
    return float(found[1] + (found[2] or "")) * _UNITS[found[3]]


def complete(made: Object, there: Object | None) -> None:
    """Give a pod its defaults, and a new one its first status."""
    spec = made.setdefault("spec", {})
    for name, value in _DEFAULTS.items():
        spec.setdefault(name, value)
    if not spec.get("schedulingGates"):
        spec.pop("schedulingGates", None)
    for container in spec.get("containers") or []:
        resources = container.setdefault("resources", {})
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
        made_of = {name: each for name, each in resources.items() if each}
        container["resources"] = made_of
    if there is None:
        made["status"] = {"phase": "Pending", "conditions": []}
        if spec.get("schedulingGates"):
            made["status"]["conditions"] = [scheduled(on="", reason="SchedulingGated", message="non-empty gates")]


def scheduled(*, on: str, reason: str = "", message: str = "") -> dict[str, str]:
    """Return the condition ``PodScheduled``."""
    said = {"type": "PodScheduled", "status": "True" if on else "False", "lastTransitionTime": now_text()}
    return said | ({"reason": reason, "message": message} if reason else {})


def causes(made: Object, there: Object | None) -> Causes:
    """Return what is wrong with a pod, or with its change."""
    spec = made["spec"]
    if there is not None:
        return _changed(spec, there["spec"])
    found: Causes = [] if spec.get("containers") else [("spec.containers", "Required value")]
    for n, container in enumerate(spec.get("containers") or []):
        found += _container(container, f"spec.containers[{n}]")
    if spec["restartPolicy"] not in {"Always", "OnFailure", "Never"}:
        found.append(("spec.restartPolicy", f'Unsupported value: "{spec["restartPolicy"]}"'))
    if spec["terminationGracePeriodSeconds"] < 0:
        found.append(("spec.terminationGracePeriodSeconds", "Invalid value: must be greater than or equal to 0"))
    return found


def requests(pod: Object) -> dict[str, float]:
    """Return what a pod reserves."""
    found: dict[str, float] = {}
    for container in pod["spec"]["containers"]:
        for name, text in (container.get("resources", {}).get("requests") or {}).items():
            found[name] = found.get(name, 0.0) + quantity(text)
    return found


def counted(store: Store, namespace: str) -> int:
    """Return how many pods count for a quota: those that have not ended."""
    return sum(each["status"].get("phase") not in ENDED for each in store.all("pods", namespace))


def admit(store: Store, namespace: str, name: str) -> None:
    """Raise :class:`RefusedError` (403) when a quota leaves no room for one more pod."""
    for quota in store.all("resourcequotas", namespace):
        hard = (quota["spec"].get("hard") or {}).get("pods")
        if hard is None:
            continue
        which = quota["metadata"]["name"]
        if "used" not in (quota.get("status") or {}):
            raise forbidden("pods", "", name, f"status unknown for quota: {which}, resources: pods")
        if (used := counted(store, namespace)) + 1 > quantity(hard):
            why = f"exceeded quota: {which}, requested: pods=1, used: pods={used}, limited: pods={hard}"
            raise forbidden("pods", "", name, why)


def _container(container: Mapping[str, Any], field: str) -> Causes:
    found: Causes = [(f"{field}.{name}", "Required value") for name in ("name", "image") if not container.get(name)]
    limits = container["resources"].get("limits") or {}
    for name, text in (container["resources"].get("requests") or {}).items():
        where = f"{field}.resources.requests"
        try:
            if name in limits and quantity(text) > quantity(limits[name]):
                why = f'Invalid value: "{text}": must be less than or equal to {name} limit of {limits[name]}'
                found.append((where, why))
        except ValueError:
            found.append((where, f'Invalid value: "{text}": quantities must match a regular expression'))
    return found


def _changed(spec: Object, old: Object) -> Causes:
    """Return what may not be changed, and was."""
    kept = {each["name"] for each in old.get("schedulingGates") or []}
    more = [each["name"] for each in spec.get("schedulingGates") or [] if each["name"] not in kept]
    if more:
        return [
            ("spec.schedulingGates", f"Forbidden: only deletion is allowed, but found new scheduling gate '{more[0]}'")
        ]
    return [] if _fixed(spec) == _fixed(old) else [("spec", _OTHERS)]


def _fixed(spec: Object) -> Object:
    made = copy.deepcopy(spec)
    for name in ("schedulingGates", "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"):
        made.pop(name, None)
    for each in made["containers"]:
        each.pop("image", None)
    return made
