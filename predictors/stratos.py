"""The forecast of Apache Stratos 4.1, as it was coded: for comparison, and for those who migrate.

Average, gradient and second derivative come from one-minute batches; the gradient from the first and the last event
alone; and the forecast is average + gradient t + 1/2 second derivative t^2 with t = 1, one second ahead, whatever
the horizon.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from predictors.plain import Step
from predictors.ring import Ring
from predictors.season import Season
from predictors.series import Bools, Floats, Rows

BATCH_S = 60.0
"""A tumbling window (s)."""
MOST = 60
"""Events of a batch that are kept."""
LEAST_S = 1.0
"""Events closer in time count as this far apart (STRATOS-939)."""
EVENTS = 3
"""With fewer there is no second derivative: the one before stays."""
T = 1.0
"""What the autoscaler passed as t."""

Number = TypeVar("Number", float, Floats)


@dataclass(slots=True)
class Batch:
    """The events of the present minute and what the one before said."""

    events: Ring
    """[60, 1, m], NaN for none (U)."""
    second: Floats
    """U/s^2."""
    predicted: Floats
    """U; NaN before the first batch is full."""


class Stratos:
    """``stratos-4.1``."""

    def new(self, rows: Rows) -> Batch:
        """Make empty batches."""
        return Batch(Ring.new(MOST, 1, rows.m), np.zeros(rows.m), np.full(rows.m, np.nan))

    def point(self, memory: Batch, step: Step) -> tuple[Floats, Bools]:
        """Return the newest batch's forecast; the last value before there is one."""
        memory.events.put(step.at, np.where(step.known, step.value, np.nan)[None])
        length = np.clip(np.rint(BATCH_S / step.rows.step_s), 1, MOST).astype(np.int64)
        alone = step.known & (length == 1)  # a batch of one event has no gradient
        memory.predicted = np.where(alone, predicted(step.value, 0.0, memory.second), memory.predicted)
        for row in np.flatnonzero(((step.at + 1) % length == 0) & (length > 1)).tolist():
            at, n = int(step.at[row]), int(length[row])
            events = memory.events.values[np.arange(at - n + 1, at + 1) % MOST, 0, row].astype(np.float64)
            _close(memory, row, np.arange(n) * step.rows.step_s[row], events)
        able = np.isfinite(memory.predicted)
        return np.where(able, memory.predicted, step.value), able

    def seasons(self, memory: Batch) -> tuple[tuple[Season, int], ...]:  # noqa: ARG002 - what a formula is asked
        """Return none."""
        return ()


def gradient(t: Floats, y: Floats) -> float:
    """Return the slope from the first to the last event (U/s); 0 for a single one. ``t`` in seconds."""
    return float((y[-1] - y[0]) / max(t[-1] - t[0], LEAST_S))


def second_derivative(t: Floats, y: Floats) -> float | None:
    """Return the change of the gradient between the halves (U/s^2); ``None`` below three events."""
    n, half = y.size, y.size // 2
    if n < EVENTS:
        return None
    middles = np.floor(np.array([t[0] + t[half - 1], t[half] + t[-1]]) * 500.0 + 1e-3) / 1000.0  # in whole ms
    return gradient(middles, np.array([gradient(t[:half], y[:half]), gradient(t[half:], y[half:])]))


def predicted(average: Number, slope: float, second: Number, t: float = T) -> Number:
    """Return average + slope t + 1/2 second t^2 (U)."""
    return average + slope * t + 0.5 * second * t * t


def _close(memory: Batch, row: int, t: Floats, y: Floats) -> None:
    """End a batch; an empty one says nothing."""
    known = np.isfinite(y)
    if not known.any():
        return
    t, y = t[known], y[known]
    second = second_derivative(t, y)
    if second is not None:
        memory.second[row] = second
    memory.predicted[row] = predicted(float(np.add.reduce(y) / y.size), gradient(t, y), float(memory.second[row]))
