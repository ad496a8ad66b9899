"""Decide: the published behaviour of the Kubernetes HPA, case by case. Ten requests in flight per member."""

from collections.abc import Sequence

import pytest

from actuators.decide import decide
from config.cluster import Behavior, Policy, StepPolicy
from streams.records.decision import DECISION, Code, Decision, Given, Memory, Recommendation
from streams.records.forecast import ClusterForecast, Fault
from streams.records.record import encode
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

AT = 10_000.0
FREE = StepPolicy(kind="Percent", value=1000, period_s=15.0)


def pods(value: int, period_s: float = 60.0) -> StepPolicy:
    return StepPolicy(kind="Pods", value=value, period_s=period_s)


def percent(value: int, period_s: float = 60.0) -> StepPolicy:
    return StepPolicy(kind="Percent", value=value, period_s=period_s)


def earlier(*pairs: tuple[float, int]) -> tuple[Recommendation, ...]:
    """Return what was ``age`` seconds ago."""
    return tuple(Recommendation(AT - age, members) for age, members in pairs)


def a_decision(
    needed: int | None,
    *,
    before: int,
    up: Behavior | None = None,
    down: Behavior | None = None,
    recommended: Sequence[tuple[float, int]] = (),
    changes: Sequence[tuple[float, int]] = (),
    smallest: int = 1,
    largest: int = 1000,
) -> Decision:
    """Decide when ``needed`` members are needed and ``before`` were wanted."""
    memory = Memory(wanted=before, recommended=earlier(*recommended), changes=earlier(*changes))
    policy = a_policy(requests=10.0, tolerance=0.0, up=up, down=down)
    requests = None if needed is None else 10.0 * needed
    forecast = a_forecast(requests=requests, serving=before)
    given = a_given(forecast, policy=policy, min_members=smallest, max_members=largest, memory=memory)
    return decide(given, at=AT)[0]


def codes(decision: Decision) -> list[Code]:
    return [reason.code for reason in decision.reasons]


# --- stabilisation windows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needed", "before", "up_s", "down_s", "recommended", "wanted"),
    [
        pytest.param(9, 4, 0, 300, [(5, 2), (200, 3)], 9, id="without an upward window it grows at once"),
        pytest.param(2, 9, 0, 0, [(5, 9)], 2, id="without a downward window it shrinks at once"),
        pytest.param(9, 4, 60, 0, [(5, 7), (30, 6)], 6, id="it grows to the lowest of the upward window"),
        pytest.param(9, 4, 60, 0, [(30, 3)], 4, id="it does not shrink because of a low one in the upward window"),
        pytest.param(9, 4, 60, 0, [(61, 2), (59, 8)], 8, id="what is older than the upward window does not count"),
        pytest.param(9, 4, 60, 0, [(60, 2)], 9, id="what is exactly as old as the window does not count"),
        pytest.param(2, 9, 0, 300, [(299, 7), (100, 5)], 7, id="it shrinks to the highest of the downward window"),
        pytest.param(2, 4, 0, 300, [(100, 6)], 4, id="it does not grow because of a high one in the downward window"),
        pytest.param(2, 9, 0, 300, [(301, 9), (200, 3)], 3, id="what is older than the downward window does not count"),
        pytest.param(5, 5, 60, 300, [(30, 2), (200, 9)], 5, id="the right number stays whatever was recommended"),
        pytest.param(9, 4, 60, 300, [(30, 3), (30, 12)], 4, id="both windows hold: the number stays"),
    ],
)
def test_the_stabilisation_windows(
    *, needed: int, before: int, up_s: float, down_s: float, recommended: list[tuple[float, int]], wanted: int
) -> None:
    up, down = a_behavior(stabilization_s=up_s, policies=[FREE]), a_behavior(stabilization_s=down_s, policies=[FREE])

    assert a_decision(needed, before=before, up=up, down=down, recommended=recommended).wanted == wanted


