"""Which network partitions are *lost*: a cloud that cannot be reached is told apart from one that is idle. Pure.

Members without load still report. A network partition is lost when two witnesses agree on all of its members that
serve: they are silent, and no balancer reaches them. One of the two alone is more likely an ill witness. What is lost
is replaced elsewhere, and left alone: whether it runs nobody knows, and it may come back.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from streams.records.member import Member, State

FEWEST = 2
"""Members that must be silent: one alone is more likely ill itself, and is replaced where it is."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What is known of the members of one cluster that serve."""

    members: Iterable[Member]
    silent: Collection[str]
    """Those that have not reported for longer than the fault time."""
    reached: Mapping[str, bool]
    """Whether a balancer reaches them; of one that is missing no balancer can say."""


def dark(clusters: Iterable[Witnessed]) -> dict[str, bool]:
    """Return the network partitions of an application of which nobody says that a member is well.

    Each with whether it is lost: enough members are silent, and balancers say that they do not reach them.
    """
    serving: dict[str, int] = {}
    well: set[str] = set()
    vouched: set[str] = set()
    for cluster in clusters:
        for member in (each for each in cluster.members if each.state is State.ACTIVE):
            where = member.network_partition
            serving[where] = serving.get(where, 0) + 1
            if member.member in cluster.reached:
                vouched.add(where)
            if member.member not in cluster.silent or cluster.reached.get(member.member):
                well.add(where)
    return {where: count >= FEWEST and where in vouched for where, count in serving.items() if where not in well}


class Lost:
    """The network partitions of one application that are lost, or were so a short while ago."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Go on with those that are ``known`` to be lost."""
        self._known = frozenset(known)
        self._found: dict[str, float] = {}
        """When nobody said last that it was well (s since the Unix epoch)."""

    def look(self, clusters: Iterable[Witnessed], *, at: float, steady_s: float) -> frozenset[str]:
        """Return what is lost: until somebody says that it is well, and for ``steady_s`` after that."""
        now = dark(clusters)
        before = self._found | dict.fromkeys(self._known, at)
        lost = {where: at for where, is_lost in now.items() if is_lost or where in before}
        self._known = frozenset()
        self._found = {where: seen for where, seen in before.items() if at - seen < steady_s} | lost
        return frozenset(self._found)
