"""The instances of applications as trees, with the members at the leaves: what status and dashboard show. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from streams.records.instance import Instance, Level, Phase
from streams.records.member import Member, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One instance, what it consists of, and of a cluster instance its members."""

    instance: Instance
    children: tuple["Node", ...] = ()
    """Sorted by name."""
    members: tuple[Member, ...] = ()
    """Those that are not gone, sorted by name. Only a cluster instance has any."""

    @property
    def serving(self) -> int:
        """Return how many members serve, here and below."""
        here = sum(member.state is State.ACTIVE for member in self.members)
        return here + sum(child.serving for child in self.children)


def trees(instances: Iterable[Instance], members: Iterable[Member]) -> tuple[Node, ...]:
    """Return a tree for each application instance, sorted by name. What is terminated is left out.

    Each member stands below the cluster instance that it names; one that names none, or one that is gone, nowhere.
    """
    below: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        if instance.phase is not Phase.TERMINATED:
            below[instance.parent].append(instance)
    of: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        if member.state is not State.TERMINATED:
            of[member.cluster_instance].append(member)

    def node(instance: Instance) -> Node:
        inner = sorted(below[instance.instance], key=_name)
        here = sorted(of[instance.instance], key=lambda m: (len(m.member), m.member))
        return Node(instance=instance, children=tuple(map(node, inner)), members=tuple(here))

    roots = [each for each in below[""] if each.level is Level.APPLICATION]
    return tuple(map(node, sorted(roots, key=_name)))


def _name(instance: Instance) -> tuple[int, str]:
    """Sort ``group.10`` after ``group.9``."""
    return len(instance.instance), instance.instance
