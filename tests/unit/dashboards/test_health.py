"""The health of Pileus, as the dashboard sees it."""

import pytest

from dashboards.fold import DECODERS, apply, take
from dashboards.health import TOLD, health
from dashboards.model import Model
from dashboards.status import Status
from streams.records.instance import Phase
from streams.records.record import Record, encode
from tests import story
from tests.unit.dashboards import deployed

NOW = 1001.0


def a_status(*, reachable: bool = True) -> Status:
    status = Status("kafka:9092")
    if reachable:
        status.up(990.0)
        status.caught_up = True
        status.partitions = dict.fromkeys(DECODERS, 4)
    else:
        status.down(995.0, "connection refused")
    return status


def a_model(*, written_at: float = 1000.0, observed: float | None = 8.0) -> Model:
    model = Model()
    take(
        model,
        "pileus.forecasts",
        key=b"",
        value=encode(story.a_forecast(written_at, observed=observed)),
        written_at=written_at,
    )
    return model


def test_all_is_well() -> None:
    seen = health(a_model(), a_status(), now=NOW)

    assert (seen.status, seen.said) == ("ok", [])


def test_without_the_broker_nothing_else_is_judged() -> None:
    seen = health(a_model(written_at=1.0), a_status(reachable=False), now=NOW)

    assert (seen.status, seen.said) == ("unreachable", ["broker kafka:9092 does not answer: connection refused"])


@pytest.mark.parametrize(
    ("model", "now", "said"),
    [
        pytest.param(a_model(), 1040.0, "the newest forecast is 40 s old: is the worker running?", id="no forecast"),
        pytest.param(a_model(), 1040.0, "shop-web: the newest sample is 40 s old", id="no sample for long"),
    ],
)
def test_what_is_old_is_said(model: Model, now: float, said: str) -> None:
    seen = health(model, a_status(), now=now)

    assert seen.status == "degraded"
    assert said in seen.said


def test_a_cluster_without_any_sample_is_said() -> None:
    model = Model()
    apply(model, story.an_instance())

    assert health(model, a_status(), now=NOW).said == ["shop-web: no sample known"]


def test_a_missing_topic_is_said() -> None:
    status = a_status()
    del status.partitions["pileus.logs"]

    assert health(a_model(), status, now=NOW).said == ["topic pileus.logs does not exist yet"]


def test_records_that_could_not_be_read_are_said() -> None:
    model = a_model()
    take(model, "pileus.logs", key=b"", value=b"{", written_at=1.0)

    assert health(model, a_status(), now=NOW).said == ["1 records of pileus.logs could not be read"]


def test_refusals_stand_by_number_with_the_newest_examples() -> None:
    model = a_model()
    for record in (story.a_rejection(1, reason="Future"), story.a_rejection(5), story.a_rejection(2)):
        apply(model, record)

    seen = health(model, a_status(), now=NOW).rejected

    assert [(r.reason, r.count, r.examples) for r in seen] == [
        ("Late", 7, ["health of shop-web-1: 72 s late"]),
        ("Future", 1, ["health of shop-web-1: 72 s late"]),
    ]


def test_a_topic_has_age_and_lag_once_they_are_known() -> None:
    status = a_status()
    status.lag = {"pileus.forecasts": 7}

    topics = {t.topic: t for t in health(a_model(), status, now=NOW).topics}

    assert (topics["pileus.forecasts"].age_s, topics["pileus.forecasts"].lag) == (1.0, 7)
    assert (topics["pileus.logs"].age_s, topics["pileus.logs"].lag) == (None, None)


def test_since_when_counts_from_the_first_of_several_failures() -> None:
    status = Status("kafka:9092")
    for at, act in [(1.0, status.down), (2.0, status.down)]:
        act(at, "refused")
    assert (status.reachable, status.since) == (False, 1.0)

    status.up(3.0)
    status.up(4.0)
    assert (status.reachable, status.since, status.connections) == (True, 3.0, 2)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        pytest.param([deployed.a_part()], [], id="an Active application is no news"),
        pytest.param([deployed.a_starting(at=NOW - 300)], [], id="one may take a while to start"),
        pytest.param(
            [deployed.a_starting(at=NOW - 301), deployed.a_starting("db", wanted=2, at=NOW - 301)],
            ["erp: Created for 301 s: db has 0 of 2 serving"],
            id="but not for long",
        ),
        pytest.param(
            [
                deployed.a_part(phase=Phase.INACTIVE, at=NOW - 1),
                deployed.a_part("db", phase=Phase.INACTIVE, wanted=2, why="lost"),
                deployed.a_part("web", phase=Phase.INACTIVE, wanted=3, at=NOW),
                deployed.a_member_of("db", 1),
            ],
            ["erp-db: no sample known", "erp: Inactive for 1 s: db has 1 of 2 serving (lost), and 1 more"],
            id="an Inactive one is told at once, with what was lost first",
        ),
        pytest.param(
            [deployed.a_part(root="acme/erp/eu", phase=Phase.INACTIVE, at=NOW)],
            ["acme/erp: Inactive for 0 s"],
            id="another tenant's name stands before it",
        ),
        pytest.param(
            [deployed.a_part(phase=Phase.TERMINATING, at=NOW - 400, why="undeployed")],
            ["erp: Terminating for 400 s: undeployed"],
            id="one that does not end",
        ),
        pytest.param(
            [deployed.a_deployed(at=NOW - 61)],
            ["erp: deployed 61 s ago, and nothing of it exists: is the decider running?"],
            id="one that nobody brings to life",
        ),
        pytest.param([deployed.a_deployed(at=NOW - 60)], [], id="one that was deployed just now"),
        pytest.param(
            [deployed.a_part(), deployed.a_burst("us", missing=2)],
            ["erp: no room for 2 of mysql; asks for network partition us"],
            id="one that asks for more room",
        ),
        pytest.param(
            [deployed.a_part(), deployed.a_burst(missing=1)],
            ["erp: no room for 1 of mysql; there is no other partition"],
            id="one that finds none",
        ),
        pytest.param(
            [deployed.a_part(), deployed.a_burst("us"), deployed.a_burst(missing=0)],
            [],
            id="a request that was withdrawn",
        ),
    ],
)
def test_applications_that_are_not_well_are_told(records: list[Record], said: list[str]) -> None:
    model = a_model()
    for record in records:
        apply(model, record)

    assert health(model, a_status(), now=NOW).said == said


def test_of_very_many_applications_only_some_are_told() -> None:
    model = a_model()
    for i in range(TOLD + 3):
        apply(model, deployed.a_part(root=f"default/a-{i}/eu", phase=Phase.INACTIVE))

    said = health(model, a_status(), now=NOW).said

    assert len(said) == TOLD + 1
    assert said[-1] == "3 more like these: see /api/applications"


def test_a_cluster_that_waits_needs_no_sample() -> None:
    model = a_model()
    for record in (deployed.a_cluster("web"), deployed.a_waiting("web", "db")):
        apply(model, record)
    before = health(model, a_status(), now=NOW).said
    apply(model, deployed.a_member_of("web", 1))

    assert (before, health(model, a_status(), now=NOW).said) == ([], ["erp-web: no sample known"])
