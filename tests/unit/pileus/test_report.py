"""The report of a run, from hand-made records."""

import json

import msgspec
import pytest

from pileus.load.result import Result
from pileus.report import InstanceLine, Members, Report, Second, report
from pileus.stack.ending import summary
from pileus.stages import Written
from streams.records.instance import Level, Phase
from streams.records.member import State
from streams.records.record import Record
from tests.unit.pileus.instances import an_instance
from tests.unit.pileus.records import CLUSTER, a_decision, a_forecast, a_member

START = 1000.0


def a_result(*, seconds: float = 10.0, sent: int = 0, latency_s: float | None = None) -> Result:
    return Result(
        url="http://127.0.0.1/",
        load="steps",
        peak_per_s=40.0,
        started_at=START,
        ended_at=START + seconds,
        sent=sent,
        answered=sent,
        failed=0,
        failed_by_kind={},
        latency_p50_s=latency_s,
        latency_p99_s=latency_s,
        latency_max_s=latency_s,
        lateness_p99_s=None,
        lateness_max_s=None,
    )


def reported(*records: Record, seconds: float = 10.0) -> Report:
    return report(a_result(seconds=seconds), [Written("any", START, r) for r in records], cluster=CLUSTER)


def active(name: str, t: float) -> Record:
    return a_member(name, State.ACTIVE, at=START + t)


def draining(name: str, t: float) -> Record:
    return a_member(name, State.DRAINING, at=START + t)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], (0, 0, 0), id="nobody ever served"),
        pytest.param([active("web-1", -5)], (1, 1, 1), id="one before the start and for ever"),
        pytest.param(
            [active("web-1", -5), active("web-2", 2), active("web-3", 3), draining("web-2", 6), draining("web-3", 7)],
            (1, 3, 1),
            id="out and in",
        ),
        pytest.param([active("web-1", -5), active("web-2", 30)], (1, 1, 1), id="after the end it does not count"),
        pytest.param([active("web-1", -5), draining("web-1", -1), active("web-2", 1)], (0, 1, 1), id="a hole is seen"),
        pytest.param([draining("web-1", 4), active("web-1", -5)], (0, 1, 0), id="records in any order"),
        pytest.param([active("web-1", -5), active("web-1", 2)], (1, 1, 1), id="said twice it is still one"),
        pytest.param(
            [active("web-1", -5), a_member("db-1", State.ACTIVE, at=START, cluster="db")], (1, 1, 1), id="not a db"
        ),
    ],
)
def test_serving_members_are_counted_while_the_client_runs(
    records: list[Record], expected: tuple[int, int, int]
) -> None:
    members = reported(*records).members

    assert (members.min, members.max, members.final) == expected


def test_the_lives_of_the_members_are_summed_up() -> None:
    lives = {
        "web-1": [State.CREATED, State.STARTING, State.ACTIVE],
        "web-2": [State.CREATED, State.STARTING, State.ACTIVE, State.DRAINING, State.TERMINATING, State.TERMINATED],
        "web-3": [State.CREATED, State.STARTING, State.TERMINATING, State.TERMINATED],
        "web-4": [State.CREATED],
    }
    records = [a_member(name, s, at=START + i) for name, life in lives.items() for i, s in enumerate(life)]

    assert reported(*records).members == Members(min=0, max=2, final=1, launched=3, drained=1, terminated=2)


def test_a_state_that_was_missed_is_known_from_since() -> None:
    last = msgspec.structs.replace(a_member("web-1", State.TERMINATED), since={"Starting": 1.0, "Draining": 2.0})

    assert (reported(last).members.launched, reported(last).members.drained) == (1, 1)


