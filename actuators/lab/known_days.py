"""A forecaster with a calendar: it sees the load as it were without events, and foretells it with them, as live."""

from dataclasses import replace

import numpy as np

from actuators.lab.ahead import Ahead, Floats, Forecaster, Setting
from config.cluster import CalendarSpec
from predictors.calendar import factors, ignored


def foretold(
    forecaster: Forecaster, observed: Floats, setting: Setting, *, calendar: CalendarSpec, start: float
) -> Ahead:
    """Forecast what is observed (float64[n], the first period begins at ``start``) as the calendar has it."""
    ends: Floats = start + np.arange(1, observed.size + 1, dtype=np.float64) * setting.step_s
    middles: Floats = ends - setting.step_s / 2.0
    setting = replace(setting, learnt=~ignored(calendar, middles))
    if not calendar.events:
        return forecaster(observed, setting)
    plain = forecaster(observed / factors(calendar, middles), replace(setting, ceiling=np.inf))
    targets: Floats = ends + setting.horizon_s
    then = factors(calendar, targets)
    point, lower, upper = (np.minimum(line * then, setting.ceiling) for line in (plain.point, plain.lower, plain.upper))
    return Ahead(point, lower, upper)
