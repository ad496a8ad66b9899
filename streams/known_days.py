"""What the calendar makes of one cluster's numbers at a tick: divided on the way in, multiplied on the way out."""

from dataclasses import dataclass, replace

import numpy as np

from config.cluster import CalendarSpec
from predictors.calendar import factor, factors, holding, ignored, next_change
from predictors.kinematic import Prediction
from predictors.motion import Motion
from predictors.series import Bools
from streams.foresight import Outlook
from streams.records.forecast import Expected
from streams.window import Floats, Grid


@dataclass(frozen=True, slots=True)
class KnownDays:
    """The calendar over the periods of a window, and at the target of its forecast."""

    factors: Floats
    """Of each period, at its middle."""
    learnt: Bools | None
    """Whether each period may be learnt from; ``None``: all."""
    now: float
    """The factor at the tick."""
    then: float
    """The factor at the target."""
    expected: Expected | None
    bent: bool
    """Whether there is any event at all."""

    @classmethod
    def of(cls, calendar: CalendarSpec, grid: Grid, at: float, horizon_s: float) -> "KnownDays":
        """Look at the calendar: a window, the tick ``at`` its end, and a horizon from there."""
        if not calendar.events and not calendar.bad_days:
            return ORDINARY
        middles = grid.middles(0.0)
        return cls(
            factors=factors(calendar, middles),
            learnt=~ignored(calendar, middles),
            now=factor(calendar, at),
            then=factor(calendar, at + horizon_s),
            expected=expected(calendar, at + horizon_s),
            bent=bool(calendar.events),
        )

    def plain(self, totals: Floats) -> Floats:
        """Return totals (float64[..., n]) as they were without any event."""
        return totals / self.factors if self.bent else totals

    def ceiling(self, ceiling: float) -> float:
        """Return the largest value of a plain total: where events bend it, only the forecast itself is bounded."""
        return np.inf if self.bent else ceiling

    def last(self, value: float, period: int, ceiling: float) -> float:
        """Return what the total of one period is at the target."""
        return min(value / float(self.factors[period]) * self.then, ceiling) if self.bent else value

    def outlook(self, plain: Outlook | None, ceiling: float) -> Outlook | None:
        """Return what is foreseen with the events of the target."""
        if plain is None or not self.bent:
            return plain
        value, lower, upper = (min(each * self.then, ceiling) for each in (plain.value, plain.lower, plain.upper))
        return Outlook(value, lower, upper, plain.predictor)

    def prediction(self, plain: Prediction | None, ceiling: float) -> Prediction | None:
        """Return a prediction with the events of the target; its motion is that of now."""
        if plain is None or not self.bent:
            return plain
        value, lower, upper = (min(each * self.then, ceiling) for each in (plain.value, plain.lower, plain.upper))
        motion = Motion(*(self.now * each for each in (plain.motion.level, plain.motion.slope, plain.motion.curvature)))
        return replace(plain, motion=motion, value=value, lower=lower, upper=upper)


ORDINARY = KnownDays(np.ones(0), None, 1.0, 1.0, None, bent=False)
"""Days of which nothing is known."""


def expected(calendar: CalendarSpec, at: float) -> Expected | None:
    """Return what the calendar expects at a time; ``None`` where no event holds."""
    events = holding(calendar, at)
    if not events:
        return None
    return Expected(
        events=tuple(event.name for event in events),
        factor=factor(calendar, at),
        since=max(event.start for event in events),
        until=next_change(calendar, at),
    )
