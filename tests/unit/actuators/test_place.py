"""Placement: policy order, round robin, full partitions, partitionMax."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from actuators.place import counts, misplaced, name, place, vacate
from config.cluster import PartitionSpec
from streams.records.member import State
from tests.builders import a_member, a_place

P1, P2, P3 = (a_place(p, max_members=2) for p in ("p1", "p2", "p3"))
R1, R2, R3 = (a_place(p, max_members=2, algorithm="round-robin") for p in ("p1", "p2", "p3"))
ELSEWHERE = a_place("p1", network_partition="there", max_members=3, algorithm="round-robin")
ALSO = a_place("p2", network_partition="there", max_members=3, algorithm="round-robin")


@pytest.mark.parametrize(
    ("partitions", "members", "full", "chosen"),
    [
        pytest.param([P1, P2, P3], {}, [], "here/p1", id="the first of the policy, not of the alphabet"),
        pytest.param([P3, P1, P2], {}, [], "here/p3", id="the policy's order counts"),
        pytest.param([P1, P2, P3], {"here/p1": 1}, [], "here/p1", id="one after another: the first until it is full"),
        pytest.param([P1, P2, P3], {"here/p1": 2}, [], "here/p2", id="then the next"),
        pytest.param([P1, P2, P3], {}, ["here/p1"], "here/p2", id="one whose cloud has no room is passed over"),
        pytest.param([P1, P2], {"here/p1": 2, "here/p2": 2}, [], None, id="nowhere when all are full"),
        pytest.param([P1, P2], {"here/p1": 2}, ["here/p2"], None, id="nowhere when the rest has no room"),
        pytest.param([R1, R2, R3], {"here/p1": 1}, [], "here/p2", id="round robin: the emptiest"),
        pytest.param(
            [R1, R2, R3], {"here/p1": 1, "here/p2": 1, "here/p3": 1}, [], "here/p1", id="of equal ones the first"
        ),
        pytest.param(
            [R3, R2, R1], {"here/p1": 1, "here/p2": 1, "here/p3": 1}, [], "here/p3", id="the first of the policy"
        ),
        pytest.param(
            [
                a_place("p1", max_members=1, algorithm="round-robin"),
                a_place("p2", max_members=9, algorithm="round-robin"),
            ],
            {"here/p1": 1, "here/p2": 4},
            [],
            "here/p2",
            id="round robin goes on when the emptiest is full",
        ),
        pytest.param([P1, ELSEWHERE, ALSO], {}, [], "here/p1", id="the first network partition first"),
        pytest.param(
            [P1, ELSEWHERE, ALSO],
            {"here/p1": 2, "there/p1": 1},
            [],
            "there/p2",
            id="then the next, by its own algorithm",
        ),
        pytest.param(
            [P1, ELSEWHERE], {"here/p1": 2}, [], "there/p1", id="a partition's id counts within its network partition"
        ),
        pytest.param([], {}, [], None, id="without a partition nowhere"),
    ],
)
def test_place(
    partitions: Sequence[PartitionSpec], members: Mapping[str, int], full: Sequence[str], chosen: str | None
) -> None:
    found = place(partitions, members=members, full=full)

    assert (name(found) if found else None) == chosen


@pytest.mark.parametrize(
    ("partitions", "members", "chosen"),
    [
        pytest.param(
            [P1, P2, P3], {"here/p1": 2, "here/p2": 1}, "here/p2", id="one after another: the last is emptied"
        ),
        pytest.param([P1, P2, P3], {"here/p1": 2}, "here/p1", id="an empty one gives nothing"),
        pytest.param(
            [R1, R2, R3], {"here/p1": 2, "here/p2": 1, "here/p3": 1}, "here/p1", id="round robin: the fullest"
        ),
        pytest.param([R1, R2, R3], {"here/p1": 1, "here/p2": 1}, "here/p2", id="of equal ones the last"),
        pytest.param([P1, ELSEWHERE, ALSO], {"here/p1": 2, "there/p1": 1}, "there/p1", id="the last network partition"),
        pytest.param([P1, P2], {"here/p1": 2, "here/gone": 1}, "here/gone", id="one that is not declared goes first"),
        pytest.param([P1, P2], {}, None, id="none when there is nobody"),
    ],
)
def test_vacate(partitions: Sequence[PartitionSpec], members: Mapping[str, int], chosen: str | None) -> None:
    assert vacate(partitions, members=members) == chosen


@pytest.mark.parametrize("partitions", [[P1, P2, P3], [R1, R2, R3]], ids=["one after another", "round robin"])
def test_who_came_last_goes_first(partitions: Sequence[PartitionSpec]) -> None:
    members, came, went = Counter[str](), list[str](), list[str]()
    while (chosen := place(partitions, members=members)) is not None:
        members[name(chosen)] += 1
        came.append(name(chosen))
    while (leaving := vacate(partitions, members=members)) is not None:
        members[leaving] -= 1
        went.append(leaving)

    assert went == came[::-1]
    assert len(came) == 6


def test_only_the_living_count() -> None:
    members = [
        a_member("shop-web-1", partition="p1"),
        a_member("shop-web-2", partition="p1", state=State.TERMINATED),
        a_member("shop-web-3", partition="p2", state=State.TERMINATING),
    ]

    assert counts(members) == {"here/p1": 1, "here/p2": 1}


def test_a_member_is_misplaced_in_a_partition_that_is_not_declared() -> None:
    members = [a_member("shop-web-1", partition="p1"), a_member("shop-web-2", partition="gone")]

    assert misplaced([P1], members) == {"shop-web-2"}


def test_beyond_the_maximum_those_that_serve_longest_stay() -> None:
    members = [
        a_member("shop-web-1", partition="p1", state=State.DRAINING, since={"Created": 1.0}),
        a_member("shop-web-2", partition="p1", state=State.CREATED, since={"Created": 2.0}),
        a_member("shop-web-3", partition="p1", state=State.ACTIVE, since={"Created": 4.0}),
        a_member("shop-web-4", partition="p1", state=State.ACTIVE, since={"Created": 3.0}),
        a_member("shop-web-5", partition="p1", state=State.TERMINATING, since={"Created": 0.0}),
    ]

    assert misplaced([P1], members) == {"shop-web-1", "shop-web-2"}


# --- weights and prices -----------------------------------------------------------------------------------------------


def filled(partitions: Sequence[PartitionSpec], count: int) -> list[str]:
    """Return where so many members go, one after the other."""
    members: Counter[str] = Counter()
    order = []
    for _ in range(count):
        chosen = place(partitions, members=members)
        assert chosen is not None
        order.append(chosen.partition)
        members[name(chosen)] += 1
    return order


def spread(*weights: float, prices: Sequence[float | None] = ()) -> list[PartitionSpec]:
    """Return partitions that are used round robin."""
    return [
        a_place(f"p{i}", max_members=99, algorithm="round-robin", weight=weight, price=price)
        for i, (weight, price) in enumerate(zip(weights, prices or [None] * len(weights), strict=True), 1)
    ]


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 2, 5), (0.5, 0.25)], ids=str)
def test_members_stand_to_each_other_as_the_weights(weights: tuple[float, ...]) -> None:
    partitions = spread(*weights)
    order = filled(partitions, 64)

    for i, partition in enumerate(partitions):
        assert abs(order.count(partition.partition) - 64 * weights[i] / sum(weights)) <= 1


def test_of_partitions_that_are_as_empty_the_cheapest_comes_first() -> None:
    assert filled(spread(1, 1, 1, prices=(3.0, 1.0, None)), 3) == ["p2", "p1", "p3"]


def test_they_are_emptied_in_the_order_in_which_they_would_not_be_filled() -> None:
    partitions = spread(3, 1, prices=(1.0, 2.0))
    order = filled(partitions, 8)
    members = Counter(f"here/{each}" for each in order)

    gone = []
    for _ in range(8):
        where = vacate(partitions, members=members)
        assert where is not None
        gone.append(where.removeprefix("here/"))
        members[where] -= 1

    for left in range(1, 8):
        kept = Counter(order) - Counter(gone[:left])
        assert abs(kept["p1"] - 3 * kept["p2"]) <= 3


def test_one_after_another_knows_no_weights() -> None:
    assert filled([a_place("p1", max_members=2, weight=1), a_place("p2", max_members=9, weight=100)], 3) == [
        "p1",
        "p1",
        "p2",
    ]
