"""The tree of instances: what is below what, and what of it is told, each phase once."""

from actuators.instances import Instances
from streams.records.instance import Instance, Level, Phase
from tests.pieces_of_instances import an_instance_of

ROOT = an_instance_of("default/shop/here", level=Level.APPLICATION)
GROUPS = [an_instance_of(f"default/shop/here/shard.{n}", level=Level.GROUP) for n in (10, 9, 1)]
LEAF = an_instance_of("default/shop/here/shard.1/web")


def a_tree() -> Instances:
    instances = Instances([ROOT, *GROUPS, LEAF])
    instances.at, instances.epoch = 2000.0, 3
    return instances


def phases(told: list[Instance]) -> list[Phase]:
    return [each.phase for each in told]


def test_the_tree_is_known_from_any_order_of_records() -> None:
    instances = Instances([LEAF, *GROUPS, ROOT])

    assert instances.roots() == [ROOT]
    assert [each.instance.rpartition(".")[2] for each in instances.of(ROOT, "shard")] == ["1", "9", "10"]
    assert instances.below(GROUPS[2]) == {"web": [LEAF]}
    assert list(instances.leaves()) == [LEAF]
    assert len(instances.named("shard", Level.GROUP)) == 3


def test_what_is_known_already_is_not_told() -> None:
    assert a_tree().take() == []


def test_what_is_terminated_is_not_taken_in() -> None:
    assert Instances([an_instance_of(phase=Phase.TERMINATED)]).empty


def test_a_change_is_told_once() -> None:
    instances = a_tree()
    instances.set(LEAF, wanted=2)
    (told,) = instances.take()

    assert (told.wanted, told.epoch) == (2, 3)
    assert instances.take() == []


def test_a_change_that_changes_nothing_is_not_told() -> None:
    instances = a_tree()

    assert instances.set(LEAF, wanted=0) is LEAF
    assert instances.take() == []


def test_a_move_to_the_same_phase_is_none() -> None:
    instances = a_tree()

    assert instances.move(LEAF, Phase.CREATED, "again") is LEAF
    assert instances.take() == []


def test_a_terminated_instance_is_told_and_forgotten() -> None:
    instances = a_tree()
    instances.move(instances.move(LEAF, Phase.TERMINATING, ""), Phase.TERMINATED, "")

    assert instances.get(LEAF.instance) is None
    assert instances.below(GROUPS[2]) == {}
    assert phases(instances.take()) == [Phase.TERMINATING, Phase.TERMINATED]
    assert instances.take() == []


def test_every_phase_of_one_tick_is_told() -> None:
    instances = Instances([an_instance_of(phase=Phase.ACTIVE)])
    leaf = instances.move(next(instances.leaves()), Phase.INACTIVE, "lost")
    ends = instances.set(instances.move(leaf, Phase.TERMINATING, "all"), restart=True)
    instances.set(instances.move(ends, Phase.CREATED, "anew"), started=True)
    told = instances.take()

    assert phases(told) == [Phase.INACTIVE, Phase.TERMINATING, Phase.CREATED]
    assert [(each.restart, each.started) for each in told[1:]] == [(True, False), (False, True)]


def test_what_is_created_again_in_the_tick_in_which_it_was_terminated_is_told_as_both() -> None:
    instances = Instances([an_instance_of(phase=Phase.TERMINATING)])
    instances.move(next(instances.leaves()), Phase.TERMINATED, "")
    instances.add(an_instance_of(at=2000.0))

    assert phases(instances.take()) == [Phase.TERMINATED, Phase.CREATED]


def test_what_is_created_and_ended_in_one_tick_is_told_as_both() -> None:
    instances = Instances()
    instances.move(instances.add(an_instance_of()), Phase.TERMINATING, "")

    assert phases(instances.take()) == [Phase.CREATED, Phase.TERMINATING]
