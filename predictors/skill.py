"""How good forecasts are: rolling origin at every step, the past only, against the last value.

Scored are origins of the last 70 % of a series whose sample and whose target's sample are there. relMAE is the mean
absolute error over that of the last value; the P90 pinball loss is relative to the last value with a head of its own
(see :func:`last_upper`).
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from predictors import parts
from predictors.beforehand import Beforehand
from predictors.formulas import Kinematic
from predictors.plain import Plain
from predictors.registry import Predictor
from predictors.series import Floats, Ints, rows

WARM_UP = 0.3
"""Share of a series that is not scored."""
LEVEL = 0.9
HEAD, HEAD_OF_5_MIN = 500, 288
"""Errors of the last value that its head ranks: at steps below 300 s, and from there on."""
FIRST_RANK = 30
"""Errors before the head ranks; before, its line is the last value."""
VOLATILITY = 1.0 - 0.5 ** (1.0 / 30.0)


@dataclass(frozen=True, slots=True)
class Cell:
    """A series and a horizon to forecast it at."""

    name: str
    horizon_s: float
    step_s: float
    values: Floats
    """One for each step, NaN where there is none (U)."""
    period_s: float

    @property
    def horizon(self) -> int:
        """Return the horizon in steps."""
        return max(1, round(self.horizon_s / self.step_s))


@dataclass(frozen=True, slots=True)
class Skill:
    """What a predictor reached on a cell."""

    name: str
    horizon_s: float
    predictor: str
    n: int
    """Forecasts scored."""
    relmae: float
    """Mean absolute error, relative to the last value's; NaN when nothing is scored or that is 0."""
    relpinball90: float
    """Pinball loss of the P90 line, relative to the last value's with its head."""
    coverage90: float
    """Share of targets at or below the P90 line."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What was forecast at each step of a cell for the horizon from there (U)."""

    point: Floats
    upper: Floats


def scored(cell: Cell) -> Ints:
    """Return the origins that count (steps)."""
    origins = np.arange(int(WARM_UP * cell.values.size), cell.values.size - cell.horizon)
    there = np.isfinite(cell.values[origins]) & np.isfinite(cell.values[origins + cell.horizon])
    return origins[there]


def mean_error(cell: Cell, point: Floats) -> float:
    """Return the mean absolute error (U); NaN when nothing is scored."""
    origins = scored(cell)
    return _mean(np.abs(cell.values[origins + cell.horizon] - point[origins]))


def pinball(cell: Cell, upper: Floats, level: float = LEVEL) -> float:
    """Return the mean pinball loss of a line (U); NaN when nothing is scored."""
    origins = scored(cell)
    over = cell.values[origins + cell.horizon] - upper[origins]
    return _mean(np.where(over > 0.0, level * over, (level - 1.0) * over))


def coverage(cell: Cell, upper: Floats) -> float:
    """Return the share of targets at or below a line; NaN when nothing is scored."""
    origins = scored(cell)
    return _mean((cell.values[origins + cell.horizon] <= upper[origins]).astype(np.float64))


def last_values(cell: Cell) -> Floats:
    """Return the newest sample at each step (U); NaN before the first."""
    places = np.maximum.accumulate(np.where(np.isfinite(cell.values), np.arange(cell.values.size), -1))
    return np.where(places >= 0, cell.values[np.maximum(places, 0)], np.nan)


def last_upper(cell: Cell) -> Floats:
    """Return the last value's P90 line (U): the same head for all, by which losses are made comparable.

    The 0.9 rank of its newest 500 errors (288 at steps of 300 s or more), each in units of the volatility at its
    origin: the mean step (half-life 30 steps) and 2 % of the level.
    """
    values, last, h = cell.values, last_values(cell), cell.horizon
    step = np.abs(np.diff(values, prepend=np.nan))
    volatility, ranked, newest = _volatility(step, last), list[float](), deque[float]()
    most = HEAD if cell.step_s < 5 * 60 else HEAD_OF_5_MIN
    errors = (values[h:] - last[:-h]) / volatility[:-h]
    upper = last.copy()
    for t in range(values.size):
        if t >= h and np.isfinite(errors[t - h]):
            newest.append(float(errors[t - h]))
            insort(ranked, newest[-1])
            if len(newest) > most:
                del ranked[bisect_left(ranked, newest.popleft())]
        n = len(ranked)
        if n >= FIRST_RANK:
            upper[t] += volatility[t] * ranked[min(n - 1, int(np.ceil(LEVEL * (n + 1))) - 1)]
    return upper