# --- step policies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policies", "select", "before", "changes", "wanted"),
    [
        pytest.param([pods(4)], "Max", 2, [], 6, id="members"),
        pytest.param([percent(100)], "Max", 3, [], 6, id="percent"),
        pytest.param([percent(10)], "Max", 3, [], 4, id="percent rounds up, so that it never stands still"),
        pytest.param([percent(10)], "Max", 100, [], 110, id="percent is reckoned exactly, not in floating point"),
        pytest.param([pods(4), percent(100)], "Max", 10, [], 20, id="Max takes the largest step"),
        pytest.param([pods(4), percent(100)], "Min", 10, [], 14, id="Min takes the smallest step"),
        pytest.param([pods(4)], "Disabled", 10, [], 10, id="Disabled takes no step"),
        pytest.param([], "Max", 10, [], 10, id="without a policy no step"),
        pytest.param([pods(4, 60)], "Max", 6, [(30, 4)], 6, id="what was added within the period counts"),
        pytest.param([pods(4, 60)], "Max", 4, [(30, 2)], 6, id="what is left of the period's step may be added"),
        pytest.param([pods(4, 60)], "Max", 6, [(60, 4)], 10, id="what was added a period ago does not count"),
        pytest.param([pods(4, 60)], "Max", 4, [(30, -3)], 11, id="what was removed within the period may come back"),
        pytest.param([pods(4, 15), percent(100, 60)], "Max", 8, [(30, 4)], 12, id="each policy has its own period"),
        pytest.param([pods(1, 60)], "Max", 9, [(10, 5)], 9, id="more than the policy allows already: it stays"),
    ],
)
def test_the_steps_upwards(
    policies: list[StepPolicy], select: str, before: int, changes: list[tuple[float, int]], wanted: int
) -> None:
    up = a_behavior(policies=policies, select=select)

    assert a_decision(500, before=before, up=up, changes=changes).wanted == wanted


@pytest.mark.parametrize(
    ("policies", "select", "before", "changes", "wanted"),
    [
        pytest.param([pods(4)], "Max", 10, [], 6, id="members"),
        pytest.param([percent(10)], "Max", 100, [], 90, id="percent"),
        pytest.param([percent(10)], "Max", 15, [], 13, id="percent rounds down, as the HPA does: 13.5 is 13"),
        pytest.param([percent(100)], "Max", 10, [], 1, id="everything, down to the minimum"),
        pytest.param([percent(90)], "Max", 10, [], 1, id="percent is reckoned exactly: 10 less 90 % is 1"),
        pytest.param([pods(1), percent(10)], "Max", 100, [], 90, id="Max takes the largest step"),
        pytest.param([pods(1), percent(10)], "Min", 100, [], 99, id="Min takes the smallest step"),
        pytest.param([pods(4)], "Disabled", 10, [], 10, id="Disabled takes no step"),
        pytest.param([pods(4, 60)], "Max", 6, [(30, -4)], 6, id="what was removed within the period counts"),
        pytest.param([pods(4, 60)], "Max", 6, [(60, -4)], 2, id="what was removed a period ago does not count"),
        pytest.param([pods(4, 60)], "Max", 9, [(30, 2)], 3, id="what was added within the period may go again"),
        pytest.param([pods(1, 60)], "Max", 9, [(10, -5)], 9, id="more than the policy allows already: it stays"),
    ],
)
def test_the_steps_downwards(
    policies: list[StepPolicy], select: str, before: int, changes: list[tuple[float, int]], wanted: int
) -> None:
    down = a_behavior(policies=policies, select=select)

    assert a_decision(0, before=before, down=down, changes=changes).wanted == wanted


# --- minimum and maximum ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needed", "before", "smallest", "largest", "wanted", "last"),
    [
        pytest.param(12, 4, 1, 8, 8, Code.AT_MAXIMUM, id="never above the maximum"),
        pytest.param(0, 4, 2, 8, 2, Code.AT_MINIMUM, id="never below the minimum"),
        pytest.param(0, 0, 3, 8, 3, Code.BELOW_MINIMUM, id="below the minimum is raised"),
        pytest.param(None, 0, 3, 8, 3, Code.BELOW_MINIMUM, id="below the minimum is raised without a metric"),
        pytest.param(None, 12, 3, 8, 8, Code.AT_MAXIMUM, id="above the maximum is lowered without a metric"),
        pytest.param(8, 4, 1, 8, 8, Code.DEMAND, id="exactly the maximum is not clamped"),
        pytest.param(12, 8, 1, 8, 8, Code.AT_MAXIMUM, id="at the maximum it says so, though nothing changes"),
    ],
)
def test_minimum_and_maximum(
    *, needed: int | None, before: int, smallest: int, largest: int, wanted: int, last: Code
) -> None:
    decision = a_decision(needed, before=before, smallest=smallest, largest=largest)

    assert (decision.wanted, codes(decision)[-1]) == (wanted, last)


