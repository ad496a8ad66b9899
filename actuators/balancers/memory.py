"""A balancer in memory, for dry runs and tests: it routes requests that only exist as counts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from actuators.ports import BalancerError, ClusterTraffic, Target, TargetState


@dataclass(slots=True)
class _Cluster:
    """What is routed and open on one cluster."""

    routed: dict[str, Target] = field(default_factory=dict)
    leaving: dict[str, Target] = field(default_factory=dict)
    """Members left out that still carry requests."""
    open_on: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    count: int = 0


class MemoryState:
    """What a balancer process would hold: it outlives the adapters that drive it."""

    def __init__(self, clusters: Iterable[str]) -> None:
        self._clusters = {cluster: _Cluster() for cluster in clusters}
        self.silent = False
        """True: it answers nobody, as when the process is gone."""

    def cluster(self, name: str) -> _Cluster:
        """Return one cluster, or raise :class:`BalancerError`."""
        if self.silent:
            raise BalancerError("memory balancer does not answer")
        if name not in self._clusters:
            raise BalancerError(f"memory balancer: no cluster '{name}', there is {', '.join(sorted(self._clusters))}")
        return self._clusters[name]

    def begin(self, cluster: str) -> str:
        """Open a request on the member with the fewest, and return it; empty: the request waits for a member."""
        state = self.cluster(cluster)
        if not state.routed:
            state.waiting += 1
            return ""
        member = min(sorted(state.routed), key=lambda name: state.open_on.get(name, 0))
        state.open_on[member] = state.open_on.get(member, 0) + 1
        return member

    def end(self, cluster: str, member: str) -> None:
        """End a request that :meth:`begin` opened on ``member``."""
        state = self.cluster(cluster)
        state.count += 1
        if not member:
            state.waiting -= 1
            return
        state.open_on[member] -= 1
        if not state.open_on[member]:
            del state.open_on[member]
            state.leaving.pop(member, None)


class MemoryBalancer:
    """The adapter: its changes take effect at once."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Make ``targets`` the ones that receive new requests."""
        state = self._state.cluster(cluster)
        wanted = {target.member: target for target in targets}
        left = {name: target for name, target in (state.leaving | state.routed).items() if name not in wanted}
        state.leaving = {name: target for name, target in left.items() if state.open_on.get(name)}
        state.routed = wanted

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return who is routed and what is in flight."""
        state = self._state.cluster(cluster)
        targets = [
            TargetState(target=target, routed=name in state.routed, in_flight=state.open_on.get(name, 0))
            for name, target in sorted((state.leaving | state.routed).items())
        ]
        return ClusterTraffic(targets=targets, in_flight=state.waiting + sum(state.open_on.values()), count=state.count)
