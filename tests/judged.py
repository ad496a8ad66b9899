"""Decisions as they are really taken, one for each thing that may hold a number."""

from actuators.decide import decide
from config.cluster import FallbackSpec, FlapSpec, StepPolicy
from streams.records.control import Pause
from streams.records.decision import Cap, Decision, Given, Memory, Recommendation
from streams.records.forecast import Fault
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

AT = 1_780_488_240.0
"""2026-06-03T12:04:00Z."""
ONE = a_behavior(policies=[StepPolicy(kind="Pods", value=1, period_s=30.0)])
WINDOW = a_behavior(stabilization_s=300.0)


def taken(given: Given) -> Decision:
    return decide(given, at=AT)[0]


def step_limited() -> Decision:
    return taken(
        a_given(
            a_forecast(requests=61.0, requests_ahead=68.2, load=250.0, serving=4),
            policy=a_policy(requests=10.0, load=70.0, up=ONE),
            memory=Memory(wanted=4),
        )
    )


def at_rest() -> Decision:
    return taken(a_given(a_forecast(requests=48.0, serving=4, starting=1), policy=a_policy(), memory=Memory(wanted=5)))


def stabilised() -> Decision:
    memory = Memory(wanted=4, recommended=(Recommendation(AT - 40.0, 5),))
    return taken(a_given(a_forecast(requests=11.0, serving=4), policy=a_policy(down=WINDOW), memory=memory))


def unknown(*, missing: int = 0) -> Decision:
    fallback = FallbackSpec(failure_threshold=3, replicas=6, behavior="static")
    memory = Memory(wanted=4, missing=missing)
    return taken(a_given(a_forecast(serving=4), policy=a_policy(), memory=memory, fallback=fallback))


def paused() -> Decision:
    pause = Pause(scope="default/shop", owner="alice", reason="migration", at=AT - 60.0, until=AT + 7200.0)
    return taken(a_given(a_forecast(requests=90.0, serving=4), policy=a_policy(), memory=Memory(wanted=4), pause=pause))


def over_budget() -> Decision:
    cap = Cap(members=5, by="tenant acme's quota of 20 members")
    return taken(a_given(a_forecast(requests=90.0, serving=4), policy=a_policy(), memory=Memory(wanted=4), cap=cap))


def breaking() -> Decision:
    faults = [Fault(member=f"shop-web-{i}", reason="Silent", since=AT - 60.0) for i in range(3)]
    forecast = a_forecast(requests=10.0, serving=4, faults=faults)
    return taken(a_given(forecast, policy=a_policy(), memory=Memory(wanted=4)))


def flapping() -> Decision:
    memory = Memory(wanted=4, changes=(Recommendation(AT - 600.0, 5),))
    policy = a_policy(flap=FlapSpec(starts=5, window_s=3600.0))
    return taken(a_given(a_forecast(requests=10.0, serving=4), policy=policy, memory=memory))


def at_maximum() -> Decision:
    return taken(a_given(a_forecast(requests=990.0, serving=10), policy=a_policy(), memory=Memory(wanted=10)))
