"""Known days: times that are what they say, or are refused with field and bound."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.autoscaling import AutoscalingPolicy
from config.calendar import Event
from config.catalogue import load
from config.cluster import BadDaySpec, EventSpec
from tests.unit.config.documents import SHOP, findings, shop, write

POLICY = "policy.json"
NINE = "2026-12-01T09:00"
LAUNCH = {"name": "launch", "start": NINE, "end": "2026-12-01T12:00", "factor": 3}


def utc(year: int, month: int, day: int, hour: int, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("start", "timezone", "moment"),
    [
        pytest.param("2026-12-01T09:00", "UTC", utc(2026, 12, 1, 9), id="UTC where nothing is said"),
        pytest.param("2026-12-01T09:00", "Europe/Berlin", utc(2026, 12, 1, 8), id="a local time"),
        pytest.param("2026-12-01T09:00:00+05:30", "Europe/Berlin", utc(2026, 12, 1, 3, 30), id="its own offset counts"),
        pytest.param("2026-12-01", "Europe/Berlin", utc(2026, 11, 30, 23), id="the begin of a day"),
        pytest.param(
            "2026-03-29T02:30", "Europe/Berlin", utc(2026, 3, 29, 1, 30), id="a time that the clocks leave out"
        ),
        pytest.param("2026-10-25T02:30", "Europe/Berlin", utc(2026, 10, 25, 0, 30), id="a time that they repeat"),
    ],
)
def test_a_time_is(start: str, timezone: str, moment: float) -> None:
    given = Event.model_validate(LAUNCH | {"start": start, "end": "2027-01-01", "timezone": timezone})

    assert given.span()[0] == moment


def event(**changes: Any) -> dict[str, Any]:
    return {"calendar": {"events": [LAUNCH | changes]}}


def bad_days(count: int = 1, *, end: str = "2026-11-02") -> dict[str, Any]:
    return {"calendar": {"badDays": [{"start": "2026-11-01", "end": end}] * count}}


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        pytest.param(event(factor=0), "events[0].factor = 0: must be at least 0.01", id="a factor of zero"),
        pytest.param(event(factor=101), "events[0].factor = 101: must be at most 100", id="a factor above 100"),
        pytest.param(event(start="at nine"), 'events[0].start = "at nine": must be a time as', id="no time"),
        pytest.param(event(start="0001-01-01"), "must lie within the years 1971 and 4999", id="a year far off"),
        pytest.param(event(end=NINE), f"end = {NINE} must be after start = {NINE}", id="no time between"),
        pytest.param(event(timezone="Mars"), 'events[0].timezone = "Mars": must be a time zone', id="no such zone"),
        pytest.param(event(name=""), 'events[0].name = "": must not be empty', id="an event without a name"),
        pytest.param(
            {"calendar": {"events": [LAUNCH | {"factor": 20}] * 2}},
            f"events that hold at {NINE} multiply to 400, must lie within 0.01 and 100",
            id="events that multiply to too much",
        ),
        pytest.param(bad_days(end="2026-10-31"), "end = 2026-10-31 must be after", id="a bad day upside down"),
        pytest.param(bad_days(101), "badDays = [101 items]: must hold at most 100", id="too many bad days"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, prediction: dict[str, Any], message: str) -> None:
    errors, _ = findings(tmp_path, shop({(POLICY, ("prediction",)): prediction}))

    assert len(errors) == 1
    assert errors[0].startswith("policy.json: $.prediction.calendar")
    assert message in errors[0]


def test_a_hundred_events_are_enough() -> None:
    events = [LAUNCH | {"factor": 1.0}] * 101

    with pytest.raises(ValidationError, match="at most 100"):
        AutoscalingPolicy.model_validate(SHOP[POLICY] | {"prediction": {"calendar": {"events": events}}})


def test_it_reaches_the_cluster(tmp_path: Path) -> None:
    bad = {"start": "2026-11-01", "end": "2026-11-02", "timezone": "Europe/Berlin"}
    documents = shop({(POLICY, ("prediction",)): {"calendar": {"events": [LAUNCH], "badDays": [bad]}}})
    catalogue = load([write(tmp_path, documents)])

    (spec,) = catalogue.clusters()

    assert spec.prediction.calendar.events == (
        EventSpec(name="launch", start=utc(2026, 12, 1, 9), end=utc(2026, 12, 1, 12), factor=3.0),
    )
    assert spec.prediction.calendar.bad_days == (BadDaySpec(start=utc(2026, 10, 31, 23), end=utc(2026, 11, 1, 23)),)
