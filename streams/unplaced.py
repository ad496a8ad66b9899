"""Members whose cluster is not announced yet: the logs of members and of clusters are read side by side."""

from collections.abc import Iterable

from streams.membership import Move
from streams.records.member import State

MOST = 100_000
"""Such members of a partition, at most."""


class Unplaced:
    """Keeps the newest record of each, within a bound, in ``by_cluster``: what a checkpoint holds."""

    def __init__(self, by_cluster: dict[str, dict[str, Move]]) -> None:
        self._by_cluster = by_cluster
        self._count = sum(map(len, by_cluster.values()))

    def put(self, move: Move) -> bool:
        """Take in the newest record of a member; False: there is no room for another one."""
        waiting = self._by_cluster.get(move.cluster, {})
        known = move.member in waiting
        if move.state is State.TERMINATED:
            if known:
                del waiting[move.member]
                self._count -= 1
            if not waiting:
                self._by_cluster.pop(move.cluster, None)
            return True
        if not known and self._count >= MOST:
            return False
        self._by_cluster.setdefault(move.cluster, waiting)[move.member] = move
        self._count += not known
        return True

    def take(self, cluster: str) -> Iterable[Move]:
        """Hand over the members of a cluster that is announced now."""
        waiting = self._by_cluster.pop(cluster, {})
        self._count -= len(waiting)
        return waiting.values()
