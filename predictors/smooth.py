"""Levels: exponential means at several rates, and medians of the last values."""

from dataclasses import dataclass

import numpy as np

from predictors.ring import Ring
from predictors.series import Bools, Floats, Ints


@dataclass(slots=True)
class Means:
    """Exponential means of each row, and of the faster of them again (Brown's cascade).

    The gaps between value, mean and mean of the mean are to an exponential window what slope and
    curvature are to a rectangular one (R. G. Brown, Smoothing, Forecasting and Prediction, 1963).
    """

    once: Floats
    """[k, m], one mean for each rate (U)."""
    twice: Floats
    """[j, m], means of the first means (U)."""

    @classmethod
    def new(cls, k: int, j: int, m: int) -> "Means":
        """Make ``k`` means, ``j`` of them smoothed again."""
        return cls(np.zeros((k, m)), np.zeros((j, m)))

    def take(self, value: Floats, rates: Floats, again: Ints, first: Bools) -> None:
        """Take in one step; ``rates`` float64[k, 1], ``again`` int64[j] says which means are smoothed again."""
        self.once = np.where(first, value, self.once + rates * (value - self.once))
        source = self.once[again]
        self.twice = np.where(first, source, self.twice + rates[again] * (source - self.twice))


@dataclass(slots=True)
class Median:
    """The median of the last ``w`` values (w odd), kept sorted: O(w) a step without sorting."""

    ranked: Floats
    """[w, m], increasing (U)."""

    @classmethod
    def new(cls, w: int, m: int) -> "Median":
        """Make a window of ``w`` values."""
        return cls(np.zeros((w, m)))

    def take(self, value: Floats, oldest: Floats, first: Bools) -> Floats:
        """Replace ``oldest`` by ``value`` (float64[m]) and return the median (U); the first value fills the window."""
        kept = np.where(self.ranked[:-1] < oldest, self.ranked[:-1], self.ranked[1:])
        new = np.empty_like(self.ranked)
        np.minimum(kept, value, out=new[:-1])
        new[-1] = value
        np.maximum(new[1:], kept, out=new[1:])
        if first.any():
            new = np.where(first, value, new)
        self.ranked = new
        median: Floats = new[len(new) // 2]
        return median


@dataclass(slots=True)
class Medians:
    """Medians over several windows."""

    past: Ring
    """[longest window + 1, 1, m]."""
    windows: tuple[Median, ...]

    @classmethod
    def new(cls, widths: tuple[int, ...], m: int) -> "Medians":
        """Make windows of the given widths (steps, odd)."""
        return cls(Ring.new(max(widths) + 1, 1, m), tuple(Median.new(w, m) for w in widths))

    def take(self, value: Floats, at: Ints, first: Bools) -> Floats:
        """Take in the value of step ``at``; return float64[len(widths), m] (U)."""
        if first.any():
            self.past.values[:, :, first] = value[first]
        self.past.put(at, value[None])
        widths = np.array([len(each.ranked) for each in self.windows])[:, None]
        oldest = self.past.get(at - widths)[:, 0]
        return np.array([each.take(value, old, first) for each, old in zip(self.windows, oldest, strict=True)])
