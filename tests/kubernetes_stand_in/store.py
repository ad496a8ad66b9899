"""The objects, one counter of resource versions, and the log of what happened, which watches read."""

import copy
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.kubernetes_stand_in.refusals import already_exists, conflict, expired, not_found
from tests.kubernetes_stand_in.resources import RESOURCES, Resource

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Resource, namespace, name."""
KEPT = 20_000
"""So many events are kept: what is older, no watch can begin from."""
CHANGED = "the object has been modified; please apply your changes to the latest version and try again"


@dataclass(frozen=True)
class Happened:
    """One change of one object; ``before`` and ``after`` are never changed again."""

    version: int
    resource: str
    before: Object | None
    after: Object | None
    """``None``: it was deleted."""


class Store:
    """All objects. Hold ``lock`` from reading to writing; what it returns is not to be changed."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1
        self.forgotten = 1
        """No watch can begin before this version."""
        self._objects: dict[Key, Object] = {}
        self._log: deque[Happened] = deque()

    def get(self, resource: str, namespace: str, name: str) -> Object:
        """Return an object; raises :class:`RefusedError` when there is none."""
        found = self._objects.get((resource, namespace, name))
        if found is None:
            raise not_found(resource, RESOURCES[resource].group, name)
        return found

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        """Return the objects of a resource, of one namespace or of all, by namespace and name."""
        keys = (key for key in self._objects if key[0] == resource and namespace in {"", key[1]})
        return [self._objects[key] for key in sorted(keys)]

    def create(self, of: Resource, made: Object) -> Object:
        """Add an object; raises :class:`RefusedError` when its name is taken."""
        metadata = made["metadata"]
        key = (of.name, metadata.get("namespace", ""), metadata["name"])
        if key in self._objects:
            raise already_exists(of.name, of.group, metadata["name"])
        own = {"uid": str(uuid.uuid4()), "creationTimestamp": now_text()} | ({"generation": 1} if of.counted else {})
        full = {"kind": of.kind, "apiVersion": of.api_version, **made, "metadata": metadata | own}
        return self._write(key, None, full)

    def replace(self, of: Resource, made: Object) -> Object:
        """Write a new state of an object; one that says nothing new changes nothing.

        Raises
        ------
        RefusedError
            It names another resource version, or uid, than the object has.
        """
        metadata = made["metadata"]
        key = (of.name, metadata.get("namespace", ""), metadata["name"])
        there = self.get(*key)
        if metadata.get("uid", (own := there["metadata"])["uid"]) != own["uid"]:
            why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {own['uid']}"
            raise conflict(of.name, of.group, key[2], why)
        if metadata.get("resourceVersion", own["resourceVersion"]) != own["resourceVersion"]:
            raise conflict(of.name, of.group, key[2], CHANGED)
        full = {"kind": of.kind, "apiVersion": of.api_version, **made}
        full["metadata"] = metadata | {name: own[name] for name in ("uid", "creationTimestamp", "resourceVersion")}
        if of.counted:
            full["metadata"]["generation"] = own["generation"] + (made.get("spec") != there.get("spec"))
        return there if full == there else self._write(key, there, full)

    def remove(self, of: Resource, made: Object) -> None:
        """Take an object away."""
        key = (of.name, made["metadata"].get("namespace", ""), made["metadata"]["name"])
        self._write(key, self.get(*key), None)

    def since(self, version: int) -> list[Happened]:
        """Return what happened after a version.

        Raises
        ------
        RefusedError
            It is forgotten.
        """
        if version < self.forgotten:
            raise expired(f"too old resource version: {version} ({self.forgotten})")
        return list(_newer(self._log, version))

    def forget(self) -> None:
        """Forget all that happened so far, as a compaction does."""
        with self.lock:
            self._log.clear()
            self.forgotten = self.version

    def wait(self, *, since: int, within_s: float, also: Callable[[], bool] = lambda: False) -> None:
        """Return once something happened after a version, or after a time (s)."""
        deadline = time.monotonic() + within_s
        with self.changed:
            while self.version <= since and not also() and (left_s := deadline - time.monotonic()) > 0:
                self.changed.wait(left_s)

    def _write(self, key: Key, before: Object | None, after: Object | None) -> Object:
        self.version += 1
        written = copy.deepcopy(after if after is not None else before)
        assert written is not None
        written["metadata"]["resourceVersion"] = str(self.version)
        if after is None:
            del self._objects[key]
            before = written  # a deletion is told with the version of its own
        else:
            self._objects[key] = written
        self._log.append(Happened(self.version, key[0], before, written if after is not None else None))
        while len(self._log) > KEPT:
            self.forgotten = self._log.popleft().version
        self.changed.notify_all()
        return written


def now_text(after_s: float = 0.0) -> str:
    """Return the time as objects have it."""
    return datetime.fromtimestamp(time.time() + after_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _newer(log: deque[Happened], version: int) -> Iterator[Happened]:
    found = deque[Happened]()
    for each in reversed(log):
        if each.version <= version:
            break
        found.appendleft(each)
    return iter(found)
