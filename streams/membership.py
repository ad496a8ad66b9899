"""Who serves when: the membership of one cluster as the log of members tells it, and the lead times in it."""

import math
from collections.abc import Sequence
from sys import intern

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.records.member import Member, State

LEAD_TIMES_KEPT = 100
"""Newest lead times that count, per partition."""


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When one member served: [``start``, ``end``), in s since the Unix epoch."""

    start: float
    end: float | None = None


Served = float | Span
"""Since when a member serves (s since the Unix epoch), or when it did: a million of them are floats."""


def start_of(served: Served | None) -> float:
    """Return when a member began to serve; infinite: it has not."""
    if served is None:
        return math.inf
    return served.start if isinstance(served, Span) else served


def end_of(served: Served | None) -> float:
    """Return when it ended; infinite: it has not."""
    return math.inf if not isinstance(served, Span) or served.end is None else served.end


class Move(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What counts here of one member's record: a sixth of its size."""

    member: str
    cluster: str
    state: State
    at: float
    epoch: int
    place: str
    """Network partition and partition."""
    lead_s: float | None
    """From asked for to serving, of one that serves for the first time."""

    @classmethod
    def of(cls, member: Member) -> "Move":
        """Take it from the record."""
        place = intern(f"{member.network_partition}/{member.partition}")
        return cls(member.member, intern(member.cluster), member.state, member.at, member.epoch, place, _lead(member))


def _lead(member: Member) -> float | None:
    """Return how long a member took; ``None`` when it did not begin to serve now, or nobody knows since when."""
    created, active = member.since.get(State.CREATED), member.since.get(State.ACTIVE)
    if member.state is not State.ACTIVE or created is None or active is None or active < max(created, member.at):
        return None
    return active - created


class Membership(msgspec.Struct, array_like=True):
    """The members of one cluster: those alive, and when each of the last window served."""

    alive: dict[str, State] = {}
    served: dict[str, Served] = {}
    lead_times: dict[str, list[float]] = {}
    """Asked for until serving (s), by partition, oldest first."""

    def apply(self, move: Move) -> None:
        """Take in the newest record of a member."""
        name, served = move.member, self.served.get(move.member)
        if move.state is State.ACTIVE and served is None:
            self._serves(move)
        elif move.state is State.ACTIVE:
            self.served[name] = start_of(served)  # recalled: what it carried while it drained counts after all
        elif served is not None and math.isinf(end_of(served)):
            self.served[name] = Span(start_of(served), move.at)
        if move.state is State.TERMINATED:
            self.alive.pop(name, None)
        else:
            self.alive[name] = move.state

    def _serves(self, move: Move) -> None:
        """Begin a span. A member recalled after its old span was forgotten has no lead time."""
        self.served[move.member] = move.at
        if move.lead_s is not None:
            leads = self.lead_times.setdefault(move.place, [])
            leads.append(move.lead_s)
            del leads[:-LEAD_TIMES_KEPT]

    def forget(self, before: float) -> None:
        """Drop the spans that ended before ``before``."""
        for name in [n for n, served in self.served.items() if end_of(served) < before]:
            del self.served[name]

    def covers(self, names: Sequence[str], t: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say for each of these members (a row) and each time whether the member served then."""
        spans = [self.served.get(name) for name in names]
        start = np.array([start_of(span) for span in spans], dtype=np.float64)
        end = np.array([end_of(span) for span in spans], dtype=np.float64)
        return (t >= start[:, None]) & (t < end[:, None])

    def serving(self) -> list[str]:
        """Return the members that serve now, sorted."""
        return sorted(name for name, state in self.alive.items() if state is State.ACTIVE)

    def wanted(self) -> list[str]:
        """Return the members that serve or are on their way, sorted."""
        states = {State.CREATED, State.STARTING, State.ACTIVE}
        return sorted(name for name, state in self.alive.items() if state in states)

    def starting(self) -> int:
        """Return how many members are asked for and do not serve yet."""
        return sum(state in {State.CREATED, State.STARTING} for state in self.alive.values())
