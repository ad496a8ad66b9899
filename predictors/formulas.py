"""The formulas ``last``, ``kinematic`` and ``seasonal``."""

from dataclasses import dataclass

import numpy as np

from predictors import kinematic
from predictors.plain import Step
from predictors.ring import Ring
from predictors.season import Season
from predictors.series import Bools, Floats, Rows

WEEK = 7
"""Seasons in the longer season."""
LEVEL = 0.3
"""How fast the seasonal forecast follows today's level."""
SHORTEST, LONGEST, LEAST_S = 20, 128, 300.0
"""Bounds of the kinematic window (steps), and how long it is at least (s)."""


@dataclass(slots=True)
class Nothing:
    """The memory of a formula that needs none."""


class Last:
    """The load stays as it is: what every other predictor has to beat."""

    def new(self, rows: Rows) -> Nothing:  # noqa: ARG002 - what a formula is asked
        """Make an empty memory."""
        return Nothing()

    def point(self, memory: Nothing, step: Step) -> tuple[Floats, Bools]:  # noqa: ARG002 - what a formula is asked
        """Return the newest sample."""
        return step.value, np.ones(step.value.size, dtype=np.bool_)

    def seasons(self, memory: Nothing) -> tuple[tuple[Season, int], ...]:  # noqa: ARG002 - what a formula is asked
        """Return none."""
        return ()


@dataclass(slots=True)
class Window:
    """The last values of each row."""

    past: Ring
    """[128, 1, m], NaN in a gap (U)."""


class Kinematic:
    """level + u t + 1/2 a t^2 over a window of max(5 min, 2 x horizon, 20 steps): :mod:`predictors.kinematic`."""

    def new(self, rows: Rows) -> Window:
        """Make empty windows."""
        return Window(Ring.new(LONGEST, 1, rows.m))

    def point(self, memory: Window, step: Step) -> tuple[Floats, Bools]:
        """Fit and extrapolate; rows of equal step and horizon together."""
        rows = step.rows
        memory.past.put(step.at, np.where(step.known, step.value, np.nan)[None])
        point, able = step.value.copy(), np.zeros(rows.m, dtype=np.bool_)
        for step_s, horizon_s in np.unique(np.stack([rows.step_s, rows.horizon_s]), axis=1).T.tolist():
            few = np.flatnonzero((rows.step_s == step_s) & (rows.horizon_s == horizon_s))
            n = window(step_s, horizon_s)
            back = np.arange(n - 1, -1, -1)
            y = memory.past.values[(step.at[few, None] - back) % LONGEST, 0, few[:, None]]
            found = kinematic.predict(-back * step_s, y, horizon_s=horizon_s, ceiling=rows.ceiling[few])
            point[few] = [v if p is None else p.value for p, v in zip(found, step.value[few].tolist(), strict=True)]
            able[few] = [p is not None for p in found]
        return point, able

    def seasons(self, memory: Window) -> tuple[tuple[Season, int], ...]:  # noqa: ARG002 - what a formula is asked
        """Return none."""
        return ()


def window(step_s: float, horizon_s: float) -> int:
    """Return how many steps the kinematic window has."""
    return min(max(SHORTEST, int(max(LEAST_S, 2.0 * horizon_s) / step_s)), LONGEST)


@dataclass(slots=True)
class Calendar:
    """The seasons of each row."""

    day: Season
    week: Season
    level: Floats
    """How far today is above the season (U)."""


class Seasonal:
    """Same time yesterday, and last week once it is known (the mean of both), moved to today's level."""

    def new(self, rows: Rows) -> Calendar:
        """Make empty seasons; a week has seven times the slots of a day."""
        return Calendar(Season.new(rows.m), Season.new(rows.m, 7 * 288), np.zeros(rows.m))

    def point(self, memory: Calendar, step: Step) -> tuple[Floats, Bools]:
        """Return what the season says; the last value until there is one."""
        rows = step.rows
        day, week = (
            season.take(
                step.value, step.known, step.at, period=times * rows.period, horizon=rows.horizon, learn=step.learn
            )
            for season, times in ((memory.day, 1), (memory.week, WEEK))
        )
        both = week.ready & np.isfinite(week.now + week.change)
        now = np.where(both, (day.now + week.now) / 2.0, day.now)
        change = np.where(both, (day.change + week.change) / 2.0, day.change)
        able = day.ready & np.isfinite(now + change)
        over = np.where(able, step.value - now, 0.0)
        memory.level = memory.level + np.where(step.known & able, LEVEL * (over - memory.level), 0.0)
        return np.where(able, now + change + memory.level, step.value), able

    def seasons(self, memory: Calendar) -> tuple[tuple[Season, int], ...]:
        """Return the day and the week."""
        return (memory.day, 1), (memory.week, WEEK)
