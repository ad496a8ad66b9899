"""Schedules: when they hold, over changes of the clock too, and which bounds count then."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from actuators.judge import Judge
from actuators.schedule import holding, in_force, scheduled
from config.cluster import ScheduleSpec
from config.tree import GroupSpec
from streams.records.decision import Code
from streams.records.member import State
from tests.builders import a_forecast, a_place, a_policy, a_spec, an_application
from tests.composing import World

BERLIN = "Europe/Berlin"


def a_schedule(
    start: str = "0 8 * * mon-fri",
    end: str = "0 18 * * mon-fri",
    *,
    zone: str = "UTC",
    least: int | None = 4,
    most: int | None = None,
) -> ScheduleSpec:
    return ScheduleSpec(start=start, end=end, timezone=zone, min_members=least, max_members=most)


def at(text: str, *, fold: int = 0) -> float:
    """Return a time that is written as ``2026-03-29 02:30 Europe/Berlin``; UTC when no zone is named."""
    day, clock, zone = (*text.split(), "UTC")[:3]
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


OFFICE = a_schedule()
NIGHT = a_schedule("0 22 * * *", "0 6 * * *")
WINTER = a_schedule("0 0 1 nov *", "0 0 1 mar *")
LEAP = a_schedule("0 0 29 2 *", "0 0 1 3 *")
NEVER = a_schedule("0 0 30 2 *", "0 0 1 3 *")
EITHER = a_schedule("0 8 13 * fri", "0 9 * * *")
QUARTERS = a_schedule("*/30 * * * *", "15,45 * * * *")


@pytest.mark.parametrize(
    ("schedule", "time", "until"),
    [
        pytest.param(OFFICE, "2026-06-03 07:59", None, id="a minute before it begins"),
        pytest.param(OFFICE, "2026-06-03 08:00", "2026-06-03 18:00", id="as it begins"),
        pytest.param(OFFICE, "2026-06-03 17:59", "2026-06-03 18:00", id="a minute before it ends"),
        pytest.param(OFFICE, "2026-06-03 18:00", None, id="as it ends"),
        pytest.param(OFFICE, "2026-06-06 12:00", None, id="on a Saturday"),
        pytest.param(NIGHT, "2026-06-03 23:00", "2026-06-04 06:00", id="over midnight, before it"),
        pytest.param(NIGHT, "2026-06-04 05:59", "2026-06-04 06:00", id="over midnight, after it"),
        pytest.param(NIGHT, "2026-06-04 12:00", None, id="at noon"),
        pytest.param(WINTER, "2027-01-15 00:00", "2027-03-01 00:00", id="for months, over the new year"),
        pytest.param(WINTER, "2026-08-15 00:00", None, id="not in summer"),
        pytest.param(LEAP, "2028-02-29 12:00", "2028-03-01 00:00", id="on a leap day"),
        pytest.param(LEAP, "2026-02-28 12:00", None, id="years after a leap day"),
        pytest.param(NEVER, "2026-02-28 12:00", None, id="a day that never comes"),
        pytest.param(EITHER, "2026-06-13 08:30", "2026-06-13 09:00", id="the 13th, a Saturday: either day will do"),
        pytest.param(EITHER, "2026-06-05 08:30", "2026-06-05 09:00", id="a Friday, the 5th: either day will do"),
        pytest.param(EITHER, "2026-06-04 08:30", None, id="neither"),
        pytest.param(QUARTERS, "2026-06-04 10:40", "2026-06-04 10:45", id="every half an hour"),
        pytest.param(QUARTERS, "2026-06-04 10:50", None, id="between two quarters"),
        pytest.param(a_schedule(zone=BERLIN), "2026-06-03 06:30", "2026-06-03 16:00", id="eight in Berlin, in summer"),
        pytest.param(a_schedule(zone=BERLIN), "2026-12-02 06:30", None, id="half past six in winter"),
        pytest.param(a_schedule(zone=BERLIN), "2026-12-02 07:30", "2026-12-02 17:00", id="an hour later it does"),
    ],
)  # fmt: skip
def test_when_it_holds(schedule: ScheduleSpec, time: str, until: str | None) -> None:
    found = holding([schedule], at(time))

    assert [each.until for each in found] == ([] if until is None else [at(until)])


LOST = a_schedule("30 2 * * *", "0 5 * * *", zone=BERLIN)
"""Begins at an hour that is left out on 2026-03-29, and comes twice on 2026-10-25."""


@pytest.mark.parametrize(
    ("time", "held"),
    [
        pytest.param("2026-03-29 00:59", False, id="spring: a minute before two o'clock, which becomes three"),
        pytest.param("2026-03-29 01:29", False, id="spring: before as long has passed as it lies in the gap"),
        pytest.param("2026-03-29 01:30", True, id="spring: half an hour after the change"),
        pytest.param("2026-03-29 03:00", False, id="spring: it ends at five of the new clock"),
        pytest.param("2026-10-25 00:29", False, id="autumn: before the first half past two"),
        pytest.param("2026-10-25 00:30", True, id="autumn: at the first half past two"),
        pytest.param("2026-10-25 01:15", True, id="autumn: when it is two for the second time it still holds"),
        pytest.param("2026-10-25 04:00", False, id="autumn: it ends at five, once"),
    ],
)
def test_when_the_clocks_change(*, time: str, held: bool) -> None:
    assert bool(holding([LOST], at(time))) is held


NOON = at("2026-06-03 12:00")
MIDNIGHT = at("2026-06-03 00:00")


@pytest.mark.parametrize(
    ("schedules", "bounds"),
    [
        pytest.param([a_schedule(least=4)], (4, 10), id="a higher minimum"),
        pytest.param([a_schedule(least=None, most=20)], (2, 20), id="a higher maximum"),
        pytest.param([a_schedule(least=1)], (1, 10), id="a lower minimum"),
        pytest.param([a_schedule(least=14)], (14, 14), id="a minimum above the maximum raises that too"),
        pytest.param([a_schedule(least=None, most=1)], (1, 1), id="a maximum below the minimum lowers that too"),
        pytest.param([a_schedule(least=3), a_schedule(least=5, most=6)], (5, 6), id="the highest of the minimums"),
        pytest.param([a_schedule(least=3, most=4), a_schedule(least=5)], (5, 5), id="they fit each other"),
        pytest.param([a_schedule(least=None, most=4), a_schedule(least=None, most=8)], (2, 8), id="the higher one"),
    ],
)  # fmt: skip
def test_which_bounds_count(schedules: list[ScheduleSpec], bounds: tuple[int, int]) -> None:
    spec = a_spec(min_members=2, schedules=schedules)
    now = scheduled(spec, NOON)

    assert (now.min_members, now.max_members) == bounds
    assert scheduled(now, NOON) == now
    assert scheduled(spec, MIDNIGHT) is spec


def test_a_decision_says_which_schedule_and_until_when() -> None:
    decision, _ = Judge(60.0).decide(a_spec(schedules=[a_schedule()]), a_forecast(requests=10.0, serving=1), NOON)

    assert (decision.wanted, decision.reasons[-1].code) == (4, Code.BELOW_MINIMUM)
    said = "1 member needed, the minimum is 4 (schedule 0 8 * * mon-fri to 0 18 * * mon-fri UTC)"
    assert decision.reasons[-1].said == said
    assert decision.otherwise is not None
    assert decision.otherwise.until == at("2026-06-03 18:00")


def test_a_schedule_changes_no_ratio_and_makes_nothing_inactive() -> None:
    front, back = a_spec(min_members=2, schedules=[a_schedule(least=8, most=20)]), a_spec("shop-db", alias="db")
    spec = an_application(GroupSpec(alias="g", name="g", children=(front, back)))

    now = next(iter(in_force(spec, NOON).clusters()))

    assert (now.min_members, now.max_members, now.ratio) == (2, 20, 2)
    assert in_force(spec, MIDNIGHT) is spec


def test_members_follow_the_clock() -> None:
    spec = a_spec(
        schedules=[a_schedule(least=4, most=12)],
        partitions=[a_place(max_members=20)],
        max_members=3,
        policy=a_policy(tolerance=0.0),
    )
    world = World(an_application(spec), at=at("2026-06-03 07:58"))

    counts = []
    for time in ("07:59", "08:01", "17:59", "18:02"):
        world.load["shop-web"] = 110.0 if time == "17:59" else 0.0
        world.at = at(f"2026-06-03 {time}") - 60.0
        world.tick(60)
        counts.append(len(world.of("web", State.ACTIVE)))

    assert counts == [1, 4, 11, 1]
