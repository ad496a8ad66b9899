"""A *window* holds the samples of the last minutes in event time, in any order of arrival.

Samples are kept as they are; on a tick they are averaged over aligned periods [k w, (k + 1) w). The
result depends on the set of samples alone, never on the order in which they came.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.records.sample import Requests

MOST = 10_000
"""Samples of one source that a window holds at most: three hours at one per second. More is a flood."""
ROUNDING = 1e-3
"""A tick may come this share of a period early and still end it: at / width is not exact."""

Floats = NDArray[np.float64]


class Series(msgspec.Struct, gc=False):
    """The samples of one source: times strictly increasing (s since the Unix epoch), one value each."""

    times: list[float] = []
    values: list[float] = []

    def insert(self, at: float, value: float) -> bool:
        """Put a sample in its place. A second one for the same time is a duplicate: the larger value stays.

        Returns
        -------
        bool
            False for a duplicate.
        """
        if not self.times or at > self.times[-1]:
            self.times.append(at)
            self.values.append(value)
            return True
        i = bisect_left(self.times, at)
        if self.times[i] == at:
            self.values[i] = max(self.values[i], value)
            return False
        self.times.insert(i, at)
        self.values.insert(i, value)
        return True

    @property
    def full(self) -> bool:
        """Whether there is no room for another sample."""
        return len(self.times) >= MOST

    def newest(self, at: float) -> float | None:
        """Return the time of the newest sample that is not after ``at``; ``None`` without one."""
        i = bisect_right(self.times, at)
        return self.times[i - 1] if i else None

    def forget(self, before: float) -> None:
        """Drop the samples older than ``before``."""
        i = bisect_left(self.times, before)
        if i:
            del self.times[:i]
            del self.values[:i]


class BalancerWindow(msgspec.Struct):
    """What one balancer said of the cluster's requests."""

    in_flight: Series = msgspec.field(default_factory=Series)
    """Each value stands at the middle of its interval."""
    since: float = math.inf
    """Beginning of its first interval: before, it carried nothing."""
    newest: float = -math.inf
    """End of its newest interval."""
    count: int = 0
    """Requests at the end of that interval (cumulative)."""

    def take(self, requests: Requests) -> bool:
        """Take in a sample; False for a duplicate, of which only a larger value counts."""
        self.since = min(self.since, requests.at - requests.interval_s)
        if requests.at > self.newest:
            self.newest, self.count = requests.at, requests.count
        return self.in_flight.insert(requests.at - requests.interval_s / 2.0, requests.in_flight)


class Grid(msgspec.Struct, frozen=True):
    """The aligned periods that end at or before a tick: ``n`` periods of ``width`` s, the first is number ``first``."""

    first: int
    n: int
    width: float

    @classmethod
    def ending(cls, at: float, *, width: float, span: float) -> "Grid":
        """Return the complete periods of the last ``span`` seconds before ``at``."""
        end = math.floor(at / width + ROUNDING)
        n = max(1, round(span / width))
        return cls(end - n, n, width)

    def longer(self, periods: int) -> "Grid":
        """Return this grid with some periods before it."""
        return Grid(self.first - periods, self.n + periods, self.width)

    @property
    def start(self) -> float:
        """When the first period begins (s since the Unix epoch)."""
        return self.first * self.width

    def middles(self, at: float) -> Floats:
        """Return the middle of each period, relative to ``at`` (s)."""
        return (np.arange(self.first, self.first + self.n, dtype=np.float64) + 0.5) * self.width - at

    def means(self, many: Sequence[Series]) -> Floats:
        """Average each series over each period: one row for each series, NaN where it has no sample."""
        m = len(many)
        times = np.array(list(chain.from_iterable(series.times for series in many)), dtype=np.float64)
        values = np.array(list(chain.from_iterable(series.values for series in many)), dtype=np.float64)
        rows = np.repeat(np.arange(m), np.array([len(series.times) for series in many], dtype=np.int64))
        period = np.floor(times / self.width).astype(np.int64) - self.first
        inside = (period >= 0) & (period < self.n)
        cell = rows[inside] * self.n + period[inside]
        count = np.bincount(cell, minlength=m * self.n)
        total = np.bincount(cell, weights=values[inside], minlength=m * self.n)
        means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return means.reshape(m, self.n)

    def filled(self, many: Sequence[Series], periods: int) -> Floats:
        """Average as :meth:`means`; a gap takes the value before it, for at most ``periods`` periods."""
        return hold(self.longer(periods).means(many), periods)[:, periods:]


def hold(rows: Floats, periods: int) -> Floats:
    """Fill each gap in each row with the value before it, for at most ``periods`` periods."""
    place = np.arange(rows.shape[1])
    last = np.maximum.accumulate(np.where(np.isfinite(rows), place, -1), axis=1)
    near = (last >= 0) & (place - last <= periods)
    return np.where(near, np.take_along_axis(rows, np.maximum(last, 0), axis=1), np.nan)
