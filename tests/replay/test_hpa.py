"""The Kubernetes HPA's published cases of ``behavior`` (``horizontal_test.go``), by their names there."""

from collections.abc import Sequence

import pytest

from actuators.decide import decide
from config.cluster import Behavior, StepPolicy
from streams.records.decision import Code, Decision, Memory, Recommendation
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

AT = 10_000.0
WITHIN = "DesiredWithinRange"
CODES = {
    "ScaleUpLimit": {Code.STEP_LIMITED},
    "ScaleDownLimit": {Code.STEP_LIMITED},
    "TooManyReplicas": {Code.AT_MAXIMUM},
    "TooFewReplicas": {Code.AT_MINIMUM, Code.BELOW_MINIMUM},
    WITHIN: {Code.DEMAND, Code.ALREADY_DESIRED, Code.WITHIN_TOLERANCE},
}
"""The HPA's condition, and what Pileus says then."""


def rules(pods: int, pods_s: float, percent: int, percent_s: float, window_s: float = 0.0) -> Behavior:
    """Return the test's own rules: a policy of members, one of percent, each left out when 0."""
    policies = [StepPolicy(kind="Pods", value=pods, period_s=pods_s)] if pods else []
    policies += [StepPolicy(kind="Percent", value=percent, period_s=percent_s)] if percent else []
    return a_behavior(policies=policies, stabilization_s=window_s)


UP = rules(4, 15, 100, 15)
DOWN = rules(0, 0, 100, 15, 300)
"""The HPA's defaults."""


def spread(sizes: Sequence[int], sign: int) -> list[Recommendation]:
    """Return changes spread evenly over the last 120 s, as the test's ``generateEventsUniformDistribution``."""
    return [
        Recommendation(AT - 120.0 / len(sizes) * (i + 0.5), sign * size) for i, size in reversed(list(enumerate(sizes)))
    ]


def rescaled(
    current: int,
    needed: int,
    least: int,
    most: int,
    *,
    up: Behavior = UP,
    down: Behavior = DOWN,
    added: Sequence[int] = (),
    removed: Sequence[int] = (),
    recommended: Sequence[tuple[int, float]] = (),
) -> Decision:
    """Decide when ``needed`` are needed: ``current`` are wanted, some were added and removed within 120 s."""
    changes = sorted([*spread(added, 1), *spread(removed, -1)], key=lambda change: change.at)
    kept = tuple(Recommendation(AT - age, members) for members, age in recommended)
    policy = a_policy(requests=1.0, tolerance=0.0, up=up, down=down)
    memory = Memory(wanted=current, recommended=kept, changes=tuple(changes))
    forecast = a_forecast(requests=float(needed), serving=current)
    return decide(a_given(forecast, policy=policy, min_members=least, max_members=most, memory=memory), at=AT)[0]


