"""The controllers of Deployments, ReplicaSets and StatefulSets: they make pods, and delete those too many."""

import hashlib
import itertools
import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

from tests.kubernetes_stand_in.api import Api
from tests.kubernetes_stand_in.deletion import delete
from tests.kubernetes_stand_in.kubelet import is_ready, lives
from tests.kubernetes_stand_in.pods import ENDED
from tests.kubernetes_stand_in.refusals import RefusedError
from tests.kubernetes_stand_in.resources import RESOURCES, Resource
from tests.kubernetes_stand_in.store import Object

COST = "controller.kubernetes.io/pod-deletion-cost"
HASH, ORDINAL, POD_NAME = "pod-template-hash", "apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name"
_PODS, _SETS, _DEPLOYMENTS = RESOURCES["pods"], RESOURCES["replicasets"], RESOURCES["deployments"]
_STATEFUL = RESOURCES["statefulsets"]
_PHASES = ("Pending", "Unknown", "Running")
_suffixes = itertools.count(36**4)


def work(api: Api) -> None:
    """See once to every workload."""
    for each in api.store.all("statefulsets"):
        _stateful_set(api, each)
    for each in api.store.all("replicasets"):
        _replica_set(api, each)
    for each in api.store.all("deployments"):
        _deployment(api, each)


def _deployment(api: Api, made: Object) -> None:
    """Keep one ReplicaSet of a Deployment, of the same scale; its template never changes here."""
    name, namespace, spec = made["metadata"]["name"], made["metadata"]["namespace"], made["spec"]
    own = _owned(api, "replicasets", made)
    if not own:
        which = hashlib.sha256(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()[:10]
        template = deepcopy(spec["template"])
        template["metadata"]["labels"][HASH] = which
        chosen = {"matchLabels": {**spec["selector"]["matchLabels"], HASH: which}}
        metadata = {"name": f"{name}-{which}", "labels": template["metadata"]["labels"]}
        metadata["ownerReferences"] = [_reference(_DEPLOYMENTS, made)]
        body = {"metadata": metadata, "spec": {"replicas": spec["replicas"], "selector": chosen, "template": template}}
        with suppress(RefusedError):
            api.create(_SETS, body, namespace=namespace)
        return
    (there,) = own
    if there["spec"]["replicas"] != spec["replicas"]:
        there = api.store.replace(_SETS, {**there, "spec": {**there["spec"], "replicas": spec["replicas"]}})
    status = {**there["status"], "observedGeneration": made["metadata"]["generation"]}
    api.store.replace(_DEPLOYMENTS, {**made, "status": status})


def _replica_set(api: Api, made: Object) -> None:
    there = [each for each in _owned(api, "pods", made) if lives(each)]
    missing = made["spec"]["replicas"] - len(there)
    for _ in range(missing):
        if not _create(api, _SETS, made, f"{made['metadata']['name']}-{_suffix()}", {}):
            break
    for each in sorted(there, key=_rank)[: max(0, -missing)]:
        delete(api.store, _PODS, each, {})
    _say(api, _SETS, made)


def _stateful_set(api: Api, made: Object) -> None:
    """Keep pods 0..N-1: those above go, the highest first; one at a time unless the policy is ``Parallel``."""
    spec, name = made["spec"], made["metadata"]["name"]
    there = {_ordinal(each): each for each in _owned(api, "pods", made)}
    ordered = spec.get("podManagementPolicy") != "Parallel"
    for n in range(spec["replicas"]):
        pod = there.get(n)
        if pod is None:
            labels = {POD_NAME: f"{name}-{n}", ORDINAL: str(n)}
            _create(api, _STATEFUL, made, f"{name}-{n}", labels)
        elif pod["status"].get("phase") in ENDED:
            delete(api.store, _PODS, pod, {})
        if ordered and (pod is None or not is_ready(pod)):
            break
    for n in sorted((n for n in there if n >= spec["replicas"]), reverse=True):
        delete(api.store, _PODS, there[n], {})
        if ordered:
            break
    _say(api, _STATEFUL, made)


def _create(api: Api, of: Resource, owner: Object, name: str, labels: dict[str, str]) -> bool:
    template = deepcopy(owner["spec"]["template"])
    metadata = template["metadata"] | {"name": name, "ownerReferences": [_reference(of, owner)]}
    metadata["labels"] = metadata["labels"] | labels
    try:
        api.create(_PODS, {"metadata": metadata, "spec": template["spec"]}, namespace=owner["metadata"]["namespace"])
    except RefusedError:
        return False  # a quota: tried again
    return True


def _say(api: Api, of: Resource, made: Object) -> None:
    """Write how many pods there are."""
    there = [each for each in _owned(api, "pods", made) if lives(each)]
    status = {"replicas": len(there), "observedGeneration": made["metadata"]["generation"]}
    status["readyReplicas"] = sum(is_ready(each) for each in there)
    api.store.replace(of, {**made, "status": status})


def _owned(api: Api, resource: str, owner: Object) -> list[Object]:
    uid = owner["metadata"]["uid"]
    found = api.store.all(resource, owner["metadata"]["namespace"])
    return [each for each in found if any(r["uid"] == uid for r in each["metadata"].get("ownerReferences") or [])]


def _reference(of: Resource, owner: Object) -> dict[str, Any]:
    metadata = owner["metadata"]
    said = {"apiVersion": of.api_version, "kind": of.kind, "name": metadata["name"], "uid": metadata["uid"]}
    return said | {"controller": True, "blockOwnerDeletion": True}


def _rank(pod: Object) -> tuple[Any, ...]:
    """Return how soon a ReplicaSet deletes a pod: by node, phase, readiness, then deletion cost, then the youngest."""
    metadata = pod["metadata"]
    cost = int((metadata.get("annotations") or {}).get(COST, "0"))
    phase = _PHASES.index(pod["status"].get("phase", "Unknown"))
    return (bool(pod["spec"].get("nodeName")), phase, is_ready(pod), cost, -_age_of(metadata["name"]))


def _age_of(name: str) -> int:
    return int(name.rpartition("-")[2], 36)


def _suffix() -> str:
    """Return the end of a pod's name: ever higher, so that it tells the younger of two."""
    number, text = next(_suffixes), ""
    while number:
        number, digit = divmod(number, 36)
        text = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + text
    return text


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])
