"""Allotment: ratios in whole numbers, groups as many as the tightest child asks for, shares within bounds."""

from collections.abc import Mapping

import msgspec
import pytest

from actuators.allot import Place, hold, needs, share
from config.cluster import ClusterSpec
from config.tree import GroupSpec
from tests.builders import a_spec


def a_cluster(alias: str, least: int = 1, most: int = 10) -> ClusterSpec:
    return a_spec(f"shop-{alias}", alias=alias, min_members=least, max_members=most)


def a_group(alias: str, *children: ClusterSpec | GroupSpec, least: int = 1, most: int = 1) -> GroupSpec:
    return GroupSpec(alias=alias, name=alias, min=least, max=most, children=children)


def a_root(*children: ClusterSpec | GroupSpec, together: tuple[frozenset[str], ...] = ()) -> GroupSpec:
    return GroupSpec(alias="shop", name="", children=children, dependents=together)


def a_place(name: str, least: int = 1, most: int = 10, *, wave: int = 0, settled: bool = True) -> Place:
    where = name.partition("/")[0]
    return Place(name=name, network_partition=where, wave=wave, least=least, most=most, settled=settled)


BOTH = (frozenset({"web", "db"}),)


@pytest.mark.parametrize(
    ("root", "wanted", "needed"),
    [
        pytest.param(a_root(a_cluster("web", 2)), {}, {"web": 2}, id="what asks for nothing needs its minimum"),
        pytest.param(
            a_root(a_cluster("web", 2), a_cluster("db", 3), together=BOTH),
            {"web": 3, "db": 3},
            {"web": 3, "db": 5},
            id="a set scales by the highest factor, rounded up: 3 x 3 / 2 is 4.5",
        ),
        pytest.param(
            a_root(a_cluster("web", 3), a_cluster("db", 1), together=BOTH),
            {"web": 10, "db": 1},
            {"web": 10, "db": 4},
            id="a third is exact: 10 / 3 asks for 4, not for 3",
        ),
        pytest.param(
            a_root(a_cluster("web", 3), a_cluster("db", 6), together=BOTH),
            {"web": 9, "db": 6},
            {"web": 9, "db": 18},
            id="a whole factor is not rounded: 9 / 3 x 6",
        ),
        pytest.param(
            a_root(
                *(a_cluster(alias, 1) for alias in ("web", "db", "log")),
                together=(frozenset({"web", "db"}), frozenset({"db", "log"})),
            ),
            {"log": 4},
            {"web": 4, "db": 4, "log": 4},
            id="sets that share a child scale as one",
        ),
        pytest.param(
            a_root(a_cluster("web", 1), a_cluster("db", 1, 2), together=BOTH),
            {"web": 5},
            {"web": 5, "db": 5},
            id="a need knows no maximum: the share does",
        ),
        pytest.param(
            a_root(a_group("shard", a_cluster("web", 1, 4), least=1, most=5)),
            {"web": 9},
            {"web": 9, "shard": 3},
            id="a group needs as many instances as its child has maximums",
        ),
        pytest.param(
            a_root(a_group("shard", a_cluster("web", 1, 4), a_cluster("db", 1, 2), least=1, most=5)),
            {"web": 5, "db": 6},
            {"web": 5, "db": 6, "shard": 3},
            id="the child with least room decides",
        ),
        pytest.param(
            a_root(a_group("outer", a_group("inner", a_cluster("web", 1, 2), most=2), most=9)),
            {"web": 9},
            {"web": 9, "inner": 5, "outer": 3},
            id="what is over the maximum of a nested group goes to the group around it",
        ),
        pytest.param(
            a_root(a_group("web", a_cluster("app", 1, 1), least=1, most=4), a_cluster("db", 2), together=BOTH),
            {"app": 3},
            {"app": 3, "web": 3, "db": 6},
            id="a group scales together with a cluster",
        ),
    ],
)
def test_needs(root: GroupSpec, wanted: Mapping[str, int], needed: Mapping[str, int]) -> None:
    assert {alias: need.total for alias, need in needs(root, wanted).items()} == needed


