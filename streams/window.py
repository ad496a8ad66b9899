"""A *window* holds the samples of the last minutes in event time, in any order of arrival.

Samples are kept as they are; on a tick they are averaged over aligned periods [k w, (k + 1) w). The
result depends on the set of samples alone, never on the order in which they came.
"""

import math
from bisect import bisect_left

import msgspec
import numpy as np
from numpy.typing import NDArray


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

    def forget(self, before: float) -> None:
        """Drop the samples older than ``before``."""
        i = bisect_left(self.times, before)
        if i:
            del self.times[:i]
            del self.values[:i]


class Grid(msgspec.Struct, frozen=True):
    """The aligned periods that end at or before a tick: ``n`` periods of ``width`` s, the first is number ``first``."""

    first: int
    n: int
    width: float

    @classmethod
    def ending(cls, at: float, *, width: float, span: float) -> "Grid":
        """Return the complete periods of the last ``span`` seconds before ``at``."""
        end = math.floor(at / width + 1e-9)
        n = max(1, round(span / width))
        return cls(end - n, n, width)

    def middles(self, at: float) -> NDArray[np.float64]:
        """Return the middle of each period, relative to ``at`` (s)."""
        return (np.arange(self.first, self.first + self.n, dtype=np.float64) + 0.5) * self.width - at

    def means(self, series: Series) -> NDArray[np.float64]:
        """Average a series over each period; NaN where it has no sample."""
        times = np.asarray(series.times, dtype=np.float64)
        index = np.floor(times / self.width).astype(np.int64) - self.first
        inside = (index >= 0) & (index < self.n)
        index, values = index[inside], np.asarray(series.values, dtype=np.float64)[inside]
        count = np.bincount(index, minlength=self.n)
        total = np.bincount(index, weights=values, minlength=self.n)
        with np.errstate(invalid="ignore"):
            return np.where(count > 0, total / count, np.nan)


def hold(values: NDArray[np.float64], periods: int) -> NDArray[np.float64]:
    """Fill each gap with the value before it, for at most ``periods`` periods."""
    known = np.isfinite(values)
    index = np.where(known, np.arange(values.size), -1)
    last = np.maximum.accumulate(index)
    age = np.arange(values.size) - last
    return np.where((last >= 0) & (age <= periods), values[np.maximum(last, 0)], np.nan)
