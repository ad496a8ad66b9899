"""The ``ensemble`` predictor: experts of many kinds, weighed by how little each erred of late.

Levels (last value, exponential means, medians) say that nothing will change; seasonal experts say that the load will do
what it did a day ago; two online regressions on kinematic features (gaps between value, means and means of means: an
exponential window's slope and curvature) and on the seasonal experts' changes learn what of these holds here.
The mixture is then weighed once more against the last value.
"""

from dataclasses import dataclass

import numpy as np

from predictors.gaps import Held
from predictors.margin import Margin
from predictors.mixture import Mixture
from predictors.ridge import Ridge, due
from predictors.ring import Ring, total
from predictors.season import Season, Seen
from predictors.series import SMALLEST, Bools, Floats, Forecast, Ints, Rows
from predictors.smooth import Means, Medians

RATES = np.array([[0.5], [0.2], [0.1], [0.05], [0.02]])
"""Of the exponential means; the features use all, the experts the last two and 0.2."""
TWICE = np.array([0, 1, 3])
"""Means that are smoothed again."""
WIDTHS = (5, 15, 45)
"""Of the medians (steps)."""
EXPERTS = 12
SEASONAL = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0], dtype=bool)[:, None]
FEATURES = 16
MEMORIES = np.array([[1.0 / 3.0], [4.0]])
"""What the two regressions remember (seasons)."""
HALF_LIVES = np.array([60.0, 480.0])[:, None, None]
"""Of the errors that weigh (steps)."""
CLIP = 6.0
"""Features and changes are cut at this many mean changes."""
EVERY = 10
"""Each row's regressions are solved once in this many steps."""
ENOUGH = 30
"""Steps beyond the horizon before the forecast is relied on."""


