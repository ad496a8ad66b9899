"""The health of Pileus, as the dashboard sees it."""

import pytest

from dashboards.fold import DECODERS, apply, take
from dashboards.health import health
from dashboards.model import Model
from dashboards.status import Status
from streams.records.record import encode
from tests import story

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
