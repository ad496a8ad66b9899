"""A front over the balancers of network partitions: who gets what share, and who is vouched for when."""

import msgspec

from actuators.balancers.memory import MemoryBalancer, MemoryState
from actuators.balancers.over_partitions import OverPartitions, fold
from actuators.lb_desired import candidates
from streams.records.member import Member, State
from tests.unit.actuators.test_lb_desired import a_member

WEB = "shop-web"
VIA = {"home": ("127.0.0.1", 81), "away": ("127.0.0.1", 82)}


def members(**states: tuple[str, State]) -> dict[str, Member]:
    """Return members by name, each where and in which state."""
    return {
        name: msgspec.structs.replace(a_member(name, state, port=9001 + i), network_partition=where)
        for i, (name, (where, state)) in enumerate(states.items())
    }


A, D = State.ACTIVE, State.DRAINING


def test_each_network_partition_is_one_backend_weighted_by_who_serves_there() -> None:
    there = members(a=("home", A), b=("home", A), c=("away", A), d=("away", D), e=("else", A))

    backends = fold(candidates(there), there, VIA)

    assert [(b.member, b.port, b.weight) for b in backends] == [("away", 82, 1), ("home", 81, 2)]


def test_one_without_a_serving_member_is_left_out() -> None:
    there = members(a=("home", A), c=("away", D))

    assert [b.member for b in fold(candidates(there), there, VIA)] == ["home"]


async def test_the_last_member_is_listed_until_nothing_is_in_flight_there_and_no_sample_is_sent() -> None:
    there = members(a=("home", A), c=("away", A))
    state = MemoryState([WEB])
    front = OverPartitions(MemoryBalancer(state), VIA, lambda: there)
    await front.apply(WEB, candidates(there))
    assert state.begin(WEB) == "away"
    there |= members(c=("away", D))

    still = await front.traffic(WEB)
    await front.apply(WEB, candidates(there))
    leaving = await front.traffic(WEB)
    state.end(WEB, "away")
    left = await front.traffic(WEB)

    said = [[(t.target.member, t.routed, t.in_flight) for t in each.targets] for each in (still, leaving, left)]
    assert said == [
        [("c", True, None), ("a", True, None)],
        [("c", False, 1), ("a", True, None)],
        [("a", True, None)],
    ]
    assert {(each.in_flight, each.count) for each in (still, leaving, left)} == {(None, None)}


async def test_one_that_drains_beside_others_is_not_the_fronts_business() -> None:
    there = members(a=("home", A), b=("home", D))
    front = OverPartitions(MemoryBalancer(MemoryState([WEB])), VIA, lambda: there)
    await front.apply(WEB, candidates(there))

    assert [t.target.member for t in (await front.traffic(WEB)).targets] == ["a"]


async def test_a_front_that_starts_anew_lists_the_last_member_of_a_partition_it_still_sends_to() -> None:
    there = members(c=("away", A))
    state = MemoryState([WEB])
    await OverPartitions(MemoryBalancer(state), VIA, lambda: there).apply(WEB, candidates(there))
    there |= members(c=("away", D))

    seen = await OverPartitions(MemoryBalancer(state), VIA, lambda: there).traffic(WEB)

    assert [(t.target.member, t.routed) for t in seen.targets] == [("c", True)]


async def test_a_member_that_starts_is_not_said_to_be_routed_by_the_front() -> None:
    there = members(a=("home", A), c=("home", State.STARTING), d=("away", State.STARTING))
    front = OverPartitions(MemoryBalancer(MemoryState([WEB])), VIA, lambda: there)
    await front.apply(WEB, candidates(there))

    assert [t.target.member for t in (await front.traffic(WEB)).targets] == ["a"]