@dataclass(slots=True)
class State:
    """All that is known of a batch of rows."""

    rows: Rows
    held: Held
    means: Means
    medians: Medians
    season: Season
    pending: Ring
    """[longest horizon + 1, 12 experts + mixture + 16 features + value, m]; the value is NaN in a gap."""
    change: Floats
    """Mean absolute change over the horizon (U)."""
    ridge: Ridge
    experts: Mixture
    final: Mixture
    margin: Margin


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Makes and moves the states."""

    guard: bool = False
    """Whether the upper lines are never under level + max(0, slope) x horizon, the slope being that of three values."""

    def new(self, rows: Rows, *, longest: int | None = None) -> State:
        """Make the state of rows that have seen nothing; ``longest``: see :class:`predictors.registry.Predictor`."""
        m, far = rows.m, int(longest or rows.horizon.max(initial=1))
        return State(
            rows=rows,
            held=Held.new(m),
            means=Means.new(len(RATES), len(TWICE), m),
            medians=Medians.new(WIDTHS, m),
            season=Season.new(m),
            pending=Ring.new(far + 1, EXPERTS + 1 + FEATURES + 1, m),
            change=np.zeros(m),
            ridge=Ridge.new(len(MEMORIES), FEATURES, m),
            experts=Mixture.new(len(HALF_LIVES), EXPERTS, m),
            final=Mixture.new(len(HALF_LIVES), 2, m),
            margin=Margin.new(m, far),
        )

    def step(self, state: State, y: Floats, *, learn: Bools | None = None) -> Forecast:
        """Take in one step (float64[m], NaN for none) and forecast the horizon from now; ``learn``: see Predictor."""
        rows, held = state.rows, state.held
        known = held.take(y)
        at, value, first = held.step, held.value, held.first
        _learn(state, known, at)
        state.margin.take(np.where(known, value, np.nan), held.moved, at, rows)
        state.means.take(value, RATES, TWICE, first)
        medians = state.medians.take(value, at, first)
        seen = state.season.take(value, known, at, period=rows.period, horizon=rows.horizon, learn=learn)
        x = _features(state.means, medians, seen, value)
        experts = np.minimum(np.maximum(_experts(state, medians, seen, x), 0.0), rows.ceiling)
        mixture = state.experts.blend(experts, ~SEASONAL | seen.ready)
        point = state.final.blend(np.array([value, mixture]))
        state.pending.put(at, np.concatenate([experts, mixture[None], x, np.where(known, value, np.nan)[None]]))
        apart = total(np.abs(experts - point)) / EXPERTS
        lines = state.margin.bounds(point, apart, at, known)
        if self.guard:
            lines[1:] = np.maximum(lines[1:], _rising(state, at))
        return held.forecast(rows, point, lines, rows.horizon + ENOUGH)

    def seasons(self, state: State) -> tuple[tuple[Season, int], ...]:
        """Return the day."""
        return ((state.season, 1),)


def _learn(state: State, known: Bools, at: Ints) -> None:
    """Learn from the forecasts whose target is now."""
    rows, value = state.rows, state.held.value
    past = state.pending.get(at - rows.horizon)
    told = known & np.isfinite(past[-1])
    error = np.abs(value - past[: EXPERTS + 1])
    keep = 0.5 ** (1.0 / HALF_LIVES)
    state.experts.learn(error[:EXPERTS], told, keep)
    state.final.learn(error[[0, EXPERTS]], told, keep)
    change = np.where(told, value - past[-1], 0.0)
    size = np.abs(change)
    state.change = np.where(told & (state.change == 0.0), size, state.change)
    x = past[EXPERTS + 1 : -1]
    unit = _unit(state, x)
    x = np.where(told, _cut(x / unit), 0.0)
    z = np.where(told, _cut(change / unit), 0.0)
    # Least absolute deviations by iterated weights: an error counts as one over its size beyond one mean change.
    weight = 1.0 / np.maximum(np.abs(z - state.ridge.predict(x)), 1.0)
    state.ridge.learn(x, weight[:, None] * x, z, 1.0 - 1.0 / np.maximum(MEMORIES * rows.period, 2.0))
    state.ridge.solve(due(at, rows.phase, EVERY), delta=5.0, share=0.02)
    grown = state.change + 0.02 * (np.minimum(size, 10.0 * state.change) - state.change)
    state.change = np.where(told, grown, state.change)


def _unit(state: State, x: Floats) -> Floats:
    """Return what features are measured in: the mean change, and never so little that they overflow."""
    unit: Floats = state.change + 1e-9 * np.abs(x).max(axis=0) + SMALLEST
    return unit


def _cut(x: Floats) -> Floats:
    """Return features or changes without what is beyond all experience."""
    return np.minimum(np.maximum(x, -CLIP), CLIP)


def _features(means: Means, medians: Floats, seen: Seen, value: Floats) -> Floats:
    """Return what the regressions see (float64[16, m], U): kinematic gaps, changes a season ago, gaps to medians."""
    season = np.array([seen.change, seen.now - value, seen.profile_change, seen.winters - value, seen.same - value])
    return np.concatenate(
        [means.once - value, means.twice - means.once[TWICE], medians - value, np.where(np.isnan(season), 0.0, season)]
    )


def _experts(state: State, medians: Floats, seen: Seen, x: Floats) -> Floats:
    """Return what each expert says (float64[12, m], U); a seasonal one that knows nothing says the last value."""
    value = state.held.value
    unit = _unit(state, x)
    learned = value + unit * state.ridge.predict(_cut(x / unit))
    seasonal = np.array([seen.same, seen.winters, *seen.profiled])
    return np.concatenate(
        [
            value[None],
            state.means.once[[1, 3, 4]],
            medians[1:],
            np.where(np.isnan(seasonal), value, seasonal),
            learned,
        ]
    )


def _rising(state: State, at: Ints) -> Floats:
    """Return the level at the horizon if the line through the last three values goes on, where it rises (U)."""
    value = state.held.value
    slope = (value - state.medians.past.get(at - 2)[0]) / 2.0
    level: Floats = value + np.maximum(slope, 0.0) * state.rows.horizon
    return level
