"""A *prospect*: one way to look ahead of one cluster, and its signals on the window that this way looks at."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from config.cluster import CalendarSpec
from predictors import kinematic
from predictors.kinematic import Prediction
from streams.foresight import Outlook, Watched
from streams.known_days import KnownDays
from streams.probation import Candidate
from streams.signals import Total, signal_forecast
from streams.window import Floats, Grid


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
                yield Watched(
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

    def candidates(
        self, predictions: Sequence[Prediction | None], outlooks: Mapping[str, Outlook], at: float, *, stale_s: float
    ) -> Iterator[Candidate]:
        """Say of each signal: unknown, its last value, or its forecast; ``predictions`` come from :func:`foretell`."""
        ends = self.grid.middles(at) + self.grid.width / 2.0
        horizon = max(1, round(self.way.horizon_s / self.grid.width))
        seen = f"@{self.way.horizon_s}-{self.way.window_s}/{self.grid.width}{self.apart}"
        for total, prediction in zip(self.totals, predictions, strict=True):
            outlook = outlooks.get(self._row(total)) if outlooks else None
            yield Candidate(
                row=f"{self._name(total)}{seen}",
                asked=self.way.predictor,
                horizon=horizon,
                value=float(self.days.plain(total.values)[-1]),
                times=self.days.then,
                last=self._last(total),
                ceiling=total.ceiling,
                forecast=signal_forecast(total, prediction, outlook, ends=ends, stale_s=stale_s, days=self.days),
            )

    def plain(self) -> Floats:
        """Return the totals as they were without any event, a row each."""
        return self.days.plain(np.array([total.values for total in self.totals]))

    def ceilings(self) -> list[float]:
        """Return the largest value of each of those."""
        return [self.days.ceiling(total.ceiling) for total in self.totals]

    def _last(self, total: Total) -> float:
        """Return what the last known value says of the target; NaN without one."""
        if (period := total.last) is None:
            return math.nan
        return self.days.last(float(total.values[period]), period, total.ceiling)

    def _name(self, total: Total) -> str:
        return f"{self.cluster}/{total.signal}"

    def _row(self, total: Total) -> str:
        """Return what tells a signal from those that are foreseen otherwise."""
        return f"{self._name(total)}/{self.way.predictor}@{self.way.horizon_s}{self.apart}"


def foretell(prospects: Sequence[Prospect], at: float) -> list[list[Prediction | None]]:
    """Return what the windows alone foretell of each prospect's signals: in one pass, those that look alike."""
    alike: dict[tuple[Grid, float], list[int]] = {}
    for i, prospect in enumerate(prospects):
        alike.setdefault((prospect.grid, prospect.way.horizon_s), []).append(i)
    found: list[list[Prediction | None]] = [[] for _ in prospects]
    for (grid, horizon_s), here in alike.items():
        predictions = iter(
            kinematic.predict(
                grid.middles(at),
                np.concatenate([prospects[i].plain() for i in here]),
                horizon_s=horizon_s,
                ceiling=np.array([ceiling for i in here for ceiling in prospects[i].ceilings()]),
            )
        )
        for i in here:
            found[i] = list(islice(predictions, len(prospects[i].totals)))
    return found
