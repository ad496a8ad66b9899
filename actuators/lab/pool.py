"""What several loads say together: one ratio of shortage, and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
SEED = 1
SURE = 0.95
"""How sure the interval is."""
SLACK, POINTS = 1.05, 0.05
"""A load counts as worse beyond so many times the baseline's shortage plus so many percentage points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """One policy with one predictor over all loads, beside the last value with headroom at equal cost."""

    loads: int
    ratio: float
    """Sum of theta_U / sum of the baselines'; below 1 the policy is better."""
    low: float
    high: float
    """Bootstrap over the loads: the ratio lies in between with 95 % confidence."""
    worse: tuple[str, ...]
    """Loads on which it leaves more short than 1.05 times the baseline's shortage plus 0.05 points."""


def pooled(names: Sequence[str], mine: Sequence[float], others: Sequence[float]) -> Pooled:
    """Pool the shortages (theta_U, percent) of loads.

    Parameters
    ----------
    names, mine, others
        One for each load, at least one: its name, the policy's shortage, the baseline's.
    """
    own, base = np.array(mine, dtype=np.float64), np.array(others, dtype=np.float64)
    drawn = np.random.default_rng(SEED).integers(0, own.size, size=(DRAWS, own.size))
    ratios = _ratios(own[drawn].sum(axis=1), base[drawn].sum(axis=1))
    tail = (1.0 - SURE) / 2.0
    low, high = np.quantile(ratios, [tail, 1.0 - tail], method="inverted_cdf")
    worse = own > SLACK * base + POINTS
    return Pooled(
        loads=int(own.size),
        ratio=float(_ratios(own.sum(keepdims=True), base.sum(keepdims=True))[0]),
        low=float(low),
        high=float(high),
        worse=tuple(name for name, is_worse in zip(names, worse.tolist(), strict=True) if is_worse),
    )


def _ratios(
    own: np.ndarray[tuple[int, ...], np.dtype[np.float64]], base: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return ratios: 1 where both are 0, infinite where only the baseline's is."""
    same = np.where(own == 0.0, 1.0, np.inf)
    return np.divide(own, base, out=same, where=base > 0.0)
