"""A *motion* is how a signal moves: level, first and second derivative, fitted by least squares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_SAMPLES = 3
"""A parabola has three coefficients."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


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
class Parabolas:
    """One parabola for each window, in polynomials that are orthogonal on its samples.

    With x = (t - ``centre``) / ``scale``: y = c0 + c1 p1(x) + c2 p2(x), p1 = x - ``m``,
    p2 = (x - ``b``) p1 - ``q1`` / n. ``q1`` and ``q2`` are the sums of p1^2 and p2^2, so the
    variance of c_i is ``noise``^2 / q_i. Every field is an array with one value for each window, or a single one when
    all windows have values at the same times.
    """

    centre: Floats
    scale: Floats
    m: Floats
    b: Floats
    q1: Floats
    q2: Floats
    n: Floats
    c0: Floats
    c1: Floats
    c2: Floats
    noise: Floats
    """Standard deviation of a sample about the parabola (U); 0 with three samples."""

    def motions(self) -> list[Motion]:
        """Return level, slope and curvature at t = 0."""
        columns = (column.tolist() for column in self.derivatives())
        return [Motion(*each) for each in zip(*columns, strict=True)]

    def derivatives(self) -> tuple[Floats, Floats, Floats]:
        """Return the levels, slopes and curvatures at t = 0."""
        x, s = -self.centre / self.scale, self.scale
        p1, p2 = self._at(x)
        level = self.c0 + self.c1 * p1 + self.c2 * p2
        slope = (self.c1 + self.c2 * (2.0 * x - self.m - self.b)) / s
        return level, slope, 2.0 * self.c2 / (s * s)

    def deviations(self, t: float) -> Floats:
        """Return the standard deviation of a forecast for ``t`` seconds after now (U)."""
        p1, p2 = self._at((t - self.centre) / self.scale)
        return self.noise * np.sqrt(1.0 + 1.0 / self.n + p1 * p1 / self.q1 + p2 * p2 / self.q2)

    def _at(self, x: Floats) -> tuple[Floats, Floats]:
        """Return both polynomials at ``x``."""
        p1 = x - self.m
        return p1, (x - self.b) * p1 - self.q1 / self.n


def fit_parabolas(t: Floats, y: Floats) -> Parabolas:
    """Fit a parabola through each of many windows by least squares.

    Parameters
    ----------
    t : float64[n]
        Times relative to now (s), strictly increasing; the same for all windows.
    y : float64[m, n]
        One window in each row, in its own unit ``U``. NaN marks a gap and is left out; at least
        three finite values in each row.

    Raises
    ------
    ValueError
        If the shapes do not fit, the times do not increase or are not finite, or a row has too few values.

    Notes
    -----
    O(m n). Time is scaled to the half length of each window, which keeps the problem well conditioned.
    Sums run time by time, elementwise over the windows and without BLAS, so that a replay is equal to the bit. The same
    fit as Savitzky & Golay, Anal. Chem. 36 (1964) 1627, for any spacing.
    """
    t, y, known = lines(t, y)
    n = _counts(known)
    centre, scale = _extent(t, known)
    y = y if known.shape[1] == 1 else np.where(known, y, 0.0)
    share = known.astype(np.float64)
    x = _known(share, (t[:, None] - centre) / scale)
    m = sums(x) / n
    p1 = _known(share, x - m)
    q1 = sums(p1 * p1)
    b = sums(x * p1 * p1) / q1
    p2 = _known(share, (x - b) * p1 - q1 / n)
    q2 = sums(p2 * p2)
    c0 = sums(y) / n
    rest = _known(share, y - c0)
    c1, c2 = sums(rest * p1) / q1, sums(rest * p2) / q2
    rest -= c1 * p1
    rest -= c2 * p2
    rest *= rest
    noise = np.sqrt(sums(rest) / np.maximum(n - MIN_SAMPLES, 1.0))
    return Parabolas(centre, scale, m, b, q1, q2, n, c0, c1, c2, np.where(n > MIN_SAMPLES, noise, 0.0))


def estimate_motion(t: Floats, y: Floats) -> Motion | None:
    """Return the motion at t = 0 of one window (see :func:`fit_parabolas`); ``None`` below three finite values."""
    if t.shape == y.shape and np.isfinite(y).sum() < MIN_SAMPLES:
        return None
    return fit_parabolas(t, y[None]).motions()[0]


def lines(t: Floats, y: Floats) -> tuple[Floats, Floats, Bools]:
    """Turn windows (float64[m, n]) into a line for each time that some window has a value of.

    Returns the times, the lines (float64[k, m]), and where values are: a single column when all windows have the same.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the times do not increase or are not finite.
    """
    if t.ndim != 1 or y.ndim != t.ndim + 1 or y.shape[1] != t.size:
        raise ValueError(f"need times of shape [n] and values of shape [m, n], got {t.shape} and {y.shape}")
    if not np.isfinite(t).all() or not (np.diff(t) > 0.0).all():
        raise ValueError("times must be finite and strictly increasing")
    y = np.ascontiguousarray(y.T)
    known = np.isfinite(y)
    if known.all():
        return t, y, known[:, :1]
    if (known == known[:, :1]).all():
        some = known[:, 0]
        return t[some], y[some], known[some, :1]
    return t, y, known


def sums(lines: Floats) -> Floats:
    """Add lines up, from the first to the last: what a column comes to does not hang on those beside it."""
    if lines.shape[1] == 1 and len(
        lines
    ):  # numpy would take a lone column as one long line, and add it up in another order
        alone: Floats = np.add.accumulate(lines[:, 0])[-1:]
        return alone
    total: Floats = np.add.reduce(lines, axis=0)
    return total


def _known(share: Floats, lines: Floats) -> Floats:
    """Make lines (which are finite) 0 where nothing is known: ``share`` is 0 there, and 1 elsewhere."""
    return lines if share.shape[1] == 1 else np.multiply(lines, share, out=lines)


def _counts(known: Bools) -> Floats:
    """Return how many values each window has: one number when all have the same."""
    n: Floats = np.add.reduce(known, axis=0, dtype=np.float64)
    least = int(n.min())
    if least < MIN_SAMPLES:
        raise ValueError(f"need at least {MIN_SAMPLES} values in each window, got {least}")
    return n


def _extent(t: Floats, known: Bools) -> tuple[Floats, Floats]:
    """Return the middle and the half length of each window (s)."""
    begin = t[known.argmax(axis=0)]
    end = t[t.size - 1 - known[::-1].argmax(axis=0)]
    return (begin + end) / 2.0, (end - begin) / 2.0
