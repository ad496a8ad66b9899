"""The ``kinematic`` predictor: level + u t + 1/2 a t^2, with derivatives that stand out of the noise."""

from dataclasses import dataclass, replace

import numpy as np

from predictors.motion import MIN_SAMPLES, Bools, Floats, Motion, Parabolas, fit_parabolas
from predictors.support import supported

NAME = "kinematic"
ENOUGH = MIN_SAMPLES + 1
"""Samples from which on a forecast is made: through three there is a parabola always, and nothing says how much of it
is noise."""
SURE = 1.9600
"""Standard normal deviate of the 97.5th percentile: how far a derivative must exceed its error before it counts."""
P90 = 1.2816
"""Standard normal deviate of the 90th percentile."""
BLOCK = 2048
"""Rows that are fitted at once where there are many: what is in between stays in the processor's cache."""


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
    ahead, most = _look(t, y[rows], horizon_s), ceiling[rows]
    value = ahead.value(horizon_s)
    margin = _student(P90, ahead.fitted.n - MIN_SAMPLES) * ahead.fitted.deviations(horizon_s)
    columns = (ahead.level, ahead.slope, ahead.curvature, _clamp(value, most))
    bounds = (_clamp(value - margin, most), _clamp(value + margin, most))
    lines = zip(rows.tolist(), *(column.tolist() for column in (*columns, *bounds)), strict=True)
    for row, level, slope, curvature, clamped, lower, upper in lines:
        forecasts[row] = Prediction(Motion(level, slope, curvature), clamped, lower=lower, upper=upper)
    return forecasts


def values(t: Floats, y: Floats, *, horizon_s: float, ceiling: Floats) -> Floats:
    """Return the ``value`` of :func:`predict` alone of each row, NaN where it is ``None``: for many rows."""
    found = np.full(len(y), np.nan)
    for start in range(0, len(y), BLOCK):
        here = slice(start, start + BLOCK)
        block = np.ascontiguousarray(y[here].T)
        known = np.isfinite(block)
        for chosen in _alike(known):
            chosen &= np.add.reduce(known, axis=0) >= ENOUGH  # noqa: PLW2901 - of those that can be fitted
            if chosen.any():
                windows = block if chosen.all() else block.compress(chosen, axis=1)
                value = _look(t, windows.T, horizon_s).value(horizon_s)
                found[here][chosen] = _clamp(value, ceiling[here][chosen])
    return found


def _alike(known: Bools) -> list[Bools]:
    """Split windows (columns) so that those with the same gaps stand alone, if they are most: they cost less."""
    same = (known == known[:, -1:]).all(axis=0)
    return [same, ~same] if 2 * np.count_nonzero(same) >= same.size else [np.ones_like(same)]


@dataclass(frozen=True, slots=True)
class _Ahead:
    """How signals move, as far as noise and window let it be believed: one value for each row."""

    fitted: Parabolas
    level: Floats
    slope: Floats
    curvature: Floats

    def value(self, t: float) -> Floats:
        """Return where each signal is after ``t`` seconds."""
        return self.level + self.slope * t + 0.5 * self.curvature * t * t


def _look(t: Floats, y: Floats, horizon_s: float) -> _Ahead:
    """Fit, shrink, and hold to what the window supports."""
    fitted = fit_parabolas(t, y)
    doubt = _student(SURE, fitted.n - MIN_SAMPLES) * fitted.noise
    calm = replace(
        fitted,
        c1=_shrink(fitted.c1, doubt * doubt / fitted.q1),
        c2=_shrink(fitted.c2, doubt * doubt / fitted.q2),
    )
    level, slope, curvature = calm.derivatives()
    change = level + slope * horizon_s + 0.5 * curvature * horizon_s * horizon_s - level
    believed = supported(t, y, change, noise=fitted.noise, horizon_s=horizon_s)
    share = np.divide(believed, change, out=np.ones_like(change), where=change != 0.0)
    return _Ahead(fitted, level, slope * share, curvature * share)


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


def _clamp(values: Floats, ceiling: Floats) -> Floats:
    """Return values within what their signals can be."""
    least = np.where(values < 0.0, 0.0, values)
    return np.where(ceiling < least, ceiling, least)
