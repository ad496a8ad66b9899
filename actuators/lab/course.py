"""The *course* of a load as the decider sees it: what is observed and what is foretold at the end of each period."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from actuators.demand import MOST, needed
from actuators.lab.ahead import Ahead, Floats, Forecaster, Setting, held, line
from actuators.lab.known_days import foretold
from actuators.lab.load import Load
from actuators.lab.world import World
from config.cluster import CalendarSpec, ClusterSpec, Policy
from predictors.horizon import horizon
from streams.cluster import MEMORY_CEILING, Rules
from streams.known_days import expected
from streams.records.forecast import Signal, SignalForecast

LEAD_S = 30.0
"""Lead time that is assumed where none is given (s)."""
NOTHING_KNOWN = CalendarSpec()


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One signal: float64[n] each, NaN unknown."""

    observed: Floats
    age_s: Floats
    """Age of the newest sample at the end of the period (s)."""
    ahead: Ahead


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """What is known at the end of each period of a load."""

    start: float
    step_s: float
    periods: int
    horizon_s: float
    predictor: str
    seen: Mapping[str, Seen]
    """By signal."""
    calendar: CalendarSpec = NOTHING_KNOWN

    def end(self, period: int) -> float:
        """Return when a period ends: its tick."""
        return self.start + (period + 1) * self.step_s

    def first_need(self, spec: ClusterSpec) -> int:
        """Return how many members the first known load asks for, within the bounds, and at least one."""
        asked = [
            needed(float(known[0]), threshold)
            for name, threshold in spec.policy.thresholds.items()
            if name in self.seen and (known := _known(self.seen[name].observed)).size
        ]
        return max(1, min(max([spec.least_members, *asked]), spec.most_members))

    def quotients(self, policy: Policy) -> list[tuple[float, ...]]:
        """Return, period by period, load / threshold of each factor: the larger of the observed and the foretold."""
        rows = []
        for name, threshold in policy.thresholds.items():
            seen = self.seen[name]
            total = seen.observed
            if policy.forecast == "Enabled":
                ahead = line(seen.ahead.point, seen.ahead.upper, policy.quantile)
                total = np.where(np.isfinite(ahead), np.maximum(total, ahead), total)
            rows.append(np.minimum(total / threshold, MOST).tolist())
        return list(zip(*rows, strict=True))

    def signals(self, period: int) -> list[SignalForecast]:
        """Return all three signals as the stream worker would have published them."""
        return [self._signal(signal, period) for signal in Signal]

    def _signal(self, signal: Signal, i: int) -> SignalForecast:
        if (seen := self.seen.get(signal.value)) is None:
            return SignalForecast(signal=signal, ready=False, why="NoSample")
        observed, age_s = float(seen.observed[i]), float(seen.age_s[i])
        if math.isnan(observed):
            never = math.isnan(age_s)
            return SignalForecast(
                signal=signal, ready=False, why="NoSample" if never else "Stale", age_s=None if never else age_s
            )
        ahead = seen.ahead
        return SignalForecast(
            signal=signal,
            ready=True,
            observed=observed,
            forecast=_number(ahead.point[i]),
            lower=_number(ahead.lower[i]),
            upper=_number(ahead.upper[i]),
            predictor=self.predictor,
            age_s=age_s,
            expected=expected(self.calendar, self.end(i) + self.horizon_s),
        )


def course(
    load: Load,
    forecaster: Forecaster,
    *,
    predictor: str,
    horizon_s: float,
    most_members: int,
    window_s: float | None = None,
    calendar: CalendarSpec = NOTHING_KNOWN,
) -> Course:
    """Look at a load as the stream worker does, with one sample a period; ``window_s`` is the policy's own."""
    rules = rules_of(load.step_s)
    seen = {}
    for name, values in load.signals.items():
        observed = held(values, rules)
        ceiling = MEMORY_CEILING * most_members if name == Signal.MEMORY_CONSUMPTION else math.inf
        back_s = rules.window(horizon_s, window_s)
        setting = Setting(step_s=load.step_s, horizon_s=horizon_s, window_s=back_s, ceiling=ceiling)
        seen[name] = Seen(
            observed,
            _ages(values, load.step_s),
            foretold(forecaster, observed, setting, calendar=calendar, start=load.start),
        )
    return Course(
        start=load.start,
        step_s=load.step_s,
        periods=load.periods,
        horizon_s=horizon_s,
        predictor=predictor,
        seen=seen,
        calendar=calendar,
    )


def rules_of(step_s: float) -> Rules:
    """Return what a stream worker goes by that samples and evaluates once a period."""
    return Rules(sample_interval_s=step_s, evaluation_s=step_s)


def horizon_of(world: World, step_s: float) -> float:
    """Return the horizon that follows from the lead times, as live once they are measured (s)."""
    rules = rules_of(step_s)
    return horizon({"": world.boot_s}, default_s=LEAD_S, period_s=step_s, grid_s=rules.horizon_grid_s, before_s=None)


def _ages(values: Floats, step_s: float) -> Floats:
    """Return the age of the newest known value at the end of each period (s); NaN before the first."""
    place = np.arange(values.size)
    newest = np.maximum.accumulate(np.where(np.isfinite(values), place, -1))
    return np.where(newest >= 0, (place - newest) * step_s, np.nan)


def _known(values: Floats) -> Floats:
    known: Floats = values[np.isfinite(values)]
    return known


def _number(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
