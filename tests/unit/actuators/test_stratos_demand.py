"""Stratos 4.1's formulas, as vectors; and that a policy may ask for them."""

import pytest

from actuators import stratos
from actuators.decide import decide
from actuators.demand import demand
from streams.records.decision import Memory
from tests.actuator_builders import a_given
from tests.builders import a_forecast, a_policy


@pytest.mark.parametrize(
    ("mean", "members"),
    [(69, 1), (70, 2), (71, 3), (75, 4), (80, 5), (90, 8), (100, 10)],
    ids=str,
)
def test_memory_with_threshold_70_of_2_to_10_members(mean: float, members: int) -> None:
    assert stratos.memory_consumption(float(mean), 70.0, least=2, most=10) == members


@pytest.mark.parametrize(
    ("mean", "least", "most", "members"),
    [
        pytest.param(99.0, 3, 3, 3, id="minimum and maximum equal: blind"),
        pytest.param(10.0, 1, 5, 0, id="below the threshold one less than the minimum"),
    ],
)
def test_memory_at_its_edges(mean: float, least: int, most: int, members: int) -> None:
    assert stratos.memory_consumption(mean, 70.0, least=least, most=most) == members


@pytest.mark.parametrize(
    ("total", "members"),
    [pytest.param(0.0, 0, id="0"), pytest.param(30.0, 1, id="30"), pytest.param(31.0, 2, id="31")],
)
def test_requests_in_flight_of_30_per_member(total: float, members: int) -> None:
    assert stratos.requests_in_flight(total, 30.0) == members


@pytest.mark.parametrize(
    ("total", "course"),
    [
        pytest.param(100.0, [1, 2, 1, 2], id="100: 1 and 2 by turns, 2 are needed"),
        pytest.param(210.0, [1, 3, 1, 3], id="210: never at rest"),
        pytest.param(420.0, [1, 6, 1, 6], id="420: never at rest"),
    ],
)
def test_f9_the_mean_with_the_minimum_flaps(total: float, course: list[int]) -> None:
    """Without Stratos' gates (one member less per cycle, after four verdicts) the bare formula swings."""
    serving, found = 1, []
    for _ in range(4):
        found.append(serving)
        serving = stratos.asked("load_average", total, 70.0, serving=serving, least=1, most=10)

    assert found == course


def test_a_policy_may_ask_for_them() -> None:
    policy = a_policy(requests=30.0, load=70.0, memory=70.0, demand="stratos-4.1")
    forecast = a_forecast(requests=31.0, load=280.0, memory=300.0, serving=4)

    factors = demand(forecast, policy, least=2, most=10)

    assert [f.members for f in factors] == [2, 2, 4]
    assert not any(f.within_tolerance for f in factors)


def test_a_decision_says_by_which_formula() -> None:
    policy = a_policy(requests=None, memory=70.0, demand="stratos-4.1")
    given = a_given(a_forecast(memory=300.0, serving=4), policy=policy, min_members=2, memory=Memory(wanted=2))

    decision, _ = decide(given, at=1000.0)

    said = "memory consumption 300.0 % now, 300.0 % predicted, 70 % per member by stratos-4.1: 4 members"
    assert (decision.wanted, decision.reasons[0].said) == (4, said)
