"""Who may do what: bearer tokens, and RBAC by the ClusterRoles and RoleBindings that there are."""

from dataclasses import dataclass
from typing import Any

from tests.kubernetes_stand_in.refusals import RefusedError, forbidden, unauthorized
from tests.kubernetes_stand_in.resources import Asked
from tests.kubernetes_stand_in.store import Store

ADMIN, PILEUS = "token-of-the-admin", "token-of-pileus"
_USERS = {ADMIN: "admin", PILEUS: "pileus"}


@dataclass(frozen=True)
class Call:
    """What the audit log says of one call."""

    user: str
    asked: Asked
    uri: str
    code: int


def user_of(authorization: str) -> str:
    """Return who calls, by the header ``Authorization``; raises :class:`RefusedError` (401)."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or token.strip() not in _USERS:
        raise unauthorized()
    return _USERS[token.strip()]


def authorize(store: Store, user: str, what: Asked) -> None:
    """Raise :class:`RefusedError` (403) when a user may not do that. The admin may do everything."""
    if user == "admin" or any(_grants(rule, what) for rule in _rules(store, user, what.namespace)):
        return
    whole = "/".join(filter(None, (what.resource, what.sub)))
    where = f'in the namespace "{what.namespace}"' if what.namespace else "at the cluster scope"
    why = f'User "{user}" cannot {what.verb} resource "{whole}" in API group "{what.group}" {where}'
    raise forbidden(what.resource, what.group, what.name, why)


def _rules(store: Store, user: str, namespace: str) -> list[dict[str, Any]]:
    """Return the rules that a user's RoleBindings in a namespace lead to."""
    found = list[dict[str, Any]]()
    for binding in store.all("rolebindings", namespace) if namespace else []:
        if any(each["kind"] == "User" and each["name"] == user for each in binding.get("subjects") or []):
            try:
                found += store.get("clusterroles", "", binding["roleRef"]["name"]).get("rules") or []
            except RefusedError:
                continue  # it refers to a role that is not there
    return found


def _grants(rule: dict[str, Any], what: Asked) -> bool:
    whole = "/".join(filter(None, (what.resource, what.sub)))
    wanted = (("apiGroups", what.group), ("resources", whole), ("verbs", what.verb))
    return all({value, "*"} & set(rule[name]) for name, value in wanted)
