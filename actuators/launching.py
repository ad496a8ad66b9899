"""Whether, and where, one cluster may launch now: partitions without room, and a pause after launches that failed."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from actuators.lifecycle import asked_for
from actuators.place import counts, name, place
from config.cluster import PartitionSpec
from streams.records.member import Member, State

FIRST_PAUSE_S = 1.0
"""How long launches pause after the first failure; twice as long after each one more in a row."""
LONGEST_PAUSE_S = 300.0
"""Most that launches pause."""
STEADY_S = 30.0
"""A member that serves for this long is a success; one that ends sooner has failed."""


@dataclass(slots=True)
class Launching:
    """What failed of late. Times are the decider's (s)."""

    full: dict[str, float] = field(default_factory=dict)
    """Until when a partition is not asked again, by name."""
    failures: int = 0
    """Failures in a row; members asked for together fail together."""
    failed_at: float = -math.inf
    paused_until: float = -math.inf

    def full_at(self, at: float) -> set[str]:
        """Return the partitions, and the hosts, that are not asked now."""
        return {where for where, until in self.full.items() if until > at}

    def may(self, at: float) -> bool:
        """Say whether launches do not pause."""
        return at >= self.paused_until

    def place(
        self, partitions: Sequence[PartitionSpec], members: Iterable[Member], *, at: float
    ) -> PartitionSpec | None:
        """Choose one of the partitions for the next member of a cluster; ``members`` are all it has."""
        return place(partitions, members=counts(members), full=self.full_at(at))

    def crowded(self, partitions: Sequence[PartitionSpec], members: Iterable[Member], *, at: float) -> dict[str, int]:
        """Return the network partitions that take no further member because a cloud said so, with those they have."""
        full = {where for where, until in self.full.items() if until > at}
        if not full:
            return {}
        there, found = counts(members), dict[str, int]()
        for network_partition in dict.fromkeys(p.network_partition for p in partitions):
            here = [p for p in partitions if p.network_partition == network_partition]
            if full & {name(p) for p in here} and place(here, members=there, full=full) is None:
                found[network_partition] = sum(there.get(name(p), 0) for p in here)
        return found

    def has_no_room(self, where: str, *, until: float) -> None:
        """Do not ask a partition again for a while."""
        self.full[where] = until

    def failed(self, member: Member, *, at: float) -> None:
        """Pause: a member that was asked for did not come to serve, or not for long."""
        if asked_for(member) > self.failed_at:
            self.failures += 1
        pause_s = FIRST_PAUSE_S * 2.0 ** min(self.failures - 1, 30)
        self.failed_at, self.paused_until = at, at + min(LONGEST_PAUSE_S, pause_s)

    def settle(self, members: Collection[Member], *, at: float) -> None:
        """Forget the failures once a member that was asked for after the last one serves steadily."""
        if self.failures and any(self._succeeded(member, at) for member in members):
            self.failures, self.paused_until = 0, -math.inf

    def _succeeded(self, member: Member, at: float) -> bool:
        """Say whether a member counts as a success after the last failure."""
        steady = member.state is State.ACTIVE and at - member.since.get(State.ACTIVE, member.at) >= STEADY_S
        return steady and asked_for(member) > self.failed_at
