"""Predictors with one formula: what they share is the handling of gaps and the margin learned from their own errors."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from predictors.gaps import Held
from predictors.margin import Margin
from predictors.season import Season
from predictors.series import Bools, Floats, Forecast, Ints, Rows


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a batch: arrays with one value for each row."""

    rows: Rows
    value: Floats
    """The newest sample (U): this step's, or in a gap the one before it."""
    known: Bools
    """Whether this step has a sample."""
    at: Ints
    """Number of the step, from the row's first sample on."""
    learn: Bools | None = None
    """Where seasons may learn from it; ``None``: everywhere."""


class Formula(Protocol):
    """A point forecast. Its memory is a part (:mod:`predictors.parts`)."""

    def new(self, rows: Rows) -> Any:
        """Make the memory of rows that have seen nothing."""
        ...

    def point(self, memory: Any, step: Step) -> tuple[Floats, Bools]:
        """Take in one step; return the forecast (U), and where it is more than the last value for want of samples."""
        ...

    def seasons(self, memory: Any) -> tuple[tuple[Season, int], ...]:
        """Return the seasons that it remembers, each with its length in periods."""
        ...


@dataclass(slots=True)
class State:
    """All that is known of a batch of rows."""

    rows: Rows
    held: Held
    memory: Any
    margin: Margin


@dataclass(frozen=True, slots=True)
class Plain:
    """Makes a predictor of a formula."""

    formula: Formula

    def new(self, rows: Rows, *, longest: int | None = None) -> State:
        """Make the state of rows that have seen nothing; ``longest``: see :class:`predictors.registry.Predictor`."""
        far = int(longest or rows.horizon.max(initial=1))
        return State(rows, Held.new(rows.m), self.formula.new(rows), Margin.new(rows.m, far))

    def step(self, state: State, y: Floats, *, learn: Bools | None = None) -> Forecast:
        """Take in one step (float64[m], NaN for none) and forecast the horizon from now; ``learn``: see Predictor."""
        rows, held = state.rows, state.held
        known = held.take(y)
        state.margin.take(np.where(known, held.value, np.nan), held.moved, held.step, rows)
        point, able = self.formula.point(state.memory, Step(rows, held.value, known, held.step, learn))
        point = np.clip(point, 0.0, rows.ceiling)
        lines = state.margin.bounds(point, np.zeros_like(point), held.step, known)
        return held.forecast(rows, point, lines, np.where(able, 1, held.age + 1))

    def seasons(self, state: State) -> tuple[tuple[Season, int], ...]:
        """Return those of the formula."""
        return self.formula.seasons(state.memory)