@pytest.mark.parametrize(
    ("decision", "replicas", "condition"),
    [
        pytest.param(rescaled(5, 7, 3, 8), 7, WITHIN, id="prenormalized desired replicas within range"),
        pytest.param(rescaled(3, 1, 2, 8), 2, "TooFewReplicas", id="prenormalized desired replicas < minReplicas"),
        pytest.param(rescaled(1, 0, 0, 10), 0, WITHIN, id="within range when minReplicas is 0"),
        pytest.param(
            rescaled(20, 1000, 1, 10),
            10,
            "TooManyReplicas",
            id="maxReplicas is the limit because maxReplicas < scaleUpLimit",
        ),
        pytest.param(
            rescaled(100, 1000, 100, 150),
            150,
            "TooManyReplicas",
            id="desired replica count is more than the maximum replica count",
        ),
        pytest.param(
            rescaled(3, 1000, 1, 2000, up=rules(0, 0, 1, 60)),
            4,
            "ScaleUpLimit",
            id="scaleUpLimit is the limit because scaleUpLimit < maxReplicas with user policies",
        ),
        pytest.param(
            rescaled(1000, 3, 3, 2000, down=rules(20, 60, 0, 0)),
            980,
            "ScaleDownLimit",
            id="scaleDownLimit is the limit because scaleDownLimit > minReplicas with user defined policies",
        ),
        pytest.param(rescaled(10, 50, 1, 1000), 20, "ScaleUpLimit", id="scaleUp with default behavior"),
        pytest.param(
            rescaled(10, 500, 1, 1000, up=rules(100, 60, 100, 60)),
            110,
            "ScaleUpLimit",
            id="scaleUp with pods policy larger than percent policy",
        ),
        pytest.param(
            rescaled(10, 500, 1, 1000, up=rules(2, 60, 100, 60)),
            20,
            "ScaleUpLimit",
            id="scaleUp with percent policy larger than pods policy",
        ),
        pytest.param(
            rescaled(10, 50, 1, 1000, up=rules(100, 60, 0, 0)),
            50,
            WITHIN,
            id="scaleUp with spec MaxReplicas limitation with large pod policy",
        ),
        pytest.param(
            rescaled(10, 50, 1, 1000, up=rules(10000, 60, 0, 0)),
            50,
            WITHIN,
            id="scaleUp with spec MaxReplicas limitation with large percent policy",
        ),
        pytest.param(
            rescaled(10, 50, 1, 1000, up=rules(30, 60, 0, 0)),
            40,
            "ScaleUpLimit",
            id="scaleUp with pod policy limitation",
        ),
        pytest.param(
            rescaled(10, 50, 1, 1000, up=rules(0, 0, 200, 60)),
            30,
            "ScaleUpLimit",
            id="scaleUp with percent policy limitation",
        ),
        pytest.param(
            rescaled(100, 2, 1, 1000, down=rules(20, 60, 1, 60)),
            80,
            "ScaleDownLimit",
            id="scaleDown with percent policy larger than pod policy",
        ),
        pytest.param(
            rescaled(100, 2, 1, 1000, down=rules(2, 60, 1, 60)),
            98,
            "ScaleDownLimit",
            id="scaleDown with pod policy larger than percent policy",
        ),
        pytest.param(
            rescaled(10, 0, 1, 1000, down=rules(100, 60, 0, 0)),
            1,
            "TooFewReplicas",
            id="scaleDown with spec MinReplicas limitation with large pod policy",
        ),
        pytest.param(
            rescaled(10, 2, 5, 1000, down=rules(0, 0, 100, 60)),
            5,
            "TooFewReplicas",
            id="scaleDown with spec MinReplicas limitation with large percent policy",
        ),
        pytest.param(
            rescaled(10, 2, 1, 1000, down=rules(5, 60, 0, 0)),
            5,
            "ScaleDownLimit",
            id="scaleDown with pod policy limitation",
        ),
        pytest.param(
            rescaled(10, 5, 1, 1000, down=rules(0, 0, 50, 60)), 5, WITHIN, id="scaleDown with percent policy limitation"
        ),
        pytest.param(
            rescaled(100, 500, 1, 200, up=rules(300, 60, 0, 0), added=[1, 5, 9]),
            200,
            "TooManyReplicas",
            id="scaleUp with spec MaxReplicas limitation with large pod policy and events",
        ),
        pytest.param(
            rescaled(100, 500, 1, 200, up=rules(0, 0, 10000, 60), added=[1, 5, 9]),
            200,
            "TooManyReplicas",
            id="scaleUp with spec MaxReplicas limitation with large percent policy and events",
        ),
        pytest.param(
            rescaled(100, 500, 1, 1000, up=rules(5, 120, 0, 0), added=[1, 5, 9]),
            100,
            "ScaleUpLimit",
            id="scaleUp with currentReplicas limitation with rate.PeriodSeconds with a lot of recent scale up events",
        ),
        pytest.param(
            rescaled(100, 500, 1, 1000, up=rules(150, 120, 0, 0), added=[1, 5, 9]),
            235,
            "ScaleUpLimit",
            id="scaleUp with pod policy and previous scale up events",
        ),
        pytest.param(
            rescaled(100, 500, 1, 1000, up=rules(0, 0, 200, 120), added=[1, 5, 9]),
            255,
            "ScaleUpLimit",
            id="scaleUp with percent policy and previous scale up events",
        ),
        pytest.param(
            rescaled(6, 24, 1, 1000, up=rules(0, 0, 300, 300), added=[4], removed=[2]),
            16,
            "ScaleUpLimit",
            id="scaleUp with percent policy and previous scale up and down events",
        ),
        pytest.param(
            rescaled(10, 5, 1, 1000, down=rules(0, 0, 100, 15), removed=[1, 5, 9]),
            5,
            WITHIN,
            id="scaleDown with default policy and previous events",
        ),
        pytest.param(
            rescaled(100, 0, 1, 1000, down=rules(115, 120, 0, 0), removed=[1, 5, 9]),
            1,
            "TooFewReplicas",
            id="scaleDown with spec MinReplicas=nil limitation with large pod policy and previous events",
        ),
        pytest.param(
            rescaled(100, 0, 5, 1000, down=rules(130, 120, 0, 0), removed=[1, 5, 9]),
            5,
            "TooFewReplicas",
            id="scaleDown with spec MinReplicas limitation with large pod policy and previous events",
        ),
        pytest.param(
            rescaled(100, 2, 5, 1000, down=rules(0, 0, 100, 120), removed=[1, 5, 9]),
            5,
            "TooFewReplicas",
            id="scaleDown with spec MinReplicas limitation with large percent policy and previous events",
        ),
        pytest.param(
            rescaled(100, 2, 1, 1000, down=rules(5, 120, 0, 0), removed=[1, 5, 9]),
            100,
            "ScaleDownLimit",
            id="scaleDown with pod policy limitation and previous events",
        ),
        pytest.param(
            rescaled(100, 0, 1, 1000, down=rules(0, 0, 50, 120), removed=[2, 4, 6]),
            56,
            "ScaleDownLimit",
            id="scaleDown with percent policy limitation and previous events",
        ),
        pytest.param(
            rescaled(10, 1, 1, 1000, down=rules(0, 0, 50, 180), added=[2], removed=[4]),
            6,
            "ScaleDownLimit",
            id="scaleDown with percent policy and previous scale up and down events",
        ),
        pytest.param(
            rescaled(100, 0, 1, 1000, down=rules(0, 0, 10, 120), removed=[10, 10, 10]),
            100,
            "ScaleDownLimit",
            id="scaleDown with previous events preventing further scale down",
        ),
        pytest.param(
            rescaled(10, 5, 1, 1000, down=rules(0, 0, 1000, 120), removed=[10, 10, 10]),
            5,
            WITHIN,
            id="scaleDown with with previous events still allowing more scale down",
        ),
        pytest.param(
            rescaled(100, 200, 1, 1000, up=rules(1000, 60, 0, 0), added=[8, 12, 9, 11]),
            200,
            WITHIN,
            id="check 'outdated' flag for events for one behavior for up",
        ),
        pytest.param(
            rescaled(100, 200, 1, 1000, up=rules(1000, 30, 100, 60), added=[8, 12, 9, 11]),
            200,
            WITHIN,
            id="events marked 'outdated' for two different policies in the behavior for up",
        ),
        pytest.param(
            rescaled(100, 5, 1, 1000, down=rules(1000, 60, 0, 0), removed=[8, 12, 9, 11]),
            5,
            WITHIN,
            id="check 'outdated' flag for events for one behavior for down",
        ),
        pytest.param(
            rescaled(100, 5, 1, 1000, down=rules(1000, 120, 100, 60), removed=[8, 12, 9, 11]),
            5,
            WITHIN,
            id="events not marked 'outdated' for two different policies in the behavior for down",
        ),
    ],
)
def test_scaling_with_rules(decision: Decision, replicas: int, condition: str) -> None:
    if condition == "TooFewReplicas" and decision.reasons[-1].code is Code.ALREADY_DESIRED:
        pytest.fail("a bound that bites is the last reason")

    assert (decision.wanted, decision.reasons[-1].code in CODES[condition]) == (replicas, True)


