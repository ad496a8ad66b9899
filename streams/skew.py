"""Whose clock is wrong: a member all of whose samples lie too far from the tick that they come before.

A sample lies ahead when its time is more than ``max_future_s`` after the tick: it is refused. It lies behind when it
was old already as it came: ``stale_s`` before the tick. A clock is wrong when that holds for every sample of a member
for ``stale_s``: a buffer that drains, or one wrong time, is no wrong clock.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from streams.bucket import Bools, Ints
from streams.came import Came
from streams.records.forecast import Forecasts, Skew
from streams.rows import Members

MOST = 10_000
"""Members that are looked at by name at one tick, at most."""


class Clock(msgspec.Struct):
    """A member's clock that seems wrong."""

    since: float
    """The first tick that found it so."""
    at: float
    """The last one."""
    seconds: float
    """How far its samples are ahead of the tick then (s); behind: below 0."""
    wrong: bool = False
    """Whether it seems so for long enough."""


Clocks = dict[str, Clock]
"""By member."""


class Bound(msgspec.Struct, frozen=True):
    """What is too far, and for how long (s)."""

    ahead_s: float
    stale_s: float
    silent_s: float
    """After so long without a sample nothing is known of a clock."""


def watch(came: Came, clocks: Mapping[str, Clocks], rows: Mapping[str, Members], *, at: float, bound: Bound) -> None:
    """Look at what came before a tick: enter the clocks that seem wrong, take out those that are right again.

    ``clocks`` and ``rows`` are by cluster.
    """
    columns = came.columns
    ahead = columns.at - at
    ours = (columns.row >= 0) & np.isfinite(ahead)
    off = ours & ((ahead > bound.ahead_s) | (ahead < -bound.stale_s))
    if not off.any() and not any(clocks.values()):
        return
    right = np.zeros(int(columns.row.max(initial=0)) + 1, dtype=np.bool_)
    right[columns.row[ours & ~off]] = True
    for i in _nearest(columns.row, np.abs(ahead), off & ~right[np.maximum(columns.row, 0)]):
        sample = came.sample(i)
        _enter(clocks[sample.cluster], sample.member, float(ahead[i]), at=at, stale_s=bound.stale_s)
    for cluster, seeming in clocks.items():
        for member in [
            m for m, clock in seeming.items() if at - clock.at > bound.silent_s or _is(right, rows[cluster], m)
        ]:
            del seeming[member]


def told(clocks: Clocks) -> list[Skew]:
    """Return the clocks that are wrong, by member."""
    return [Skew(member=m, seconds=c.seconds, since=c.since) for m, c in sorted(clocks.items()) if c.wrong]


def _enter(clocks: Clocks, member: str, seconds: float, *, at: float, stale_s: float) -> None:
    """Note that a clock seems wrong at a tick. One that was wrong in the other direction begins anew."""
    before = clocks.get(member)
    since = at if before is None or (before.seconds > 0.0) != (seconds > 0.0) else before.since
    clocks[member] = Clock(since, at, seconds, wrong=at - since >= stale_s)


def _nearest(row: Ints, distance: np.ndarray[tuple[int], np.dtype[np.float64]], chosen: Bools) -> list[int]:
    """Return of each row that is chosen the sample that lies nearest to the tick."""
    here = np.flatnonzero(chosen)
    here = here[np.lexsort((distance[here], row[here]))]
    _, first = np.unique(row[here], return_index=True)
    found: list[int] = here[first][:MOST].tolist()
    return found


def _is(right: Bools, rows: Members, member: str) -> bool:
    """Say whether a member is known no more, or sent a sample with a right time."""
    row = rows.get(member)
    return row is None or (row < right.size and bool(right[row]))


class Episodes:
    """Notices, from what is published, whose clock goes wrong and whose is right again."""

    def __init__(self) -> None:
        self._on: dict[tuple[str, str], Skew] = {}

    def take(self, record: Forecasts) -> tuple[dict[tuple[str, str], Skew], dict[tuple[str, str], Skew]]:
        """Return the clocks that are wrong since now, and those that were until now, by cluster and member."""
        now = {(of.cluster, each.member): each for of in record.clusters for each in of.skewed}
        before, self._on = self._on, now
        return _without(now, before), _without(before, now)


def _without(
    some: Mapping[tuple[str, str], Skew], others: Mapping[tuple[str, str], Skew]
) -> dict[tuple[str, str], Skew]:
    """Return what is not among others."""
    return {who: each for who, each in some.items() if who not in others}
