"""What a predictor foresees: one row for every signal of every cluster of a partition, step by step.

Windows say how a load moves now; the rows may remember what it did a day ago, and how wrong every forecast was. A step
is clamp(horizon / 5, 10 s, 60 s) long and ends at a multiple of its length, so that a replay steps as the live run did.
"""

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from config.cluster import CalendarSpec
from predictors import parts
from predictors.motion import sums
from predictors.registry import PREDICTORS, Predictor, load
from predictors.series import Bools, Rows, rows
from streams.past import Past
from streams.recall import remember
from streams.window import ROUNDING, Floats, Grid

SHORTEST_S, LONGEST_S = 10.0, 60.0
"""Bounds of a step (s)."""
PER_HORIZON = 5
"""Steps that a horizon is long, between those bounds."""
FARTHEST = 32
"""Steps that a horizon is long at most."""
NEAR = 8
"""Steps that most are long: rows that look no farther need half the room."""
NOTHING_KNOWN = CalendarSpec()
CATCH_UP = 120
"""Steps that are made up for at most after a pause; what lies before them is one gap."""


def longest_of(horizon_s: float, step_s: float) -> int:
    """Return how many steps the longest horizon is of the rows that one of this length (s) stands beside."""
    return NEAR if math.ceil(horizon_s / step_s) <= NEAR else FARTHEST


def step_of(horizon_s: float, period_s: float) -> float:
    """Return how long a step is for a horizon (s): never shorter than a period of evaluation."""
    return max(min(max(horizon_s / PER_HORIZON, SHORTEST_S), LONGEST_S), period_s, horizon_s / FARTHEST)


class Outlook(msgspec.Struct, frozen=True):
    """What is foreseen of one signal at the horizon (in its unit)."""

    value: float
    lower: float
    """P10."""
    upper: float
    """P90."""
    predictor: str


@dataclass(frozen=True, slots=True)
class Watched:
    """One signal of one cluster at a tick."""

    name: str
    """``<cluster>/<signal>``."""
    values: Floats
    """Its totals on the grid, NaN where unknown."""
    grid: Grid
    horizon_s: float
    ceiling: float
    predictor: str
    learnt: Bools | None = None
    """Which periods seasons may learn from; ``None``: all."""
    calendar: CalendarSpec = NOTHING_KNOWN
    """What the values are divided by already: a past that is recalled is seen by it too."""
    apart: str = ""
    """Tells rows of the same signal, predictor and horizon apart."""

    @property
    def row(self) -> str:
        """Return what tells the row from others: the signal, who foresees it, and how far ahead."""
        return f"{self.name}/{self.predictor}@{self.horizon_s}{self.apart}"

    def teaches(self, inside: slice) -> bool:
        """Say whether a season may learn from all of these periods."""
        return self.learnt is None or bool(self.learnt[inside].all())

    def first_step(self, step_s: float, *, first: int, last: int) -> int | None:
        """Return the number of the first step from ``first`` to ``last`` with a known period; ``None`` without one."""
        known = np.isfinite(self.values)
        if not known.any():
            return None
        middles = self.grid.middles(0.0)
        inside = (middles >= (first - 1) * step_s) & (middles < last * step_s) & known
        return math.floor(float(middles[inside][0]) / step_s) + 1 if inside.any() else None


@dataclass(frozen=True, slots=True)
class _View:
    """Signals of one grid."""

    who: list[int]
    middles: Floats
    """Of the periods (s since the Unix epoch)."""
    values: Floats
    """A period in each line."""

    def inside(self, start: float, end: float) -> slice:
        """Return the periods whose middle lies in [``start``, ``end``)."""
        first, last = np.searchsorted(self.middles, (start, end), "left").tolist()
        return slice(first, last)

    def means(self, inside: slice) -> Floats:
        """Return the mean of each signal over some periods; NaN when none is known."""
        values = self.values[inside]
        known = np.isfinite(values)
        n = np.add.reduce(known, axis=0, dtype=np.float64)
        return np.where(n > 0.0, sums(np.where(known, values, 0.0)) / np.maximum(n, 1.0), np.nan)


def _views(given: Sequence[Watched]) -> list[_View]:
    """Put signals of the same grid together."""
    alike: dict[Grid, list[int]] = {}
    for i, each in enumerate(given):
        alike.setdefault(each.grid, []).append(i)
    return [
        _View(who, grid.middles(0.0), np.ascontiguousarray(np.array([given[i].values for i in who]).T))
        for grid, who in alike.items()
    ]


class Kept(msgspec.Struct):
    """The rows of one predictor, step length and reach, as a checkpoint has them."""

    predictor: str
    step_s: float
    longest: int
    names: list[str]
    done: int
    state: bytes
    outlooks: dict[str, Outlook]


