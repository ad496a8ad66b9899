"""A cluster that shrinks: who drains, who vouches for it, time-outs, recalls, and members to be replaced."""

import pytest

from config.cluster import ClusterSpec, PartitionSpec
from streams.records.action import Result
from streams.records.decision import Code
from streams.records.member import Member, State
from tests.actuator_builders import a_backend
from tests.builders import a_cartridge, a_place, a_policy, a_spec, an_application
from tests.deciding import Shell, launches, terminations

DRAIN_S = 10.0


def the_spec(*partitions: PartitionSpec, smallest: int = 1) -> ClusterSpec:
    """Return a cluster of ten requests per member that follows its load at once."""
    return a_spec(
        min_members=smallest,
        policy=a_policy(requests=10.0, tolerance=0.0),
        cartridge=a_cartridge(drain_s=DRAIN_S, boot_s=60.0),
        partitions=partitions or (a_place("p1", max_members=10),),
    )


def serving(count: int, *partitions: PartitionSpec) -> Shell:
    """Return a cluster of which so many members serve, and whose balancers are known."""
    shell = Shell(the_spec(*partitions))
    shell.serve(10.0 * count)
    shell.tick(10.0 * count, seconds=3.0)
    shell.route()
    assert len(shell.names(State.ACTIVE)) == count
    return shell


def test_a_member_drains_until_every_balancer_confirms_that_it_is_empty() -> None:
    shell = serving(2)
    shell.route(balancer="lb-2")
    assert terminations(shell.tick(10.0)) == []
    assert shell.names(State.DRAINING) == ["shop-web-2"]

    one, two = a_backend("shop-web-1"), a_backend("shop-web-2", routed=False, in_flight=1)
    assert terminations(shell.report(one, balancer="lb-1")) == [], "lb-2 has not said so"
    assert terminations(shell.report(one, two, balancer="lb-2")) == [], "a request is open"
    assert terminations(shell.report(one, balancer="lb-2")) == ["shop-web-2"]
    assert shell.state("shop-web-2") is State.TERMINATING


def test_a_balancer_that_cannot_tell_what_is_in_flight_vouches_when_the_member_is_gone_from_it() -> None:
    shell = serving(2)
    shell.tick(10.0)

    one, two = a_backend("shop-web-1", in_flight=None), a_backend("shop-web-2", routed=False, in_flight=None)
    assert terminations(shell.report(one, two)) == []
    assert terminations(shell.report(one)) == ["shop-web-2"]


@pytest.mark.parametrize(
    ("behind", "ended"),
    [
        pytest.param(0, ["shop-web-2"], id="one that has applied the record vouches"),
        pytest.param(1, [], id="one that has not yet does not, though the member is idle"),
    ],
)
def test_only_a_balancer_that_knows_of_the_drain_vouches(behind: int, ended: list[str]) -> None:
    shell = serving(2)
    shell.tick(10.0)

    assert terminations(shell.report(a_backend("shop-web-1"), revision=len(shell.log) + 1 - behind)) == ended


def test_a_balancer_that_is_silent_keeps_the_member_until_its_time_is_up() -> None:
    shell = serving(2)
    shell.route(balancer="lb-2")
    shell.tick(10.0)
    drained_at = shell.at

    ended = list[str]()
    while not ended:
        shell.report(a_backend("shop-web-1"))
        ended = terminations(shell.tick(10.0))

    assert (ended, shell.at - drained_at) == (["shop-web-2"], DRAIN_S)
    assert "drain timed out after 10 s" in shell.cluster.members["shop-web-2"].reason


def test_a_balancer_that_is_silent_for_a_minute_is_not_waited_for() -> None:
    shell = serving(2)
    shell.route(balancer="lb-2")
    for _ in range(61):
        shell.tick(20.0)
        shell.route()
    shell.tick(10.0)

    assert terminations(shell.report(a_backend("shop-web-1"))) == ["shop-web-2"]


def test_a_clock_of_a_balancer_that_is_wrong_ends_nobody_too_soon() -> None:
    shell = serving(2)
    shell.tick(10.0)
    shell.at += 3600.0
    busy = a_backend("shop-web-2", routed=False, in_flight=1)

    records = shell.report(a_backend("shop-web-1"), busy)

    assert terminations(records) == []


def test_an_older_report_does_not_count() -> None:
    shell = serving(2)
    shell.tick(10.0)
    busy = a_backend("shop-web-2", routed=False, in_flight=1)
    shell.report(a_backend("shop-web-1"), busy)
    shell.at -= 0.5

    assert terminations(shell.report(a_backend("shop-web-1"))) == []


def test_who_drains_is_recalled_before_another_is_launched() -> None:
    shell = serving(3)
    shell.tick(10.0)
    assert shell.names(State.DRAINING) == ["shop-web-2", "shop-web-3"]

    records = shell.tick(40.0)

    assert shell.names(State.ACTIVE) == ["shop-web-1", "shop-web-2", "shop-web-3"]
    assert launches(records) == ["shop-web-4"]


