"""Pauses: who is paused by which order, and what a pause lets happen."""

import pytest

from actuators.pauses import Pauses
from streams.records.action import Result
from streams.records.control import CONTROL, Control
from streams.records.decision import Code
from streams.records.member import State
from streams.records.record import encode
from tests.builders import a_policy, a_spec, an_application
from tests.deciding import Shell, launches, terminations

AT = 1000.0


def an_order(
    scope: str = "default/shop",
    *,
    paused: bool = True,
    at: float = AT,
    until: float = AT + 3600.0,
    owner: str = "alice",
    reason: str = "migration",
) -> Control:
    tenant, application, cluster, *_ = (*scope.split("/"), "", "")
    return Control(
        tenant=tenant,
        application=application,
        cluster=cluster,
        paused=paused,
        owner=owner,
        reason=reason,
        at=at,
        until=until,
    )


def owner(*orders: Control, at: float = AT + 1.0) -> str | None:
    """Return by whom the cluster ``web`` of ``default/shop`` is paused."""
    pauses = Pauses()
    for order in orders:
        pauses.take(order)
    found = pauses.of("default", "shop", "web", at=at)
    return found.owner if found else None


@pytest.mark.parametrize(
    ("orders", "by"),
    [
        pytest.param([], None, id="nobody has ordered anything"),
        pytest.param([an_order("default/shop/web")], "alice", id="the cluster"),
        pytest.param([an_order("default/shop")], "alice", id="its application"),
        pytest.param([an_order("default")], "alice", id="all of the tenant's"),
        pytest.param([an_order("default/shop/db")], None, id="another cluster"),
        pytest.param([an_order("default/shop2"), an_order("other/shop")], None, id="other applications and tenants"),
        pytest.param([an_order(), an_order(paused=False)], None, id="resumed"),
        pytest.param([an_order(), an_order("default/shop/web", paused=False)], "alice", id="resumed in another scope"),
        pytest.param([an_order(), an_order(owner="bob")], "bob", id="the newest order of a scope counts"),
        pytest.param(
            [an_order(until=AT + 9.0), an_order("default/shop/web", owner="bob")], "bob", id="of several the longest"
        ),
        pytest.param([an_order(until=AT + 1.0)], None, id="over"),
        pytest.param([an_order(at=AT + 2.0)], None, id="not begun yet"),
    ],
)  # fmt: skip
def test_who_is_paused(orders: list[Control], by: str | None) -> None:
    assert owner(*orders) == by


def test_an_order_is_a_record() -> None:
    order = an_order("default/shop/web")

    assert CONTROL.decode(encode(order)) == order
    assert (order.scope, an_order("default").scope) == ("default/shop/web", "default")


# --- in the decider ---------------------------------------------------------------------------------------------------

SPEC = a_spec(policy=a_policy(requests=10.0, tolerance=0.0))


def serving(count: int) -> Shell:
    """Return a shell with so many members, three seconds after the balancers are known."""
    shell = Shell(SPEC)
    shell.serve(10.0 * count)
    shell.ticks(10.0 * count, times=3)
    shell.route()
    return shell


def paused(shell: Shell, *, seconds: float = 3600.0) -> Shell:
    order = an_order(at=shell.at, until=shell.at + seconds)
    shell.publish(shell.decider.control(order))
    return shell


@pytest.mark.parametrize("load", [90.0, 5.0], ids=["more load", "less load"])
def test_a_paused_cluster_is_decided_and_explained_and_left_alone(load: float) -> None:
    shell = paused(serving(3))

    out = shell.tick(load)

    decision = shell.decisions[-1]
    assert (decision.wanted, decision.before, decision.reasons[-1].code) == (3, 3, Code.PAUSED)
    otherwise = "9 members" if load == 90.0 else "1 member"
    assert decision.reasons[-1].said == f"default/shop is paused by alice: migration; {otherwise} otherwise, held at 3"
    assert out == [decision]
    assert launches(shell.ticks(load, times=30)) == []
    assert shell.names(State.DRAINING) == []


def test_a_pause_is_told_when_it_begins_and_when_it_ends() -> None:
    shell = serving(3)
    shell.ticks(30.0, times=3)
    shell.decisions.clear()

    paused(shell, seconds=10.0)
    shell.ticks(30.0, times=20)

    codes = [[reason.code for reason in each.reasons] for each in shell.decisions]
    assert [Code.PAUSED in each for each in codes] == [True, False]
    assert shell.decisions[1].at - shell.decisions[0].at == 9.0


def test_after_the_pause_it_goes_on_from_the_number_held() -> None:
    shell = paused(serving(3), seconds=10.0)

    assert launches(shell.ticks(60.0, times=9)) == []
    assert len(launches(shell.ticks(60.0, times=3))) == 3


def test_faulty_members_are_not_replaced_and_none_times_out() -> None:
    shell = paused(serving(3))

    for _ in range(5):
        assert terminations(shell.tick(30.0, faulty=["shop-web-1"])) == []
    shell.tick(30.0, seconds=1000.0)

    assert (len(shell.names(State.ACTIVE)), shell.names(State.DRAINING)) == (3, [])


def test_members_that_are_gone_are_launched_again() -> None:
    """Losing capacity is not what a pause is for."""

    shell = paused(serving(3))
    shell.tick(30.0)
    shell.answer(Result.GONE, "shop-web-2")

    assert launches(shell.ticks(90.0, times=40)) != []
    assert len(shell.names(State.CREATED, State.STARTING, State.ACTIVE)) == 3


def test_an_application_that_is_deleted_while_it_is_paused_ends_afterwards() -> None:
    shell = paused(serving(2), seconds=20.0)
    shell.publish(shell.decider.define([], shell.at))

    shell.ticks(20.0, times=15)
    assert (len(shell.names(State.ACTIVE)), shell.names(State.DRAINING)) == (2, [])

    shell.ticks(20.0, times=6)
    assert len(shell.names(State.DRAINING)) == 2


def test_a_pause_survives_a_new_definition_and_a_new_decider() -> None:
    shell = paused(serving(3))
    shell.publish(shell.decider.define([], shell.at))

    shell.publish(shell.decider.define([an_application(SPEC)], shell.at))
    assert launches(shell.ticks(90.0, times=3)) == []

    second = Shell(SPEC, log=shell.log, snapshot=shell.decider.snapshot(), at=shell.at)
    paused(second)
    assert launches(second.ticks(90.0, times=3)) == []