def forecasts(predictor: Predictor, cells: Sequence[Cell]) -> list[Lines]:
    """Run a predictor over cells, all at once, each from its first step to its last.

    A cell whose horizon is too long in steps, or whose period is not positive, is a ValueError.
    """
    order = np.array(sorted(range(len(cells)), key=lambda i: -cells[i].values.size), dtype=np.int64)
    series = [cells[i] for i in order]
    found = [Lines(np.full(each.values.size, np.nan), np.full(each.values.size, np.nan)) for each in cells]
    shape = rows(
        len(series),
        step_s=np.array([each.step_s for each in series]),
        horizon_s=np.array([each.horizon_s for each in series]),
        period_s=np.array([each.period_s for each in series]),
    )
    if isinstance(predictor, Plain) and isinstance(predictor.formula, Kinematic):
        predictor = Plain(Beforehand([each.values for each in series], shape))
    state = predictor.new(shape)
    begin = 0
    for live in range(len(series), 0, -1):
        end = series[live - 1].values.size
        if end > begin:
            state = parts.take(state, np.arange(live))
            _run(predictor, state, series[:live], [found[i] for i in order[:live]], begin=begin, end=end)
            begin = end
    return found


def score(predictor: Predictor, cells: Sequence[Cell], *, name: str) -> list[Skill]:
    """Score a predictor on cells."""
    return [_skill(cell, lines, name) for cell, lines in zip(cells, forecasts(predictor, cells), strict=True)]


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean of those that are positive and finite; NaN without one."""
    kept = [value for value in values if np.isfinite(value) and value > 0.0]
    return float(np.exp(np.mean(np.log(kept)))) if kept else float("nan")


def _run(
    predictor: Predictor, state: object, series: Sequence[Cell], found: Sequence[Lines], *, begin: int, end: int
) -> None:
    """Step a batch from ``begin`` to ``end``."""
    samples = np.stack([each.values[begin:end] for each in series], axis=1)
    points, uppers = np.empty_like(samples), np.empty_like(samples)
    for i, y in enumerate(samples):
        forecast = predictor.step(state, y)
        points[i], uppers[i] = forecast.point, forecast.upper
    for row, lines in enumerate(found):
        lines.point[begin:end], lines.upper[begin:end] = points[:, row], uppers[:, row]


def _skill(cell: Cell, lines: Lines, name: str) -> Skill:
    """Score one cell."""
    return Skill(
        name=cell.name,
        horizon_s=cell.horizon_s,
        predictor=name,
        n=int(scored(cell).size),
        relmae=_ratio(mean_error(cell, lines.point), mean_error(cell, last_values(cell))),
        relpinball90=_ratio(pinball(cell, lines.upper), pinball(cell, last_upper(cell))),
        coverage90=coverage(cell, lines.upper),
    )


def _volatility(step: Floats, last: Floats) -> Floats:
    """Return the mean step up to each one, and 2 % of the level (U)."""
    volatility, mean = np.zeros(step.size), float("nan")
    for t, each in enumerate(step.tolist()):
        if not math.isnan(each):
            mean = each if math.isnan(mean) else mean + VOLATILITY * (each - mean)
        volatility[t] = 0.0 if math.isnan(mean) else mean
    return volatility + 1e-9 + 0.02 * np.abs(last)


def _mean(values: Floats) -> float:
    """Return the mean; NaN of none."""
    return float(np.mean(values)) if values.size else float("nan")


def _ratio(value: float, of: float) -> float:
    """Return a ratio; NaN to 0."""
    return value / of if of > 0.0 else float("nan")
