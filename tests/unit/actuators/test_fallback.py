"""Fallback: KEDA's table, and that it removes nobody."""

import pytest

from actuators.decide import decide
from actuators.fallback import fallback
from config.cluster import FallbackSpec, StepPolicy
from streams.records.decision import Code, Decision, Memory
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

AT = 1000.0


def spec(behavior: str, replicas: int = 5, *, threshold: int = 3) -> FallbackSpec:
    return FallbackSpec(failure_threshold=threshold, replicas=replicas, behavior=behavior)


@pytest.mark.parametrize(
    ("behavior", "present", "keda", "ours"),
    [
        pytest.param("static", 3, 5, 5, id="static above the present number"),
        pytest.param("static", 5, 5, 5, id="static at the present number"),
        pytest.param("static", 8, 5, 8, id="static below it: KEDA removes, Pileus does not"),
        pytest.param("currentReplicas", 3, 3, 3, id="currentReplicas, few"),
        pytest.param("currentReplicas", 8, 8, 8, id="currentReplicas, many"),
        pytest.param("currentReplicasIfHigher", 3, 5, 5, id="IfHigher: they are fewer"),
        pytest.param("currentReplicasIfHigher", 8, 8, 8, id="IfHigher: they are more"),
    ],
)
def test_kedas_table(behavior: str, present: int, keda: int, ours: int) -> None:
    assert fallback(spec(behavior), present, missing=4) == ours == max(keda, present)


@pytest.mark.parametrize(
    ("missing", "number"),
    [
        pytest.param(1, None, id="the first failure"),
        pytest.param(3, None, id="as many as the threshold"),
        pytest.param(4, 5, id="one more"),
        pytest.param(400, 5, id="for ever after"),
    ],
)
def test_kedas_failure_threshold(missing: int, number: int | None) -> None:
    assert fallback(spec("static"), 3, missing=missing) == number


def test_without_a_fallback_the_number_is_held() -> None:
    assert fallback(None, 3, missing=1000) is None


def run(loads: list[float | None], *, before: int, of: FallbackSpec | None) -> list[Decision]:
    """Decide on one load after the other."""
    memory, decisions = Memory(wanted=before), []
    up = a_behavior(policies=[StepPolicy(kind="Pods", value=2, period_s=1.0)])
    for i, load in enumerate(loads):
        forecast = a_forecast(requests=load, serving=memory.wanted or 0)
        given = a_given(forecast, policy=a_policy(up=up), memory=memory, fallback=of)
        decision, memory = decide(given, at=AT + i)
        decisions.append(decision)
    return decisions


def test_it_holds_first_then_falls_back_within_the_step_policies() -> None:
    decisions = run([10.0, None, None, None, None, None], before=1, of=spec("static"))

    assert [d.wanted for d in decisions] == [1, 1, 1, 1, 3, 5]
    last = [d.reasons[-1].code for d in decisions[1:]]
    assert last == [*[Code.METRIC_MISSING] * 3, Code.STEP_LIMITED, Code.FALLBACK]
    assert decisions[-1].reasons[-1].said == (
        "nothing is known of requests in flight (NoSample) for more than 3 evaluations: static, 5 members"
    )


def test_one_measurement_begins_the_count_anew() -> None:
    decisions = run([None, None, None, 10.0, None, None, None], before=1, of=spec("static"))

    assert {d.wanted for d in decisions} == {1}


def test_it_does_not_exceed_the_maximum() -> None:
    assert run([None] * 20, before=1, of=spec("static", replicas=99))[-1].wanted == 10


def test_a_factor_that_is_known_counts_and_not_the_fallback() -> None:
    policy = a_policy(requests=10.0, load=70.0)
    given = a_given(
        a_forecast(requests=20.0, serving=3),
        policy=policy,
        memory=Memory(wanted=3, missing=9),
        fallback=spec("static", replicas=9),
    )

    decision, memory = decide(given, at=AT)

    assert (decision.wanted, memory.missing) == (3, 0)