def test_a_need_says_whom_it_scales_with() -> None:
    found = needs(a_root(a_cluster("web", 2), a_cluster("db", 3), together=BOTH), {"web": 3, "db": 3})

    assert found["db"].why == "5 to scale with web (3, 3 : 2)"


def test_the_minimum_counts_in_every_instance() -> None:
    cluster = msgspec.structs.replace(a_cluster("web", 2), fewest=3)

    assert needs(a_root(cluster), {})["web"].total == 6


@pytest.mark.parametrize(
    ("total", "places", "room", "shares"),
    [
        pytest.param(0, [a_place("a", 2)], {}, {"a": 2}, id="never below the least"),
        pytest.param(9, [a_place("a", 1, 4)], {}, {"a": 4}, id="never above the most: the rest is left over"),
        pytest.param(5, [a_place("a"), a_place("b")], {}, {"a": 3, "b": 2}, id="network partitions fill evenly"),
        pytest.param(
            6,
            [a_place("a/1", 1, 2), a_place("a/2", 1, 2), a_place("b", 1, 9)],
            {},
            {"a/1": 2, "a/2": 1, "b": 3},
            id="evenly is by network partition, the places of one in their order",
        ),
        pytest.param(
            5,
            [a_place("a", 1, 4), a_place("b", 1, 4, wave=1)],
            {},
            {"a": 4, "b": 1},
            id="one wave after the other, each at its least at least",
        ),
        pytest.param(
            8, [a_place("a", 1, 9), a_place("b", 1, 9)], {"a": 2}, {"a": 2, "b": 6}, id="a full one takes no more"
        ),
        pytest.param(3, [a_place("a", 3)], {"a": 1}, {"a": 3}, id="the least is given all the same"),
        pytest.param(
            4,
            [a_place("a", 1, 9), a_place("b", 2, 9, settled=False)],
            {},
            {"a": 4, "b": 2},
            id="those that serve carry all of it until a new one serves too",
        ),
        pytest.param(
            6,
            [a_place("a", 1, 3), a_place("b", 2, 9, settled=False)],
            {},
            {"a": 3, "b": 3},
            id="what overflows goes to the new one",
        ),
        pytest.param(3, [], {}, {}, id="among none nothing"),
    ],
)
def test_share(total: int, places: list[Place], room: Mapping[str, int], shares: Mapping[str, int]) -> None:
    assert share(total, places, room=room) == shares


@pytest.mark.parametrize(
    ("given", "serving", "room", "held"),
    [
        pytest.param({"a": 1, "b": 3}, {"a": 3, "b": 3}, {}, {"a": 1, "b": 3}, id="nobody is short: all give up"),
        pytest.param({"a": 1, "b": 3}, {"a": 3, "b": 1}, {}, {"a": 3, "b": 3}, id="two are short: two are held"),
        pytest.param({"a": 1, "b": 3}, {"a": 4, "b": 2}, {}, {"a": 2, "b": 3}, id="no more than are short"),
        pytest.param({"a": 3, "b": 3}, {"a": 1, "b": 1}, {}, {"a": 3, "b": 3}, id="who has too few gives up nothing"),
    ],
)
def test_hold(
    given: Mapping[str, int], serving: Mapping[str, int], room: Mapping[str, int], held: Mapping[str, int]
) -> None:
    assert hold(given, serving, network_partitions={"a": "a", "b": "b"}, room=room) == held


def test_a_full_network_partition_holds_nobody_for_one_who_waits_there() -> None:
    where = {"one": "a", "two": "a"}
    held = hold({"one": 3, "two": 3}, {"one": 4, "two": 2}, network_partitions=where, room={"a": 6})

    assert held == {"one": 3, "two": 3}
