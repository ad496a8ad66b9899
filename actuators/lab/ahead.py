"""The seam to the predictors: a *forecaster* makes, in each period, the forecast that live would have made there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from actuators.demand import share
from actuators.lab.skill import last_line
from predictors import kinematic, probation
from predictors.registry import ENSEMBLE, LAST, PREDICTORS, Predictor
from predictors.series import Bools, rows
from streams.cluster import Rules
from streams.foresight import FARTHEST, step_of
from streams.window import hold

Floats = NDArray[np.float64]
ROWS = 4096
"""Windows that are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """Forecasts of one signal, float64[n]: in period i what is expected a horizon after its end; NaN: none."""

    point: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a forecaster is told."""

    step_s: float
    horizon_s: float
    window_s: float
    """How far back a window reaches."""
    ceiling: float
    """The largest value that the signal can have; infinite when there is none."""
    learnt: Bools | None = None
    """Which periods seasons may learn from; ``None``: all."""

    @property
    def steps(self) -> int:
        """Return the horizon in periods, at least 1."""
        return max(1, round(self.horizon_s / self.step_s))


Forecaster = Callable[[Floats, Setting], Ahead]
"""From the observed totals (float64[n], NaN unknown) to the forecasts. What stands in period i follows from the values
up to i alone; that is tested."""


class Stepper(Protocol):
    """A predictor that goes period by period and keeps what it needs."""

    def step(self, value: float) -> tuple[float, float, float]:
        """Take in a period's value (NaN: unknown); return point, lower and upper line at the horizon (NaN: none)."""
        ...


def stepwise(new: Callable[[Setting], Stepper]) -> Forecaster:
    """Make a forecaster of a predictor that goes period by period."""

    def run(values: Floats, setting: Setting) -> Ahead:
        stepper = new(setting)
        made = np.array([stepper.step(value) for value in values.tolist()], dtype=np.float64).reshape(-1, 3)
        return Ahead(made[:, 0].copy(), made[:, 1].copy(), made[:, 2].copy())

    return run


def line(point: Floats, upper: Floats, quantile: float) -> Floats:
    """Return the loads that members are asked for: see :func:`actuators.demand.ahead`, whose arithmetic this is."""
    above = np.isfinite(upper) & (upper > point)  # NaN is above nothing
    return np.where(above, point + share(quantile) * (np.where(above, upper, point) - point), point)


def held(values: Floats, rules: Rules) -> Floats:
    """Return what is observed at the end of each period: a gap takes the value before it until that is stale."""
    filled: Floats = hold(values[None], rules.stale_periods)[0]
    return filled


def last(values: Floats, setting: Setting) -> Ahead:
    """Forecast the last value; its line of the 90th percentile goes by its own errors."""
    above = last_line(values, steps=setting.steps)
    below = last_line(values, steps=setting.steps, quantile=0.1)
    return Ahead(values, np.minimum(below, setting.ceiling), np.minimum(above, setting.ceiling))


def by_motion(values: Floats, setting: Setting) -> Ahead:
    """Forecast with :mod:`predictors.kinematic`, window by window as the stream worker does, many at a time.

    While a window has too few values the forecast is the last one, and so it is on probation, as live.
    """
    if not values.size:
        return Ahead(values, values, values)
    n = max(1, round(setting.window_s / setting.step_s))
    before = np.concatenate((np.full(n - 1, np.nan), values))
    windows = sliding_window_view(before, n)
    t = (np.arange(n, dtype=np.float64) - n + 0.5) * setting.step_s
    made = np.full((values.size, 3), np.nan)
    for begin in range(0, values.size, ROWS):
        rows = np.array(windows[begin : begin + ROWS])
        ceiling = np.full(len(rows), setting.ceiling)
        predictions = kinematic.predict(t, rows, horizon_s=setting.horizon_s, ceiling=ceiling)
        made[begin : begin + ROWS] = [
            (np.nan, np.nan, np.nan) if each is None else (each.value, each.lower, each.upper) for each in predictions
        ]
    point = np.where(np.isnan(made[:, 0]), values, made[:, 0])
    ahead = Ahead(np.where(np.isnan(values), np.nan, point), made[:, 1], made[:, 2])
    return settled(values, ahead, setting, spoken=made[:, 0])


def by_steps(name: str) -> Forecaster:
    """Make a forecaster of a predictor that goes step by step (:mod:`predictors.registry`), as the stream worker does.

    A step may be several periods long; between two steps the forecast stays. Until the predictor can be relied on
    the parabola through the window counts, in a long gap the last value.
    """

    def run(values: Floats, setting: Setting) -> Ahead:
        periods = max(1, round(step_of(setting.horizon_s, setting.step_s) / setting.step_s))
        made = _stepped(PREDICTORS[name], values, setting, periods)
        known = np.flatnonzero(np.isfinite(made[0]))
        begun = int(known[0]) if known.size else values.size
        before = by_motion(values[:begun], setting)
        lines = (before.point, before.lower, before.upper)
        point, lower, upper = (
            np.concatenate((early, np.where(np.isfinite(made[0, begun:]), line[begun:], values[begun:])))
            for early, line in zip(lines, made, strict=True)
        )
        ahead = Ahead(np.where(np.isnan(values), np.nan, point), lower, upper)
        return settled(values, ahead, setting, spoken=made[0]) if name != LAST else ahead

    return run


def settled(values: Floats, ahead: Ahead, setting: Setting, *, spoken: Floats) -> Ahead:
    """Return forecasts with the last value in their place where their predictor is on probation.

    ``spoken`` is what the predictor itself said (NaN: nothing), by which it is judged.
    """
    row = probation.replay(values, spoken, horizon=setting.steps)
    on = row.on_probation & np.isfinite(spoken)
    upper = np.maximum(values, np.minimum(values + row.margin, setting.ceiling))
    lower = np.maximum(values - row.margin, 0.0)
    return Ahead(
        *(
            np.where(on, own, line)
            for own, line in zip((values, lower, upper), (ahead.point, ahead.lower, ahead.upper), strict=True)
        )
    )


def _stepped(predictor: Predictor, values: Floats, setting: Setting, periods: int) -> Floats:
    """Return point, lower and upper line (float64[3, n]) of each period; NaN where they cannot be relied on."""
    shape = rows(1, step_s=periods * setting.step_s, horizon_s=setting.horizon_s, ceiling=setting.ceiling)
    state = predictor.new(shape, longest=FARTHEST)
    made = np.full((3, values.size), np.nan)
    for end in range(periods, values.size + 1, periods):
        known = values[end - periods : end]
        known = known[np.isfinite(known)]
        mean = np.array([np.add.reduce(known) / known.size if known.size else np.nan])
        learn = None if setting.learnt is None else np.array([setting.learnt[end - periods : end].all()])
        forecast = predictor.step(state, mean, learn=learn)
        if forecast.ready[0]:
            lines = (forecast.point[0], forecast.lower[0], forecast.upper[0])
            made[:, end - 1 : end - 1 + periods] = np.array(lines)[:, None]
    return made


STEPWISE = ("stratos-4.1", "seasonal", "ensemble")
FORECASTERS: dict[str, Forecaster] = {"last": last, kinematic.NAME: by_motion} | {n: by_steps(n) for n in STEPWISE}
"""Every forecaster, by the name that operators use."""
DEFAULT = ENSEMBLE
"""What a policy is replayed with that names none."""
