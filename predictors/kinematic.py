"""The ``kinematic`` predictor: level + u t + 1/2 a t^2, with derivatives that stand out of the noise."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from predictors.motion import Motion, Parabola, fit_parabola

NAME = "kinematic"
DOUBT = 2.0
"""Standard errors that a derivative must exceed before it counts at all."""
P90 = 1.2816
"""Standard normal deviate of the 90th percentile."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A forecast with the motion it follows from; ``lower`` and ``upper`` are the 10th and 90th percentile (U)."""

    motion: Motion
    value: float
    lower: float
    upper: float


def predict(
    t: NDArray[np.float64], y: NDArray[np.float64], *, horizon_s: float, ceiling: float = np.inf
) -> Prediction | None:
    """Forecast a signal at the horizon from its window.

    Parameters
    ----------
    t, y : float64[n]
        Times relative to now (s) and values (U); NaN marks a gap.
    horizon_s : float
        How far ahead (s, >= 0).
    ceiling : float
        The largest value that the signal can have (U).

    Returns
    -------
    Prediction or None
        ``None`` with fewer than three samples. ``value`` is ``motion.after(horizon_s)``, clamped
        to [0, ``ceiling``].

    Notes
    -----
    Extrapolation multiplies noise: over one and a half half-windows a parabola through 20 samples
    has about 4.5 times their standard deviation. So each coefficient is shrunk by the positive-part
    rule of James and Stein, c max(0, 1 - (k e / c)^2) with its standard error e and k = 2: noise
    alone gives the window's mean, an exact parabola is kept exactly.
    """
    parabola = fit_parabola(t, y)
    if parabola is None:
        return None
    calm = replace(
        parabola, c1=_shrink(parabola.c1, parabola, parabola.q1), c2=_shrink(parabola.c2, parabola, parabola.q2)
    )
    motion = calm.motion()
    value = motion.after(horizon_s)
    margin = P90 * parabola.deviation(horizon_s)
    return Prediction(
        motion, _clamp(value, ceiling), lower=_clamp(value - margin, ceiling), upper=_clamp(value + margin, ceiling)
    )


def _shrink(c: float, parabola: Parabola, q: float) -> float:
    """Return ``c`` less what noise may have put into it."""
    if c == 0.0:
        return 0.0
    doubt = DOUBT * DOUBT * parabola.noise * parabola.noise / q
    return c * max(0.0, 1.0 - doubt / (c * c))


def _clamp(value: float, ceiling: float) -> float:
    """Return ``value`` within what the signal can be."""
    return min(max(value, 0.0), ceiling)
