"""From rows of time and value to a :class:`~actuators.lab.load.Load`: equal periods, gaps unknown."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from actuators.lab.load import Load, saturated
from pileus.load.load import LoadError

Floats = NDArray[np.float64]
LONGEST = 20_000_000
"""Periods of a load at most."""
FEWEST = 4
"""Rows that make a load."""


def regular(
    name: str,
    times: Floats,
    columns: Mapping[str, Floats],
    *,
    step_s: float | None = None,
    ceiling: float | None = None,
) -> Load:
    """Lay rows on periods of the usual step (median of the differences), or of ``step_s``.

    Parameters
    ----------
    times : float64[n]
        Beginnings of the rows (s), strictly increasing.
    columns : float64[n] each
        By signal; NaN is unknown.
    ceiling
        Value from which on the recording is cut off.

    Raises
    ------
    LoadError
        If there are fewer than four rows, or gaps out of all proportion.
    """
    if times.size < FEWEST:
        raise LoadError(f"{name}: has {times.size} rows, needs at least {FEWEST}")
    step_s = float(np.median(np.diff(times))) if step_s is None else step_s
    place = np.floor((times - times[0]) / step_s + 0.5).astype(np.int64)  # noqa: RUF100
    n = int(place[-1]) + 1
    if n > LONGEST:
        raise LoadError(f"{name}: {n} periods of {step_s:g} s: at most {LONGEST}")
    signals = {signal: _laid(values, place, n) for signal, values in columns.items()}
    if all(np.isnan(values).all() for values in signals.values()):
        raise LoadError(f"{name}: no value is known")
    flags = np.logical_or.reduce([saturated(values, ceiling) for values in signals.values()])
    return Load(name=name, start=float(times[0]), step_s=step_s, signals=signals, saturated=flags)


def _laid(values: Floats, place: NDArray[np.int64], n: int) -> Floats:
    """Average what falls into one period; NaN where nothing does."""
    known = np.isfinite(values)
    count = np.bincount(place[known], minlength=n)
    total = np.bincount(place[known], weights=values[known], minlength=n)
    means: Floats = np.divide(total, count, out=np.full(n, math.nan), where=count > 0)
    return means
