"""Which cluster of which application gets the load, and what starts before it."""

from collections.abc import Iterable, Sequence

from config.cluster import ClusterSpec
from config.errors import did_you_mean
from config.tree import ApplicationSpec, GroupSpec
from pileus.stack.given import Usage

Pairs = set[tuple[str, str]]
"""Aliases of clusters: the first starts before the second."""


def front(applications: Sequence[ApplicationSpec], name: str | None) -> ClusterSpec:
    """Return the cluster that is called ``name`` (its alias, or its id), or the outermost one that takes requests.

    Raises
    ------
    Usage
        There is none, there are several, it takes no requests, or nothing says which ports its members may have.
    """
    found = _named(applications, name) if name else next(filter(None, map(outermost, applications)), None)
    if found is None:
        raise Usage("--application: no cluster of it takes requests (a cartridge does with a portMapping of http)")
    if not found.cartridge.balanced:
        raise Usage(f"--cluster {name}: it takes no requests, its cartridge has no portMapping of http")
    if not ports_of(found):
        raise Usage(f"{found.cluster}: no partition of it has a portRange: members here are processes with a port")
    return found


def ports_of(cluster: ClusterSpec) -> list[int]:
    """Return every port that a member of a cluster may have on this machine, sorted."""
    return sorted({port for partition in cluster.partitions for port in partition.ports})


def outermost(application: ApplicationSpec) -> ClusterSpec | None:
    """Return the first cluster with a balancer that no other one with a balancer starts after."""
    balanced = [cluster for cluster in application.clusters() if cluster.cartridge.balanced]
    inner = {earlier for each in balanced for earlier in before(application, each.alias)}
    return next((each for each in balanced if each.alias not in inner), None)


def before(application: ApplicationSpec, alias: str) -> set[str]:
    """Return the aliases of all clusters that start before one, directly or not."""
    pairs = precedence(application.root)
    found: set[str] = set()
    waiting = [alias]
    while waiting:
        at = waiting.pop()
        new = {first for first, then in pairs if then == at} - found
        found |= new
        waiting += new
    return found


def levels(application: ApplicationSpec) -> dict[str, int]:
    """Return for each cluster, by alias, how many start one after another until it does, itself included."""
    pairs = precedence(application.root)
    found: dict[str, int] = {}

    def level(alias: str) -> int:
        if alias not in found:
            found[alias] = 1 + max((level(first) for first, then in pairs if then == alias), default=0)
        return found[alias]

    for cluster in application.clusters():
        level(cluster.alias)
    return found


def precedence(group: GroupSpec) -> Pairs:
    """Return which clusters start directly before which: a group stands for all that is in it."""
    inside = {
        child.alias: [child.alias] if isinstance(child, ClusterSpec) else [each.alias for each in child.clusters()]
        for child in group.children
    }
    pairs = {(a, b) for first, then in group.order for a in inside[first] for b in inside[then]}
    return pairs.union(*(precedence(child) for child in group.children if isinstance(child, GroupSpec)))


def _named(applications: Iterable[ApplicationSpec], name: str) -> ClusterSpec:
    """Return the one cluster of that name."""
    clusters = [cluster for application in applications for cluster in application.clusters()]
    found = [each for each in clusters if name in {each.alias, each.cluster}]
    if len(found) > 1:
        raise Usage(f"--cluster {name}: several are called so: {', '.join(each.cluster for each in found)}")
    if not found:
        known = ", ".join(each.alias for each in clusters)
        hint = did_you_mean(name, (each.alias for each in clusters)) or f"there is {known}"
        raise Usage(f"--cluster {name}: no such cluster, {hint}")
    return found[0]
