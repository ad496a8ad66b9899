"""A *motion* is how a signal moves: level, first and second derivative, fitted by least squares."""

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


def estimate_motion(t: NDArray[np.float64], y: NDArray[np.float64]) -> Motion | None:
    """Fit a parabola through a window by least squares.

    Parameters
    ----------
    t : float64[n]
        Times before now (s, <= 0), strictly increasing; the motion is that at ``t = 0``.
    y : float64[n]
        The signal in its own unit ``U``. NaN marks a gap and is left out.

    Returns
    -------
    Motion or None
        ``None`` when fewer than three finite values remain.

    Raises
    ------
    ValueError
        If shapes differ or a time is not finite.

    Notes
    -----
    O(n). Time is scaled to the window's length, so the normal equations of degree two stay well
    conditioned; sums run elementwise in a fixed order, without BLAS, so that a replay is equal to
    the bit. Savitzky & Golay, Anal. Chem. 36 (1964) 1627, with uneven spacing.
    """
    if t.shape != y.shape or not np.isfinite(t).all():
        msg = f"need two equal arrays and finite times, got shapes {t.shape} and {y.shape}"
        raise ValueError(msg)
    known = np.isfinite(y)
    if int(known.sum()) < MIN_SAMPLES:
        return None
    t, y = t[known], y[known]
    centre, scale = float(t[0] + t[-1]) / 2.0, float(t[-1] - t[0]) / 2.0
    x = (t - centre) / scale
    c0, c1, c2 = _fit(x, y)
    x0 = -centre / scale
    return Motion(
        level=c0 + c1 * x0 + c2 * x0 * x0,
        slope=(c1 + 2.0 * c2 * x0) / scale,
        curvature=2.0 * c2 / (scale * scale),
    )


def _fit(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Solve the normal equations of a parabola by Gram-Schmidt: orthogonal polynomials on the samples."""
    n = float(x.size)
    m1 = float(np.add.reduce(x)) / n
    p1 = x - m1
    q1 = float(np.add.reduce(p1 * p1))
    b = float(np.add.reduce(x * p1 * p1)) / q1
    p2 = (x - b) * p1 - q1 / n
    q2 = float(np.add.reduce(p2 * p2))
    a0 = float(np.add.reduce(y)) / n
    a1 = float(np.add.reduce(y * p1)) / q1
    a2 = float(np.add.reduce(y * p2)) / q2
    # p1 = x - m1, p2 = x^2 - (b + m1) x + (b m1 - q1/n)
    return a0 - a1 * m1 + a2 * (b * m1 - q1 / n), a1 - a2 * (b + m1), a2
