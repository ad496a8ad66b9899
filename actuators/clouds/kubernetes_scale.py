"""Members that are pods of a Deployment, a StatefulSet or anything with a scale: Kubernetes makes and ends them.

A launch claims a pod that nobody has, by labels; when there is none, it asks for one more. Asking is level-triggered:
the scale is set to the members that there are, and those that wait, never counted up blindly. Whom Kubernetes would
end when the scale is lowered is not ours to choose, so a member's pod is deleted itself, and the scale lowered after
it. Of a StatefulSet only the last pods can go: there a successor stays, and is free for the next member.
"""

import asyncio
from collections import defaultdict
from typing import Any

from actuators.clouds.kubernetes_options import Options, Workload, workload
from actuators.clouds.kubernetes_pod import Phase, Pod
from actuators.clouds.kubernetes_store import Store
from actuators.kube.answers import Refused
from actuators.kube.api import Object, path
from actuators.kube.labels import OWNER, PLACE, labels, place
from actuators.ports import InvalidRequestError, OutOfCapacityError, TransientCloudError, Where
from streams.records.action import Launch

COST = "controller.kubernetes.io/pod-deletion-cost"
DEAR = "1000"
"""Of a pod that a member has: one that nobody has goes first."""
POLL_S = 0.25
ATTEMPTS = 10
"""How often a scale that changes under our hands is read again."""

Key = tuple[str, Workload]


