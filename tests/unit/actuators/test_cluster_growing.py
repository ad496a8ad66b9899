"""A cluster that grows: intent before action, no second launch, failures, partitions without room, boot time-out."""

import pytest

from config.cluster import ClusterSpec
from streams.records.action import Action, Result
from streams.records.member import LeadTime, Member, State
from tests.builders import a_behavior, a_cartridge, a_place, a_policy, a_spec
from tests.deciding import Shell, launches, terminations


def the_spec(*, largest: int = 10, boot_s: float = 60.0, smallest: int = 1) -> ClusterSpec:
    """Return a cluster of two partitions, ten requests per member."""
    return a_spec(
        min_members=smallest,
        max_members=largest,
        policy=a_policy(requests=10.0, tolerance=0.0, down=a_behavior(stabilization_s=0.0)),
        cartridge=a_cartridge(boot_s=boot_s, drain_s=10.0),
        partitions=(a_place("p1", max_members=5), a_place("p2", max_members=5)),
    )


def test_the_intent_stands_before_the_action() -> None:
    records = Shell(the_spec()).tick(20.0)

    kinds = [(type(r).__name__, r.member) for r in records if isinstance(r, Member | Action)]
    assert kinds == [
        ("Member", "shop-web-1"),
        ("Action", "shop-web-1"),
        ("Member", "shop-web-2"),
        ("Action", "shop-web-2"),
    ]


def test_a_slow_cloud_is_not_asked_for_another_member() -> None:
    shell = Shell(the_spec())
    shell.tick(20.0)

    assert launches(shell.ticks(20.0, times=4)) == []


def test_what_got_no_answer_is_sent_again_as_the_same_action() -> None:
    shell = Shell(the_spec())
    (first,) = [r for r in shell.tick(10.0) if isinstance(r, Action)]

    (second,) = [r for r in shell.ticks(10.0, times=5) if isinstance(r, Action)]

    assert (second.action, second.launch, second.at) == (first.action, first.launch, first.at + 5.0)


@pytest.mark.parametrize("result", [Result.TRANSIENT, Result.REFUSED])
def test_a_passing_fault_or_a_refusal_is_sent_again_without_haste(result: Result) -> None:
    shell = Shell(the_spec())
    shell.tick(10.0)

    sent = []
    for _ in range(20):
        assert shell.answer(result, "shop-web-1") == []
        sent += launches(shell.tick(10.0))

    assert sent == ["shop-web-1"] * 4


def test_a_member_serves_once_a_balancer_routes_to_it_and_its_lead_time_is_told() -> None:
    shell = Shell(the_spec())
    shell.tick(10.0)
    (starting,) = shell.answer(Result.RUNNING, "shop-web-1", port=9001)
    shell.tick(10.0, seconds=4.0)

    active, lead = shell.route()

    assert isinstance(starting, Member)
    assert (starting.state, starting.host, starting.port) == (State.STARTING, "127.0.0.1", 9001)
    assert isinstance(active, Member)
    assert active.state is State.ACTIVE
    assert isinstance(lead, LeadTime)
    assert lead.seconds == 4.0


def test_an_address_that_comes_later_is_noted() -> None:
    shell = Shell(the_spec())
    shell.tick(10.0)
    shell.answer(Result.RUNNING, "shop-web-1", port=0)

    (noted,) = shell.answer(Result.RUNNING, "shop-web-1", port=9001)

    assert isinstance(noted, Member)
    assert (noted.state, noted.port) == (State.STARTING, 9001)
    assert shell.answer(Result.RUNNING, "shop-web-1", port=9001) == [], "told once"


@pytest.mark.parametrize("result", [Result.OUT_OF_CAPACITY, Result.CREDENTIALS])
def test_a_partition_that_cannot_be_used_is_left_out_for_a_while(result: Result) -> None:
    shell = Shell(the_spec())
    shell.tick(10.0)
    shell.answer(result, "shop-web-1")

    (second,) = [r for r in shell.tick(10.0) if isinstance(r, Action)]
    assert (second.member, second.partition) == ("shop-web-2", "p2")
    shell.answer(Result.RUNNING, "shop-web-2")
    shell.at += 30.0
    (third,) = [r for r in shell.tick(20.0) if isinstance(r, Action)]
    assert (third.member, third.partition) == ("shop-web-3", "p1")


def test_when_nowhere_is_room_it_waits_and_asks_again_later() -> None:
    shell = Shell(the_spec())
    shell.tick(10.0)
    shell.answer(Result.OUT_OF_CAPACITY, "shop-web-1")
    shell.tick(10.0)
    shell.answer(Result.OUT_OF_CAPACITY, "shop-web-2")

    assert launches(shell.ticks(10.0, times=28)) == []
    assert launches(shell.ticks(10.0, times=3)) == ["shop-web-3"]


def gaps(shell: Shell, result: Result, *, failures: int) -> list[float]:
    """Return how long it takes from each failed launch to the next (s)."""
    waited = []
    (member,) = launches(shell.tick(10.0))
    for _ in range(failures):
        shell.answer(result, member)
        failed_at = shell.at
        while not (again := launches(shell.tick(10.0))):
            assert shell.at - failed_at < 400.0
        (member,) = again
        waited.append(shell.at - failed_at)
    return waited


