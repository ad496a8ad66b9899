"""Rings: the last values of each row, each row at its own place; and sums that do not depend on the number of rows."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import DTypeLike, NDArray

from predictors.series import Floats, Ints


@dataclass(slots=True)
class Ring:
    """The newest values of ``k`` kinds for each row, by step number."""

    values: NDArray[np.floating]
    """[length, k, m]; NaN where nothing was put."""

    @classmethod
    def new(cls, length: int, k: int, m: int, dtype: DTypeLike = np.float64) -> "Ring":
        """Make a ring that remembers ``length`` steps."""
        return cls(np.full((length, k, m), np.nan, dtype=dtype))

    def put(self, at: Ints, values: Floats, rows: Ints | None = None) -> None:
        """Store ``values`` (float[k, m]) under the step numbers ``at`` (int64[m]); of some ``rows`` only, if given."""
        if rows is None and at.size == 1:
            self.values[at[0] % len(self.values)] = values
        else:
            self.values.reshape(-1)[self._places(at, rows)] = values

    def get(self, at: Ints, rows: Ints | None = None) -> Floats:
        """Return what was stored last under ``at``, modulo the length.

        ``at`` is int64[..., m], the answer float64[..., k, m].
        """
        if rows is None and at.shape == (1,):
            one: Floats = self.values[at[0] % len(self.values)].astype(np.float64)
            return one
        found: Floats = self.values.reshape(-1).take(self._places(at, rows)).astype(np.float64, copy=False)
        return found

    def _places(self, at: Ints, rows: Ints | None) -> Ints:
        """Return where the values of a step stand in the flat ring (int64[..., k, m])."""
        length, k, m = self.values.shape
        begin = ((at % length) * (k * m))[..., None, :]
        if rows is None:
            every: Ints = begin + _lanes(k, m)
            return every
        places: Ints = begin + rows + m * np.arange(k, dtype=np.int64)[:, None]
        return places


@lru_cache(maxsize=32)
def _lanes(k: int, m: int) -> Ints:
    """Return the places of step 0 (int64[k, m])."""
    return np.arange(k * m, dtype=np.int64).reshape(k, m)


def total(values: Floats) -> Floats:
    """Sum over the axis before the rows (float64[..., k, m] -> [..., m]), always in the same order.

    numpy sums a single row in another order than many; summed step by step, a row's sum is the same to the bit
    whatever stands beside it.
    """
    if values.shape[-1] == 1:
        alone: Floats = np.add.accumulate(values, axis=-2)[..., -1, :]
        return alone
    sums: Floats = np.add.reduce(values, axis=-2)
    return sums