def test_below_the_minimum_is_raised_at_once_whatever_the_policies_say() -> None:
    frozen = a_behavior(stabilization_s=600.0, policies=[pods(1)], select="Disabled")

    assert a_decision(9, before=1, up=frozen, recommended=[(10, 1)], smallest=4).wanted == 4


def test_above_the_maximum_is_lowered_at_once_whatever_the_policies_say() -> None:
    frozen = a_behavior(stabilization_s=600.0, policies=[pods(1)], select="Disabled")

    assert a_decision(20, before=20, down=frozen, largest=8).wanted == 8


def test_a_step_below_the_maximum_is_what_the_number_hangs_on() -> None:
    decision = a_decision(50, before=2, up=a_behavior(policies=[pods(4)]), largest=10)

    assert (decision.wanted, codes(decision)) == (6, [Code.DEMAND, Code.AT_MAXIMUM, Code.STEP_LIMITED])


# --- unknown metrics --------------------------------------------------------------------------------------------------


def of_three(*, requests: float | None, load: float | None, memory: float | None, before: int) -> Decision:
    """Decide on three factors: 10 requests, 70 % and 80 % per member."""
    policy = a_policy(requests=10.0, load=70.0, memory=80.0, tolerance=0.0)
    forecast = a_forecast(requests=requests, load=load, memory=memory, serving=before)
    return decide(a_given(forecast, policy=policy, memory=Memory(wanted=before)), at=AT)[0]


@pytest.mark.parametrize(
    ("requests", "load", "memory", "before", "wanted"),
    [
        pytest.param(50.0, 140.0, 160.0, 4, 5, id="the largest of the factors counts"),
        pytest.param(50.0, None, None, 4, 5, id="an unknown one does not keep it from growing"),
        pytest.param(20.0, None, 160.0, 4, 4, id="while one is unknown nothing is removed"),
        pytest.param(None, None, None, 4, 4, id="while all are unknown the number holds"),
        pytest.param(20.0, 140.0, 160.0, 4, 2, id="when all are known it shrinks"),
    ],
)
def test_unknown_metrics(
    requests: float | None, load: float | None, memory: float | None, before: int, wanted: int
) -> None:
    assert of_three(requests=requests, load=load, memory=memory, before=before).wanted == wanted


def test_what_was_held_for_want_of_metrics_is_not_removed_at_the_first_number() -> None:
    """The window knows nothing of the silence: it counts as if the number had been recommended."""
    policy = a_policy(requests=10.0, down=a_behavior(stabilization_s=300.0))
    given = a_given(a_forecast(serving=4), policy=policy, memory=Memory(wanted=4))
    _, memory = decide(given, at=AT)

    again = a_given(a_forecast(requests=10.0, serving=4), policy=policy, memory=memory)

    assert decide(again, at=AT + 5.0)[0].wanted == 4


# --- the breaker ------------------------------------------------------------------------------------------------------


def with_faults(faulty: int, *, needed: int, since: float = AT - 60.0) -> Decision:
    """Decide on four serving members, of which some are faulty."""
    faults = [Fault(member=f"shop-web-{i}", reason="Silent", since=since) for i in range(1, faulty + 1)]
    forecast = a_forecast(requests=10.0 * needed, serving=4, faults=faults)
    return decide(a_given(forecast, policy=a_policy(tolerance=0.0), memory=Memory(wanted=4)), at=AT)[0]


@pytest.mark.parametrize(
    ("faulty", "needed", "wanted", "found"),
    [
        pytest.param(2, 1, 1, [Code.DEMAND], id="half of them faulty is no reason to stop"),
        pytest.param(3, 1, 4, [Code.DEMAND, Code.BREAKER], id="more than half: nothing is removed, and it says so"),
        pytest.param(3, 6, 6, [Code.BREAKER, Code.DEMAND], id="more than half: it still grows"),
        pytest.param(3, 4, 4, [Code.BREAKER, Code.DEMAND, Code.WITHIN_TOLERANCE], id="more than half at rest"),
    ],
)
def test_the_breaker_is_said(faulty: int, needed: int, wanted: int, found: list[Code]) -> None:
    decision = with_faults(faulty, needed=needed)

    assert (decision.wanted, codes(decision)) == (wanted, found)


