"""What a decision says to people: the last reason is what the number hangs on, with honest numbers."""

from collections.abc import Sequence

import pytest

from actuators.decide import decide
from config.cluster import Behavior, StepPolicy
from streams.records.decision import Decision, Memory, Recommendation
from streams.records.forecast import Fault
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

AT = 10_000.0
ONE = a_behavior(policies=[StepPolicy(kind="Pods", value=1, period_s=5.0)])
MORE = a_behavior(
    policies=[StepPolicy(kind="Pods", value=4, period_s=15.0), StepPolicy(kind="Percent", value=100, period_s=15.0)]
)
BOTH = a_behavior(policies=MORE.policies, select="Min")
NEVER = a_behavior(policies=ONE.policies, select="Disabled")
SLOW = a_behavior(stabilization_s=15.0)


def said(
    requests: float | None,
    *,
    before: int,
    ahead: float | None = None,
    up: Behavior | None = None,
    down: Behavior | None = None,
    recommended: Sequence[int] = (),
    faulty: int = 0,
) -> str:
    """Return the last reason, when 8 requests per member are aimed at and 1 to 8 members are allowed."""
    memory = Memory(wanted=before, recommended=tuple(Recommendation(AT - 10.0, n) for n in recommended))
    faults = [Fault(member=f"shop-web-{i}", reason="Silent", since=AT - 60.0) for i in range(faulty)]
    forecast = a_forecast(requests=requests, requests_ahead=ahead, serving=before, faults=faults)
    given = a_given(forecast, policy=a_policy(requests=8.0, up=up, down=down), max_members=8, memory=memory)
    return decide(given, at=AT)[0].reasons[-1].said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            said(30.0, before=2), "requests in flight 30.0 now, 30.0 predicted, 8 per member: 4 members", id="demand"
        ),
        pytest.param(
            said(7.0, before=2),
            "requests in flight 7.0 now, 7.0 predicted, 8 per member: 1 member",
            id="one member is singular",
        ),
        pytest.param(
            said(12.0, before=2, ahead=30.0),
            "requests in flight 12.0 now, 30.0 predicted, 8 per member: 4 members",
            id="forecast",
        ),
        pytest.param(
            said(25.0, before=3),
            "that is 1.04 of what 3 members should carry, within the tolerance: 3 members",
            id="tolerance",
        ),
        pytest.param(said(4.0, before=1), "1 member is wanted already", id="one is wanted already"),
        pytest.param(said(19.0, before=3), "3 members are wanted already", id="three are wanted already"),
        pytest.param(
            said(None, before=3),
            "nothing is known of requests in flight (NoSample): held at 3 members",
            id="nothing known",
        ),
        pytest.param(
            said(4.0, before=4, down=SLOW, recommended=[3]),
            "1 member needed now, 3 within the last 15 s",
            id="shrinks to the highest of the window",
        ),
        pytest.param(
            said(4.0, before=4, down=SLOW, recommended=[6]),
            "1 member needed now, 6 within the last 15 s: held at 4",
            id="held by the window, downwards",
        ),
        pytest.param(
            said(40.0, before=2, up=SLOW, recommended=[3]),
            "5 members needed now, 3 within the last 15 s",
            id="grows to the lowest of the window",
        ),
        pytest.param(
            said(40.0, before=2, up=SLOW, recommended=[1]),
            "5 members needed now, 1 within the last 15 s: held at 2",
            id="held by the window, upwards",
        ),
        pytest.param(
            said(4.0, before=4, down=ONE), "1 member needed, at most 1 member in 5 s: 3 now", id="a step down"
        ),
        pytest.param(
            said(64.0, before=1, up=MORE),
            "8 members needed, at most 4 members in 15 s or 100 % in 15 s: 5 now",
            id="a step up",
        ),
        pytest.param(
            said(64.0, before=1, up=BOTH),
            "8 members needed, at most 4 members in 15 s and 100 % in 15 s: 2 now",
            id="the smallest step up",
        ),
        pytest.param(
            said(4.0, before=4, down=NEVER),
            "1 member needed, scaling down is disabled: 4 now",
            id="scaling down is disabled",
        ),
        pytest.param(said(86.0, before=4), "11 members needed, the maximum is 8", id="the maximum"),
        pytest.param(said(0.0, before=4), "0 members needed, the minimum is 1", id="the minimum"),
        pytest.param(
            said(4.0, before=4, faulty=3),
            "3 of 4 members silent or unhealthy at once: none is replaced, not fewer than 4",
            id="the breaker",
        ),
    ],
)
def test_the_last_reason(text: str, expected: str) -> None:
    assert text == expected


def of_three(*, requests: float | None, load: float | None, memory: float | None) -> Decision:
    """Decide on three factors, with four members."""
    policy = a_policy(requests=10.0, load=70.0, memory=80.0)
    forecast = a_forecast(requests=requests, load=load, memory=memory, serving=4)
    return decide(a_given(forecast, policy=policy, memory=Memory(wanted=4)), at=AT)[0]


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        pytest.param(
            of_three(requests=5.0, load=560.0, memory=100.0),
            ["load average 560.0 % now, 560.0 % predicted, 70 % per member: 8 members"],
            id="the factor that asks for most speaks, in its unit",
        ),
        pytest.param(
            of_three(requests=20.0, load=None, memory=None),
            [
                "requests in flight 20.0 now, 20.0 predicted, 10 per member: 2 members",
                "nothing is known of load average (NoSample), memory consumption (NoSample): not fewer than 4 members",
            ],
            id="the unknown ones are named",
        ),
    ],
)
def test_several_factors(decision: Decision, expected: list[str]) -> None:
    assert [reason.said for reason in decision.reasons] == expected


def test_a_policy_without_a_threshold_holds_and_says_so() -> None:
    given = a_given(a_forecast(requests=9.0, serving=4), policy=a_policy(requests=None), memory=Memory(wanted=4))

    decision, _ = decide(given, at=AT)

    assert (decision.wanted, decision.reasons[-1].said) == (4, "the policy has no threshold: held at 4 members")
