"""A *prospect*: one way to look ahead of one cluster, and its signals on the window that this way looks at."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from config.cluster import CalendarSpec
from predictors import kinematic
from streams.foresight import Outlook, Watched
from streams.known_days import KnownDays
from streams.probation import Candidate
from streams.signals import Total, signal_forecast
from streams.window import Grid


@dataclass(frozen=True, slots=True)
class Way:
    """How to look ahead."""

    predictor: str
    horizon_s: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a cluster's windows hold at a tick, as far as one way goes back."""

    cluster: str
    way: Way
    grid: Grid
    totals: tuple[Total, ...]
    """Requests, load, memory."""
    days: KnownDays
    calendar: CalendarSpec
    apart: str = ""
    """Keeps its rows apart from those of a way that only differs in its calendar."""

    def watched(self) -> Iterator[Watched]:
        """Yield the signals, as a predictor sees them that goes step by step."""
        if self.way.predictor != kinematic.NAME:
            for total in self.totals:
                yield self._watched(total)

    def candidates(self, outlooks: Mapping[str, Outlook], at: float, *, stale_s: float) -> Iterator[Candidate]:
        """Say of each signal: unknown, its last value, or its forecast."""
        middles = self.grid.middles(at)
        predictions = kinematic.predict(
            middles,
            self.days.plain(np.array([total.values for total in self.totals])),
            horizon_s=self.way.horizon_s,
            ceiling=np.array([self.days.ceiling(total.ceiling) for total in self.totals]),
        )
        ends, horizon = middles + self.grid.width / 2.0, max(1, round(self.way.horizon_s / self.grid.width))
        for total, prediction in zip(self.totals, predictions, strict=True):
            outlook = outlooks.get(self._watched(total).row)
            yield Candidate(
                row=f"{self._name(total)}@{self.way.horizon_s}-{self.way.window_s}/{self.grid.width}{self.apart}",
                asked=self.way.predictor,
                horizon=horizon,
                value=float(self.days.plain(total.values)[-1]),
                times=self.days.then,
                last=self._last(total),
                ceiling=total.ceiling,
                forecast=signal_forecast(total, prediction, outlook, ends=ends, stale_s=stale_s, days=self.days),
            )

    def _last(self, total: Total) -> float:
        """Return what the last known value says of the target; NaN without one."""
        known = np.flatnonzero(np.isfinite(total.values))
        if not known.size:
            return math.nan
        return self.days.last(float(total.values[known[-1]]), int(known[-1]), total.ceiling)

    def _name(self, total: Total) -> str:
        return f"{self.cluster}/{total.signal}"

    def _watched(self, total: Total) -> Watched:
        return Watched(
            name=self._name(total),
            values=self.days.plain(total.values),
            grid=self.grid,
            horizon_s=self.way.horizon_s,
            ceiling=self.days.ceiling(total.ceiling),
            predictor=self.way.predictor,
            learnt=self.days.learnt,
            calendar=self.calendar,
            apart=self.apart,
        )