def test_the_breaker_lets_go_after_ten_minutes() -> None:
    assert with_faults(3, needed=1, since=AT - 601.0).wanted == 1


# --- memory -----------------------------------------------------------------------------------------------------------


def run(totals: Sequence[float], policy: Policy, *, every_s: float = 5.0) -> tuple[list[int], Memory]:
    """Decide on a load that changes from tick to tick; the members always follow."""
    memory, wanted = Memory(wanted=1), []
    for i, total in enumerate(totals):
        serving = memory.wanted or 0
        given = a_given(a_forecast(requests=total, serving=serving), policy=policy, max_members=1000, memory=memory)
        decision, memory = decide(given, at=AT + i * every_s)
        wanted.append(decision.wanted)
    return wanted, memory


def test_without_a_memory_the_members_that_are_there_count_as_wanted() -> None:
    forecast = a_forecast(requests=10.0, serving=3, starting=2)
    policy = a_policy(down=a_behavior(stabilization_s=300.0))

    decision, memory = decide(a_given(forecast, policy=policy), at=AT)

    assert (decision.before, decision.wanted, memory.wanted) == (5, 5, 5)


def test_the_memory_is_bounded_by_the_numbers_not_by_the_ticks() -> None:
    policy = a_policy(tolerance=0.0, up=a_behavior(stabilization_s=3600.0), down=a_behavior(stabilization_s=3600.0))

    _, memory = run([10.0 + 10.0 * (i * 7 % 10) for i in range(5000)], policy, every_s=0.5)

    assert len(memory.recommended) <= 2 * 10


def test_what_is_forgotten_changes_nothing() -> None:
    """Deciding with every recommendation kept gives the same numbers as deciding with those that count."""
    policy = a_policy(tolerance=0.0, up=a_behavior(stabilization_s=30.0), down=a_behavior(stabilization_s=120.0))
    totals = [10.0 + 10.0 * (i * i * 13 % 17) for i in range(300)]

    wanted, _ = run(totals, policy)

    before = 1
    for i, total in enumerate(totals):
        up = [totals[j] for j in range(i + 1) if (i - j) * 5.0 < 30.0]
        down = [totals[j] for j in range(i + 1) if (i - j) * 5.0 < 120.0]
        assert total in up
        before = min(max(before, round(min(up) / 10)), round(max(down) / 10))
        assert wanted[i] == before


def test_changes_are_forgotten_after_the_longest_period() -> None:
    policy = a_policy(tolerance=0.0, up=a_behavior(policies=[pods(100, 30.0)]), down=a_behavior(policies=[pods(100)]))

    _, memory = run([10.0 + 10.0 * (i % 2) for i in range(500)], policy)

    assert len(memory.changes) <= 60.0 / 5.0


# --- a decision is a value --------------------------------------------------------------------------------------------


def given_everything() -> Given:
    """Return a given in which every gate has something to do."""
    policy = a_policy(
        requests=7.0,
        load=70.0,
        up=a_behavior(stabilization_s=30.0, policies=[pods(4, 15.0), percent(50, 60.0)]),
        down=a_behavior(stabilization_s=300.0, policies=[percent(10)]),
    )
    memory = Memory(wanted=5, recommended=earlier((200.5, 9), (10.25, 6)), changes=earlier((12.125, 2)))
    forecast: ClusterForecast = a_forecast(requests=66.6, requests_ahead=91.7, load=123.4, serving=4, starting=1)
    return a_given(forecast, policy=policy, min_members=2, max_members=12, memory=memory)


def test_the_same_given_gives_the_same_bytes() -> None:
    first, remembered = decide(given_everything(), at=AT)
    second, again = decide(given_everything(), at=AT)

    assert encode(first) == encode(second)
    assert remembered == again


def test_a_recorded_decision_can_be_taken_again() -> None:
    recorded = encode(decide(given_everything(), at=AT + 0.123456789)[0])
    decoded = DECISION.decode(recorded)

    assert encode(decide(decoded.given, at=decoded.at)[0]) == recorded
