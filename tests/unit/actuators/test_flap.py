"""The flap budget: starts are counted, removals held, growing never refused."""

import math

import pytest

from actuators.decide import decide
from actuators.flap import refilled_at, spent
from config.cluster import FlapSpec
from streams.records.decision import Code, Decision, Memory, Recommendation
from tests.actuator_builders import a_given
from tests.builders import a_forecast, a_policy

AT = 10_000.0
FLAP = FlapSpec(starts=5, window_s=600.0)


def changed(*pairs: tuple[float, int]) -> tuple[Recommendation, ...]:
    return tuple(Recommendation(AT - age, members) for age, members in pairs)


@pytest.mark.parametrize(
    ("changes", "started", "again_s"),
    [
        pytest.param([], 0, None, id="nothing started"),
        pytest.param([(500, 4)], 0, None, id="fewer than the budget"),
        pytest.param([(500, 3), (100, 2)], 5, 100, id="the budget: until the first ones are old"),
        pytest.param([(500, 1), (400, 1), (100, 6)], 8, 500, id="more: until enough of them are old"),
        pytest.param([(600, 9)], 0, None, id="exactly as old as the window does not count"),
        pytest.param([(500, 4), (300, -4), (100, 4)], 8, 100, id="what was removed gives nothing back"),
    ],
)
def test_the_budget(changes: list[tuple[float, int]], started: int, again_s: float | None) -> None:
    assert spent(changed(*changes), FLAP, at=AT) == started
    if again_s is not None:
        assert refilled_at(changed(*changes), FLAP, at=AT) == AT + again_s


def decision(load: float, *changes: tuple[float, int]) -> Decision:
    """Decide with four members, and a budget of five starts in ten minutes."""
    given = a_given(
        a_forecast(requests=load, serving=4),
        policy=a_policy(tolerance=0.0, flap=FLAP),
        memory=Memory(wanted=4, changes=changed(*changes)),
    )
    return decide(given, at=AT)[0]


def test_once_it_is_spent_nobody_is_removed_and_it_says_so() -> None:
    held = decision(10.0, (500, 3), (100, 2))

    assert (held.wanted, held.reasons[-1].code) == (4, Code.FLAP_BUDGET)
    assert held.reasons[-1].said == "5 members started within 600 s, the budget is 5: not fewer than 4"
    assert held.otherwise is not None
    assert (held.otherwise.asked, held.otherwise.until) == (1, AT + 100.0)


def test_growing_is_never_refused() -> None:
    assert decision(90.0, (500, 3), (100, 2)).wanted == 9


def test_before_it_is_spent_members_leave() -> None:
    assert decision(10.0, (500, 3)).wanted == 1


@pytest.mark.parametrize("period_s", [60.0, 120.0, 400.0])
def test_a_swinging_load_starts_at_most_the_budget_and_the_span_per_window(period_s: float) -> None:
    policy = a_policy(tolerance=0.0, flap=FLAP)
    memory, starts = Memory(wanted=1), list[Recommendation]()
    for i in range(1500):
        at = AT + 5.0 * i
        load = 50.0 + 45.0 * math.sin(2 * math.pi * 5.0 * i / period_s)
        given = a_given(a_forecast(requests=load, serving=memory.wanted or 0), policy=policy, memory=memory)
        taken, memory = decide(given, at=at)
        starts += [Recommendation(at, max(0, taken.wanted - taken.before))]

    windows = [sum(s.members for s in starts if end - 600.0 < s.at <= end) for end in range(10_600, 17_500, 50)]
    assert max(windows) <= FLAP.starts + 10 - 1