class ScaledPods:
    """Claims pods of workloads for members, and gives them back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owner = store.api.account.owner
        self._waiting: defaultdict[Key, set[str]] = defaultdict(set)
        """Members that are being launched and have no pod yet."""
        self._turns: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Who counts pods and sets a scale: a claim in between would not be counted."""

    async def claimed(self, where: Where, launch: Launch, made: Options) -> Pod:
        """Return a pod that is the member's from now on.

        Raises
        ------
        OutOfCapacityError
            The workload got no further pod within ``settle_s``: a quota, or no room for more than is pending.
        InvalidRequestError
            The member has ended, or there is no such workload.
        TransientCloudError, CredentialsError
            As the server says.
        """
        assert made.workload is not None  # noqa: S101 - the caller's choice of this way
        key = (made.namespace, made.workload)
        port = made.container_port or (launch.ports[0] if launch.ports else 0)
        deadline = asyncio.get_running_loop().time() + self._store.api.account.settle_s
        self._waiting[key].add(where.member)
        found = None
        try:
            while found is None and asyncio.get_running_loop().time() < deadline:
                found = await self._try(key, where, port)
                await asyncio.sleep(0.0 if found else POLL_S)
        finally:
            self._waiting[key].discard(where.member)
        if found is None:
            await self._trim(key)
            raise OutOfCapacityError(f"kubernetes: member {where.member}: {made.workload} has no further pod")
        return found

    async def end(self, which: Pod, *, grace_s: int) -> None:
        """End a member's pod, and only this one; asked again until it is gone.

        The workload is asked for one fewer then. Should it have made a successor meanwhile, that one goes, which nobody
        has claimed: a claimed pod costs more.
        """
        key = (which.namespace, workload(which.workload))
        if which.phase is Phase.ALIVE:
            await self._store.delete(which, grace_s=grace_s)
        await self._trim(key)

    async def release(self, which: Pod) -> None:
        """Take a claim back from a pod that never ran, and ask for one fewer."""
        nothing = dict.fromkeys(labels(self._owner, which.where))
        await self._store.change(which, {"metadata": {"labels": nothing, "annotations": {PLACE: None, COST: None}}})
        self._store.forget(which)
        await self._trim((which.namespace, workload(which.workload)))

    async def _try(self, key: Key, where: Where, port: int) -> Pod | None:
        """Claim a pod, or see to it that there will be one."""
        async with self._turns[key]:
            if await self._store.has_ended(where.member):
                raise InvalidRequestError(f"member {where.member} has ended: its name is never used again")
            scale = await self._scale(key)
            pods, replicas = await self._pods(key, scale), _replicas(scale)
            if len(pods) > replicas:
                return None  # some are about to go, and which of them only Kubernetes knows
            free = sorted((each for each in pods if not _taken(each)), key=lambda each: _rank(each, key[1]))
            if free:
                return await self._claim(free[0], key, where, port)
            wanted = self._wanted(key, pods)
            if replicas < wanted:
                await self._set(key, scale, wanted)
            return None

    async def _claim(self, free: Object, key: Key, where: Where, port: int) -> Pod | None:
        metadata = free["metadata"]
        said = {PLACE: place(where, port=port, workload=str(key[1])), COST: DEAR}
        change = {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "labels": labels(self._owner, where),
            "annotations": said,
        }
        at = path("pods", namespace=key[0], name=metadata["name"])
        try:
            claimed = self._store.note(await self._store.api.patch(at, {"metadata": change}))
        except Refused as answer:
            if answer.reason in {"Conflict", "NotFound"}:
                return None
            raise answer.error(f"claim pod {metadata['name']}") from answer
        self._waiting[key].discard(where.member)
        return claimed

    async def _trim(self, key: Key) -> None:
        """Lower the scale to the members that there are, and those that wait; never raise it."""
        async with self._turns[key]:
            for _ in range(ATTEMPTS):
                scale = await self._scale(key)
                wanted = self._wanted(key, await self._pods(key, scale))
                if _replicas(scale) <= wanted or await self._set(key, scale, wanted):
                    return
        raise TransientCloudError(f"kubernetes: {key[1]}: its scale changes all the time")

    def _wanted(self, key: Key, pods: list[Object]) -> int:
        """Return the scale that is needed."""
        kept = [each["metadata"]["name"] for each in pods if _taken(each)]
        lowest = max((ordinal(name) + 1 for name in kept), default=0) if key[1].by_ordinal else len(kept)
        return lowest + len(self._waiting[key])

    async def _scale(self, key: Key) -> Object:
        return await self._store.ask(f"scale of {key[1]}", self._store.api.get(_path(key)))

    async def _set(self, key: Key, scale: Object, replicas: int) -> bool:
        """Set the scale. False: it was changed since it was read, and so nothing was done."""
        change = {"metadata": {"resourceVersion": scale["metadata"]["resourceVersion"]}, "spec": {"replicas": replicas}}
        try:
            await self._store.api.patch(_path(key), change)
        except Refused as answer:
            if answer.reason != "Conflict":
                raise answer.error(f"scale {key[1]} to {replicas}") from answer
            return False
        return True

    async def _pods(self, key: Key, scale: Object) -> list[Object]:
        """Return the workload's pods that neither end nor have ended."""
        chosen = (scale.get("status") or {}).get("selector", "")
        if not chosen:
            raise InvalidRequestError(f"kubernetes: {key[1]}: its scale has no selector (labelSelectorPath)")
        listed = await self._store.ask(
            "list pods", self._store.api.items(path("pods", namespace=key[0]), labels=chosen)
        )
        return [each for each in listed if _lives(each)]


def _path(key: Key) -> str:
    namespace, which = key
    return path(
        which.resource, namespace=namespace, name=which.name, group=which.group, version=which.version, sub="scale"
    )


def _replicas(scale: Object) -> int:
    """Return how many pods are asked for; a server leaves out what is 0."""
    return int((scale.get("spec") or {}).get("replicas") or 0)


def _taken(made: Object) -> bool:
    return OWNER in (made["metadata"].get("labels") or {})


def _lives(made: Object) -> bool:
    ended = (made.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return not ended and not made["metadata"].get("deletionTimestamp")


def _rank(made: Object, which: Workload) -> tuple[Any, ...]:
    """Return which free pod is taken first: one that runs; of a StatefulSet the lowest, so that the last can go."""
    name = made["metadata"]["name"]
    if which.by_ordinal:
        return (ordinal(name), name)
    return ((made.get("status") or {}).get("phase") != "Running", name)


def ordinal(name: str) -> int:
    """Return the number at the end of a pod's name; 0 when it has none."""
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdecimal() else 0
