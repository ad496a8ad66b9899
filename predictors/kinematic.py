"""The ``kinematic`` predictor: level + u t + 1/2 a t^2, with derivatives that stand out of the noise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from predictors.motion import MIN_SAMPLES, Floats, Motion, fit_parabolas
from predictors.support import supported

NAME = "kinematic"
ENOUGH = MIN_SAMPLES + 1
"""Samples from which on a forecast is made: through three there is a parabola always, and nothing says how much of it
is noise."""
SURE = 1.9600
"""Standard normal deviate of the 97.5th percentile: how far a derivative must exceed its error before it counts."""
P90 = 1.2816
"""Standard normal deviate of the 90th percentile."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A forecast with the motion it follows from; ``lower`` and ``upper`` are the 10th and 90th percentile (U)."""

    motion: Motion
    value: float
    lower: float
    upper: float


def predict(t: Floats, y: Floats, *, horizon_s: float, ceiling: Floats) -> list[Prediction | None]:
    """Forecast signals at the horizon, each from its window.

    Parameters
    ----------
    t : float64[n]
        Times relative to now (s), strictly increasing.
    y : float64[m, n]
        One window in each row (U); NaN marks a gap.
    horizon_s : float
        How far ahead (s, >= 0).
    ceiling : float64[m]
        The largest value that each signal can have (U); infinite when there is none.

    Returns
    -------
    list[Prediction | None]
        One for each row, ``None`` with fewer than four values. ``value`` is ``motion.after(horizon_s)``,
        clamped to [0, ``ceiling``].

    Notes
    -----
    Extrapolation multiplies noise: over one and a half half-windows a parabola through 20 samples
    has about 4.5 times their standard deviation. So each coefficient is shrunk by the positive-part
    rule of James and Stein, c max(0, 1 - (k e / c)^2) with its standard error e and Student's k (2 for a long
    window): noise alone mostly gives the window's mean, an exact parabola is kept. What is left is held to the change
    that the window supports (:mod:`predictors.support`).
    """
    forecasts: list[Prediction | None] = [None] * len(y)
    rows = np.flatnonzero(np.isfinite(y).sum(axis=1) >= ENOUGH)
    if not rows.size:
        return forecasts
    fitted = fit_parabolas(t, y[rows])
    doubt = _student(SURE, fitted.n - MIN_SAMPLES) * fitted.noise
    calm = replace(
        fitted,
        c1=_shrink(fitted.c1, doubt * doubt / fitted.q1),
        c2=_shrink(fitted.c2, doubt * doubt / fitted.q2),
    )
    margins = _student(P90, fitted.n - MIN_SAMPLES) * fitted.deviations(horizon_s)
    motions = _held(calm.motions(), t, y[rows], noise=fitted.noise, horizon_s=horizon_s)
    for row, motion, margin in zip(rows.tolist(), motions, margins.tolist(), strict=True):
        value, most = motion.after(horizon_s), float(ceiling[row])
        forecasts[row] = Prediction(
            motion, _clamp(value, most), lower=_clamp(value - margin, most), upper=_clamp(value + margin, most)
        )
    return forecasts


def _held(motions: Sequence[Motion], t: Floats, y: Floats, *, noise: Floats, horizon_s: float) -> list[Motion]:
    """Return the motions with slope and curvature scaled to the change that their windows support."""
    change = np.array([motion.after(horizon_s) - motion.level for motion in motions])
    believed = supported(t, y, change, noise=noise, horizon_s=horizon_s)
    share = np.divide(believed, change, out=np.ones_like(change), where=change != 0.0)
    return [
        Motion(motion.level, motion.slope * part, motion.curvature * part)
        for motion, part in zip(motions, share.tolist(), strict=True)
    ]


def _shrink(c: Floats, doubt: Floats) -> Floats:
    """Return ``c`` less what noise may have put into it; ``doubt`` is the square that it must exceed."""
    square = c * c
    stands = square > doubt
    return np.where(stands, c * (1.0 - doubt / np.where(stands, square, 1.0)), 0.0)


def _student(z: float, freedom: Floats) -> Floats:
    """Return Student's quantile for the normal quantile ``z`` (Abramowitz & Stegun 26.7.5, to the third order)."""
    z3, z5, z7 = z**3, z**5, z**7
    first = (z3 + z) / 4.0
    second = (5.0 * z5 + 16.0 * z3 + 3.0 * z) / 96.0
    third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0
    return z + (first + (second + third / freedom) / freedom) / freedom


def _clamp(value: float, ceiling: float) -> float:
    """Return ``value`` within what the signal can be."""
    return min(max(value, 0.0), ceiling)
