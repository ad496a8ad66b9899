"""What one instance of a child holds: the clusters in it, and how many instances of each at least. Pure."""

from collections.abc import Iterator

from actuators.allot import Child
from config.cluster import ClusterSpec
from config.tree import GroupSpec


def least_within(child: Child) -> int:
    """Return the minimum of a child within one instance."""
    return child.min if isinstance(child, GroupSpec) else child.min_members


def clusters_of(child: Child) -> Iterator[ClusterSpec]:
    """Yield a cluster itself, or those of a group."""
    return iter((child,)) if isinstance(child, ClusterSpec) else child.clusters()


def each_inside(group: GroupSpec) -> Iterator[tuple[ClusterSpec, int]]:
    """Yield every cluster of a group, with its instances within one of the group at least."""
    for child in group.children:
        if isinstance(child, ClusterSpec):
            yield child, 1
        else:
            yield from ((cluster, count * child.min) for cluster, count in each_inside(child))


def least_inside(group: GroupSpec, alias: str) -> int:
    """Return how many instances of a group or a cluster one instance of the group holds at least; 0: it has none."""
    for child in group.children:
        if child.alias == alias:
            return least_within(child) if isinstance(child, GroupSpec) else 1
        if isinstance(child, GroupSpec) and (inside := least_inside(child, alias)):
            return child.min * inside
    return 0
