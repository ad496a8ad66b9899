"""What a balancer that is a cartridge serves: which clusters, and under which host names and context paths. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from config.cluster import ClusterSpec
from config.tree import ApplicationSpec

CLUSTERS = "balancer.clusters"
"""Property of a balancer's cartridge or of its use: aliases of the clusters that it serves, with commas between."""
AFFINITY = "balancer.affinity"
"""Property of a cluster that is served: ``cookie``, and a client stays with its member while nobody comes or goes."""
COOKIE = "cookie"
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\*")
"""A host name, ``*.`` and the end of one, or ``*``."""
PATH = re.compile(r"(/[A-Za-z0-9._~@:%+-]+)*")
"""What requests of a context path begin with; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Requests of one host name below one path go to one cluster."""

    host: str
    """In small letters; ``*.example.org`` is every name that ends so, ``*`` every name."""
    path: str = ""
    """``/shop`` is that path and all below it; empty: all."""
    cluster: str

    def __post_init__(self) -> None:
        """Refuse what cannot be written into a balancer's configuration."""
        if not HOST.fullmatch(self.host):
            raise ValueError(f"{self.cluster}: {self.host!r} is no host name")
        if not PATH.fullmatch(self.path):
            raise ValueError(f"{self.cluster}: {self.path!r} is no context path")


def served(application: ApplicationSpec, balancer: ClusterSpec) -> tuple[ClusterSpec, ...]:
    """Return the clusters that a balancer's cluster serves: those that it names, else all that take requests."""
    balanced = [each for each in application.clusters() if each.cartridge.balanced]
    named = balancer.cartridge.properties.get(CLUSTERS)
    if named is None:
        return tuple(balanced)
    aliases = {alias.strip() for alias in named.split(",")}
    return tuple(each for each in balanced if each.alias in aliases)


def sticky(cluster: ClusterSpec) -> bool:
    """Say whether the clients of a cluster stay with their members."""
    return cluster.cartridge.properties.get(AFFINITY, "").lower() == COOKIE


def routes(application: ApplicationSpec, clusters: Iterable[ClusterSpec]) -> tuple[tuple[Route, ...], tuple[str, ...]]:
    """Return the routes to clusters, the first that fits counts; and what could not be one.

    A cluster is reached by its names (see :func:`names`) and by its domain mappings. Whole names come before ``*.``
    ends, the longest before the others; of one name the longest path first.
    """
    found: dict[tuple[str, str], Route] = {}
    faults: list[str] = []
    for each in clusters:
        given = [(name, "") for name in names(application, each)]
        given += [(d.domain.lower(), d.context_path.rstrip("/")) for d in application.domains if d.alias == each.alias]
        for name, path in given:
            try:
                found.setdefault((name, path), Route(host=name, path=path, cluster=each.cluster))
            except ValueError as error:
                faults.append(str(error))
    return tuple(sorted(found.values(), key=_rank)), tuple(faults)


def names(application: ApplicationSpec, cluster: ClusterSpec) -> tuple[str, ...]:
    """Return the host names of a cluster: its id where its cartridge has no ``host``, else two.

    ``<alias>.<host>``, and as Stratos has it ``<application>.<alias>.<host>``, or ``<application>.<host>`` where
    tenants share the application.
    """
    host = cluster.cartridge.host.strip(".").lower()
    if not host:
        return (cluster.cluster,)
    whole = host if application.multi_tenant else f"{cluster.alias}.{host}"
    return f"{cluster.alias}.{host}", f"{application.application}.{whole}".lower()


def _rank(route: Route) -> tuple[bool, int, str, int, str]:
    """Return a key that sorts what is more narrow first."""
    return route.host.startswith("*"), -len(route.host), route.host, -len(route.path), route.path