@pytest.mark.parametrize(
    ("current", "needed", "recommended", "up_s", "down_s", "expected"),
    [
        pytest.param(100, 5, [], 0, 0, 5, id="empty recommendations for scaling down"),
        pytest.param(100, 3, [(4, 120), (5, 60)], 0, 180, 5, id="simple scale down stabilization"),
        pytest.param(1, 7, [(4, 120), (5, 60)], 300, 0, 4, id="simple scale up stabilization"),
        pytest.param(100, 3, [(1, 120), (2, 60)], 0, 300, 3, id="no scale down stabilization"),
        pytest.param(1, 3, [(5, 120), (4, 60)], 300, 0, 3, id="no scale up stabilization"),
        pytest.param(100, 3, [(10, 600), (9, 540)], 0, 180, 3, id="no scale down stabilization, old recommendations"),
        pytest.param(100, 3, [(10, 600), (4, 60), (5, 120), (9, 540)], 0, 180, 5, id="scale down stabilization, old"),
        pytest.param(4, 2, [(10, 600), (4, 60)], 0, 300, 4, id="TestStabilizeDownscale"),
    ],
)
def test_normalize_desired_replicas_with_behavior(
    *, current: int, needed: int, recommended: list[tuple[int, float]], up_s: float, down_s: float, expected: int
) -> None:
    free = rules(0, 0, 10_000, 15)
    up, down = (a_behavior(policies=free.policies, stabilization_s=window_s) for window_s in (up_s, down_s))
    decision = rescaled(
        current, needed, 1, 1000, up=up, down=down, recommended=sorted(recommended, key=lambda r: -r[1])
    )

    assert decision.wanted == expected


