"""The breaker: when more than half fail at once, or the load vanishes, nobody is removed for ten minutes."""

import pytest

from actuators.breaker import FREEZE_S, frozen, replaceable
from actuators.decide import decide
from streams.records.decision import Code, Decision, Memory
from streams.records.forecast import Fault
from tests.actuator_builders import a_given
from tests.builders import a_behavior, a_forecast, a_policy

AT = 1000.0


def silent(*since: float) -> list[Fault]:
    """Return a fault per member, in order."""
    return [Fault(member=f"shop-web-{i}", reason="Silent", since=t) for i, t in enumerate(since, 1)]


@pytest.mark.parametrize(
    ("serving", "since", "held", "replaced"),
    [
        pytest.param(4, [], False, [], id="nobody faulty"),
        pytest.param(1, [900.0], False, ["shop-web-1"], id="the only one is replaced"),
        pytest.param(4, [900.0, 910.0], False, ["shop-web-1", "shop-web-2"], id="half are replaced"),
        pytest.param(2, [900.0, 910.0], True, [], id="both of two are not"),
        pytest.param(5, [900.0, 910.0, 920.0], True, [], id="more than half are not"),
        pytest.param(4, [10.0, 20.0, 390.0], False, ["shop-web-1", "shop-web-2"], id="after 10 minutes half are"),
        pytest.param(4, [10.0, 20.0, 401.0, 990.0], True, [], id="from when it was more than half"),
        pytest.param(
            4, [10.0, 20.0, 390.0, 990.0], False, ["shop-web-1", "shop-web-2"], id="one more does not begin anew"
        ),
    ],
)
def test_the_breaker(*, serving: int, since: list[float], held: bool, replaced: list[str]) -> None:
    forecast = a_forecast(serving=serving, faults=silent(*since))

    assert frozen(forecast, at=AT) is held
    assert sorted(replaceable(forecast, at=AT)) == replaced


def test_it_holds_for_ten_minutes_at_most() -> None:
    assert FREEZE_S == 600.0


def test_the_reason_is_kept() -> None:
    forecast = a_forecast(serving=2, faults=[Fault(member="shop-web-2", reason="Unhealthy", since=900.0)])

    assert replaceable(forecast, at=AT) == {"shop-web-2": "Unhealthy"}


# --- the load vanishes ------------------------------------------------------------------------------------------------

Seen = tuple[float | None, int | None]
"""Requests in flight, and how many were counted so far."""


def follow(*seen: Seen, every_s: float = 5.0, load: bool = False, before: int = 6) -> list[Decision]:
    """Decide on one evaluation after the other; ten requests (or percent) per member."""
    policy = a_policy(
        requests=None if load else 10.0,
        load=10.0 if load else None,
        tolerance=0.0,
        down=a_behavior(stabilization_s=0.0),
    )
    memory, decisions = Memory(wanted=before), []
    for i, (value, count) in enumerate(seen):
        of = {"load": value} if load else {"requests": value}
        given = a_given(a_forecast(serving=6, count=count, **of), policy=policy, memory=memory)  # type: ignore[arg-type]
        decision, memory = decide(given, at=AT + every_s * i)
        decisions.append(decision)
    return decisions


def broke(decisions: list[Decision]) -> list[bool]:
    return [any(reason.code is Code.BREAKER for reason in decision.reasons) for decision in decisions]


@pytest.mark.parametrize(
    ("seen", "held"),
    [
        pytest.param([(60, 100), (0, 160)], True, id="from full to nothing while requests still arrive"),
        pytest.param([(60, 100), (0, None)], True, id="from full to nothing, and nobody counts requests any more"),
        pytest.param([(60, 100), (None, None), (0, 160)], True, id="with a gap between the two"),
        pytest.param([(60, 100), (0, 20)], True, id="the count begins anew: something counted"),
        pytest.param([(60, 100), (0, 100)], False, id="nothing counted: the load is really gone"),
        pytest.param([(60, 100), (8, 160), (0, 161)], False, id="not at once: one member's load in between"),
        pytest.param([(9, 100), (0, 160)], False, id="it was no more than one member carries"),
        pytest.param([(60, None), (0, None)], False, id="requests were never counted: batch work may end at once"),
        pytest.param([(60, 100), (30, 160)], False, id="half of it is no zero"),
    ],
)
def test_the_load_vanishes(seen: list[Seen], *, held: bool) -> None:
    *_, last = follow(*seen)

    assert broke([last]) == [held]
    assert (last.wanted == 6) is held or last.wanted == 3


def test_load_zero_everywhere_on_processors_while_requests_arrive_is_a_fault() -> None:
    """k/k#104387: the provider of the metrics was away and answered 0."""
    decisions = follow((60, 100), (0, 160), (0, 230), load=True)

    assert [d.wanted for d in decisions] == [6, 6, 6]
    assert decisions[-1].reasons[-1].said == (
        "the load fell to zero at once while requests still arrive or nobody counts them: "
        "none is replaced, not fewer than 6"
    )


def test_it_lets_go_when_a_load_is_seen_again() -> None:
    assert broke(follow((60, 100), (0, 160), (40, 230), (40, 300))) == [False, True, False, False]


def test_it_lets_go_when_no_request_was_counted_for_a_minute() -> None:
    decisions = follow((60, 100), (0, 160), *[(0.0, 160)] * 13)

    assert broke(decisions) == [False, *[True] * 12, False, False]
    assert decisions[-1].wanted == 1


def test_it_lets_go_after_ten_minutes_and_does_not_begin_anew() -> None:
    decisions = follow((60, 100), *((0.0, 160 + i) for i in range(20)), every_s=60.0)

    assert broke(decisions) == [False, *[True] * 10, *[False] * 10]
    assert decisions[10].gates[1].until == AT + 60.0 + FREEZE_S


def test_it_never_keeps_from_growing() -> None:
    *_, last = follow((60, 100), (0, 160), (90, 230))

    assert last.wanted == 9