class Batch:
    """The rows of one predictor and step length. A row's numbers do not hang on the rows beside it."""

    def __init__(self, predictor: str, step_s: float, longest: int) -> None:
        self.predictor = predictor
        self.step_s = step_s
        self.longest = longest
        """Steps of its longest horizon, at most."""
        self.names: list[str] = []
        self.done = 0
        """Number of the last step that was taken."""
        self.outlooks: dict[str, Outlook] = {}
        """Of the rows that can be relied on, as of the last step."""
        self._of: Predictor = PREDICTORS[predictor]
        self._state = self._new(())

    def look(self, watched: Sequence[Watched], at: float, past: Past | None = None) -> None:
        """Take the steps that are over at a tick. Rows begin with their first known step, and remember their past."""
        now = math.floor(at / self.step_s + ROUNDING)
        of = {each.row: each for each in watched}
        self._let_go(of)
        given = [of.pop(name) for name in self.names]
        self._state.rows = self._rows(given)
        self._run(self._state, dict(zip(self.names, given, strict=True)), first=self.done + 1, now=now)
        if new := list(of.values()):
            new, state, first = self._begin(new, now, past)
            if new:
                named = {each.row: each for each in new}
                self._run(state, named, first=first, now=now)
                self._state = parts.join(self._state, state) if self.names else state
                self.names += named
        self.done = now

    def dump(self) -> Kept:
        """Write the rows down."""
        return Kept(
            self.predictor, self.step_s, self.longest, self.names, self.done, parts.dump(self._state), self.outlooks
        )

    def restore(self, kept: Kept) -> None:
        """Go on from what was written down.

        Raises
        ------
        ValueError
            It was written by another version.
        """
        self._state = load(self._of, kept.state)
        self.names, self.done, self.outlooks = kept.names, kept.done, kept.outlooks

    def _let_go(self, watched: Mapping[str, Watched]) -> None:
        """Forget the rows that are not watched any more."""
        staying = [i for i, name in enumerate(self.names) if name in watched]
        if len(staying) < len(self.names):
            self.names = [self.names[i] for i in staying]
            self._state = parts.take(self._state, np.array(staying, dtype=np.int64))
            self.outlooks = {name: self.outlooks[name] for name in self.names if name in self.outlooks}

    def _begin(self, watched: Sequence[Watched], now: int, past: Past | None) -> tuple[list[Watched], Any, int]:
        """Return those that begin, their new state, and the number of the first step to be taken."""
        first = min(math.ceil(each.grid.start / self.step_s - ROUNDING) for each in watched) + 1
        first = max(first, now - CATCH_UP + 1)
        steps = [each.first_step(self.step_s, first=first, last=now) for each in watched]
        new = [each for each, step in zip(watched, steps, strict=True) if step is not None]
        state = self._new(new)
        if past is not None:
            begins = [(step - 1) * self.step_s for step in steps if step is not None]
            remember(past, self._of, state, new, begins)
        return new, state, first

    def _run(self, state: Any, named: Mapping[str, Watched], *, first: int, now: int) -> None:
        """Take the steps from the ``first`` to the one that is over now, and note what is foreseen then."""
        steps, given = range(max(first, now - CATCH_UP + 1), now + 1), list(named.values())
        if not given or not steps:
            return
        views = _views(given)
        for number in steps:
            start = (number - 1) * self.step_s
            value, learn = np.full(len(given), np.nan), np.ones(len(given), dtype=np.bool_)
            for view in views:
                inside = view.inside(start, start + self.step_s)
                value[view.who] = view.means(inside)
                learn[view.who] = [given[i].teaches(inside) for i in view.who]
            forecast = self._of.step(state, value, learn=learn)
        lines = zip(*(line.tolist() for line in (forecast.point, forecast.lower, forecast.upper)), strict=True)
        for row, ready, line in zip(named, forecast.ready.tolist(), lines, strict=True):
            self.outlooks.pop(row, None)
            if ready:
                value, lower, upper = line
                self.outlooks[row] = Outlook(value, lower, upper, self.predictor)

    def _new(self, watched: Sequence[Watched]) -> Any:
        return self._of.new(self._rows(watched), longest=self.longest)

    def _rows(self, watched: Sequence[Watched]) -> Rows:
        return rows(
            len(watched),
            step_s=self.step_s,
            horizon_s=[each.horizon_s for each in watched],
            ceiling=[each.ceiling for each in watched],
            phase=[zlib.crc32(each.name.encode()) for each in watched],
        )


class Foresight:
    """All rows of a partition, by predictor, step length and reach."""

    def __init__(self) -> None:
        self._batches: dict[tuple[str, float, int], Batch] = {}

    def look(self, watched: Sequence[Watched], at: float, past: Past | None = None) -> dict[str, Outlook]:
        """Take in a tick; return what is foreseen, by row, of what can be relied on."""
        of: dict[tuple[str, float, int], list[Watched]] = {kind: [] for kind in self._batches}
        for each in watched:
            step_s = step_of(each.horizon_s, each.grid.width)
            of.setdefault((each.predictor, step_s, longest_of(each.horizon_s, step_s)), []).append(each)
        found: dict[str, Outlook] = {}
        for kind, here in of.items():
            if not here:
                del self._batches[kind]
                continue
            batch = self._batches.setdefault(kind, Batch(*kind))
            batch.look(here, at, past)
            found |= batch.outlooks
        return found

    def dump(self) -> list[Kept]:
        """Write everything down."""
        return [batch.dump() for batch in self._batches.values()]

    def restore(self, kept: Iterable[Kept]) -> None:
        """Go on from what was written down.

        Raises
        ------
        ValueError
            It was written by another version.
        """
        for each in kept:
            if each.predictor not in PREDICTORS:
                raise ValueError(f"predictor '{each.predictor}': must be one of {', '.join(PREDICTORS)}")
            kind = (each.predictor, each.step_s, each.longest)
            batch = self._batches[kind] = Batch(*kind)
            batch.restore(each)
