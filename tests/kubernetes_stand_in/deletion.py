"""How objects go: at once, or, as a pod on a node and a namespace do, in the end; with finalizers, after the last."""

from typing import Any

from tests.kubernetes_stand_in.pods import ENDED
from tests.kubernetes_stand_in.refusals import bad_request, conflict
from tests.kubernetes_stand_in.resources import Resource
from tests.kubernetes_stand_in.store import Object, Store, now_text


def delete(store: Store, of: Resource, there: Object, options: dict[str, Any]) -> Object:
    """Delete an object, or begin to; return the answer.

    Raises
    ------
    RefusedError
        It is not the one that the preconditions mean.
    """
    _check(of, there, options.get("preconditions") or {})
    name, uid = there["metadata"]["name"], there["metadata"]["uid"]
    if of.name == "pods":
        return _delete_pod(store, of, there, options.get("gracePeriodSeconds"))
    if of.name == "namespaces":
        metadata = {"deletionTimestamp": now_text(), **there["metadata"]}
        return store.replace(of, {**there, "metadata": metadata, "status": {"phase": "Terminating"}})
    take_away(store, of, there)
    details = {"name": name, **({"group": of.group} if of.group else {}), "kind": of.name, "uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def take_away(store: Store, of: Resource, there: Object) -> Object:
    """Remove an object; one with finalizers stays, marked, until somebody takes the last of them away."""
    metadata = there["metadata"]
    if not metadata.get("finalizers"):
        store.remove(of, there)
        return there
    marked = {"deletionTimestamp": now_text(), **metadata, "deletionGracePeriodSeconds": 0}
    return store.replace(of, {**there, "metadata": marked})


def finish(store: Store, of: Resource, there: Object) -> None:
    """Remove an object that was only held by finalizers, now that it has none."""
    metadata = there["metadata"]
    if not metadata.get("finalizers") and metadata.get("deletionGracePeriodSeconds") == 0:
        store.remove(of, there)


def _check(of: Resource, there: Object, must: dict[str, str]) -> None:
    metadata = there["metadata"]
    for name, said, then in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        wanted, has = must.get(name), metadata[name]
        if wanted and wanted != has:
            why = f"the {said} in the precondition ({wanted}) does not match the {said} in record ({has}). "
            raise conflict(of.name, of.group, metadata["name"], f"{why}The object might have been {then}")


def _delete_pod(store: Store, of: Resource, there: Object, grace_s: int | None) -> Object:
    """Remove a pod that is on no node or has ended; of another, say when it is to end: only ever sooner."""
    if grace_s is not None and (not isinstance(grace_s, int) or grace_s < 0):
        raise bad_request(f"gracePeriodSeconds: {grace_s} is no grace")
    metadata, spec = there["metadata"], there["spec"]
    wanted = spec["terminationGracePeriodSeconds"] if grace_s is None else grace_s
    if not wanted or not spec.get("nodeName") or there["status"].get("phase") in ENDED:
        return take_away(store, of, there)
    if metadata.get("deletionTimestamp") and wanted >= metadata["deletionGracePeriodSeconds"]:
        return there
    ending = {"deletionTimestamp": now_text(wanted), "deletionGracePeriodSeconds": wanted}
    return store.replace(of, {**there, "metadata": {**metadata, **ending}})
