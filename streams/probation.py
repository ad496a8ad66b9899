"""Who is on probation: every forecast of a partition is compared with what came, beside the last value.

A row is one signal of one cluster, forecast by one predictor, for one horizon, from one window. While a row is on
probation the last value is published in place of its forecast, and the comparison goes on.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from predictors import parts, probation
from predictors.probation import Standings
from predictors.registry import LAST
from streams.records.forecast import Forecasts, Score, SignalForecast

Who = tuple[str, str, str]
"""Cluster, signal and predictor."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A forecast that would be published, if it were not on probation."""

    row: str
    """``<cluster>/<signal>/<what it is forecast for and from>``."""
    asked: str
    """The predictor that is to speak; until it can be relied on another one does."""
    horizon: int
    """Periods, at least 1."""
    value: float
    """Total of the newest period, without events (U); NaN when that is not known."""
    times: float
    """What the calendar multiplies the load by at the target."""
    last: float
    """What the last known value says of the target (U); NaN without one."""
    ceiling: float
    forecast: SignalForecast

    def rows(self) -> Iterator[tuple[str, float]]:
        """Yield each row that takes part, and what it says: of the predictor that is asked, and of who speaks now.

        Without events: those are the calendar's.
        """
        speaks = self.speaks
        said = math.nan if self.forecast.forecast is None else self.forecast.forecast / self.times
        if self.asked != LAST:
            yield f"{self.row}/{self.asked}", said if speaks == self.asked else math.nan
        if speaks not in {"", self.asked} and not math.isnan(said):
            yield f"{self.row}/{speaks}", said

    @property
    def speaks(self) -> str:
        """Return the predictor that the forecast is of, and that can err: empty for the last value."""
        return "" if self.forecast.predictor == LAST else self.forecast.predictor


class Scored(msgspec.Struct):
    """The rows, as a checkpoint has them."""

    names: list[str]
    number: int
    state: bytes


class Probation:
    """All rows of a partition."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._place: dict[str, int] = {}
        self._number = 0
        """Of the last period that was taken in."""
        self._standings = Standings.new(np.zeros(0, dtype=np.int64))

    def settle(self, candidates: Sequence[Candidate], *, number: int, at: float) -> list[SignalForecast]:
        """Compare what came in period ``number``, which ends at ``at``; return what is to be published, in order.

        The same period again only asks for the verdict.
        """
        said = {row: (each, forecast) for each in candidates for row, forecast in each.rows()}
        self._enter(said)
        if number != self._number:
            elapsed = max(1, number - self._number)  # fewer than before: periods have another length, and rows are new
            rows = [said[name] for name in self._names]
            value = np.array([each.value for each, _ in rows], dtype=np.float64)
            forecast = np.array([forecast for _, forecast in rows], dtype=np.float64)
            self._standings.take(value, forecast, at=at, elapsed=elapsed)
            self._number = number
        return self._published(candidates)

    def dump(self) -> Scored:
        """Write the rows down."""
        return Scored(self._names, self._number, parts.dump(self._standings))

    def restore(self, kept: Scored) -> None:
        """Go on from what was written down.

        Raises
        ------
        ValueError
            It was written by another version.
        """
        self._standings = probation.load(kept.state)
        if self._standings.horizon.size != len(kept.names):
            raise ValueError(f"{len(kept.names)} names for {self._standings.horizon.size} rows")
        self._names, self._number = kept.names, kept.number
        self._place = {name: i for i, name in enumerate(self._names)}

    def _enter(self, said: Mapping[str, tuple[Candidate, float]]) -> None:
        """Forget the rows that take no part any more, and begin with those that are new."""
        if said.keys() == self._place.keys():
            return
        staying = [i for i, name in enumerate(self._names) if name in said]
        new = [name for name in said if name not in self._place]
        begun = Standings.new(np.array([said[name][0].horizon for name in new], dtype=np.int64))
        self._standings = parts.join(parts.take(self._standings, np.array(staying, dtype=np.int64)), begun)
        self._names = [self._names[i] for i in staying] + new
        self._place = {name: i for i, name in enumerate(self._names)}

    def _published(self, candidates: Sequence[Candidate]) -> list[SignalForecast]:
        """Return the forecasts, each with its score; of a row on probation the last value in its place."""
        standings = self._standings
        scores = (standings.relmae, standings.scored, standings.since, standings.margin)
        verdicts = list(zip(*(each.tolist() for each in scores), strict=True))
        return [
            _verdict(each, *verdicts[self._place[f"{each.row}/{each.speaks}"]]) if each.speaks else each.forecast
            for each in candidates
        ]


def _verdict(of: Candidate, relmae: float, scored: int, since: float, margin: float) -> SignalForecast:
    """Return a forecast with its score, or the last value in its place."""
    if not scored:
        return of.forecast
    forecast, last, margin = of.forecast, of.last, margin * of.times
    if math.isnan(since) or math.isnan(last):
        return replace(forecast, score=Score(of.speaks, relmae, scored))
    return replace(
        forecast,
        forecast=last,
        lower=max(last - margin, 0.0),
        upper=max(last, min(last + margin, of.ceiling)),
        predictor=LAST,
        score=Score(of.speaks, relmae, scored, since),
    )


class Turns:
    """Notices, from what is published, who comes on probation and who leaves it."""

    def __init__(self) -> None:
        self._on: set[Who] = set()

    def take(self, record: Forecasts) -> list[tuple[Who, Score]]:
        """Return whose probation begins or ends at a tick; what is unknown then stays as it is."""
        scores = {
            (of.cluster, signal.signal.value, signal.score.predictor): signal.score
            for of in record.clusters
            for signal in (*of.shadow, *of.signals)
            if signal.score is not None
        }
        there = {of.cluster for of in record.clusters}
        before = {who for who in self._on if who[0] in there}
        now = {who for who, score in scores.items() if score.since is not None}
        self._on = now | (before - scores.keys())
        return [(who, scores[who]) for who in sorted((now - before) | (before & scores.keys() - now))]
