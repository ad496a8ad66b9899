"""Which resources there are, and what a request asks of which."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.kubernetes_stand_in.refusals import not_allowed


@dataclass(frozen=True)
class Resource:
    """One kind of objects."""

    name: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    subs: tuple[str, ...] = ()
    """Subresources."""
    counted: bool = False
    """It has a ``generation``."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


RBAC = "rbac.authorization.k8s.io"
_ALL = (
    Resource("namespaces", "Namespace", namespaced=False, subs=("status",)),
    Resource("nodes", "Node", namespaced=False, subs=("status",)),
    Resource("pods", "Pod", subs=("status",), counted=True),
    Resource("configmaps", "ConfigMap"),
    Resource("services", "Service", subs=("status",)),
    Resource("resourcequotas", "ResourceQuota", subs=("status",)),
    Resource("deployments", "Deployment", "apps", subs=("status", "scale"), counted=True),
    Resource("replicasets", "ReplicaSet", "apps", subs=("status", "scale"), counted=True),
    Resource("statefulsets", "StatefulSet", "apps", subs=("status", "scale"), counted=True),
    Resource("endpointslices", "EndpointSlice", "discovery.k8s.io"),
    Resource("clusterroles", "ClusterRole", RBAC, namespaced=False),
    Resource("rolebindings", "RoleBinding", RBAC),
)
RESOURCES = {each.name: each for each in _ALL}
_AT = {(each.group, each.version, each.name): each for each in _ALL}
_COLLECTION = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_OBJECT = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Asked:
    """What a request asks: the attributes that authorisation and audit see."""

    verb: str
    group: str
    name: str
    resource: str
    sub: str
    namespace: str
    of: Resource | None
    """``None``: there is no such resource."""
    query: dict[str, str]


def asked(method: str, uri: str) -> Asked | None:
    """Read a request; ``None``: it is for nothing of the API.

    Raises
    ------
    RefusedError
        No such method there.
    """
    where = urlsplit(uri)
    query = dict(parse_qsl(where.query, keep_blank_values=True))
    parts = [unquote(part) for part in where.path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    if namespace and len(rest) > 2 and rest[2] != "status":
        rest = rest[2:]
    resource, name, sub = [*rest, "", ""][:3]
    verb = (_OBJECT if name else _COLLECTION).get(method)
    if verb is None or len(rest) > 3:
        raise not_allowed()
    if verb == "list" and query.get("watch") in {"true", "1"}:
        verb = "watch"
    found = _AT.get((group, version, resource))
    if found is not None and ((sub and sub not in found.subs) or (found.namespaced and name and not namespace)):
        found = None
    return Asked(verb, group, name, resource, sub, namespace, found, query)
