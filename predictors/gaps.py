"""Samples that come and samples that do not: a row starts with its first one, a gap holds the value before it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from predictors.series import Bools, Floats, Forecast, Ints, Rows, Why

PATIENCE = 3
"""Steps without a sample after which a forecast is no longer to be relied on, if the horizon is not longer."""
LARGEST = 1e100
"""Values beyond are no samples (U): nothing measures so much, and sums of them would overflow."""


@dataclass(slots=True)
class Held:
    """Age and newest value of each row."""

    age: Ints
    """Steps since the first sample, that one included; 0 before it."""
    silent: Ints
    """Steps since the newest sample."""
    value: Floats
    """The newest sample (U); 0 before the first."""
    moved: Floats
    """Change since the step before (U); NaN unless both have a sample."""

    @classmethod
    def new(cls, m: int) -> "Held":
        """Make a memory of nothing."""
        return cls(np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64), np.zeros(m), np.full(m, np.nan))

    def take(self, y: Floats) -> Bools:
        """Take in one step (``y``: float64[m], NaN for none); return which rows have a sample."""
        known = np.abs(y) < LARGEST
        self.moved = np.where(known & (self.silent == 0) & (self.age > 0), y - self.value, np.nan)
        self.age = np.where((self.age > 0) | known, self.age + 1, 0)
        self.silent = np.where(known, 0, self.silent + 1)
        self.value = np.where(known, y, self.value)
        return known

    @property
    def step(self) -> Ints:
        """Return the number of the present step of each row (int64[m], from 0)."""
        return np.maximum(self.age - 1, 0)

    @property
    def first(self) -> Bools:
        """Return the rows whose first sample this is."""
        begins: Bools = self.age == 1
        return begins

    def forecast(self, rows: Rows, point: Floats, lines: Floats, enough: Ints | int) -> Forecast:
        """Say what is predicted, once ``enough`` steps are known: within [0, ceiling], and the lines in order.

        ``lines`` is float64[3, m] (U): lower, upper, highest. All is NaN before the first sample.
        """
        point = np.where(self.age > 0, np.minimum(np.maximum(point, 0.0), rows.ceiling), np.nan)
        lines = np.minimum(np.maximum(lines, 0.0), rows.ceiling)
        upper = np.maximum(lines[1], point)
        return Forecast(point, np.minimum(lines[0], point), upper, np.maximum(lines[2], upper), self._why(rows, enough))

    def _why(self, rows: Rows, enough: Ints | int) -> NDArray[np.int8]:
        """Return why a row has no forecast to rely on, when ``enough`` steps are needed before."""
        why = np.where(self.age < enough, np.int8(Why.TOO_FEW_SAMPLES), np.int8(Why.READY))
        why = np.where(self.silent > np.maximum(rows.horizon, PATIENCE), np.int8(Why.GAP), why)
        return np.where(self.age == 0, np.int8(Why.NO_SAMPLE), why).astype(np.int8)
