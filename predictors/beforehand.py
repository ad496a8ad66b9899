"""The kinematic points of whole series at once: what a window says hangs on nothing but the window.

Stepping fits a few windows at a time; of a recording all windows are known. The figures are the same to the bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from predictors import kinematic
from predictors.formulas import window
from predictors.gaps import LARGEST
from predictors.plain import Step
from predictors.season import Season
from predictors.series import Bools, Floats, Ints, Rows

BLOCK = 4096
"""Windows that are looked at together."""


@dataclass(slots=True)
class Told:
    """The points of every step of each row, and which step is next."""

    points: Floats
    """[steps, m] (U); NaN where a window has too few values."""
    next: Ints


class Beforehand:
    """A formula that looks up what was reckoned beforehand."""

    def __init__(self, series: Sequence[Floats], rows: Rows) -> None:
        """Reckon the points of the series (float64[n] each, NaN unknown), one for each row."""
        self._points = np.full((max((each.size for each in series), default=0), rows.m), np.nan)
        shapes = zip(series, rows.step_s.tolist(), rows.horizon_s.tolist(), rows.ceiling.tolist(), strict=True)
        for row, (values, step_s, horizon_s, ceiling) in enumerate(shapes):
            self._points[: values.size, row] = _points(values, step_s, horizon_s, ceiling)

    def new(self, rows: Rows) -> Told:
        """Begin with the first step."""
        return Told(self._points, np.zeros(rows.m, dtype=np.int64))

    def point(self, memory: Told, step: Step) -> tuple[Floats, Bools]:
        """Return what was reckoned; the last value where nothing was."""
        points = memory.points[memory.next[0]]
        memory.next = memory.next + 1
        able: Bools = np.isfinite(points)
        return np.where(able, points, step.value), able

    def seasons(self, memory: Told) -> tuple[tuple[Season, int], ...]:  # noqa: ARG002 - what a formula is asked
        """Return none."""
        return ()


def _points(values: Floats, step_s: float, horizon_s: float, ceiling: float) -> Floats:
    """Return the point forecast at each step of a series (float64[n]); NaN where there is none."""
    n = window(step_s, horizon_s)
    t = -step_s * np.arange(n - 1, -1, -1, dtype=np.float64)
    known = np.where(np.abs(values) < LARGEST, values, np.nan)
    windows = sliding_window_view(np.concatenate((np.full(n - 1, np.nan), known)), n)
    found = np.full(values.size, np.nan)
    for begin in range(0, values.size, BLOCK):
        y = np.array(windows[begin : begin + BLOCK])
        told = kinematic.predict(t, y, horizon_s=horizon_s, ceiling=np.full(len(y), ceiling))
        found[begin : begin + BLOCK] = [np.nan if each is None else each.value for each in told]
    return found
