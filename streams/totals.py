"""What one signal adds up to over the members of each cluster, period by period.

A period is summed once, and anew only when samples have come for it since, or for one whose values hold into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.bucket import Ints
from streams.window import Floats, Grid

N = TypeVar("N", np.int64, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """One period."""

    of: tuple[object, ...]
    """The stamps of its bucket and of those before it whose values may hold into it."""
    total: Floats
    """Of each cluster; NaN: nothing is known."""
    known: Ints
    """Members that it is known of."""


class Totals:
    """The sums of one signal over members that stand cluster by cluster; others make another one.

    ``sizes``: how many each cluster has; ``start``, ``end``: when each member began to serve, and ended.
    """

    def __init__(self, sizes: Ints, start: Floats, end: Floats) -> None:
        self._start, self._end = start, end
        self._clusters, self._some = sizes.size, np.flatnonzero(sizes)
        self._begin = (np.cumsum(sizes) - sizes)[self._some]
        self._summed: dict[int, Summed] = {}

    def over(self, grid: Grid, means: Floats, stamps: Sequence[object], periods: int) -> tuple[list[Floats], list[int]]:
        """Return the totals of each cluster, and of how many members the newest period is known.

        Parameters
        ----------
        grid
            The n periods.
        means : float64[periods + n, members]
            The mean of each member over each period, from ``periods`` before the grid on; NaN where it has no sample.
            Its gaps may be filled afterwards.
        stamps
            What stands for the samples of each of these periods: the same object, the same samples.
        periods
            How long a member's value holds where it has none.
        """
        of = [tuple(stamps[i : i + periods + 1]) for i in range(grid.n)]
        numbers = range(grid.first, grid.first + grid.n)
        summed = self._summed
        first = next(
            (i for i, number in enumerate(numbers) if number not in summed or summed[number].of != of[i]), None
        )
        if first is not None:
            held = hold_gaps(means[first:].copy() if first else means, periods)[periods:]
            for i, values in enumerate(held, start=first):
                middle = (numbers[i] + 0.5) * grid.width
                self._summed[numbers[i]] = Summed(of[i], *self._sum(values, middle))
        self._summed = {number: self._summed[number] for number in numbers}
        total = np.ascontiguousarray(np.array([each.total for each in self._summed.values()]).T)
        return list(total), self._summed[numbers[-1]].known.tolist()

    def _sum(self, values: Floats, middle: float) -> tuple[Floats, Ints]:
        """Sum over the members that served at a time, scaled by serving / known; say too how many are known."""
        served = (self._start <= middle) & (middle < self._end)
        use = served & np.isfinite(values)
        serving, known = self._added(served, np.int64), self._added(use, np.int64)
        total = self._added(np.where(use, values, 0.0), np.float64)
        return np.where(known > 0, total * (serving / np.maximum(known, 1)), np.nan), known

    def _added(self, values: NDArray[Any], dtype: type[N]) -> NDArray[N]:
        """Add values up, cluster by cluster."""
        found = np.zeros(self._clusters, dtype=dtype)
        if self._some.size:
            found[self._some] = np.add.reduceat(values, self._begin, dtype=dtype)
        return found


def hold_gaps(lines: Floats, periods: int) -> Floats:
    """Fill gaps, in place, as :func:`streams.window.hold` does, a period in each line; return the lines."""
    missing = np.isnan(lines)
    if not missing.any():
        return lines
    age = np.zeros(lines.shape[1], dtype=np.int64)
    for number in range(1, len(lines)):
        gaps = np.flatnonzero(missing[number])
        older = age[gaps] + 1
        age.fill(0)
        age[gaps] = older
        lines[number, gaps] = np.where(older <= periods, lines[number - 1, gaps], np.nan)
    return lines
