"""``/metrics``, read back by a parser of the format."""

import msgspec
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from dashboards.fold import apply
from dashboards.metrics import exposition
from dashboards.model import Model
from dashboards.status import Status
from streams.records.decision import Code, Reason
from streams.records.forecast import Score
from streams.records.instance import Phase
from streams.records.record import Record
from tests import story
from tests.unit.dashboards import deployed

SHOP = {"tenant": "default", "application": "shop", "cluster": "shop-web"}


def scraped(*records: Record, now: float = 1001.0) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    model, status = Model(), Status("kafka:9092")
    for record in records:
        apply(model, record)
    status.up(1.0)
    status.lag = {"pileus.forecasts": 3}
    text = exposition(model, status, now=now).decode()
    families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_a_cluster() -> None:
    found = scraped(story.a_forecast(), story.a_decision(wanted=3), story.a_member(), story.a_rejection(3))

    assert found[key("pileus_members_wanted", **SHOP)] == 3
    assert found[key("pileus_members", role="serving", **SHOP)] == 1
    assert found[key("pileus_members", role="starting", **SHOP)] == 0
    assert found[key("pileus_load", signal="requests_in_flight", kind="observed", **SHOP)] == 8.0
    assert found[key("pileus_load", signal="requests_in_flight", kind="predicted", **SHOP)] == 12.0
    assert found[key("pileus_horizon_seconds", **SHOP)] == 15.0
    assert found[key("pileus_samples_age_seconds", **SHOP)] == 1.4
    assert found[key("pileus_decisions_total", code="Forecast", **SHOP)] == 1
    assert found[key("pileus_rejected_total", topic="pileus.samples", reason="Late")] == 3


def test_what_forecasts_were_worth() -> None:
    (of,) = story.a_forecast().clusters
    requests, load, memory = of.signals
    signals = [replace(requests, score=Score("kinematic", 1.31, 90, 900.0)), load, memory]
    shadow = [replace(requests, score=Score("ensemble", 0.8, 90)), load, memory]

    found = scraped(replace(story.a_forecast(), clusters=[replace(of, signals=signals, shadow=shadow)]))

    live = {"signal": "requests_in_flight", "predictor": "kinematic", "policy": "live", **SHOP}
    other = {"signal": "requests_in_flight", "predictor": "ensemble", "policy": "shadow", **SHOP}
    assert found[key("pileus_forecast_relmae", **live)] == 1.31
    assert found[key("pileus_forecast_probation", **live)] == 1.0
    assert found[key("pileus_forecast_relmae", **other)] == 0.8
    assert found[key("pileus_forecast_probation", **other)] == 0.0
    assert len([name for name, _ in found if name == "pileus_forecast_relmae"]) == 2, "what has no score is left out"


def test_a_shadow_is_told_while_it_decides_and_is_no_decision() -> None:
    decision = story.a_decision(wanted=7)
    shadow = msgspec.structs.replace(decision, given=msgspec.structs.replace(decision.given, shadow=900.0))
    told, later = (scraped(story.a_forecast(), shadow, now=decision.at + age) for age in (60.0, 181.0))

    assert told[key("pileus_shadow_members_wanted", **SHOP)] == 7
    assert key("pileus_shadow_members_wanted", **SHOP) not in later
    assert key("pileus_members_wanted", **SHOP) not in told


def test_instances_by_phase() -> None:
    found = scraped(*deployed.five_levels())
    of = {"tenant": "default", "application": "erp"}

    assert found[key("pileus_instances", level="application", phase="Created", **of)] == 1
    assert found[key("pileus_instances", level="group", phase="Created", **of)] == 4
    assert found[key("pileus_instances", level="cluster", phase="Created", **of)] == 6
    assert found[key("pileus_instances", level="cluster", phase="Active", **of)] == 2
    assert found[key("pileus_instances", level="cluster", phase="Inactive", **of)] == 0


def test_an_application_that_ended_has_no_instances_left_to_count() -> None:
    found = scraped(deployed.a_part(), deployed.a_part(phase=Phase.TERMINATED))

    assert not [name for name, _ in found if name == "pileus_instances"]


def test_pileus_itself() -> None:
    found = scraped()

    assert found[key("pileus_broker_up")] == 1
    assert found[key("pileus_dashboard_lag_records", topic="pileus.forecasts")] == 3


def test_what_is_unknown_is_left_out() -> None:
    found = scraped(story.a_forecast(observed=None), story.an_instance("shop-db"))

    assert key("pileus_load", signal="requests_in_flight", kind="observed", **SHOP) not in found
    assert key("pileus_members_wanted", **SHOP) not in found
    assert not [
        name for name, labels in found if name == "pileus_samples_age_seconds" and ("cluster", "shop-db") in labels
    ]


def test_names_with_quotes_and_line_breaks_survive() -> None:
    hostile = 'a"b\\c\nd'

    found = scraped(story.a_rejection(reason=hostile), deployed.a_part(root=f"{hostile}/erp/eu"))
    erp = {"tenant": hostile, "application": "erp", "level": "application", "phase": "Active"}

    assert key("pileus_rejected_total", topic="pileus.samples", reason=hostile) in found
    assert found[key("pileus_instances", **erp)] == 1


def test_the_newest_decision_has_its_codes_and_a_pause_its_end() -> None:
    found = scraped(
        story.an_instance(), story.a_decision(wanted=3), story.a_decision(1000.5, wanted=3, before=3), story.an_order()
    )

    codes = {dict(labels)["code"] for name, labels in found if name == "pileus_decision_code"}
    assert codes == {"Demand", "Forecast", "AlreadyDesired"}
    assert found[key("pileus_decisions_total", code="AlreadyDesired", **SHOP)] == 1
    assert found[key("pileus_paused", **SHOP)] == 1
    assert found[key("pileus_pause_end_timestamp_seconds", scope="default", owner="ada")] == 8200.0


def test_without_a_pause_that_holds_nothing_is_paused() -> None:
    found = scraped(story.an_instance(), story.an_order(until=1001.0), now=1001.0)

    assert found[key("pileus_paused", **SHOP)] == 0
    assert not [name for name, _ in found if name == "pileus_pause_end_timestamp_seconds"]


def test_every_code_can_be_a_label() -> None:
    for code in Code:
        found = scraped(story.a_decision(reasons=(Reason(code, "why"),)))

        assert found[key("pileus_decisions_total", code=code.value, **SHOP)] == 1
        assert found[key("pileus_decision_code", code=code.value, **SHOP)] == 1
