"""Which forecasts to believe: those that erred least of late, weighed by a high power of their error."""

from dataclasses import dataclass

import numpy as np

from predictors.ring import total
from predictors.series import SMALLEST, Bools, Floats

SQUARINGS = 4
"""Weights are error^-16: nearly the best expert, a mean of those that are as good."""
TINY = 1e-12
"""Error that counts as none, in shares of the largest one."""


@dataclass(slots=True)
class Mixture:
    """Running errors of ``k`` forecasts over several half-lives."""

    errors: Floats
    """[half-lives, k, m], mean absolute error (U)."""

    @classmethod
    def new(cls, half_lives: int, k: int, m: int) -> "Mixture":
        """Make a mixture in which all are equal."""
        return cls(np.zeros((half_lives, k, m)))

    def learn(self, error: Floats, known: Bools, keep: Floats) -> None:
        """Take in absolute errors (float64[k, m], U) where they are known; ``keep`` float64[half-lives, 1, 1]."""
        self.errors = np.where(known, keep * self.errors + (1.0 - keep) * error, self.errors)

    def weights(self, usable: Bools | None = None) -> Floats:
        """Return the weights (float64[k, m], each row's sum is 1): the mean over the half-lives.

        ``usable`` (bool[k, m]) leaves out forecasts that are not ready; the first one must be.
        """
        floor = TINY * self.errors.max(axis=1, keepdims=True) + SMALLEST
        above = self.errors + floor
        if usable is not None:
            above = np.where(usable, above, np.inf)
        ratio = above.min(axis=1, keepdims=True) / above
        for _ in range(SQUARINGS):
            ratio *= ratio
        shares = ratio / total(ratio)[:, None]
        weights: Floats = np.add.reduce(shares, axis=0) / len(shares)
        return weights

    def blend(self, forecasts: Floats, usable: Bools | None = None) -> Floats:
        """Return the weighted mean of ``forecasts`` (float64[k, m] -> [m])."""
        return total(self.weights(usable) * forecasts)
