"""What the API server does with a request: who asks, may he, what is it, is it valid; then the store."""

import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.kubernetes_stand_in import checks, deletion, pods, scales, services
from tests.kubernetes_stand_in.access import Call, authorize, user_of
from tests.kubernetes_stand_in.lists import Lists, watch
from tests.kubernetes_stand_in.patches import patched
from tests.kubernetes_stand_in.refusals import RefusedError, bad_request, forbidden, not_allowed
from tests.kubernetes_stand_in.resources import Asked, Resource, asked
from tests.kubernetes_stand_in.store import Object, Store

WORKLOADS = {"deployments", "replicasets", "statefulsets"}
BOOKMARK_S = 1.0
"""How often a watch says where it is (s); a real one, about once a minute."""


@dataclass(frozen=True)
class Answer:
    """What a request gets."""

    code: int
    body: Object | None
    """``None``: a page that is no JSON."""
    events: Iterator[Object] | None = None


class Api:
    """The API server, without its HTTP."""

    def __init__(self, store: Store, *, stopped: Callable[[], bool]) -> None:
        self.store = store
        self.lists = Lists(store)
        self.calls: list[Call] = []
        """Every call that was authenticated: the audit log."""
        self._stopped = stopped

    def handle(self, method: str, uri: str, *, authorization: str, content_type: str, body: bytes) -> Answer:
        """Answer a request."""
        what, user, answer = None, "", Answer(404, None)
        try:
            user = user_of(authorization)
            what = asked(method, uri)
            if what is not None:
                authorize(self.store, user, what)
                answer = self._do(what, content_type, body)
        except RefusedError as refused:
            answer = Answer(refused.code, refused.status)
        if what is not None:
            self.calls.append(Call(user, what, uri, answer.code))
        return answer

    def _do(self, what: Asked, content_type: str, body: bytes) -> Answer:
        if what.of is None:
            return Answer(404, None)
        if "dryRun" in what.query:
            raise bad_request("dryRun is not supported by this stand-in")
        if what.verb == "watch":
            return Answer(200, None, self._watch(what.of, what))
        made = _read(body)
        with self.store.lock:
            do = {"list": self._list, "get": self._get, "create": self._create, "delete": self._delete}
            do |= {"update": self._update, "patch": self._update}
            if what.verb not in do:
                raise not_allowed()
            found = do[what.verb](what.of, what, made, content_type)
        return Answer(201 if what.verb == "create" else 200, found)

    def _watch(self, of: Resource, what: Asked) -> Iterator[Object]:
        return watch(
            self.store,
            of,
            what.namespace,
            what.query,
            bookmark_s=BOOKMARK_S,
            clock=time.monotonic,
            stopped=self._stopped,
        )

    def _list(self, of: Resource, what: Asked, _: Any, __: str) -> Object:
        return self.lists.list(of, what.namespace if of.namespaced else "", what.query)

    def _there(self, of: Resource, what: Asked) -> Object:
        return self.store.get(of.name, what.namespace if of.namespaced else "", what.name)

    def _get(self, of: Resource, what: Asked, _: Any, __: str) -> Object:
        there = self._there(of, what)
        return scales.scale_of(of, there) if what.sub == "scale" else there

    def _create(self, of: Resource, what: Asked, made: Any, _: str) -> Object:
        if what.sub:
            raise not_allowed()
        checks.body_fits(of, made, namespace=what.namespace, name="")
        return self.create(of, made, namespace=what.namespace)

    def create(self, of: Resource, made: Object, *, namespace: str) -> Object:
        """Create an object, as a caller or a controller asks for it; raises :class:`RefusedError`."""
        made = deepcopy(made)
        metadata = {**made.get("metadata", {}), **({"namespace": namespace} if of.namespaced else {})}
        made["metadata"] = {name: each for name, each in metadata.items() if name not in _OURS}
        name = metadata.get("name", "")
        if of.namespaced:
            self._in_namespace(of, namespace, name)
        checks.refuse(of, name, checks.metadata_causes(of, metadata))
        self._prepare(of, made, None)
        if of.name == "pods":
            pods.admit(self.store, namespace, name)
        return self.store.create(of, made)

    def _delete(self, of: Resource, what: Asked, made: Any, _: str) -> Object:
        if what.sub:
            raise not_allowed()
        options = made if isinstance(made, dict) else {}
        if text := what.query.get("gracePeriodSeconds"):
            options = {"gracePeriodSeconds": int(text), **options}
        return deletion.delete(self.store, of, self._there(of, what), options)

    def _update(self, of: Resource, what: Asked, body: Any, content_type: str) -> Object:
        """Put a new state, or a patch: of the object, its status or its scale."""
        there = self._there(of, what)
        shown = scales.scale_of(of, there) if what.sub == "scale" else there
        made = patched(shown, body, content_type) if what.verb == "patch" else body
        if what.sub == "scale":
            made = scales.scaled(of, there, made)
        else:
            checks.body_fits(of, made, namespace=what.namespace, name=what.name)
            made = _part(made, there, status=what.sub == "status", of=of)
        made = deepcopy(made)
        if what.sub != "status":
            checks.refuse(of, what.name, checks.metadata_causes(of, made["metadata"]))
            self._prepare(of, made, there)
        found = self.store.replace(of, made)
        deletion.finish(self.store, of, found)
        return scales.scale_of(of, found) if what.sub == "scale" else found

    def _prepare(self, of: Resource, made: Object, there: Object | None) -> None:
        """Give an object its defaults, and refuse it when it is not valid."""
        found: checks.Causes = []
        if of.name == "pods":
            pods.complete(made, there)
            found = pods.causes(made, there)
        elif of.name == "services":
            services.complete(self.store, made, there)
            found = services.causes(self.store, made, there)
        elif of.name in WORKLOADS:
            scales.complete(made, there)
            found = scales.causes(made, there)
        elif of.name == "configmaps":
            found = checks.config_map_causes(made, there)
        elif of.name == "resourcequotas":
            found = checks.quota_causes(made, there)
            made.setdefault("status", {})
        elif of.name == "namespaces":
            made.setdefault("status", {"phase": "Active"})
        checks.refuse(of, made["metadata"]["name"], found)

    def _in_namespace(self, of: Resource, namespace: str, name: str) -> None:
        """Raise :class:`RefusedError` when nothing can be made in a namespace."""
        there = self.store.get("namespaces", "", namespace)
        if there["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(of.name, of.group, name, why)


_OURS = {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"}
"""Of the metadata, what the server says and no caller."""


def _part(made: Object, there: Object, *, status: bool, of: Resource) -> Object:
    """Return what an update may change: of the status alone, or of all but the status."""
    asked_for, own = made.get("metadata", {}), there["metadata"]
    kept = {name: own[name] for name in _OURS & own.keys() - {"uid", "resourceVersion"}}
    kept |= {name: own[name] for name in ("name", "namespace") if name in own}
    said = {name: each for name, each in asked_for.items() if name not in _OURS - {"uid", "resourceVersion"}}
    if status:
        must = {name: said[name] for name in ("uid", "resourceVersion") if name in said}
        return {**there, "metadata": {**own, **must}, "status": made.get("status") or {}}
    whole = {**made, "metadata": {**said, **kept}}
    if "status" in of.subs and "status" in there:
        whole["status"] = there["status"]
    return whole


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        raise bad_request("the body of the request is no JSON") from None
