"""A *prospect*: one way to look ahead of one cluster, and its signals on the window that this way looks at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from predictors import kinematic
from streams.foresight import Outlook, Watched
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
            np.array([total.values for total in self.totals]),
            horizon_s=self.way.horizon_s,
            ceiling=np.array([total.ceiling for total in self.totals]),
        )
        ends, horizon = middles + self.grid.width / 2.0, max(1, round(self.way.horizon_s / self.grid.width))
        for total, prediction in zip(self.totals, predictions, strict=True):
            outlook = outlooks.get(self._watched(total).row)
            yield Candidate(
                row=f"{self._name(total)}@{self.way.horizon_s}-{self.way.window_s}/{self.grid.width}",
                asked=self.way.predictor,
                horizon=horizon,
                value=float(total.values[-1]),
                ceiling=total.ceiling,
                forecast=signal_forecast(total, prediction, outlook, ends=ends, stale_s=stale_s),
            )

    def _name(self, total: Total) -> str:
        return f"{self.cluster}/{total.signal}"

    def _watched(self, total: Total) -> Watched:
        way = self.way
        return Watched(self._name(total), total.values, self.grid, way.horizon_s, total.ceiling, way.predictor)
