"""Known days: what the load is multiplied by at a time, and which times are not to be learnt from.

What a predictor is given is the load divided by the factor of its time; what it says of a time is multiplied by the
factor of that time. So an event is foretold a horizon before it begins, and leaves no trace in what is learnt.
"""

import math

import numpy as np

from config.cluster import CalendarSpec, EventSpec
from predictors.series import Bools, Floats


def holding(calendar: CalendarSpec, at: float) -> tuple[EventSpec, ...]:
    """Return the events that hold at a time (s since the Unix epoch)."""
    return tuple(event for event in calendar.events if event.start <= at < event.end)


def factor(calendar: CalendarSpec, at: float) -> float:
    """Return what the load is multiplied by at a time; 1 where no event holds."""
    return math.prod(event.factor for event in holding(calendar, at))


def factors(calendar: CalendarSpec, times: Floats) -> Floats:
    """Return what the load is multiplied by at each time (float64[n])."""
    found = np.ones(times.shape)
    for event in calendar.events:
        found[(times >= event.start) & (times < event.end)] *= event.factor
    return found


def ignored(calendar: CalendarSpec, times: Floats) -> Bools:
    """Return which times are not to be learnt from (bool[n])."""
    found = np.zeros(times.shape, dtype=np.bool_)
    for day in calendar.bad_days:
        found |= (times >= day.start) & (times < day.end)
    return found


def next_change(calendar: CalendarSpec, at: float) -> float:
    """Return when an event begins or ends next after a time; infinite when none does."""
    edges = (edge for event in calendar.events for edge in (event.start, event.end))
    return min((edge for edge in edges if edge > at), default=math.inf)
