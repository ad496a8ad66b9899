"""What the numbers of one signal say at a tick: unknown, their last value, or a forecast."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from predictors import kinematic
from predictors.kinematic import Prediction
from streams.foresight import Outlook
from streams.known_days import KnownDays
from streams.records.forecast import MemberForecast, Signal, SignalForecast
from streams.window import Floats, MemberWindow, Series


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

    def newest(self, periods: int) -> "Total":
        """Return its newest periods only."""
        return self if periods == self.values.size else replace(self, values=self.values[-periods:])


def sum_over_serving(rows: Floats, served: NDArray[np.bool_]) -> tuple[Floats, int]:
    """Sum one signal over the members that served in each period (a column), scaled by serving / known.

    Returns the totals, NaN where no serving member is known, and how many are known in the newest period.
    """
    use = served & np.isfinite(rows)
    known, serving = use.sum(axis=0), served.sum(axis=0)
    total = np.add.reduce(np.where(use, rows, 0.0), axis=0)
    return np.where(known > 0, total * (serving / np.maximum(known, 1)), np.nan), int(known[-1])


def member_forecast(
    name: str,
    window: MemberWindow,
    load: Prediction | None,
    memory: Prediction | None,
    *,
    at: float,
    stale_s: float,
) -> MemberForecast:
    """Say where one member is heading, as far as its samples are not stale."""
    return MemberForecast(
        member=name,
        load_average=_ahead(window.load_average, load, at - stale_s),
        memory_consumption=_ahead(window.memory_consumption, memory, at - stale_s),
        healthy=window.healthy if window.probed is not None and at - window.probed <= stale_s else None,
        age_s=None if window.newest is None else max(0.0, at - window.newest),
    )


def _ahead(series: Series, prediction: Prediction | None, oldest: float) -> float | None:
    """Return a series' value at the horizon; its newest value when it is too short, ``None`` when none or too old."""
    if not series.times or series.times[-1] < oldest:
        return None
    return series.values[-1] if prediction is None else prediction.value


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
    known = np.flatnonzero(np.isfinite(total.values))
    if total.why or total.age_s is None or not known.size:
        return SignalForecast(signal=total.signal, ready=False, why=total.why or "NoSample", age_s=total.age_s)
    age_s = max(total.age_s, -float(ends[known[-1]]))
    if age_s > stale_s:
        return SignalForecast(signal=total.signal, ready=False, why="Stale", age_s=age_s)
    observed = float(total.values[known[-1]])
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
            forecast=days.last(observed, int(known[-1]), total.ceiling),
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
