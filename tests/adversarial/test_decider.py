"""Records that no healthy part would send: the decider refuses or passes them over, and goes on."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actuators.cluster import Rules
from actuators.decider import Decider, Envelope
from streams.records.action import Result
from streams.records.forecast import Fault
from streams.records.member import Member, State
from streams.records.record import encode
from tests.actuator_builders import a_backend, a_report, an_outcome, forecasts_of
from tests.builders import a_cartridge, a_forecast, a_member, a_place, a_policy, a_spec, an_application
from tests.deciding import Shell, launches, terminations

SPEC = a_spec(
    policy=a_policy(requests=10.0, tolerance=0.0),
    cartridge=a_cartridge(drain_s=10.0, boot_s=60.0),
    partitions=(a_place("p1", max_members=3), a_place("p2", max_members=3)),
)
NAMES = st.sampled_from([*(f"shop-web-{i}" for i in range(1, 8)), "shop-web", "", "-", "shop-web-²", "shop-db-1"])
TIMES = st.sampled_from([0.0, -1e9, 1e18]) | st.floats(900.0, 1200.0)
TICKS = st.sampled_from([0.0, math.inf, math.nan]) | st.floats(900.0, 1200.0)
LOADS = st.none() | st.sampled_from([0.0, -5.0, 1e300, math.inf, math.nan]) | st.floats(0.0, 80.0)


@st.composite
def hostile(draw: st.DrawFn) -> object:
    """One record of any kind with any content that its type allows."""
    match draw(st.sampled_from(["forecasts", "outcome", "report"])):
        case "forecasts":
            faults = [Fault(member=n, reason="Silent", since=draw(TIMES)) for n in draw(st.lists(NAMES, max_size=4))]
            forecast = a_forecast(
                requests=draw(LOADS),
                requests_ahead=draw(LOADS),
                serving=draw(st.integers(0, 9)),
                starting=draw(st.integers(0, 9)),
                faults=faults,
            )
            return forecasts_of(forecast, forecast, at=draw(TICKS))
        case "outcome":
            port = draw(st.integers(-1, 70_000))
            return an_outcome(draw(st.sampled_from(Result)), draw(NAMES), at=draw(TIMES), port=port)
        case _:
            backends = [
                a_backend(draw(NAMES), routed=draw(st.booleans()), in_flight=draw(st.integers(-5, 5)))
                for _ in range(draw(st.integers(0, 5)))
            ]
            revision = draw(st.integers(-1, 100))
            return a_report(
                *backends, at=draw(TIMES), balancer=draw(st.sampled_from(["", "a", "b"])), revision=revision
            )


def feed(decider: Decider, record: object) -> list[Envelope]:
    """Hand a record to the part of the decider that it is for."""
    name = type(record).__name__
    take = {"Forecasts": decider.forecasts, "Outcome": decider.outcome, "BalancerReport": decider.report}[name]
    return take(record)  # type: ignore[operator, no-any-return]


@settings(max_examples=200, deadline=None)
@given(records=st.lists(hostile(), max_size=40))
def test_nothing_that_can_be_decoded_stops_the_decider(records: list[object]) -> None:
    decider, offset = Decider(Rules()), 0
    decider.define([an_application(SPEC)], 1000.0)
    for record in records:
        for envelope in feed(decider, record):
            assert encode(envelope.record)
            if isinstance(envelope.record, Member):
                decider.written(envelope.record.member, envelope.record.cluster, offset)
                offset += 1
    assert len(decider.clusters["shop-web"].members) <= 10 * len(records) + 10
    decider.snapshot()


@pytest.mark.parametrize("at", [math.nan, math.inf])
def test_a_tick_at_no_time_does_not_stop_the_clock(at: float) -> None:
    decider = Decider(Rules())
    decider.define([an_application(SPEC)], 1000.0)
    decider.forecasts(forecasts_of(a_forecast(requests=20.0), at=at))

    assert launches(e.record for e in decider.forecasts(forecasts_of(a_forecast(requests=20.0), at=1000.0)))


def test_a_stranger_in_a_report_is_not_a_member() -> None:
    shell = Shell(SPEC)
    shell.serve(10.0)

    assert shell.report(a_backend("shop-web-99"), a_backend("shop-web-1")) == []


def test_a_report_from_the_future_does_not_silence_its_balancer_for_ever() -> None:
    """A balancer whose clock was wrong once is heard again after it counts as lost."""
    shell = Shell(SPEC)
    shell.serve(20.0)
    shell.publish(shell.decider.report(a_report(a_backend("shop-web-1"), at=1e12)))
    shell.ticks(20.0, times=61)
    shell.route()
    shell.tick(10.0)

    assert terminations(shell.report(a_backend("shop-web-1"))) == ["shop-web-2"]


def test_a_fault_of_a_member_that_is_unknown_or_leaving_is_passed_over() -> None:
    shell = Shell(SPEC)
    shell.serve(20.0)
    shell.tick(10.0)
    assert shell.names(State.DRAINING) == ["shop-web-2"]

    shell.tick(10.0, faulty=["shop-web-99"])
    shell.tick(10.0, faulty=["shop-web-2"])

    assert launches(shell.published[-3:]) == []
    assert shell.names(State.ACTIVE) == ["shop-web-1"]


def test_a_member_of_the_log_without_times_is_taken_in() -> None:
    log = [msgspec.structs.replace(a_member(f"shop-web-{i}", state=s), since={}) for i, s in enumerate(State, 1)]
    shell = Shell(SPEC, log=log)

    shell.ticks(10.0, times=30)
    shell.route()

    assert "shop-web-3" in shell.names(State.ACTIVE, State.DRAINING, State.TERMINATING)


def test_the_same_outcome_many_times_counts_once() -> None:
    shell = Shell(SPEC)
    shell.tick(10.0)

    words = [shell.answer(Result.RUNNING, "shop-web-1") for _ in range(5)]
    gone = [shell.answer(Result.GONE, "shop-web-1") for _ in range(5)]

    assert [len(w) for w in words] == [1, 0, 0, 0, 0]
    assert [len(g) for g in gone] == [1, 0, 0, 0, 0]


def test_a_load_that_leaps_every_tick_launches_no_more_than_it_needs() -> None:
    shell = Shell(SPEC)
    for load in [60.0, 0.0] * 30:
        shell.tick(load)
        for name in shell.names(State.CREATED):
            shell.answer(Result.RUNNING, name)
        shell.route()

    alive = shell.names(State.CREATED, State.STARTING, State.ACTIVE, State.DRAINING, State.TERMINATING)
    assert len(alive) <= 6


def test_a_cloud_that_accepts_and_kills_every_member_is_asked_less_and_less() -> None:
    shell = Shell(SPEC)
    asked = 0
    for _ in range(1200):
        for name in launches(shell.tick(60.0)):
            asked += 1
            shell.answer(Result.RUNNING, name)
            shell.answer(Result.GONE, name)

    assert asked <= 6 * 13, "1 + 2 + 4 ... + 256 s, then every 300 s"