@pytest.mark.parametrize("result", [Result.INVALID, Result.GONE])
def test_launches_that_fail_in_a_row_pause_longer_and_longer(result: Result) -> None:
    assert gaps(Shell(the_spec()), result, failures=11) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_members_that_fail_together_count_as_one_failure() -> None:
    shell = Shell(the_spec())
    for name in launches(shell.tick(50.0)):
        shell.answer(Result.INVALID, name)

    assert len(launches(shell.tick(50.0))) == 5


def test_a_member_that_ends_soon_after_it_began_to_serve_is_a_failure_too() -> None:
    shell, waits = Shell(the_spec()), []
    shell.serve(10.0)
    for _ in range(4):
        (name,) = shell.names(State.ACTIVE)
        shell.answer(Result.GONE, name)
        failed_at = shell.at
        while not (again := launches(shell.tick(10.0))):
            assert shell.at - failed_at < 400.0
        waits.append(shell.at - failed_at)
        shell.answer(Result.RUNNING, again[0])
        shell.route()

    assert waits == [1, 2, 4, 8]


def test_a_success_ends_the_pause() -> None:
    shell = Shell(the_spec())
    gaps(shell, Result.INVALID, failures=5)
    (name,) = shell.names(State.CREATED)
    shell.answer(Result.RUNNING, name)
    shell.route()
    shell.ticks(10.0, times=31)

    shell.tick(20.0)
    (name,) = shell.names(State.CREATED)
    shell.answer(Result.INVALID, name)

    assert launches(shell.tick(20.0)) == ["shop-web-8"], "a second later, as after a first failure"


def test_a_host_that_fails_after_long_service_is_replaced_at_once() -> None:
    shell = Shell(the_spec())
    shell.serve(10.0)
    shell.ticks(10.0, times=40)

    (ended,) = shell.answer(Result.GONE, "shop-web-1", reason="ended by itself")

    assert isinstance(ended, Member)
    assert ended.state is State.TERMINATED
    assert ended.reason == "ended by itself; in the balancer"
    assert launches(shell.tick(10.0)) == ["shop-web-2"]


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "never accepted"])
def test_a_member_that_never_comes_to_serve_is_replaced(*, accepted: bool) -> None:
    shell = Shell(the_spec(boot_s=60.0))
    shell.tick(10.0)
    if accepted:
        shell.answer(Result.RUNNING, "shop-web-1", port=0)
    shell.ticks(10.0, times=60)
    assert shell.state("shop-web-1") in {State.STARTING, State.CREATED}

    records = shell.tick(10.0)

    assert terminations(records) == ["shop-web-1"], "it may live, although it never said where"
    assert launches(shell.ticks(10.0, times=3)) == ["shop-web-2"]


def test_a_member_that_booted_while_the_broker_was_away_may_still_say_so() -> None:
    shell = Shell(the_spec(boot_s=60.0))
    shell.tick(10.0)
    shell.answer(Result.RUNNING, "shop-web-1")
    shell.tick(10.0)

    shell.tick(10.0, seconds=300.0)
    shell.route()

    assert shell.state("shop-web-1") is State.ACTIVE


def test_a_member_that_says_nothing_after_the_broker_was_away_is_replaced() -> None:
    shell = Shell(the_spec(boot_s=60.0))
    shell.tick(10.0)
    shell.answer(Result.RUNNING, "shop-web-1", port=0)
    shell.tick(10.0)

    assert terminations(shell.tick(10.0, seconds=300.0)) == []
    assert terminations(shell.ticks(10.0, times=3)) == ["shop-web-1"]


def test_ticks_far_apart_are_no_breaks() -> None:
    shell = Shell(the_spec(boot_s=60.0))
    shell.tick(10.0)

    assert terminations(shell.ticks(10.0, times=5, seconds=15.0)) == ["shop-web-1"]


def test_a_member_is_ended_that_is_not_wanted_any_more_before_it_was_accepted() -> None:
    shell = Shell(the_spec())
    shell.serve(10.0)
    shell.tick(20.0)

    assert terminations(shell.tick(10.0)) == ["shop-web-2"]
    assert shell.answer(Result.RUNNING, "shop-web-2") == [], "a late word"
    assert terminations(shell.ticks(10.0, times=5)) == ["shop-web-2"], "again, until it is gone"
    shell.answer(Result.GONE, "shop-web-2")
    assert shell.state("shop-web-2") is State.TERMINATED


@pytest.mark.parametrize("result", [Result.RUNNING, Result.GONE, Result.OUT_OF_CAPACITY, Result.INVALID])
def test_a_word_of_a_member_that_is_gone_or_unknown_changes_nothing(result: Result) -> None:
    shell = Shell(the_spec())
    shell.tick(10.0)
    shell.answer(Result.GONE, "shop-web-1")

    assert shell.answer(result, "shop-web-1") == []
    assert shell.answer(result, "shop-web-99") == []


def test_terminated_members_are_forgotten_after_a_while_and_their_names_are_not_used_again() -> None:
    shell = Shell(the_spec())
    for i in range(1, 1200):
        shell.at += 400.0
        assert launches(shell.tick(10.0)) == [f"shop-web-{i}"]
        shell.answer(Result.GONE, f"shop-web-{i}")

    assert len(shell.cluster.members) == 1000