def test_each_second_shows_observed_expected_wanted_and_serving() -> None:
    found = reported(
        active("web-1", -5),
        active("web-2", 2),
        a_decision(at=START + 1, wanted=2),
        *(a_forecast(at=START + t, observed=10.0 + t, forecast=20.0 + t, horizon_s=2.0) for t in range(4)),
        seconds=3.0,
    ).seconds

    assert found == [
        Second(t=0, in_flight=10.0, forecast=None, wanted=None, serving=1),
        Second(t=1, in_flight=11.0, forecast=None, wanted=2, serving=1),
        Second(t=2, in_flight=12.0, forecast=20.0, wanted=2, serving=2),
        Second(t=3, in_flight=13.0, forecast=21.0, wanted=2, serving=2),
    ]


def test_a_worker_that_is_away_leaves_a_hole() -> None:
    ticks = [0, 1, 2, 7, 8]
    found = reported(*(a_forecast(at=START + t, observed=5.0) for t in ticks), seconds=8.0).seconds

    assert [s.in_flight for s in found] == [5.0, 5.0, 5.0, 5.0, None, None, None, 5.0, 5.0]


def test_a_slow_tick_stands_until_the_next() -> None:
    found = reported(*(a_forecast(at=START + t, observed=t) for t in (0, 5, 10)), seconds=10.0).seconds

    assert [s.in_flight for s in found] == [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10]


def test_a_signal_that_is_not_ready_is_unknown() -> None:
    found = reported(a_forecast(at=START, ready=False, observed=None, forecast=None), seconds=0.0).seconds

    assert found == [Second(t=0, in_flight=None, forecast=None, wanted=None, serving=0)]


def test_when_the_horizon_grows_the_newest_forecast_for_a_moment_counts() -> None:
    found = reported(
        a_forecast(at=START + 0, forecast=1.0, horizon_s=4.0),
        a_forecast(at=START + 2, forecast=2.0, horizon_s=2.0),
        seconds=4.0,
    ).seconds

    assert found[4].forecast == 2.0


def test_decisions_keep_their_reasons() -> None:
    (found,) = reported(a_decision(at=START + 1.5)).decisions

    assert (found.t, found.before, found.wanted, found.observed, found.forecast) == (1.5, 1, 2, 10.0, 12.0)
    assert found.reasons == [
        {"code": "Forecast", "said": "12 requests expected"},
        {"code": "StepLimited", "said": "one at a time"},
    ]


def test_what_starts_and_ends_is_told_in_order_and_of_the_application_alone() -> None:
    waits = an_instance("web", started=False, why="waits for db")
    lives = [
        (-9.0, waits),
        (-9.0, an_instance("db")),
        (-7.5, an_instance("db", phase=Phase.ACTIVE)),
        (-7.0, an_instance("web", phase=Phase.ACTIVE)),
        (1.0, an_instance("backend.1", level=Level.GROUP, phase=Phase.ACTIVE)),
        (2.0, an_instance("web", application="blog", phase=Phase.ACTIVE)),
        (12.0, an_instance("web", phase=Phase.TERMINATING)),
        (13.0, an_instance("web", phase=Phase.TERMINATED)),
    ]
    written = [Written("any", START + t, record) for t, record in lives]
    found = report(a_result(), written, cluster=CLUSTER, application=("default", "shop"))

    assert found.started == [(-9.0, "db", "starts"), (-7.5, "db", "Active"), (-7.0, "web", "Active")]
    assert found.ended == [(12.0, "web", "Terminating"), (13.0, "web", "Terminated")]
    assert [each.instance for each in found.instances] == [record.instance for _, record in lives]
    assert found.instances[0] == InstanceLine(
        t=-9.0, at=START - 9, instance="default/shop/here/web", phase="Created", started=False, why="waits for db"
    )
    assert summary(found).splitlines()[2:] == [
        "started   db after 1.5 s, web after 2.0 s",
    ]


def test_the_report_is_json_with_every_part_even_of_an_empty_run() -> None:
    found = json.loads(msgspec.json.encode(reported(seconds=0.5)))

    assert set(found) >= {"requests", "members", "seconds", "decisions", "stages"}
    assert found["requests"]["latency_p50_s"] is None
    assert found["stages"]["sample_to_forecast"] == {"p50_s": None, "p99_s": None, "n": 0}
