"""Workloads: what is valid of them, and their scale."""

from tests.kubernetes_stand_in.checks import Causes
from tests.kubernetes_stand_in.refusals import conflict
from tests.kubernetes_stand_in.resources import Resource
from tests.kubernetes_stand_in.selectors import matching, said
from tests.kubernetes_stand_in.store import CHANGED, Object

_FIXED = ("selector", "template", "serviceName", "podManagementPolicy")


def complete(made: Object, there: Object | None) -> None:
    """Give a workload its defaults."""
    spec = made.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    if there is None:
        made["status"] = {"replicas": 0}


def causes(made: Object, there: Object | None) -> Causes:
    """Return what is wrong with a workload, or with its change: we know no rollouts, so a template stays."""
    spec = made["spec"]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    chosen = spec.get("selector") or {}
    found: Causes = []
    if not chosen.get("matchLabels"):
        found.append(("spec.selector", "Required value"))
    elif not matching(chosen)(labels):
        found.append(("spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`"))
    if not isinstance(spec["replicas"], int) or spec["replicas"] < 0:
        found.append(("spec.replicas", f"Invalid value: {spec['replicas']}: must be greater than or equal to 0"))
    if there is not None:
        changed = [name for name in _FIXED if spec.get(name) != there["spec"].get(name)]
        found += [(f"spec.{name}", "Forbidden: a change of it is not supported by this stand-in") for name in changed]
    return found


def scale_of(of: Resource, there: Object) -> Object:
    """Return the scale of a workload; zero is left out of its spec, as Kubernetes does."""
    metadata = there["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = there["spec"]["replicas"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {
            "replicas": there["status"].get("replicas", 0),
            "selector": said(there["spec"]["selector"]["matchLabels"]),
        },
    }


def scaled(of: Resource, there: Object, scale: Object) -> Object:
    """Return a workload with a scale put to it.

    Raises
    ------
    RefusedError
        The scale was read from another resource version.
    """
    own = there["metadata"]
    for name, why in (("uid", "Precondition failed: UID in precondition"), ("resourceVersion", CHANGED)):
        if scale["metadata"].get(name, own[name]) != own[name]:
            raise conflict(of.name, of.group, own["name"], why)
    return {**there, "spec": {**there["spec"], "replicas": (scale.get("spec") or {}).get("replicas", 0)}}
