"""A cloud that cannot be reached: replaced elsewhere and left alone, and told apart from one that is idle."""

from collections.abc import Mapping

import msgspec
import pytest

from config.tree import ApplicationSpec, BudgetSpec
from streams.records.action import Action
from streams.records.instance import BurstRequest, Level
from streams.records.member import Member, State
from tests.composing import World
from tests.composites.trees import LOAD, WINDOW_S, application, cluster, places


class Unbalanced(World):
    """A world whose balancers can be made to say nothing."""

    mute = False

    def _balance(self) -> None:
        if not self.mute:
            super()._balance()


def a_shop(*, burst: str = "clusters", algorithm: str = "one-after-another") -> ApplicationSpec:
    where = places("one", "two")
    return application(
        cluster("web", most=9, places=where),
        cluster("db", least=2, places=where, balanced=False),
        waves=(("one",), ("two",)),
        burst=burst,
        algorithm=algorithm,
    )


def busy(world: World, members: int = 4) -> World:
    """Let the web cluster of a world serve with so many members."""
    world.until_active()
    world.load["shop-web"] = members * LOAD
    world.until("they serve", lambda: len(world.of("web", State.ACTIVE)) >= members)
    world.settle(quiet_s=20)
    return world


def serving(world: World, alias: str) -> Mapping[str, int]:
    """Return how many members are recorded as serving, by network partition."""
    found = dict[str, int]()
    for name in world.of(alias, State.ACTIVE):
        where = world.members[name].network_partition
        found[where] = found.get(where, 0) + 1
    return found


def taken_away(world: World, since: float) -> list[str]:
    """Return the members that were told to go."""
    going = {State.DRAINING, State.TERMINATING}
    return [r.member for at, r in world.log if isinstance(r, Member) and r.state in going and at > since]


class TestLost:
    @pytest.mark.parametrize("burst", ["clusters", "application"])
    def test_what_it_carried_serves_elsewhere_and_nothing_of_it_is_touched(self, burst: str) -> None:
        world = busy(World(a_shop(burst=burst)))
        began = world.at
        world.cut.add("one")
        world.tick(60)

        assert serving(world, "web") == {"one": 4, "two": 4}
        assert serving(world, "db") == {"one": 2, "two": 2}
        assert taken_away(world, began) == []
        (asked,) = [r for _, r in world.log if isinstance(r, BurstRequest) and r.to]
        assert (asked.to, asked.lost) == (("two",), ("one",))
        assert "cut off" in asked.why

    def test_it_comes_home_when_home_was_well_for_the_window_and_not_before(self) -> None:
        world = busy(World(a_shop()))
        world.cut.add("one")
        world.tick(60)
        world.cut.clear()
        world.tick(int(WINDOW_S) - 5)
        assert serving(world, "web") == {"one": 4, "two": 4}
        world.until("home", lambda: not [i for i in world.living().values() if "/two" in i.instance])

        assert serving(world, "web") == {"one": 4}
        assert [r.lost for _, r in world.log if isinstance(r, BurstRequest)][-1] == ()

    def test_three_times_in_a_row_and_no_member_is_launched_twice(self) -> None:
        world = busy(World(a_shop()))
        for _ in range(3):
            world.cut.add("one")
            world.tick(60)
            assert serving(world, "web") == {"one": 4, "two": 4}
            world.cut.clear()
            world.until("home", lambda: not [i for i in world.living().values() if "/two" in i.instance])
            world.settle()
        assert serving(world, "web") == {"one": 4}
        assert len(world.of("web")) == 4

    def test_more_load_meanwhile_goes_elsewhere(self) -> None:
        world = busy(World(a_shop()))
        world.cut.add("one")
        world.tick(60)
        world.load["shop-web"] = 7 * LOAD
        world.tick(60)

        assert serving(world, "web") == {"one": 4, "two": 7}

    def test_a_budget_bounds_what_replaces_it(self) -> None:
        world = busy(World(msgspec.structs.replace(a_shop(), budget=BudgetSpec(members=8))))
        world.cut.add("one")
        for _ in range(80):
            world.tick()
            assert sum(m.state is not State.TERMINATED for m in world.members.values()) <= 8

    def test_after_a_restart_of_the_decider_it_is_still_lost(self) -> None:
        world = busy(World(a_shop()))
        world.cut.add("one")
        world.tick(60)
        began, memory = world.at, world.decider.snapshot()
        before = serving(world, "web")
        world.restart(memory)
        world.tick(60)

        assert serving(world, "web") == before
        assert taken_away(world, began) == []

    def test_in_the_other_network_partition_of_an_application_in_both(self) -> None:
        world = busy(World(a_shop(algorithm="all-at-once")))
        world.cut.add("two")
        world.tick(60)

        assert serving(world, "web")["one"] == 4
        assert [r for _, r in world.log if isinstance(r, BurstRequest)][-1].lost == ("two",)


class TestNotLost:
    def test_an_idle_cloud(self) -> None:
        world = busy(World(a_shop()))
        world.load.clear()
        world.tick(60)

        assert not world.bursts

    def test_agents_that_are_silent_while_balancers_reach_the_members(self) -> None:
        world = busy(World(a_shop()))
        world.hung.add("one")
        world.tick(60)

        assert not any(r.lost for r in world.bursts)
        assert not [i for i in world.living().values() if i.network_partition == "two"]

    def test_one_member_alone_is_replaced_where_it_is(self) -> None:
        where = places("one", "two")
        world = World(application(cluster("web", most=9, places=where), waves=(("one",), ("two",)), burst="clusters"))
        world.until_active()
        world.hung.add("one")
        (old,) = world.of("web", State.ACTIVE)
        world.stuck.add(old)
        world.tick(3)

        assert [world.members[m].network_partition for m in world.of("web") if m != old] == ["one"]
        assert world.bursts == []

    def test_no_word_of_balancers_is_no_witness(self) -> None:
        world = Unbalanced(a_shop())
        busy(world)
        world.mute = True
        world.tick(5)
        world.cut.add("one")
        world.tick(60)

        assert not any(r.lost for r in world.bursts)


def test_instances_of_the_lost_one_stay_as_they_are() -> None:
    world = busy(World(a_shop()))
    before = {i.instance: i.phase for i in world.living().values() if i.network_partition == "one"}
    world.cut.add("one")
    world.tick(60)

    assert {i.instance: i.phase for i in world.living().values() if i.network_partition == "one"} == before
    assert {i.alias for i in world.living().values() if i.level is Level.CLUSTER} == {"web", "db"}
    assert not [a for _, a in world.log if isinstance(a, Action) and a.verb == "terminate"]
