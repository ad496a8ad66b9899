"""Faults of Apache Stratos' autoscaler that must not come back, by the number that its review gave them."""

import pytest

from actuators.demand import demand
from actuators.place import name, place, vacate
from streams.records.action import Result
from streams.records.decision import Code
from streams.records.member import State
from streams.records.own import MemberForecast
from tests.actuator_builders import a_backend
from tests.builders import a_behavior, a_cartridge, a_forecast, a_place, a_policy, a_spec, an_application
from tests.deciding import Shell, launches, terminations

SPEC = a_spec(
    policy=a_policy(requests=10.0, tolerance=0.0),
    cartridge=a_cartridge(drain_s=10.0),
    partitions=(a_place("p1", max_members=3), a_place("p2", max_members=3)),
    max_members=6,
)


def serving(count: int) -> Shell:
    shell = Shell(SPEC)
    shell.serve(10.0 * count)
    shell.tick(10.0 * count, seconds=3.0)
    shell.route()
    return shell


def test_f4_a_factor_without_a_fresh_value_has_no_vote() -> None:
    policy = a_policy(requests=10.0, load=70.0)
    requests, load = demand(a_forecast(requests=20.0, load=None, serving=2), policy)

    assert (requests.members, load.members) == (2, None)


@pytest.mark.parametrize("total", [100.0, 210.0, 280.0, 420.0])
def test_f9_a_constant_load_comes_to_rest_at_the_members_it_needs(total: float) -> None:
    """Stratos came to rest at 2, 2, 2 and 2..3 members: it reckoned with the minimum, not with who serves."""
    policy, serving = a_policy(requests=None, load=70.0), 1
    numbers = []
    for _ in range(10):
        (factor,) = demand(a_forecast(load=total, serving=serving), policy)
        serving = factor.members or 0
        numbers.append(serving)

    assert numbers == [-(-int(total) // 70)] * 10


def test_f10_a_member_that_starts_does_not_thin_the_load() -> None:
    policy = a_policy(requests=None, load=70.0)

    few = demand(a_forecast(load=280.0, serving=2, starting=0), policy)
    many = demand(a_forecast(load=280.0, serving=2, starting=6), policy)

    assert few == many


def test_f11_the_order_of_the_partitions_is_the_policys() -> None:
    places = [a_place(each) for each in ("zeta", "alpha", "mid")]

    chosen = place(places, members={})

    assert chosen is not None
    assert chosen.partition == "zeta"


def test_f11_round_robin_goes_on_while_any_partition_has_room() -> None:
    places = [a_place(f"p{i}", max_members=most, algorithm="round-robin") for i, most in enumerate((1, 5, 5))]

    chosen = place(places, members={"here/p0": 1, "here/p1": 4, "here/p2": 3})

    assert chosen is not None
    assert chosen.partition == "p2"


def test_f11_round_robin_takes_from_the_fullest_even_when_it_is_above_its_maximum() -> None:
    places = [a_place(f"p{i}", max_members=2, algorithm="round-robin") for i in range(2)]

    assert vacate(places, members={"here/p0": 3, "here/p1": 1}) == name(places[0])


def test_f11_up_down_up_never_exceeds_a_partition() -> None:
    shell = Shell(SPEC)
    for load in (60.0, 20.0, 60.0, 10.0, 60.0):
        shell.serve(load)
        shell.ticks(load, times=12)
        held = [m.partition for m in shell.cluster.members.values() if m.state is not State.TERMINATED]
        assert max(held.count("p1"), held.count("p2")) <= 3


def test_f12_one_reading_is_not_enough_where_the_policy_says_so() -> None:
    policy = a_policy(requests=10.0, tolerance=0.0, up=a_behavior(stabilization_s=30.0))
    shell = Shell(a_spec(policy=policy))
    shell.serve(10.0)
    shell.ticks(10.0, times=30)

    shell.tick(90.0)
    assert shell.decisions[-1].wanted == 1
    shell.ticks(90.0, times=30)
    assert shell.decisions[-1].wanted == 9


def test_f12_members_that_start_are_not_asked_for_again() -> None:
    shell = Shell(SPEC)
    shell.tick(40.0)

    assert launches(shell.ticks(40.0, times=4)) == []


def test_f13_a_high_reading_among_low_ones_holds_the_members_for_the_whole_window() -> None:
    policy = a_policy(requests=10.0, tolerance=0.0, down=a_behavior(stabilization_s=20.0))
    shell = Shell(a_spec(policy=policy))
    shell.serve(30.0)
    for load in [10.0] * 19 + [30.0] + [10.0] * 19:
        shell.tick(load)
        assert shell.cluster.judge.remembered.memory.wanted == 3

    shell.tick(10.0)
    assert shell.decisions[-1].wanted == 1


def test_f13_after_one_member_is_removed_the_window_still_counts() -> None:
    """Stratos' counter stayed where it was after its first use, and removed a member each cycle from then on."""
    policy = a_policy(requests=10.0, tolerance=0.0, down=a_behavior(stabilization_s=20.0))
    shell = Shell(a_spec(policy=policy))
    shell.serve(30.0)
    shell.ticks(20.0, times=25)
    assert shell.decisions[-1].wanted == 2

    shell.ticks(10.0, times=5)
    assert shell.cluster.judge.remembered.memory.wanted == 2


def test_f15_a_decision_to_remove_and_one_to_do_nothing_leave_a_record() -> None:
    shell = serving(3)
    shell.decisions.clear()

    shell.ticks(19.0, times=2)

    down, still = shell.decisions
    assert (down.before, down.wanted) == (3, 2)
    assert (still.before, still.wanted, still.reasons[-1].code) == (2, 2, Code.ALREADY_DESIRED)
    assert down.factors[0].observed == 19.0, "no truncation"


@pytest.mark.parametrize("formula", ["target-tracking", "stratos-4.1"])
def test_f17_a_load_that_nobody_serves_is_divided_by_nobody(formula: str) -> None:
    """Stratos divided by the active members: 0 of them made NaN, and NaN no member."""
    policy = a_policy(requests=10.0, load=70.0, demand=formula)

    requests, load = demand(a_forecast(requests=35.0, load=0.0, serving=0), policy)

    assert (requests.members, requests.ratio) == (4, None)
    assert load.members is not None
    assert load.ratio is None


def test_f17_the_first_member_is_asked_for_where_nobody_serves() -> None:
    shell = Shell(SPEC)

    assert len(launches(shell.tick(35.0))) == 4


def test_f18_more_members_than_the_maximum_are_removed() -> None:
    shell = serving(5)
    shell.publish(
        shell.decider.define(
            [an_application(a_spec(max_members=2, policy=SPEC.policy, partitions=SPEC.partitions))], 1000.0
        )
    )
    shell.tick(50.0)

    assert len(shell.names(State.ACTIVE)) == 2


def test_f20_a_member_ends_its_requests_before_it_is_ended() -> None:
    shell = serving(2)
    shell.tick(10.0)
    (name,) = shell.names(State.DRAINING)
    other = a_backend(*shell.names(State.ACTIVE))

    for _ in range(5):
        assert terminations(shell.report(other, a_backend(name, routed=False, in_flight=1))) == []
        assert terminations(shell.tick(10.0)) == []
    assert terminations(shell.report(other)) == [name]


def test_f20_draining_has_an_end() -> None:
    shell = serving(2)
    shell.tick(10.0)

    assert len(terminations(shell.ticks(10.0, times=10))) == 1


def test_the_victim_is_not_the_one_of_which_nothing_is_known() -> None:
    """Stratos' pending and silent members had zeros for statistics, and so were removed first."""
    shell = serving(3)
    known = [MemberForecast(member=f"shop-web-{i}", load_average=50.0) for i in (1, 2)]
    shell.tick(20.0, loads=known)

    assert shell.names(State.DRAINING) == ["shop-web-2"]


def test_an_expired_member_does_not_keep_a_place_for_ever() -> None:
    """Stratos kept what it could not end for a day in its lists; here the end is asked for until it has come."""
    shell = serving(2)
    shell.tick(10.0)
    shell.ticks(10.0, times=10)
    for _ in range(5):
        assert terminations(shell.ticks(10.0, times=5)) == ["shop-web-2"]

    shell.answer(Result.GONE, "shop-web-2")
    assert shell.names(State.TERMINATING) == []
