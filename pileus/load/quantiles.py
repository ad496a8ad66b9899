"""Quantiles by nearest rank: exact of a list, and within half a percent of any number of values in bounded memory."""

import math
from collections.abc import Collection

LOWEST_S = 1e-4
GROWTH = 1.01
BINS = 1600
"""Bins grow by 1 %: they reach from 0.1 ms to 820 s; what is outside counts in the first or the last."""


def quantile(values: Collection[float], q: float) -> float | None:
    """Return the smallest value that a part ``q`` (in (0, 1]) of ``values`` does not exceed; None of no values."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(q * len(values)) - 1, 0)]


class Histogram:
    """Durations (s), counted in logarithmic bins."""

    def __init__(self) -> None:
        self.count = 0
        self.greatest = 0.0
        """The greatest value, exactly (s); 0 of none."""
        self._bins = [0] * BINS

    def add(self, value: float) -> None:
        """Count one duration (s); a negative one counts as 0."""
        self.count += 1
        self.greatest = max(self.greatest, value)
        place = math.log(value / LOWEST_S) / math.log(GROWTH) if value > LOWEST_S else 0.0
        self._bins[min(int(place), BINS - 1)] += 1

    def quantile(self, q: float) -> float | None:
        """Return the quantile ``q`` (in (0, 1]), within half a percent above 0.1 ms; None of no values."""
        rank = max(math.ceil(q * self.count), 1)
        seen = 0
        for i, n in enumerate(self._bins):
            seen += n
            if seen >= rank:
                return min(LOWEST_S * math.pow(GROWTH, i + 0.5), self.greatest)
        return None
