"""How often a cluster may change, whatever swings: a bound on adaptations per hour, with the shipped defaults."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actuators.decide import decide
from config.cluster import FlapSpec, Policy, StepPolicy
from streams.records.decision import Memory
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

HOUR_S = 3600.0
EVERY_S = 5.0
PER_MEMBER = 10.0
UP = a_behavior(
    policies=[StepPolicy(kind="Percent", value=100, period_s=15.0), StepPolicy(kind="Pods", value=4, period_s=15.0)]
)
DOWN = a_behavior(
    stabilization_s=300.0,
    policies=[StepPolicy(kind="Percent", value=10, period_s=60.0), StepPolicy(kind="Pods", value=1, period_s=60.0)],
)
"""The defaults of an autoscaling policy."""


def changes(loads: list[float], policy: Policy, *, lag_s: float = 30.0) -> list[int]:
    """Return by how much the number changes at each evaluation; members serve so long after they are asked for."""
    memory, wanted, found = Memory(), [5], list[int]()
    for i, load in enumerate(loads):
        serving = wanted[max(0, len(wanted) - 1 - round(lag_s / EVERY_S))]
        there = min(serving, wanted[-1])
        forecast = a_forecast(requests=load, serving=there, starting=wanted[-1] - there)
        decision, memory = decide(
            a_given(forecast, policy=policy, memory=memory, max_members=100), at=1e6 + EVERY_S * i
        )
        found.append(decision.wanted - decision.before)
        wanted.append(decision.wanted)
    return found


def per_hour(found: list[int]) -> int:
    """Return the adaptations of the last hour: by then the beginning is over."""
    return sum(change != 0 for change in found[-round(HOUR_S / EVERY_S) :])


HOURS = range(round(3 * HOUR_S / EVERY_S))


@pytest.mark.parametrize("period_s", [20.0, 60.0, 200.0])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_a_sine_faster_than_the_window_changes_nothing(period_s: float, share: float) -> None:
    loads = [50.0 * (1.0 + share * math.sin(2 * math.pi * EVERY_S * i / period_s)) for i in HOURS]

    assert per_hour(changes(loads, a_policy(requests=PER_MEMBER, up=UP, down=DOWN))) == 0


@pytest.mark.parametrize(("period_s", "most"), [(60.0, 0), (290.0, 0), (900.0, 20), (1800.0, 20)])
def test_a_square_wave_adapts_a_bounded_number_of_times(period_s: float, most: int) -> None:
    """Slower than the window it is followed: up in a step or two, down by a member a minute."""
    loads = [80.0 if (EVERY_S * i) % period_s < period_s / 2 else 20.0 for i in HOURS]

    assert per_hour(changes(loads, a_policy(requests=PER_MEMBER, up=UP, down=DOWN))) <= most


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("noise", "most"), [(0.02, 0), (0.1, 4), (0.5, 20)])
def test_noise_at_the_threshold_comes_to_rest(seed: int, noise: float, most: int) -> None:
    """A load of exactly five members, with noise: the highest of a window counts, and it changes rarely."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    loads = [50.0 * max(0.0, 1.0 + chance.gauss(0.0, noise)) for _ in HOURS]

    assert per_hour(changes(loads, a_policy(requests=PER_MEMBER, up=UP, down=DOWN))) <= most


@settings(max_examples=30)
@given(
    loads=st.lists(st.floats(0.0, 400.0), min_size=1, max_size=400),
    starts=st.integers(1, 10),
)
def test_a_flap_budget_bounds_the_starts_of_any_load(loads: list[float], starts: int) -> None:
    """In any window at most the budget and the span: then nobody is removed, so nobody is started again."""
    policy = a_policy(requests=PER_MEMBER, tolerance=0.0, flap=FlapSpec(starts=starts, window_s=300.0))
    found = changes(loads, policy)
    window = round(300.0 / EVERY_S)

    for end in range(len(found)):
        assert sum(max(0, change) for change in found[max(0, end - window + 1) : end + 1]) <= starts + 99
