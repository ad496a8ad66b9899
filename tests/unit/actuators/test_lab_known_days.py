"""A calendar in the closed loop: members are ready when the launch begins."""

import msgspec
import numpy as np
import pytest

from actuators.lab.ahead import FORECASTERS
from actuators.lab.report import closed_loop, course_of
from actuators.lab.world import World
from config.cluster import CalendarSpec, ClusterSpec, EventSpec, PredictionSpec
from tests.laboratory import a_lab_spec, a_load, a_trial

NINE = 9 * 3600.0
LAUNCH = EventSpec(name="launch", start=NINE, end=NINE + 3600.0, factor=3.0)
LOAD = a_load(np.where((np.arange(720) >= 540) & (np.arange(720) < 600), 150.0, 50.0))
"""Twelve hours in minutes; from 09:00 on three times as much for an hour."""


def with_calendar(calendar: CalendarSpec) -> ClusterSpec:
    return msgspec.structs.replace(a_lab_spec(), prediction=PredictionSpec(calendar=calendar))


def short_minutes(spec: ClusterSpec, predictor: str) -> int:
    """Return the minutes in which fewer members serve than the load needs."""
    trial = a_trial(LOAD, spec=spec, predictor=predictor, world=World(boot_s=(180.0,)))
    loop = closed_loop(spec, course_of(trial), trial.world)
    need = np.ceil(LOAD.signals["requests_in_flight"] / 11.0)
    supply = np.array([serving_at(loop.fleet.supply, i * 60.0) for i in range(LOAD.periods)])
    return int((supply < need).sum())


def serving_at(supply: list[tuple[float, int]], at: float) -> int:
    return next((serving for since, serving in reversed(supply) if since <= at), 0)


@pytest.mark.parametrize("predictor", list(FORECASTERS))
def test_members_are_ready_when_the_launch_begins(predictor: str) -> None:
    assert short_minutes(with_calendar(CalendarSpec()), predictor) >= 3
    assert short_minutes(with_calendar(CalendarSpec(events=(LAUNCH,))), predictor) == 0
