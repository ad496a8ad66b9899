"""Who serves when: the membership of one cluster as the log of members tells it, and the lead times in it."""

import math
from collections.abc import Sequence

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


NEVER = Span(math.inf)
"""A member that has not served."""


class Membership(msgspec.Struct):
    """The members of one cluster: those alive, and when each of the last window served."""

    alive: dict[str, Member] = {}
    served: dict[str, Span] = {}
    lead_times: dict[str, list[float]] = {}
    """Asked for until serving (s), by partition, oldest first."""

    def apply(self, member: Member) -> None:
        """Take in the newest record of a member."""
        name, span = member.member, self.served.get(member.member)
        if member.state is State.ACTIVE and span is None:
            self._serves(member)
        elif member.state is State.ACTIVE and span is not None:
            span.end = None  # recalled: what it carried while it drained counts after all
        elif span is not None and span.end is None:
            span.end = member.at
        if member.state is State.TERMINATED:
            self.alive.pop(name, None)
        else:
            self.alive[name] = member

    def _serves(self, member: Member) -> None:
        """Begin a span. A member recalled after its old span was forgotten has no lead time."""
        first = member.since.get(State.ACTIVE, member.at)
        if first >= member.at:
            self._measure(member)
        self.served[member.member] = Span(member.at)

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

    def covers(self, names: Sequence[str], t: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say for each of these members (a row) and each time whether the member served then."""
        spans = [self.served.get(name, NEVER) for name in names]
        start = np.array([span.start for span in spans], dtype=np.float64)
        end = np.array([math.inf if span.end is None else span.end for span in spans], dtype=np.float64)
        return (t >= start[:, None]) & (t < end[:, None])

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
