"""A balancer over the balancers of network partitions: each of those is one backend, by how many members it serves.

It sends on; which member answers is the business of the partition's own balancer. So it vouches for the last
members of a network partition only: they are listed until nothing is sent there any more.
"""

from collections.abc import Callable, Collection, Mapping

from actuators.lb_desired import candidates
from actuators.ports import Balancer, ClusterTraffic, Target, TargetState
from streams.records.member import Member, State

MOST_WEIGHT = 256
"""The most that HAProxy takes; a network partition with more members counts as one with so many."""
LISTED = frozenset({State.ACTIVE, State.DRAINING})
"""Members that may get a request this way. Of one that starts, its network partition's balancer says it."""


def fold(
    targets: Collection[Target], members: Mapping[str, Member], via: Mapping[str, tuple[str, int]]
) -> list[Target]:
    """Return one backend for each network partition of ``via`` that has one of the targets, sorted."""
    where = [members[t.member].network_partition for t in targets if t.member in members]
    return [
        Target(member=name, host=via[name][0], port=via[name][1], weight=min(where.count(name), MOST_WEIGHT))
        for name in sorted(via)
        if name in where
    ]


class OverPartitions:
    """Drives ``inner``, whose backends are the balancers at ``via``, one for each network partition."""

    def __init__(
        self, inner: Balancer, via: Mapping[str, tuple[str, int]], members: Callable[[], Mapping[str, Member]]
    ) -> None:
        self._inner, self._via, self._members = inner, dict(via), members
        self._wanted: dict[str, tuple[Target, ...]] = {}

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Send on to where these members are; :class:`~actuators.ports.BalancerError` as ``inner`` raises it."""
        wanted = tuple(targets)
        backends = fold(wanted, self._members(), self._via)
        self._wanted[cluster] = wanted  # also when it is refused: who is not wanted is listed while it is sent to
        await self._inner.apply(cluster, backends)

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return the members of each network partition that is sent to, or was. What is in flight is counted there."""
        seen = await self._inner.traffic(cluster)
        members = {name: m for name, m in self._members().items() if m.cluster == cluster}
        wanted = {t.member for t in self._wanted.get(cluster, candidates(members))}
        found = [state for each in seen.targets for state in _listed(each, members, wanted)]
        return ClusterTraffic(targets=found, in_flight=None, count=None)


def _listed(backend: TargetState, members: Mapping[str, Member], wanted: Collection[str]) -> list[TargetState]:
    """Return who is reached through a backend: those that are wanted, and when there is none, all that may be."""
    here = {n: m for n, m in members.items() if m.network_partition == backend.target.member and m.host and m.port}
    serving = [name for name in here if name in wanted]
    names = [name for name in serving or here if here[name].state in LISTED]
    in_flight = None if serving else backend.in_flight
    return [
        TargetState(
            target=Target(member=name, host=here[name].host, port=here[name].port),
            routed=backend.routed,
            in_flight=in_flight,
        )
        for name in sorted(names)
    ]