@pytest.mark.parametrize(
    ("select", "up", "down"),
    [
        pytest.param("Max", 20, 5, id="Max: the policy that allows most"),
        pytest.param("Min", 12, 9, id="Min: the policy that allows least"),
        pytest.param("Disabled", 10, 10, id="Disabled: no change"),
    ],
)
def test_select_policy(select: str, up: int, down: int) -> None:
    """``autoscaling/v2`` types: of 2 pods and 100 percent up, 1 pod and 50 percent down, per 60 s."""
    rises = a_behavior(policies=rules(2, 60, 100, 60).policies, select=select)
    falls = a_behavior(policies=rules(1, 60, 50, 60).policies, select=select)

    assert rescaled(10, 500, 1, 1000, up=rises).wanted == up
    assert rescaled(10, 1, 1, 1000, down=falls).wanted == down


@pytest.mark.parametrize(
    ("used", "replicas"),
    [
        pytest.param(1100.0, 10, id="10 % above the target is within the tolerance"),
        pytest.param(1101.0, 12, id="a little more is not: ceil(11.01) is 12"),
        pytest.param(900.0, 10, id="10 % below is within the tolerance"),
        pytest.param(899.0, 9, id="a little less is not"),
        pytest.param(1010.0, 10, id="TestTolerance: 1.01 of the target"),
    ],
)
def test_tolerance(used: float, replicas: int) -> None:
    """Ten pods with a target of 100 each, tolerance 0.1 (``replica_calculator.go``)."""
    down = rules(0, 0, 100, 15)
    policy = a_policy(requests=100.0, tolerance=0.1, up=UP, down=down)
    given = a_given(a_forecast(requests=used, serving=10), policy=policy, max_members=100, memory=Memory(wanted=10))

    assert decide(given, at=AT)[0].wanted == replicas
