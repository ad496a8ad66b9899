"""What a calendar says of a time."""

import math

import numpy as np
import pytest

from config.cluster import BadDaySpec, CalendarSpec, EventSpec
from predictors.calendar import factor, factors, holding, ignored, next_change

CALENDAR = CalendarSpec(
    events=(
        EventSpec(name="launch", start=100.0, end=200.0, factor=3.0),
        EventSpec(name="sale", start=150.0, end=300.0, factor=2.0),
    ),
    bad_days=(BadDaySpec(start=50.0, end=60.0),),
)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(99.9, 1.0, id="before"),
        pytest.param(100.0, 3.0, id="from the start on"),
        pytest.param(150.0, 6.0, id="two at once multiply"),
        pytest.param(200.0, 2.0, id="the end is not in it"),
        pytest.param(300.0, 1.0, id="after"),
    ],
)
def test_the_load_is_multiplied_by(at: float, expected: float) -> None:
    assert factor(CALENDAR, at) == expected == factors(CALENDAR, np.array([at]))[0]


def test_events_are_known_by_name_and_by_their_next_change() -> None:
    assert [event.name for event in holding(CALENDAR, 160.0)] == ["launch", "sale"]
    assert [next_change(CALENDAR, at) for at in (0.0, 100.0, 250.0, 300.0)] == [100.0, 150.0, 300.0, math.inf]


def test_a_bad_day_is_ignored_and_no_other() -> None:
    assert ignored(CALENDAR, np.array([49.0, 50.0, 59.0, 60.0])).tolist() == [False, True, True, False]


def test_without_entries_nothing_is_changed() -> None:
    times = np.arange(5.0)

    assert factors(CalendarSpec(), times).tolist() == [1.0] * 5
    assert not ignored(CalendarSpec(), times).any()
