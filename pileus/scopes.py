"""What can be paused, as operators write it: a tenant, an application, a cluster; and whether there is such a thing."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.application import Application
from config.errors import did_you_mean
from config.index import Identity
from config.parse import Parsed

MOST = 3
"""Parts of a scope: tenant, application, alias of a cluster."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Something that can be paused."""

    tenant: str
    application: str = ""
    """Empty: all of the tenant's."""
    cluster: str = ""
    """Alias; empty: the whole application."""


def parse_scope(text: str) -> Scope:
    """Return what ``TENANT[/APPLICATION[/CLUSTER]]`` names.

    Raises
    ------
    ValueError
        A part is empty, or there are too many.
    """
    parts = text.split("/")
    if len(parts) > MOST or not all(parts):
        raise ValueError(f"'{text}' must be TENANT, TENANT/APPLICATION or TENANT/APPLICATION/CLUSTER")
    return Scope(*parts)


def missing(scope: Scope, stored: Mapping[Identity, Parsed]) -> str:
    """Return why there is nothing to pause, with what was probably meant; empty when there is."""
    applications = {(tenant, name) for kind, tenant, name in stored if kind == Application.KIND}
    tenants = {tenant for _, tenant, _ in stored} | {name for kind, _, name in stored if kind == "tenant"}
    if not scope.application:
        return "" if scope.tenant in tenants else f"no tenant {scope.tenant}{_meant_application(scope, applications)}"
    if (scope.tenant, scope.application) not in applications:
        near = did_you_mean(scope.application, {name for tenant, name in applications if tenant == scope.tenant})
        return f"no application {scope.application} of tenant {scope.tenant}{near and f', {near}'}"
    definition = stored[Application.KIND, scope.tenant, scope.application].definition
    if not scope.cluster or not isinstance(definition, Application):
        return ""
    aliases = {place.use.subscribable_info.alias for place in definition.places()}
    near = did_you_mean(scope.cluster, aliases)
    return (
        "" if scope.cluster in aliases else f"no cluster {scope.cluster} in {scope.application}{near and f', {near}'}"
    )


def _meant_application(scope: Scope, applications: set[tuple[str, str]]) -> str:
    """Say that an application was named without its tenant."""
    found = sorted(f"{tenant}/{name}" for tenant, name in applications if name == scope.tenant)
    return f", did you mean '{found[0]}'?" if found else ""
