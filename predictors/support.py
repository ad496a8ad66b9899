"""How much change a window supports: a parabola carried far ahead promises more than the window has shown."""

import numpy as np

from predictors.motion import Bools, Floats, lines, sums

STEEPEST = 4.0
"""A change may be this many times what the straight line through the newest half of the window promises."""
CLEAN = 20.0
"""A parabola is taken at its word only while its noise is below the window's range divided by this."""


def supported(t: Floats, y: Floats, change: Floats, *, noise: Floats, horizon_s: float) -> Floats:
    """Return how much of a predicted change to believe.

    Parameters
    ----------
    t : float64[n]
        Times relative to now (s), strictly increasing.
    y : float64[m, n]
        One window in each row (U); NaN marks a gap. At least two finite values in each row.
    change : float64[m]
        Change from now to the horizon that the parabola promises (U).
    noise : float64[m]
        Standard deviation of the samples about the parabola (U, >= 0).
    horizon_s : float
        How far ahead (s, >= 0).

    Returns
    -------
    float64[m]
        The change, of the same sign and no larger. A parabola that fits exactly is believed whole. As its
        noise grows towards a twentieth of the window's range, the change is held to what both of these allow:
        four times what a straight line through the newest half promises (nothing, if that points the other
        way), and the range itself, in proportion to the horizon.

    Notes
    -----
    A load that fell and then stays low bends the parabola upwards: carried ahead it promises a peak that
    nothing in the newest half announces.
    """
    span, middle = t[-1] - t[0], (t[0] + t[-1]) / 2.0
    t, y, known = lines(t, y)
    whole = known.shape[1] == 1
    high, low = (y, y) if whole else (np.where(known, y, -np.inf), np.where(known, y, np.inf))
    extent = np.max(high, axis=0) - np.min(low, axis=0)
    line = STEEPEST * _newest_slope(t, y, known, middle) * horizon_s
    most = np.minimum(np.abs(line), extent * horizon_s / span)
    held = np.where(line * change > 0.0, np.sign(change) * np.minimum(np.abs(change), most), 0.0)
    doubt = np.minimum(1.0, np.divide(CLEAN * noise, extent, out=np.zeros_like(noise), where=extent > 0.0))
    believed: Floats = held + (change - held) * (1.0 - doubt * doubt)
    return believed


def _newest_slope(t: Floats, y: Floats, known: Bools, middle: float) -> Floats:
    """Return the slope of the line through the values of each window from ``middle`` on (U/s); 0 with fewer than two.

    Windows as :func:`predictors.motion.lines` returns them.
    """
    half = t >= middle
    t, y, newest = t[half, None], y[half], known[half]
    n = np.maximum(np.add.reduce(newest, axis=0, dtype=np.float64), 1.0)
    x = np.where(newest, t, 0.0)
    x = np.where(newest, x - sums(x) / n, 0.0)
    squares = sums(x * x)
    products = sums(x * (y if known.shape[1] == 1 else np.where(newest, y, 0.0)))
    slope: Floats = np.divide(products, squares, out=np.zeros_like(products), where=squares > 0.0)
    return slope
