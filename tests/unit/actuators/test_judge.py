"""The judge: what one decision leaves to the next, and which are worth telling."""

from collections.abc import Iterable

import msgspec

from actuators.judge import Judge, Remembered
from config.cluster import ClusterSpec
from streams.records.decision import Decision
from streams.records.record import encode
from tests.builders import a_behavior, a_forecast, a_policy, a_spec

SPEC = a_spec(policy=a_policy(requests=10.0, tolerance=0.0, down=a_behavior(stabilization_s=30.0)))
HEARTBEAT_S = 60.0


def follow(
    judge: Judge, loads: Iterable[float], *, start: int = 0, spec: ClusterSpec = SPEC
) -> list[tuple[Decision, bool]]:
    """Decide on a load per five seconds."""
    return [
        judge.decide(spec, a_forecast(requests=load, serving=2), 1000.0 + 5.0 * i)
        for i, load in enumerate(loads, start)
    ]


def told(judge: Judge, loads: Iterable[float]) -> list[int]:
    """Return at which ticks a decision is told."""
    return [i for i, (_, tell) in enumerate(follow(judge, loads)) if tell]


def test_the_first_decision_is_told() -> None:
    assert told(Judge(HEARTBEAT_S), [20.0]) == [0]


def test_a_change_and_the_first_decision_after_it_are_told() -> None:
    """The one after it has another reason: nothing to do."""
    assert told(Judge(HEARTBEAT_S), [20.0, 19.0, 35.0, 35.0, 35.0]) == [0, 1, 2, 3]


def test_what_does_not_change_is_repeated_once_a_minute() -> None:
    assert told(Judge(HEARTBEAT_S), [19.0] * 40) == [0, 12, 24, 36]


def test_every_decision_carries_the_memory_it_was_taken_with() -> None:
    judge = Judge(HEARTBEAT_S)

    (first, _), (second, _) = follow(judge, [35.0, 25.0])

    assert (first.given.memory.wanted, second.given.memory.wanted) == (None, 4)
    assert (second.before, second.wanted) == (4, 4)


def test_after_a_restart_it_goes_on_as_if_there_had_been_none() -> None:
    loads = [10.0 + (i * i * 7) % 60 for i in range(60)]
    unbroken = follow(Judge(HEARTBEAT_S), loads)
    first = Judge(HEARTBEAT_S)
    before = follow(first, loads[:31])

    stored = msgspec.msgpack.encode(first.remembered)
    second = Judge(HEARTBEAT_S, msgspec.msgpack.decode(stored, type=Remembered))
    after = follow(second, loads[31:], start=31)

    assert [(encode(d), tell) for d, tell in before + after] == [(encode(d), tell) for d, tell in unbroken]


def test_without_a_memory_it_begins_with_the_members_that_are_there() -> None:
    judge = Judge(HEARTBEAT_S)
    judge.adopt(7, 1000.0)

    ((decision, _),) = follow(judge, [20.0])

    assert (decision.before, decision.wanted) == (7, 7), "held by the window, as if it had been decided"


def test_with_a_memory_nothing_is_adopted() -> None:
    judge = Judge(HEARTBEAT_S)
    follow(judge, [35.0])
    judge.adopt(9, 1005.0)

    assert judge.remembered.memory.wanted == 4
