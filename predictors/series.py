"""What a batch of series is: one row for each, on a regular grid of steps; and what a predictor says of them."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAY_S = 86_400.0
"""The season that loads have unless told otherwise (s)."""
SMALLEST = float(np.finfo(np.float64).tiny)
"""Keeps a division from being one by zero."""
FARTHEST = 64
"""Steps that a horizon may be long: pending forecasts are kept until their target comes."""


class Why(IntEnum):
    """Why a row has no forecast of its own."""

    READY = 0
    NO_SAMPLE = 1
    TOO_FEW_SAMPLES = 2
    GAP = 3


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a batch are: every field is an array with one value for each row."""

    step_s: Floats
    """Width of a step (s)."""
    horizon_s: Floats
    """How far ahead to forecast (s)."""
    period_s: Floats
    """The season (s): a day."""
    ceiling: Floats
    """The largest value that the signal can have (U); infinite when there is none."""
    phase: Ints
    """Any number; rows of different phase do their costly work on different steps. Same phase, same result."""

    horizon: Ints
    """The horizon in steps (1..64)."""
    period: Ints
    """The season in steps (>= 1)."""

    @property
    def m(self) -> int:
        """Return how many rows there are."""
        return int(self.step_s.size)


def rows(
    m: int,
    *,
    step_s: ArrayLike,
    horizon_s: ArrayLike,
    period_s: ArrayLike = DAY_S,
    ceiling: ArrayLike = np.inf,
    phase: ArrayLike = 0,
) -> Rows:
    """Describe a batch of ``m`` rows; a single number is every row's.

    Raises
    ------
    ValueError
        If a length is not positive and finite, or a horizon is longer than 64 steps.
    """
    step, ahead, season = (_full(m, value, np.float64) for value in (step_s, horizon_s, period_s))
    for name, value in (("step_s", step), ("horizon_s", ahead), ("period_s", season)):
        wrong = value[~(np.isfinite(value) & (value > 0.0))]
        if wrong.size:
            raise ValueError(f"{name} must be positive and finite, got {wrong[0]}")
    horizon = np.maximum(np.rint(ahead / step), 1.0).astype(np.int64)
    if horizon.max(initial=1) > FARTHEST:
        raise ValueError(f"a horizon may be at most {FARTHEST} steps, got {horizon.max()}")
    return Rows(
        step_s=step,
        horizon_s=ahead,
        period_s=season,
        ceiling=_full(m, ceiling, np.float64),
        phase=_full(m, phase, np.int64),
        horizon=horizon,
        period=np.maximum(np.rint(season / step), 1.0).astype(np.int64),
    )


def _full(m: int, value: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return one value for each row."""
    return np.array(np.broadcast_to(np.asarray(value, dtype=dtype), (m,)))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a predictor says of each row for one horizon from now: arrays of one value for each row (U)."""

    point: Floats
    """The middle of what may come (P50)."""
    lower: Floats
    """P10."""
    upper: Floats
    """P90."""
    highest: Floats
    """P95."""
    why: NDArray[np.int8]
    """A :class:`Why`; where it is not READY the lines are a guess about the last value."""

    @property
    def ready(self) -> Bools:
        """Return which rows have a forecast to rely on."""
        ready: Bools = self.why == Why.READY
        return ready
