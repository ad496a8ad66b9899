"""What the API server keeps of members: their pods, and a tombstone of each that has ended (a ConfigMap)."""

import hashlib
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import TypeVar

from actuators.clouds.kubernetes_pod import Pod, pod
from actuators.clouds.kubernetes_watch import PodWatch
from actuators.kube.answers import NOT_FOUND, Refused
from actuators.kube.api import Api, Object, path
from actuators.kube.labels import ENDED, MEMBER, OWNER, selector
from config.kubernetes_account import EVERYWHERE

FORGET_S = 7 * 86400.0
"""Tombstones are kept this long (s): as long as ``pileus.actions`` keeps a launch that could be read again."""

T = TypeVar("T")


class Store:
    """The pods and tombstones of one account; its errors are those of the port."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._account = api.account
        self._owner = selector(owner=self._account.owner)
        looked_at = self._account.looked_at
        self._watches = {each: PodWatch(api, path("pods", namespace=each), labels=self._owner) for each in looked_at}

    def close(self) -> None:
        """End the watches."""
        for watch in self._watches.values():
            watch.close()

    def known(self) -> list[Pod]:
        """Return every pod of ours, as the watches have it. Blocks until they know.

        Raises
        ------
        CloudError
            One does not know.
        """
        found = [each for w in self._watches.values() for each in w.pods(within_s=self._account.timeout_s)]
        return _ours(found, self._account.owner)

    async def pods(self, member: str) -> list[Pod]:
        """Return the pods of a member, as the server has them now."""
        labels = f"{self._owner},{selector(member=member)}"
        found = list[Object]()
        for namespace in self._account.looked_at:
            found += await self.ask(
                f"look for {member}", self.api.items(path("pods", namespace=namespace), labels=labels)
            )
        return [each for each in _ours(found, self._account.owner) if each.where.member == member]

    async def read(self, namespace: str, name: str) -> Object | None:
        """Return a pod, whosever it is; ``None``: there is none."""
        try:
            return await self.api.get(path("pods", namespace=namespace, name=name))
        except Refused as answer:
            if answer.status == NOT_FOUND:
                return None
            raise answer.error(f"read pod {name}") from answer

    async def again(self, which: Pod) -> Pod | None:
        """Return the same pod as it is now; ``None``: it is gone, or not ours any more."""
        found = await self.read(which.namespace, which.name)
        now = None if found is None or found["metadata"]["uid"] != which.uid else pod(found, self._account.owner)
        if found is None or now is None:
            self.forget(which)
            return None
        return self.note(found)

    async def create(self, made: Object) -> Pod:
        """Create a pod; raises :class:`Refused` when there is one of that name."""
        what = f"create pod {made['metadata']['name']}"
        try:
            created = await self.api.create(path("pods", namespace=made["metadata"]["namespace"]), made)
        except Refused as answer:
            if answer.exists:
                raise
            raise answer.error(what) from answer
        return self.note(created)

    async def change(self, which: Pod, change: Object) -> Pod | None:
        """Merge a change into a pod as it was seen; ``None``: it is another one by now, or gone."""
        metadata = {"uid": which.uid, "resourceVersion": which.version, **change.get("metadata", {})}
        where = path("pods", namespace=which.namespace, name=which.name)
        try:
            return self.note(await self.api.patch(where, {**change, "metadata": metadata}))
        except Refused as answer:
            if answer.reason == "Conflict" or answer.status == NOT_FOUND:
                return None
            raise answer.error(f"change pod {which.name}") from answer

    async def delete(self, which: Pod, *, grace_s: int | None, unchanged: bool = False) -> bool:
        """Ask for a pod's end. False: it is gone, or another by now; or, if it must be ``unchanged``, has changed."""
        where = path("pods", namespace=which.namespace, name=which.name)
        try:
            await self.api.delete(where, uid=which.uid, version=which.version if unchanged else "", grace_s=grace_s)
        except Refused as answer:
            if answer.reason == "Conflict" or answer.status == NOT_FOUND:
                return False
            raise answer.error(f"delete pod {which.name}") from answer
        return True

    def note(self, made: Object) -> Pod:
        """Count a pod that we made or changed."""
        found = pod(made, self._account.owner)
        assert found is not None  # noqa: S101 - it carries the labels that we wrote
        self._watch(found.namespace).note(made)
        return found

    def forget(self, which: Pod) -> None:
        """Do not count a pod that is gone."""
        self._watch(which.namespace).gone(which.uid)

    async def bury(self, member: str) -> None:
        """Write a member's tombstone; once more is fine."""
        labels = {OWNER: self._account.owner, MEMBER: member, ENDED: "true"}
        metadata = {"name": self._tomb(member), "labels": labels}
        stone = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True}
        try:
            await self.api.create(self._tombs(), stone)
        except Refused as answer:
            if not answer.exists:
                raise answer.error(f"tombstone of {member}") from answer

    async def has_ended(self, member: str) -> bool:
        """Return whether a member has a tombstone."""
        try:
            await self.api.get(self._tombs(self._tomb(member)))
        except Refused as answer:
            if answer.status == NOT_FOUND:
                return False
            raise answer.error(f"tombstone of {member}") from answer
        return True

    async def tidy(self, now: float) -> None:
        """Forget the members that ended long before ``now`` (s since the Unix epoch)."""
        listed = self.api.items(self._tombs(), labels=f"{self._owner},{selector(ended='true')}")
        for each in await self.ask("list tombstones", listed):
            metadata = each["metadata"]
            if now - datetime.fromisoformat(metadata["creationTimestamp"]).timestamp() >= FORGET_S:
                try:
                    await self.api.delete(self._tombs(metadata["name"]), uid=metadata["uid"])
                except Refused as answer:
                    if answer.status != NOT_FOUND:
                        raise answer.error("forget a tombstone") from answer

    async def ask(self, what: str, call: Awaitable[T]) -> T:
        """Await a call of the API; its refusal is an error of the port."""
        try:
            return await call
        except Refused as answer:
            raise answer.error(what) from answer

    def _watch(self, namespace: str) -> PodWatch:
        return self._watches.get(namespace) or self._watches[EVERYWHERE]

    def _tombs(self, name: str = "") -> str:
        return path("configmaps", namespace=self._account.namespace, name=name)

    def _tomb(self, member: str) -> str:
        """Return the tombstone's name: two Pileus in one namespace have their own."""
        return f"pileus.{hashlib.sha256(self._account.owner.encode()).hexdigest()[:8]}.{member}"


def _ours(found: list[Object], owner: str) -> list[Pod]:
    read = (pod(each, owner) for each in found)
    return [each for each in read if each is not None]


def by_member(pods: list[Pod]) -> Mapping[str, list[Pod]]:
    """Return pods by member."""
    found: dict[str, list[Pod]] = {}
    for each in pods:
        found.setdefault(each.where.member, []).append(each)
    return found
