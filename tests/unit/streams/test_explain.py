"""A decision in sentences: the counterfactual, every gate, the reasons."""

import pytest
from msgspec.structs import replace

from streams.explain import GATES, explain, summary
from streams.records.decision import DECISION, Code, Decision, GateName, Memory
from streams.records.forecast import Expected, Score
from streams.records.record import encode
from tests.actuator_builders import a_given
from tests.builders import a_forecast, a_policy
from tests.judged import (
    AT,
    at_maximum,
    at_rest,
    breaking,
    flapping,
    over_budget,
    paused,
    stabilised,
    step_limited,
    taken,
    unknown,
)


def on_probation(mode: str = "Enabled", *, since: float | None = AT - 1380.0) -> Decision:
    forecast = a_forecast(requests=61.0, serving=4)
    score = Score("ensemble", 1.31, 412, since)
    signals = [replace(forecast.signals[0], predictor="last", score=score), *forecast.signals[1:]]
    return taken(a_given(replace(forecast, signals=signals), policy=a_policy(forecast=mode), memory=Memory(wanted=7)))


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        pytest.param(
            step_limited(),
            "7 members needed for the load; held at 5 by the step limit (StepLimited) until 12:04:30Z; "
            "fewer below 44 requests in flight and 308 % load average",
            id="a step limit, until when",
        ),
        pytest.param(
            at_rest(),
            "5 members needed for the load; more above 55 requests in flight; fewer below 44 requests in flight",
            id="at rest: the loads that would change it",
        ),
        pytest.param(
            stabilised(),
            "2 members needed for the load; held at 4 by the stabilization window (StabilizationWindow) "
            "until 12:08:20Z; more above 44 requests in flight",
            id="a window, until when",
        ),
        pytest.param(
            unknown(), "an unknown load; held at 4 by the missing metrics (MetricMissing)", id="nothing is known"
        ),
        pytest.param(
            unknown(missing=3), "an unknown load; held at 6 by the missing metrics (Fallback)", id="it fell back"
        ),
        pytest.param(
            paused(),
            "9 members needed for the load; held at 4 by the pause (Paused) until 14:04:00Z; "
            "fewer below 30 requests in flight",
            id="a pause, until when",
        ),
        pytest.param(
            over_budget(),
            "9 members needed for the load; held at 5 by budget and quota (Budget); fewer below 44 requests in flight",
            id="a quota",
        ),
        pytest.param(
            breaking(),
            "1 member needed for the load; held at 4 by the breaker (Breaker) until 12:13:00Z; "
            "more above 44 requests in flight",
            id="the breaker, until when",
        ),
        pytest.param(
            flapping(),
            "1 member needed for the load; held at 4 by the flap budget (FlapBudget) until 12:54:00Z; "
            "more above 44 requests in flight",
            id="the flap budget, until when",
        ),
        pytest.param(
            at_maximum(),
            "99 members needed for the load; held at 10 by minimum and maximum (AtMaximum); "
            "fewer below 90 requests in flight",
            id="the maximum",
        ),
    ],
)
def test_a_decision_in_one_sentence(decision: Decision, expected: str) -> None:
    assert summary(decision) == expected


def test_a_decision_as_a_whole() -> None:
    assert explain(step_limited()) == [
        "shop-web at 2026-06-03T12:04:00Z: 5 members wanted, 4 before",
        f"  {summary(step_limited())}",
        "",
        "load:",
        "  requests in flight: 61 now, 68.2 predicted for 12:05:00Z by kinematic, 10 per member: 7 members",
        "  load average: 250 % now, 250 % predicted for 12:05:00Z by kinematic, 70 % per member: 4 members",
        "  4 members serve",
        "gates:",
        "  Demand         7 passes",
        "  Breaker        7 passes",
        "  Stabilization  7 passes (4 to 7)",
        "  FlapBudget     7 passes",
        "  Bounds         7 passes (1 to 10)",
        "  Budget         7 passes",
        "  Step           7 -> 5 (at most 5) until 12:04:30Z",
        "  Pause          5 passes",
        "reasons, the last one counts:",
        "  Demand: requests in flight 61.0 now, 68.2 predicted, 10 per member: 7 members",
        "  StepLimited: 7 members needed, at most 1 member in 30 s: 5 now",
    ]


def test_a_probation_is_told_with_its_begin_and_its_figures() -> None:
    told = explain(on_probation())

    worth = "(1.31 times the last value's error in 412 forecasts)"
    assert (
        "  requests in flight: 61 now, 61 predicted for 12:05:00Z by last, for ensemble is on probation "
        f"{worth}, 10 per member: 7 members"
    ) in told
    said = "ensemble is on probation since 11:41:00Z: 1.31 times the last value's error; the last value counts"
    assert told[-3:] == [
        f"  Probation: requests in flight: {said}",
        "  Demand: requests in flight 61.0 now, 61.0 predicted, 10 per member: 7 members",
        "  AlreadyDesired: 7 members are wanted already",
    ]


def test_a_probation_of_another_day_is_told_with_its_date() -> None:
    assert any("since 2026-06-02 12:04:00Z" in line for line in explain(on_probation(since=AT - 86_400.0)))


def test_a_forecast_that_does_not_count_is_not_said_to_be_on_probation() -> None:
    assert not any("Probation" in line for line in explain(on_probation("ForecastOnly")))
    assert not any("Probation" in line for line in explain(on_probation(since=None)))


def test_who_is_on_the_way_and_what_is_unknown_is_told() -> None:
    assert "  requests in flight: unknown (NoSample)" in explain(unknown())
    assert "  4 members serve, 1 on the way" in explain(at_rest())
    assert any("within the tolerance" in line for line in explain(at_rest()))


def test_a_decision_as_it_is_recorded_tells_the_same() -> None:
    for decision in (step_limited(), paused(), over_budget(), unknown(missing=3)):
        assert explain(DECISION.decode(encode(decision))) == explain(decision)


def test_a_decision_of_an_older_version_is_told_by_its_reasons() -> None:
    raw = encode(at_rest()).replace(b'"otherwise":{', b'"was":{').replace(b'"gates":[', b'"were":[')

    said = "that is 0.96 of what 5 members (1 on the way) should carry, within the tolerance: 5 members"
    assert summary(DECISION.decode(raw)) == said


def test_every_gate_has_words() -> None:
    assert set(GATES) == set(GateName)
    assert {Code.PAUSED, Code.BREAKER} <= set(Code)


def test_no_load_is_below_none() -> None:
    said = summary(taken(a_given(a_forecast(requests=4.0, serving=1), policy=a_policy(), memory=Memory(wanted=1))))

    assert "more above" in said
    assert "fewer" not in said


def test_a_forecast_that_stands_on_an_event_says_so() -> None:
    expected = Expected(events=("launch",), factor=3.0, since=AT + 60.0, until=AT + 3660.0)
    forecast = a_forecast(requests=30.0, requests_ahead=90.0, serving=4, horizon_s=60.0)
    signals = [replace(each, expected=expected) for each in forecast.signals]
    given = a_given(replace(forecast, signals=signals), policy=a_policy(), memory=Memory(wanted=4))

    (line,) = [each for each in explain(taken(given)) if each.startswith("  requests in flight:")]

    assert "90 predicted for 12:05:00Z by kinematic, the calendar expects x3 for 'launch' from 12:05:00Z until" in line
    assert line.endswith("until 13:05:00Z, 10 per member: 9 members")
