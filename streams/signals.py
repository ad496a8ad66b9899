"""What the numbers of one signal say at a tick: unknown, their last value, or a forecast."""

import math
from dataclasses import dataclass, replace

import numpy as np

from predictors import kinematic
from predictors.kinematic import Prediction
from streams.foresight import Outlook
from streams.known_days import KnownDays
from streams.records.forecast import Signal, SignalForecast
from streams.window import Floats


@dataclass(frozen=True, slots=True)
class Total:
    """One signal summed over whom it is measured on, period by period."""

    signal: Signal
    values: Floats
    """NaN where it is unknown."""
    age_s: float | None
    """Age of the newest sample in it (s)."""
    why: str = ""
    """Why it cannot be judged, whatever the values are."""
    ceiling: float = math.inf

    @property
    def last(self) -> int | None:
        """The newest period that is known, by its place; ``None`` without one."""
        if math.isfinite(self.values[-1]):
            return int(self.values.size) - 1
        known = np.flatnonzero(np.isfinite(self.values))
        return int(known[-1]) if known.size else None

    def newest(self, periods: int) -> "Total":
        """Return its newest periods only."""
        return self if periods == self.values.size else replace(self, values=self.values[-periods:])


def signal_forecast(
    total: Total,
    prediction: Prediction | None,
    outlook: Outlook | None = None,
    *,
    ends: Floats,
    stale_s: float,
    days: KnownDays,
) -> SignalForecast:
    """Say of one signal: unknown, its last value, or its forecast.

    The outlook of the predictor counts once it can be relied on, before that the parabola through the window, whose
    motion is told either way; both are multiplied by what the calendar expects. ``ends`` are those of the periods,
    from now (s).
    """
    last = total.last
    if total.why or total.age_s is None or last is None:
        return SignalForecast(signal=total.signal, ready=False, why=total.why or "NoSample", age_s=total.age_s)
    age_s = max(total.age_s, -float(ends[last]))
    if age_s > stale_s:
        return SignalForecast(signal=total.signal, ready=False, why="Stale", age_s=age_s)
    observed = float(total.values[last])
    outlook, prediction = days.outlook(outlook, total.ceiling), days.prediction(prediction, total.ceiling)
    if outlook is not None:
        return SignalForecast(
            signal=total.signal,
            ready=True,
            observed=observed,
            motion=None if prediction is None else prediction.motion,
            forecast=outlook.value,
            lower=outlook.lower,
            upper=outlook.upper,
            predictor=outlook.predictor,
            age_s=age_s,
            expected=days.expected,
        )
    if prediction is None:
        return SignalForecast(
            signal=total.signal,
            ready=True,
            why="TooFewSamples",
            observed=observed,
            forecast=days.last(observed, last, total.ceiling),
            predictor="last",
            age_s=age_s,
            expected=days.expected,
        )
    return SignalForecast(
        signal=total.signal,
        ready=True,
        observed=observed,
        motion=prediction.motion,
        forecast=prediction.value,
        lower=prediction.lower,
        upper=prediction.upper,
        predictor=kinematic.NAME,
        age_s=age_s,
        expected=days.expected,
    )
