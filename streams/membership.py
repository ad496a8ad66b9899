"""Who serves when: the membership of one cluster as the log of members tells it, and the lead times in it."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.records.member import Member, State

LEAD_TIMES_KEPT = 100
"""Newest lead times that count, per partition."""


class Span(msgspec.Struct, gc=False):
    """When one member served: [``start``, ``end``), in s since the Unix epoch; no end while it serves."""

    start: float
    end: float | None = None

    def covers(self, t: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say for each time whether the member served then."""
        return (t >= self.start) & (t < (np.inf if self.end is None else self.end))


class Membership(msgspec.Struct):
    """The members of one cluster: those alive, and when each of the last window served."""

    alive: dict[str, Member] = {}
    served: dict[str, Span] = {}
    lead_times: dict[str, list[float]] = {}
    """Asked for until serving (s), by partition, oldest first."""

    def apply(self, member: Member) -> None:
        """Take in the newest record of a member."""
        name = member.member
        active = member.since.get(State.ACTIVE)
        if member.state is State.ACTIVE:
            if name not in self.served:
                self._measure(member)
                self.served[name] = Span(member.at if active is None else active)
            else:
                self.served[name].end = None
        elif (span := self.served.get(name)) is not None and span.end is None:
            span.end = member.at
        if member.state is State.TERMINATED:
            self.alive.pop(name, None)
        else:
            self.alive[name] = member

    def _measure(self, member: Member) -> None:
        """Note how long this member took from asked for to serving."""
        created, active = member.since.get(State.CREATED), member.since.get(State.ACTIVE)
        if created is None or active is None or active < created:
            return
        leads = self.lead_times.setdefault(f"{member.network_partition}/{member.partition}", [])
        leads.append(active - created)
        del leads[:-LEAD_TIMES_KEPT]

    def forget(self, before: float) -> None:
        """Drop the spans that ended before ``before``."""
        for name in [n for n, span in self.served.items() if span.end is not None and span.end < before]:
            del self.served[name]

    def serving(self) -> list[str]:
        """Return the members that serve now, sorted."""
        return sorted(name for name, member in self.alive.items() if member.state is State.ACTIVE)

    def wanted(self) -> list[str]:
        """Return the members that serve or are on their way, sorted."""
        states = {State.CREATED, State.STARTING, State.ACTIVE}
        return sorted(name for name, member in self.alive.items() if member.state in states)

    def starting(self) -> int:
        """Return how many members are asked for and do not serve yet."""
        return sum(member.state in {State.CREATED, State.STARTING} for member in self.alive.values())
