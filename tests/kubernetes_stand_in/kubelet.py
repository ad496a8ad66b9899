"""Nodes that only say that pods run: no containers.

A pod that is bound gets an address and runs, after a delay; one that is deleted is gone, after another, as if it had
obeyed SIGTERM. Nothing is said of pods on a node that is not there.
"""

import itertools
from typing import Any

from tests.kubernetes_stand_in.deletion import take_away
from tests.kubernetes_stand_in.pods import ENDED
from tests.kubernetes_stand_in.resources import RESOURCES
from tests.kubernetes_stand_in.store import Object, Store, now_text

BROKEN = {"tests/no-such-name:BAD": "InvalidImageName", "tests/missing:1": "ErrImagePull"}
"""Images that no container is made of, and what a kubelet says then."""
TURNED_AWAY = {"tests/no-room:1": "OutOfcpu"}
"""Images of pods that a kubelet does not take, though the scheduler thought that it would, and what it says then."""
_PODS = RESOURCES["pods"]


class Kubelets:
    """The kubelets of all nodes.

    Parameters
    ----------
    starts_s, ends_s : float
        How long a pod takes to run once it is bound, and to be gone once it is deleted (s).
    """

    def __init__(self, store: Store, *, starts_s: float, ends_s: float) -> None:
        self._store = store
        self._starts_s, self._ends_s = starts_s, ends_s
        self._seen: dict[tuple[str, str], float] = {}
        """When a pod (uid) was first seen to be bound, or to be deleted (s, monotonic)."""
        self._hosts = itertools.count(2)

    def look_after(self, now: float) -> bool:
        """Do what is due; return whether something is due later."""
        there = {each["metadata"]["name"] for each in self._store.all("nodes")}
        mine = [each for each in self._store.all("pods") if each["spec"].get("nodeName") in there]
        waiting = [self._look_after(each, now) for each in mine]
        uids = {each["metadata"]["uid"] for each in mine}
        self._seen = {key: at for key, at in self._seen.items() if key[0] in uids}
        return any(waiting)

    def end(self, namespace: str, name: str, *, phase: str) -> None:
        """Let a pod's container end by itself."""
        with self._store.lock:
            pod = self._store.get("pods", namespace, name)
            ended = {"terminated": {"exitCode": 137 if phase == "Failed" else 0, "reason": "Error"}}
            told = pod["status"]["conditions"]
            conditions = [{**each, "status": "False"} if "Ready" in each["type"] else each for each in told]
            status = {**pod["status"], "phase": phase, "conditions": conditions}
            self._store.replace(_PODS, {**pod, "status": {**status, "containerStatuses": _containers(pod, ended)}})

    def _look_after(self, pod: Object, now: float) -> bool:
        """Do what is due for one pod; return whether something is due later."""
        metadata, status = pod["metadata"], pod["status"]
        if metadata.get("deletionTimestamp"):
            if not self._due((metadata["uid"], "ends"), now, self._ends_s):
                return True
            if metadata["deletionGracePeriodSeconds"]:
                take_away(self._store, _PODS, pod)  # what a kubelet asks for, with a grace of 0
        elif status["phase"] == "Pending" and not status.get("containerStatuses"):
            if not self._due((metadata["uid"], "starts"), now, self._starts_s):
                return True
            self._store.replace(_PODS, {**pod, "status": self._status(pod)})
        return False

    def _due(self, key: tuple[str, str], now: float, after_s: float) -> bool:
        return now >= self._seen.setdefault(key, now) + after_s

    def _status(self, pod: Object) -> Object:
        """Return what a kubelet says once it has seen a pod."""
        image, status = pod["spec"]["containers"][0]["image"], pod["status"]
        if image in BROKEN:
            waiting = {"waiting": {"reason": BROKEN[image], "message": f"{image}: not found"}}
            return {**status, "containerStatuses": _containers(pod, waiting)}
        if image in TURNED_AWAY:
            message = f"Pod was rejected: Node didn't have enough resource: {TURNED_AWAY[image]}"
            return {**status, "phase": "Failed", "reason": TURNED_AWAY[image], "message": message}
        n = next(self._hosts)
        host, since = f"10.{244 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}", now_text()
        ready = [{"type": kind, "status": "True", "lastTransitionTime": since} for kind in ("Ready", "ContainersReady")]
        return {
            "phase": "Running",
            "podIP": host,
            "podIPs": [{"ip": host}],
            "startTime": since,
            "conditions": [*status["conditions"], *ready],
            "containerStatuses": _containers(pod, {"running": {"startedAt": since}}, ready=True),
        }


def is_ready(pod: Object) -> bool:
    """Say whether a pod's condition ``Ready`` is true."""
    conditions = pod["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def lives(pod: Object) -> bool:
    """Say whether a pod neither ends nor has ended."""
    return pod["status"].get("phase") not in ENDED and not pod["metadata"].get("deletionTimestamp")


def _containers(pod: Object, state: dict[str, Any], *, ready: bool = False) -> list[dict[str, Any]]:
    said = {"imageID": "", "restartCount": 0, "ready": ready, "started": ready, "state": state}
    return [{"name": each["name"], "image": each["image"], **said} for each in pod["spec"]["containers"]]
