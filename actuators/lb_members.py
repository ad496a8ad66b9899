"""What the log of members says about some clusters: a fold over one partition of ``pileus.members``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from streams.records.member import MEMBERS, Claim, Member, State
from streams.records.record import UNREADABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The log as far as it was read."""

    members: Mapping[str, Member]
    """The members that are not gone, by name."""
    known: frozenset[str]
    """Clusters that the log has ever said something about. Of another one nothing is known: not that it is empty."""
    revision: int
    """Next offset to be read."""
    complete: bool
    """True once everything that stood in the log at the start was read. Before, it tells of the past."""


class MembersFold:
    """The newest record of each member of ``clusters``; what a deposed decider wrote does not count.

    With ``network_partitions``, only members there; a cluster is known all the same when it has members elsewhere.
    """

    def __init__(self, clusters: Collection[str], *, network_partitions: Collection[str] = ()) -> None:
        self._clusters = frozenset(clusters)
        self._network_partitions = frozenset(network_partitions)
        self._members: dict[str, Member] = {}
        self._known: set[str] = set()
        self._epoch = 0
        self.rejected = 0
        """Records that could not be read."""

    def read(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        """Take in one record. One that cannot be read is counted; an empty one deletes its key."""
        if value is None:
            self._members.pop((key or b"").decode(errors="replace"), None)
            return
        try:
            record = MEMBERS.decode(value)
        except UNREADABLE:
            self.rejected += 1
            return
        if isinstance(record, Claim):
            self._epoch = max(self._epoch, offset)
        elif record.epoch >= self._epoch and record.cluster in self._clusters:
            self._keep(record)

    def seen(self, *, revision: int, complete: bool) -> Seen:
        """Return what is known, as a value that further reading does not change."""
        return Seen(members=dict(self._members), known=frozenset(self._known), revision=revision, complete=complete)

    def _keep(self, member: Member) -> None:
        """Keep the newest record of a member that is not gone."""
        self._known.add(member.cluster)
        elsewhere = bool(self._network_partitions) and member.network_partition not in self._network_partitions
        if member.state is State.TERMINATED or elsewhere:
            self._members.pop(member.member, None)
        else:
            self._members[member.member] = member
