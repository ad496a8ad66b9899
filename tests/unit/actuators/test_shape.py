"""Which instances there should be: as many groups as needed, where they fit, and waves of network partitions."""

from collections import Counter

import pytest

from actuators.instances import Instances
from actuators.life import Seen
from actuators.shape import Shape, places_of
from config.tree import ApplicationSpec
from streams.records.instance import Level, Phase
from tests.builders import a_place
from tests.pieces_of_instances import a_child, a_group, a_shop

TWO = (a_place("p", network_partition="a", max_members=4), a_place("p", network_partition="b", max_members=4))


def names(instances: Instances, alias: str, level: Level = Level.GROUP) -> list[str]:
    staying = (each for each in instances.named(alias, level) if each.phase is not Phase.TERMINATING)
    return sorted(each.instance.removeprefix("default/shop/") for each in staying)


def served(instances: Instances, count: int) -> dict[str, Seen]:
    return {leaf.instance: Seen(active=count, present=count, alive=count) for leaf in instances.leaves()}


def a_sharded(size: tuple[int, int], room: int = 20, least: int = 1) -> ApplicationSpec:
    child = a_child("web", least, 2, at=(a_place(max_members=room),), instances=size)
    return a_shop(a_group("shard", child, size=size))


def test_a_tree_has_an_instance_of_everything() -> None:
    instances = Instances()
    Shape(a_shop(a_child("db"), a_group("outer", a_group("inner", a_child("web")))), instances).update({}, {}, {})

    assert [each.instance for each in instances.roots()] == ["default/shop/here"]
    leaves = {each.instance for each in instances.leaves()}
    assert leaves == {"default/shop/here/db", "default/shop/here/outer.1/inner.1/web"}


@pytest.mark.parametrize(
    ("size", "room", "least", "wanted", "count"),
    [
        pytest.param((1, 4), 20, 1, 1, 1, id="no more than are needed"),
        pytest.param((2, 4), 20, 1, 1, 2, id="the minimum always"),
        pytest.param((1, 4), 20, 1, 5, 3, id="5 members, 2 in each: 3"),
        pytest.param((1, 2), 20, 1, 9, 2, id="the maximum at most"),
        pytest.param((1, 4), 5, 2, 8, 2, id="no more than have room for their minimum: 5 // 2"),
    ],
)
def test_groups_scale_out(size: tuple[int, int], room: int, least: int, wanted: int, count: int) -> None:
    instances = Instances()
    Shape(a_sharded(size, room, least), instances).update({"web": wanted}, {}, {})

    assert len(names(instances, "shard")) == count


def test_nested_groups_share_the_room_of_a_network_partition() -> None:
    child = a_child("web", 2, 2, at=(a_place(max_members=8),), instances=(2, 6))
    spec = a_shop(a_group("outer", a_group("inner", child, size=(1, 3)), size=(2, 2)))
    instances = Instances()
    Shape(spec, instances).update({"web": 12}, {}, {})

    found = names(instances, "inner")
    assert len(found) == 4  # not 6: 8 // 2
    assert min(Counter(name.partition("/inner")[0] for name in found).values()) >= 1


def test_a_group_that_starts_anew_is_not_replaced() -> None:
    spec, instances = a_sharded((2, 4)), Instances()
    shape = Shape(spec, instances)
    shape.update({"web": 2}, {}, {})
    for each in instances.named("shard", Level.GROUP):
        instances.set(instances.move(each, Phase.TERMINATING, ""), restart=True)
    shape.update({"web": 2}, {}, {})

    assert len(instances.named("shard", Level.GROUP)) == 2


def test_a_group_shrinks_one_by_one_when_its_children_are_at_their_minimum() -> None:
    spec, instances = a_sharded((1, 4)), Instances()
    shape = Shape(spec, instances)
    shape.update({"web": 6}, {}, {})
    assert names(instances, "shard") == ["here/shard.1", "here/shard.2", "here/shard.3"]
    shape.update({"web": 4}, {}, served(instances, 2))
    assert len(names(instances, "shard")) == 3  # 4 in 3 is above the minimum
    shape.update({"web": 3}, {}, served(instances, 2))
    assert names(instances, "shard") == ["here/shard.1", "here/shard.2"]


def test_a_group_waits_with_its_end_until_the_others_carry_all() -> None:
    spec, instances = a_sharded((1, 4)), Instances()
    shape = Shape(spec, instances)
    shape.update({"web": 4}, {}, {})
    shape.update({"web": 2}, {}, served(instances, 1))

    assert names(instances, "shard") == ["here/shard.1", "here/shard.2"]
    assert shape.relieved == {"default/shop/here/shard.2"}


@pytest.mark.parametrize(
    ("size", "room", "least"),
    [
        pytest.param((1, 1), 20, 1, id="its maximum is lowered"),
        pytest.param((1, 4), 3, 2, id="its children's minimum is raised, and there is no room"),
    ],
)
def test_too_many_by_a_new_definition_end(size: tuple[int, int], room: int, least: int) -> None:
    instances = Instances()
    Shape(a_sharded((1, 4)), instances).update({"web": 6}, {}, {})
    Shape(a_sharded(size, room, least), instances).update({"web": 6}, {}, {})

    assert names(instances, "shard") == ["here/shard.1"]


def test_those_that_are_there_stay_where_they_are() -> None:
    child = a_child("web", 1, 1, at=TWO, instances=(2, 8))
    spec = a_shop(a_group("shard", child, size=(1, 4)), waves=(("a", "b"),))
    instances = Instances()
    shape = Shape(spec, instances)
    shape.update({"web": 3}, {}, {})
    before = names(instances, "shard")
    instances.move(instances.named("shard", Level.GROUP)[0], Phase.TERMINATING, "moved by hand")
    for _ in range(3):
        shape.update({"web": 3}, {}, {})

    assert len(before) == len(names(instances, "shard")) == 3


@pytest.mark.parametrize(
    ("algorithm", "wanted", "full", "used"),
    [
        pytest.param("one-after-another", 3, {}, ["a"], id="the first while it has room"),
        pytest.param("one-after-another", 5, {}, ["a", "b"], id="the next when it has not"),
        pytest.param("one-after-another", 3, {"web": {"a": 2}}, ["a", "b"], id="the next when the cloud is full"),
        pytest.param("all-at-once", 1, {}, ["a", "b"], id="all at once"),
    ],
)
def test_network_partitions(algorithm: str, wanted: int, full: dict[str, dict[str, int]], used: list[str]) -> None:
    spec = a_shop(a_child("web", 1, 4, at=TWO, instances=(1, 2)), waves=(("a",), ("b",)), algorithm=algorithm)
    instances = Instances()
    Shape(spec, instances).update({"web": wanted}, full, {})

    assert [root.network_partition for root in instances.roots()] == used


def test_what_fits_nowhere_is_said_and_the_next_wave_is_asked_for() -> None:
    spec = a_shop(a_child("web", 1, 4, at=TWO, instances=(1, 2)), waves=(("a",), ("b",)))
    shape = Shape(spec, Instances())
    shape.update({"web": 1}, {}, {})
    _, overflow = shape.update({"web": 10}, {}, {})

    assert (overflow.to, overflow.missing) == (("b",), {"web": 2})


def test_a_cluster_that_does_not_know_the_network_partition_uses_its_own() -> None:
    own = a_place("p", network_partition="elsewhere")
    spec = a_shop(a_child("web", at=(own,)))

    assert places_of(spec, spec.clusters()[0], "here") == (own,)
