"""Lists, in pages of one and the same state, and watches."""

import base64
import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.kubernetes_stand_in.refusals import RefusedError, bad_request, expired
from tests.kubernetes_stand_in.resources import Resource
from tests.kubernetes_stand_in.selectors import Chosen, selector
from tests.kubernetes_stand_in.store import Happened, Object, Store

SNAPSHOTS = 100
LONGEST_WATCH_S = 1800
TOO_OLD = "The provided continue parameter is too old to display a consistent list result."


@dataclass(frozen=True)
class _Snapshot:
    version: int
    items: list[Object]


class Lists:
    """Lists of one store; it remembers the states that pages were begun from."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[int, _Snapshot] = OrderedDict()
        self._numbers = itertools.count(1)

    def list(self, of: Resource, namespace: str, query: Mapping[str, str]) -> Object:
        """Return a list, or a page of it.

        Raises
        ------
        RefusedError
            A parameter is wrong, or the state that the pages are of is forgotten.
        """
        limit = _number(query, "limit")
        if token := query.get("continue"):
            number, start, snapshot = self._go_on(token)
        else:
            chosen = chosen_by(query)
            found = [each for each in self._store.all(of.name, namespace) if chosen(labels(each))]
            number, start, snapshot = next(self._numbers), 0, _Snapshot(self._store.version, found)
        end = start + limit if limit else len(snapshot.items)
        metadata: dict[str, Any] = {"resourceVersion": str(snapshot.version)}
        if end < len(snapshot.items):
            self._kept[number] = snapshot
            while len(self._kept) > SNAPSHOTS:
                self._kept.popitem(last=False)
            metadata["continue"] = base64.urlsafe_b64encode(json.dumps([number, end]).encode()).decode()
            if "labelSelector" not in query:
                metadata["remainingItemCount"] = len(snapshot.items) - end
        items = [{name: each[name] for name in each if name not in {"kind", "apiVersion"}} for each in snapshot.items]
        said = {"kind": f"{of.kind}List", "apiVersion": of.api_version, "metadata": metadata}
        return {**said, "items": items[start:end]}

    def forget(self) -> None:
        """Forget the states that pages were begun from."""
        with self._store.lock:
            self._kept.clear()

    def _go_on(self, token: str) -> tuple[int, int, _Snapshot]:
        try:
            number, start = json.loads(base64.urlsafe_b64decode(token))
        except (ValueError, TypeError):
            raise bad_request("continue key is not valid") from None
        if number not in self._kept:
            raise expired(TOO_OLD)
        return number, start, self._kept[number]


def watch(
    store: Store,
    of: Resource,
    namespace: str,
    query: Mapping[str, str],
    *,
    bookmark_s: float,
    clock: Callable[[], float],
    stopped: Callable[[], bool],
) -> Iterator[Object]:
    """Yield events from a resource version on; without one, or from 0, what there is comes first as ``ADDED``."""
    chosen, begun = chosen_by(query), clock()
    until = begun + (_number(query, "timeoutSeconds") or LONGEST_WATCH_S)
    at = _number(query, "resourceVersion")
    marks = query.get("allowWatchBookmarks") in {"true", "1"}
    if not at:
        with store.lock:
            at, there = store.version, store.all(of.name, namespace)
        yield from (_event("ADDED", each) for each in there if chosen(labels(each)))
    next_mark = begun + bookmark_s
    while not stopped():
        try:
            with store.lock:
                news, at = store.since(at), max(at, store.version)
        except RefusedError as refused:
            yield _event("ERROR", refused.status)
            return
        mine = (each for each in news if each.resource == of.name)
        yield from (event for each in mine if (event := _told(each, namespace, chosen)) is not None)
        now = clock()
        if marks and now >= min(next_mark, until):
            next_mark = now + bookmark_s
            mark = {"kind": of.kind, "apiVersion": of.api_version, "metadata": {"resourceVersion": str(at)}}
            yield _event("BOOKMARK", mark)
        if now >= until:
            return
        store.wait(since=at, within_s=min(0.5, max(0.01, min(until, next_mark) - now)), also=stopped)


def chosen_by(query: Mapping[str, str]) -> Chosen:
    """Return the test of a list's or watch's label selector; raises :class:`RefusedError` for what we do not have."""
    if query.get("fieldSelector"):
        raise bad_request("field selectors are not supported by this stand-in")
    return selector(query.get("labelSelector", ""))


def labels(each: Object) -> Mapping[str, str]:
    return each["metadata"].get("labels") or {}


def _told(news: Happened, namespace: str, chosen: Chosen) -> Object | None:
    """Return how a watch with a selector sees a change; ``None``: not at all."""

    def seen(each: Object | None) -> bool:
        there = each is not None and namespace in {"", each["metadata"].get("namespace", "")}
        return there and each is not None and chosen(labels(each))

    before, after = seen(news.before), seen(news.after)
    if after and news.after is not None:
        return _event("MODIFIED" if before else "ADDED", news.after)
    if before:
        last = news.after or news.before or {}
        return _event("DELETED", {**last, "metadata": last["metadata"] | {"resourceVersion": str(news.version)}})
    return None


def _event(kind: str, about: Object) -> Object:
    return {"type": kind, "object": about}


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not (text.isascii() and text.isdecimal()):
        raise bad_request(f"{name}: Invalid value: {text!r}")
    return int(text)
