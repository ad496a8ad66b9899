"""A calendar in the stream worker: foretold a horizon before, not learnt, bounded, told."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from config.cluster import BadDaySpec, CalendarSpec, EventSpec, PredictionSpec
from streams.cluster import Rules
from streams.foresight import Foresight, Outlook, Watched
from streams.known_days import KnownDays
from streams.records.forecast import Expected, Signal, SignalForecast
from streams.window import Grid
from tests.builders import a_member, a_requests, an_instance
from tests.folding import a_fold, feed, forecast, signal

NINE = 3000.0
"""When the launch begins."""
LAUNCH = EventSpec(name="launch", start=NINE, end=NINE + 600.0, factor=3.0)
HORIZON_S = 60.0


def launched(at: float) -> float:
    return 150.0 if LAUNCH.start <= at < LAUNCH.end else 50.0


def signals(predictor: str, *, calendar: CalendarSpec, begin: float, end: float) -> Iterator[SignalForecast]:
    """Let the worker see a launch, tick by tick."""
    instance = an_instance(prediction=PredictionSpec(calendar=calendar))
    fold = a_fold(instances=[instance], members=[a_member(at=0.0)], rules=Rules(predictor=predictor))
    for i, at in enumerate(np.arange(begin, end, 5.0).tolist()):
        feed(fold, a_requests(launched(at - 2.5), at=at, count=i))
        yield signal(forecast(fold, at), Signal.REQUESTS_IN_FLIGHT)


@pytest.mark.parametrize("predictor", ["kinematic", "last", "seasonal", "ensemble"])
def test_a_launch_is_foretold_a_horizon_before_it_begins_and_its_end_too(predictor: str) -> None:
    calendar = CalendarSpec(events=(LAUNCH,))
    seen = {}
    for at, each in zip(
        np.arange(1000.0, 4000.0, 5.0).tolist(),
        signals(predictor, calendar=calendar, begin=1000.0, end=4000.0),
        strict=True,
    ):
        seen[at] = each.forecast

    early = NINE - HORIZON_S
    assert seen[early - 5.0] == pytest.approx(50.0, abs=0.5)
    assert all(
        seen[at] == pytest.approx(150.0, abs=1.5) for at in np.arange(early, LAUNCH.end - HORIZON_S, 5.0).tolist()
    )
    assert all(
        seen[at] == pytest.approx(50.0, abs=0.5) for at in np.arange(LAUNCH.end - HORIZON_S, 4000.0, 5.0).tolist()
    )


def test_the_forecast_says_what_it_stands_on_and_the_motion_is_that_of_now() -> None:
    calendar = CalendarSpec(events=(LAUNCH,))
    at = dict(
        zip(
            np.arange(2800.0, 3200.0, 5.0).tolist(),
            signals("kinematic", calendar=calendar, begin=2800.0, end=3200.0),
            strict=True,
        )
    )

    assert at[NINE - HORIZON_S - 5.0].expected is None
    assert at[NINE - HORIZON_S].expected == Expected(events=("launch",), factor=3.0, since=NINE, until=LAUNCH.end)
    before, after = at[NINE - HORIZON_S].motion, at[NINE + 100.0].motion
    assert before is not None
    assert after is not None
    assert (before.level, after.level) == (pytest.approx(50.0), pytest.approx(150.0))


def test_with_too_few_samples_the_last_value_is_multiplied() -> None:
    calendar = CalendarSpec(events=(LAUNCH,))
    first = next(signals("kinematic", calendar=calendar, begin=NINE - HORIZON_S, end=NINE))

    assert (first.predictor, first.observed, first.forecast) == ("last", 50.0, 150.0)


def test_the_forecast_never_exceeds_what_the_signal_can_be() -> None:
    grid = Grid.ending(NINE, width=5.0, span=300.0)
    days = KnownDays.of(CalendarSpec(events=(LAUNCH,)), grid, NINE, 60.0)

    assert days.outlook(Outlook(50.0, 40.0, 60.0, "last"), 100.0) == Outlook(100.0, 100.0, 100.0, "last")
    assert days.last(50.0, 0, 100.0) == 100.0
    assert days.ceiling(100.0) == math.inf


DAY = 86_400.0


AHEAD_S = 900.0


def three_days(load: Callable[[float], float], calendar: CalendarSpec) -> dict[float, Outlook]:
    """Let the seasonal predictor see three days in steps of 300 s, and return what it foresees on the third."""
    foresight, found = Foresight(), dict[float, Outlook]()
    for at in np.arange(300.0, 3 * DAY, 300.0).tolist():
        grid = Grid.ending(at, width=300.0, span=300.0)
        days = KnownDays.of(calendar, grid, at, AHEAD_S)
        totals = np.array([load(t) for t in grid.middles(0.0).tolist()])
        watched = Watched("a", days.plain(totals), grid, AHEAD_S, math.inf, "seasonal", days.learnt)
        outlook = days.outlook(foresight.look([watched], at).get(watched.row), math.inf)
        if outlook is not None and at > 2 * DAY:
            found[at] = outlook
    return found


def day(t: float) -> float:
    return 100.0 + 50.0 * math.sin(2.0 * math.pi * t / DAY)


def worst(found: dict[float, Outlook]) -> float:
    """Return the largest error on the third day, which is as every other."""
    return max(abs(each.value - day(at + AHEAD_S)) for at, each in found.items())


def test_yesterdays_launch_leaves_no_trace() -> None:
    nine = DAY + 9 * 3600.0
    launch = EventSpec(name="launch", start=nine, end=nine + 3600.0, factor=3.0)

    def load(t: float) -> float:
        return day(t) * (3.0 if launch.start <= t < launch.end else 1.0)

    assert worst(three_days(load, CalendarSpec())) > 30.0
    assert worst(three_days(load, CalendarSpec(events=(launch,)))) < 3.0


def test_a_season_learns_nothing_from_a_bad_day() -> None:
    bad = BadDaySpec(start=DAY + 6 * 3600.0, end=DAY + 12 * 3600.0)

    def load(t: float) -> float:
        return 0.0 if bad.start <= t < bad.end else day(t)

    assert worst(three_days(load, CalendarSpec())) > 30.0
    assert worst(three_days(load, CalendarSpec(bad_days=(bad,)))) < 3.0


def test_on_a_bad_day_the_live_level_is_followed() -> None:
    bad = BadDaySpec(start=2 * DAY + 6 * 3600.0, end=2 * DAY + 12 * 3600.0)

    def load(t: float) -> float:
        return 20.0 if bad.start <= t < bad.end else day(t)

    found = three_days(load, CalendarSpec(bad_days=(bad,)))

    assert abs(found[bad.start + 3 * 3600.0].value - 20.0) < 10.0
