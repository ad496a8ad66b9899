"""A *motion* is how a signal moves: level, first and second derivative, fitted by least squares."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_SAMPLES = 3
"""A parabola has three coefficients."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Level (U), slope (U/s) and curvature (U/s^2) at one moment, U being the signal's unit."""

    level: float
    slope: float
    curvature: float

    def after(self, t: float) -> float:
        """Return where the signal is after ``t`` seconds: level + u t + 1/2 a t^2."""
        return self.level + self.slope * t + 0.5 * self.curvature * t * t


@dataclass(frozen=True, slots=True)
class Parabola:
    """A parabola through a window, in polynomials that are orthogonal on its samples.

    With x = (t - ``centre``) / ``scale``: y = c0 + c1 p1(x) + c2 p2(x), p1 = x - ``m``,
    p2 = (x - ``b``) p1 - ``q1`` / n. ``q1`` and ``q2`` are the sums of p1^2 and p2^2, so the
    variance of c_i is ``noise``^2 / q_i.
    """

    centre: float
    scale: float
    m: float
    b: float
    q1: float
    q2: float
    n: int
    c0: float
    c1: float
    c2: float
    noise: float
    """Standard deviation of a sample about the parabola (U); 0 with three samples."""

    def motion(self) -> Motion:
        """Return level, slope and curvature at t = 0."""
        x, s = -self.centre / self.scale, self.scale
        p1 = x - self.m
        p2 = (x - self.b) * p1 - self.q1 / self.n
        slope = self.c1 + self.c2 * (2.0 * x - self.m - self.b)
        return Motion(self.c0 + self.c1 * p1 + self.c2 * p2, slope / s, 2.0 * self.c2 / (s * s))

    def deviation(self, t: float) -> float:
        """Return the standard deviation of a forecast for ``t`` seconds after now (U)."""
        x = (t - self.centre) / self.scale
        p1 = x - self.m
        p2 = (x - self.b) * p1 - self.q1 / self.n
        return self.noise * math.sqrt(1.0 + 1.0 / self.n + p1 * p1 / self.q1 + p2 * p2 / self.q2)


def fit_parabola(t: NDArray[np.float64], y: NDArray[np.float64]) -> Parabola | None:
    """Fit a parabola through a window by least squares.

    Parameters
    ----------
    t : float64[n]
        Times relative to now (s), strictly increasing.
    y : float64[n]
        The signal in its own unit ``U``. NaN marks a gap and is left out.

    Returns
    -------
    Parabola or None
        ``None`` when fewer than three finite values remain.

    Raises
    ------
    ValueError
        If the shapes differ or a time is not finite.

    Notes
    -----
    O(n). Time is scaled to the window's half length, which keeps the problem well conditioned. Sums
    run elementwise in a fixed order, without BLAS, so that a replay is equal to the bit. The same
    fit as Savitzky & Golay, Anal. Chem. 36 (1964) 1627, for any spacing.
    """
    if t.shape != y.shape or not np.isfinite(t).all():
        msg = f"need two equal arrays and finite times, got shapes {t.shape} and {y.shape}"
        raise ValueError(msg)
    known = np.isfinite(y)
    if int(known.sum()) < MIN_SAMPLES:
        return None
    t, y = t[known], y[known]
    n = t.size
    centre, scale = float(t[0] + t[-1]) / 2.0, float(t[-1] - t[0]) / 2.0
    x = (t - centre) / scale
    m = float(np.add.reduce(x)) / n
    p1 = x - m
    q1 = float(np.add.reduce(p1 * p1))
    b = float(np.add.reduce(x * p1 * p1)) / q1
    p2 = (x - b) * p1 - q1 / n
    q2 = float(np.add.reduce(p2 * p2))
    c0 = float(np.add.reduce(y)) / n
    c1 = float(np.add.reduce((y - c0) * p1)) / q1
    c2 = float(np.add.reduce((y - c0) * p2)) / q2
    rest = y - c0 - c1 * p1 - c2 * p2
    noise = math.sqrt(float(np.add.reduce(rest * rest)) / (n - MIN_SAMPLES)) if n > MIN_SAMPLES else 0.0
    return Parabola(centre, scale, m, b, q1, q2, n, c0, c1, c2, noise)


def estimate_motion(t: NDArray[np.float64], y: NDArray[np.float64]) -> Motion | None:
    """Return the motion at t = 0 of the parabola through a window; see :func:`fit_parabola`."""
    parabola = fit_parabola(t, y)
    return None if parabola is None else parabola.motion()