def test_who_drains_before_it_served_goes_back_to_starting() -> None:
    shell = serving(1)
    shell.tick(20.0)
    shell.answer(Result.RUNNING, "shop-web-2")
    shell.tick(10.0)
    assert shell.state("shop-web-2") is State.DRAINING

    assert launches(shell.tick(20.0)) == []
    assert shell.state("shop-web-2") is State.STARTING


@pytest.mark.parametrize("state", [State.DRAINING, State.TERMINATING])
def test_a_member_that_dies_while_it_leaves_is_gone(state: State) -> None:
    shell = serving(2)
    shell.tick(10.0)
    if state is State.TERMINATING:
        shell.report(a_backend("shop-web-1"))
    assert shell.state("shop-web-2") is state

    shell.answer(Result.GONE, "shop-web-2")

    assert shell.state("shop-web-2") is State.TERMINATED
    assert launches(shell.ticks(10.0, times=20)) == []


def test_a_terminate_without_an_answer_is_sent_again() -> None:
    shell = serving(2)
    shell.tick(10.0)
    shell.report(a_backend("shop-web-1"))
    shell.answer(Result.TRANSIENT, "shop-web-2")

    assert terminations(shell.ticks(10.0, times=11)) == ["shop-web-2", "shop-web-2"]


def test_the_members_of_the_last_partition_go_first() -> None:
    shell = serving(4, a_place("p1", max_members=2), a_place("p2", max_members=2))
    shell.tick(20.0)

    assert {shell.cluster.members[name].partition for name in shell.names(State.DRAINING)} == {"p2"}


# --- members to be replaced ------------------------------------------------------------------------------------------


def test_a_faulty_member_drains_when_its_replacement_serves() -> None:
    shell = serving(2)
    assert launches(shell.tick(20.0, faulty=["shop-web-1"])) == ["shop-web-3"]
    assert shell.state("shop-web-1") is State.ACTIVE
    shell.answer(Result.RUNNING, "shop-web-3")
    shell.route()

    shell.tick(20.0, faulty=["shop-web-1"])

    assert shell.state("shop-web-1") is State.DRAINING
    assert shell.cluster.members["shop-web-1"].reason == "fault: Silent"


def test_a_faulty_member_that_drains_is_not_recalled() -> None:
    shell = serving(2)
    shell.tick(10.0, faulty=["shop-web-1"])
    assert shell.names(State.DRAINING) == ["shop-web-1"]

    assert launches(shell.tick(20.0)) == ["shop-web-3"]
    assert shell.state("shop-web-1") is State.DRAINING


def test_a_fault_that_passes_costs_a_launch_and_no_more() -> None:
    shell = serving(2)
    shell.tick(20.0, faulty=["shop-web-1"])

    assert terminations(shell.tick(20.0)) == ["shop-web-3"]
    assert shell.names(State.ACTIVE) == ["shop-web-1", "shop-web-2"]


def test_without_room_for_a_replacement_the_faulty_member_goes_first() -> None:
    shell = serving(2, a_place("p1", max_members=2))
    shell.tick(20.0, faulty=["shop-web-1"])
    assert shell.state("shop-web-1") is State.DRAINING
    shell.report(a_backend("shop-web-2"))
    shell.answer(Result.GONE, "shop-web-1")

    assert launches(shell.tick(20.0)) == ["shop-web-3"]


def test_when_most_are_faulty_nobody_is_replaced_and_the_decision_says_so() -> None:
    shell = serving(3)

    records = shell.tick(30.0, faulty=["shop-web-1", "shop-web-2"])

    assert launches(records) == []
    assert shell.names(State.DRAINING) == []
    assert shell.decisions[-1].reasons[0].code is Code.BREAKER


def test_members_of_a_partition_that_is_not_declared_any_more_move() -> None:
    shell = serving(2, a_place("p1", max_members=1, provider="old"), a_place("p2", max_members=2))
    shell.publish(shell.decider.define([an_application(the_spec(a_place("p2", max_members=2)))], shell.at))

    assert launches(shell.tick(20.0)) == ["shop-web-3"]
    shell.answer(Result.RUNNING, "shop-web-3")
    shell.route()
    shell.tick(20.0)
    assert shell.names(State.DRAINING) == ["shop-web-1"]
    (ended,) = [r for r in shell.report(a_backend("shop-web-2"), a_backend("shop-web-3")) if not isinstance(r, Member)]
    assert getattr(ended, "provider", "") == "old", "it is ended where it was launched"


def test_members_beyond_a_lowered_partition_maximum_move() -> None:
    shell = serving(3, a_place("p1", max_members=3), a_place("p2", max_members=2))
    shell.publish(
        shell.decider.define(
            [an_application(the_spec(a_place("p1", max_members=2), a_place("p2", max_members=2)))], shell.at
        )
    )

    shell.serve(30.0)
    shell.tick(30.0)

    places = [shell.cluster.members[name].partition for name in shell.names(State.ACTIVE)]
    assert sorted(places) == ["p1", "p1", "p2"]
