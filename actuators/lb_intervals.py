"""From single looks at a balancer to what a sample says: the mean over an interval, and a count that never falls."""

import math
from dataclasses import dataclass

MAX_GAP_S = 0.5
"""Two looks further apart than this say nothing about the time between them."""
MIN_COVERED = 0.5
"""Share of an interval that must be known; below, there is no sample (missing is not zero)."""


def require_interval(interval_s: float) -> float:
    """Return ``interval_s``, or raise ValueError when it is too short to be looked at several times."""
    if not MAX_GAP_S <= interval_s < math.inf:
        raise ValueError(f"interval = {interval_s} s: must be at least {MAX_GAP_S} s")
    return interval_s


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of one interval."""

    at: float
    """End of the interval (s since the Unix epoch): a whole multiple of its length."""
    value: float


class Intervals:
    """The mean, over time, of a number that is looked at now and then.

    ``interval_s`` is at least ``MAX_GAP_S``. What a look finds holds since the look before.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = require_interval(interval_s)
        self._k = 0
        self._sum = 0.0
        self._covered_s = 0.0
        self._last = -math.inf

    def look(self, value: float, at: float) -> Mean | None:
        """Take in a look at time ``at``; return the interval that it ends, if any and if enough of it is known.

        A clock that goes back begins anew.
        """
        if at < self._last:
            self._begin(at)
            self._last = -math.inf
        since = self._last if at - self._last <= MAX_GAP_S else at
        ended = None
        if math.floor(at / self._interval_s) != self._k:
            ended, since = self._end(value, since, at)
        self._add(value, at - since)
        self._last = at
        return ended

    def _end(self, value: float, since: float, at: float) -> tuple[Mean | None, float]:
        """Close the interval; return its mean and from when on the value counts for the next one."""
        end = (self._k + 1) * self._interval_s
        self._add(value, max(0.0, end - since))
        known = self._covered_s >= MIN_COVERED * self._interval_s
        mean = Mean(end, self._sum / self._covered_s) if known else None
        self._begin(at)
        return mean, max(since, self._k * self._interval_s)

    def _begin(self, at: float) -> None:
        """Begin the interval that ``at`` lies in."""
        self._k = math.floor(at / self._interval_s)
        self._sum = self._covered_s = 0.0

    def _add(self, value: float, seconds: float) -> None:
        """Let a value count for some seconds."""
        self._sum += value * seconds
        self._covered_s += seconds


class Total:
    """A cumulative count that goes on when the one who counts begins at zero again."""

    def __init__(self) -> None:
        self._before = 0
        self._last = 0

    def of(self, count: int) -> int:
        """Return the count since the first look, whatever was restarted meanwhile."""
        if count < self._last:
            self._before += self._last
        self._last = count
        return self._before + count
