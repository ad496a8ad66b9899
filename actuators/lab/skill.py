"""How good forecasts were: beside the last value, at the same horizon, by what came to be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
P90 = 0.9
REMEMBERED, RENEWED, FEWEST = 500, 50, 20
"""Own errors that a line of the 90th percentile goes by, how often it is renewed (periods), and the fewest errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """What one predictor's forecasts of one signal were worth."""

    predictor: str
    signal: str
    horizon_s: float
    n: int
    """Forecasts that could be scored."""
    relmae: float
    """Mean absolute error / that of the last value; below 1 the predictor is better."""
    relpinball90: float
    """Pinball loss of the P90 line / that of the last value's; below 1 it is better."""
    coverage90: float
    """Share of what came to be that stayed at or below the P90 line; 0.9 is right."""


def skill(
    values: Floats, point: Floats, upper: Floats, *, steps: int, predictor: str, signal: str, step_s: float
) -> Skill:
    """Score forecasts made in each period for ``steps`` periods (>= 1) later.

    ``values``, ``point`` and ``upper`` are float64[n]; NaN is unknown. What is unknown anywhere is not scored.
    """
    truth, now = values[steps:], values[:-steps]
    ahead, line = point[:-steps], upper[:-steps]
    other = last_line(values, steps=steps)[:-steps]
    use = np.isfinite(truth) & np.isfinite(now) & np.isfinite(ahead)
    both = use & np.isfinite(line) & np.isfinite(other)
    return Skill(
        predictor=predictor,
        signal=signal,
        horizon_s=steps * step_s,
        n=int(use.sum()),
        relmae=_ratio(np.abs(ahead - truth)[use], np.abs(now - truth)[use]),
        relpinball90=_ratio(pinball(truth, line)[both], pinball(truth, other)[both]),
        coverage90=float((truth <= line)[both].mean()) if both.any() else float("nan"),
    )


def pinball(truth: Floats, line: Floats, *, quantile: float = P90) -> Floats:
    """Return the pinball loss of a quantile's line."""
    lack = truth - line
    loss: Floats = np.maximum(quantile * lack, (quantile - 1.0) * lack)
    return loss


def last_line(values: Floats, *, steps: int, quantile: float = P90) -> Floats:
    """Return the last value plus the quantile of its own newest errors at this horizon: it knows only the past.

    The line is renewed every fiftieth period from the newest 500 errors; NaN before twenty are known.
    """
    line = np.full(values.shape, np.nan)
    changes = values[steps:] - values[:-steps]
    for begin in range(steps + FEWEST, values.size, RENEWED):
        known = changes[max(0, begin - steps - REMEMBERED) : begin - steps]  # those whose end lies in the past
        known = known[np.isfinite(known)]
        if known.size >= FEWEST:
            part = slice(begin, begin + RENEWED)
            line[part] = values[part] + np.quantile(known, quantile)
    positive: Floats = np.maximum(line, 0.0)
    return positive


def _ratio(own: Floats, other: Floats) -> float:
    """Return the ratio of two means; 1 where both are 0, NaN where there is nothing or only the other is 0."""
    if own.size == 0:
        return float("nan")
    mine, others = float(own.mean()), float(other.mean())
    if others == 0.0:
        return 1.0 if mine == 0.0 else float("nan")
    return mine / others
