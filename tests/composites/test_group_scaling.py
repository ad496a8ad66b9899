"""Group scaling: whole instances out when a child needs more than its maximum, in when all are at their minimum."""

import pytest

from config.tree import ApplicationSpec
from streams.records.instance import Phase
from streams.records.member import State
from tests.composing import World
from tests.composites.reading import beyond_bounds, early_ends, early_starts, ended, groups, in_the_cloud, serving
from tests.composites.trees import LOAD, WINDOW_S, application, cluster, group


def pair(*, least: int = 1, most: int = 3) -> ApplicationSpec:
    """Return group ``pair`` of db before web, each 1 to 2 in every instance."""
    return application(
        group("pair", cluster("db", most=2), cluster("web", most=2), least=least, most=most, order=("db web",))
    )


class TestOut:
    def test_a_child_within_its_maximum_asks_for_no_other_instance(self) -> None:
        world = World(pair())
        world.until_active()
        world.load["shop-web"] = 2 * LOAD
        world.tick(60)

        assert groups(world) == ["pair.1"]
        assert serving(world, "web") == {"pair.1": 2}

    def test_a_child_that_needs_more_than_its_maximum_gets_a_whole_new_instance(self) -> None:
        world = World(pair())
        world.until_active()
        world.load["shop-web"] = 3 * LOAD
        world.tick(60)

        assert groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"]
        assert serving(world, "web") == {"pair.1": 2, "pair.2": 1}
        assert serving(world, "db") == {"pair.1": 1, "pair.2": 1}, "with all its children, at their minimum"

    def test_a_new_instance_starts_in_its_own_start_up_order(self) -> None:
        world = World(pair())
        world.until_active()
        world.load["shop-web"] = 6 * LOAD
        world.tick(60)

        assert groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2", "pair.3"]
        assert list(early_starts(world, pair())) == []
        assert serving(world, "web") == {"pair.1": 2, "pair.2": 2, "pair.3": 2}

    def test_a_new_instance_says_why_it_is_there(self) -> None:
        world = World(pair())
        world.until_active()
        world.load["shop-web"] = 3 * LOAD
        world.until("a second", lambda: "pair.2" in groups(world))

        name = "default/shop/here/pair.2"
        first = next(r for _, r in world.log if getattr(r, "instance", "") == name)
        assert getattr(first, "why", "") == "web needs 3, at most 2 in each"

    def test_the_maximum_of_instances_is_kept(self) -> None:
        world = World(pair(most=2))
        world.until_active()
        world.load["shop-web"] = 100 * LOAD
        world.tick(100)

        assert groups(world) == ["pair.1", "pair.2"]
        assert serving(world, "web") == {"pair.1": 2, "pair.2": 2}
        assert list(beyond_bounds(world, pair(most=2))) == []

    def test_the_minimum_of_instances_is_there_from_the_beginning(self) -> None:
        world = World(pair(least=2))
        world.until_active()

        assert groups(world) == ["pair.1", "pair.2"]

    def test_while_one_starts_the_others_carry_the_load(self) -> None:
        """The old instances are not emptied for the new one, and the new one is not asked for twice."""
        world = World(pair())
        world.until_active()
        world.load["shop-web"] = 3 * LOAD
        world.stuck |= {"shop-db-2", "shop-db-3"}
        world.tick(100)

        assert serving(world, "web") == {"pair.1": 2}
        assert groups(world) == ["pair.1", "pair.2"]

    @pytest.mark.parametrize("after_s", [1, 2, 3, 4, 5, 7])
    def test_a_restart_of_the_decider_in_the_midst_ends_in_the_same_state(self, after_s: int) -> None:
        world = World(pair())
        world.until_active()
        world.load["shop-web"] = 5 * LOAD
        world.tick(after_s)
        world.restart()
        world.tick(60)

        assert groups(world, "pair", Phase.ACTIVE) == groups(world) == ["pair.1", "pair.2", "pair.3"]
        assert serving(world, "web") == {"pair.1": 2, "pair.2": 2, "pair.3": 1}
        assert list(early_starts(world, pair())) == []


class TestIn:
    def test_f19_when_all_children_are_at_their_minimum_for_the_window_one_goes(self) -> None:
        """Stratos took a group in by the coincidence of two clocks: all children told within the same 60 s."""
        for web_later_s in range(0, 90, 7):
            world = World(pair())
            world.load = {"shop-web": 3 * LOAD, "shop-db": 3 * LOAD}
            world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])  # noqa: B023
            world.tick(30)
            world.load["shop-db"] = 0.0
            world.tick(web_later_s)
            world.load["shop-web"] = 0.0
            fell = world.at
            world.until("one goes", lambda: bool(ended(world)))  # noqa: B023

            (when, which) = ended(world)[0]
            assert WINDOW_S <= when - fell <= WINDOW_S + 3, f"web fell {web_later_s} s after db"
            assert which == "pair.2", "the newest"

    def test_f19_one_child_above_its_minimum_holds_it_for_ever(self) -> None:
        """Stratos' parent cleared what one child had told before the other one did, or did not: it was luck."""
        world = World(pair())
        world.load = {"shop-web": 3 * LOAD, "shop-db": 3 * LOAD}
        world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])
        world.load["shop-db"] = 0.0
        world.tick(500)

        assert ended(world) == []

    def test_a_child_above_its_minimum_holds_it_even_where_fewer_instances_would_do(self) -> None:
        """Three instances hold 3 at least and 12 at most; 5 are needed, which two would hold: all three stay."""
        world = World(application(group("pair", cluster("web", most=4), most=3)))
        world.load["shop-web"] = 12 * LOAD
        world.until("three", lambda: len(world.of("web", State.ACTIVE)) == 12)
        world.load["shop-web"] = 5 * LOAD
        world.tick(300)

        assert len(world.of("web", State.ACTIVE)) == 5
        assert groups(world) == ["pair.1", "pair.2", "pair.3"]
        world.load["shop-web"] = 3 * LOAD
        world.tick(300)
        assert serving(world, "web") == {"pair.1": 2, "pair.2": 1}, "now they were at their minimum"

    @pytest.mark.parametrize("high_s", [1, 20, 59])
    def test_f13_one_high_reading_among_low_ones_holds_it_for_the_whole_window(self, high_s: int) -> None:
        """Stratos' counter of low readings was not consecutive: a high one in between did not begin it anew."""
        world = World(pair())
        world.load = {"shop-web": 3 * LOAD}
        world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])
        world.tick(5)
        world.load["shop-web"] = 0.0
        world.tick(high_s)
        world.load["shop-web"] = 3 * LOAD
        world.tick()
        high = world.at
        world.load["shop-web"] = 0.0
        world.until("one goes", lambda: bool(ended(world)))

        assert ended(world)[0][0] >= high + WINDOW_S

    def test_f13_after_one_is_gone_the_window_counts_for_the_next_load_too(self) -> None:
        """Stratos' counter stayed where it was after its first use."""
        world = World(pair())
        for _ in range(3):
            world.load["shop-web"] = 3 * LOAD
            world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])
            world.tick(20)
            world.load["shop-web"] = 0.0
            fell, before = world.at, len(ended(world))
            world.until("one goes", lambda: len(ended(world)) > before)  # noqa: B023
            assert ended(world)[-1][0] >= fell + WINDOW_S
            world.settle()

    def test_it_drains_level_by_level_and_nothing_else_is_touched(self) -> None:
        world = World(pair())
        world.load = {"shop-web": 3 * LOAD}
        world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])
        world.settle()
        first = [m for m in world.members if "pair.1" in world.members[m].cluster_instance][:2]
        world.load = {}
        world.tick(int(WINDOW_S) + 10)
        world.settle()

        assert list(early_ends(world, pair())) == []
        assert groups(world) == ["pair.1"]
        assert {world.members[m].state for m in first} == {State.ACTIVE}
        assert in_the_cloud(world) == sorted(first)

    def test_the_last_ones_go_one_after_the_other_down_to_the_minimum(self) -> None:
        world = World(pair(least=2, most=4))
        world.load = {"shop-web": 8 * LOAD}
        world.until("four", lambda: len(groups(world, "pair", Phase.ACTIVE)) == 4)
        world.load = {}
        world.tick(int(WINDOW_S) + 10)
        world.settle()

        assert [name for _, name in ended(world)] == ["pair.4", "pair.3"]
        gone = [at for at, _, phase in world.phases("pair") if phase is Phase.TERMINATED]
        assert gone[0] <= ended(world)[1][0], "one after the other"
        assert groups(world) == ["pair.1", "pair.2"]

    def test_the_others_serve_for_it_before_it_goes(self) -> None:
        """Two instances are at their minimum of two, four are needed: the first has all four before the other goes."""
        spec = application(group("pair", cluster("web", least=2, most=4), most=2))
        world = World(spec)
        world.load["shop-web"] = 5 * LOAD
        world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])
        world.settle()
        world.load["shop-web"] = 4 * LOAD
        world.until("one goes", lambda: bool(ended(world)))
        while groups(world) != ["pair.1"]:
            assert len(world.of("web", State.ACTIVE)) >= 4
            world.tick()
        assert serving(world, "web") == {"pair.1": 4}

    def test_it_stays_when_the_others_cannot_take_over(self) -> None:
        spec = application(group("pair", cluster("web", least=2, most=4), most=2))
        world = World(spec, boot_s=5.0)
        world.load["shop-web"] = 5 * LOAD
        world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])
        world.settle()
        world.stuck |= {f"shop-web-{n}" for n in range(6, 100)}
        world.load["shop-web"] = 4 * LOAD
        world.tick(300)

        assert ended(world) == []
        assert serving(world, "web") == {"pair.1": 3, "pair.2": 2}, (
            "nobody who serves goes before somebody else has come"
        )
        world.load["shop-web"] = 5 * LOAD
        world.stuck.clear()
        world.tick(60)
        assert ended(world) == []
        assert len(world.of("web", State.ACTIVE)) == 5

    @pytest.mark.parametrize("after_s", [1, 40, 61, 62, 63, 64, 65, 66, 68])
    def test_a_restart_of_the_decider_in_the_midst_ends_in_the_same_state(self, after_s: int) -> None:
        world = World(pair())
        world.load = {"shop-web": 3 * LOAD}
        world.until("two", lambda: groups(world, "pair", Phase.ACTIVE) == ["pair.1", "pair.2"])
        world.settle()
        world.load = {}
        world.tick(after_s)
        world.restart()
        world.tick(int(WINDOW_S) + 10)
        world.settle()

        assert groups(world, "pair", Phase.ACTIVE) == groups(world) == ["pair.1"]
        assert list(early_ends(world, pair())) == []
        assert in_the_cloud(world) == sorted(world.of("db") + world.of("web"))


class TestF18:
    def test_f18_more_members_than_a_lowered_maximum_are_removed_from_every_group_instance(self) -> None:
        """Stratos' rule for members above the maximum was broken: they stayed."""
        spec = application(group("pair", cluster("web", most=4), least=2, most=2))
        world = World(spec)
        world.load["shop-web"] = 8 * LOAD
        world.until("eight", lambda: len(world.of("web", State.ACTIVE)) == 8)
        world.declare(application(group("pair", cluster("web", most=2), least=2, most=2)))
        world.tick(20)

        assert serving(world, "web") == {"pair.1": 2, "pair.2": 2}

    def test_f18_more_group_instances_than_a_lowered_maximum_are_removed(self) -> None:
        """Stratos removed the excess of groups only while an instance was Active in that network partition."""
        world = World(pair(most=3))
        world.load["shop-web"] = 6 * LOAD
        world.until("three", lambda: len(groups(world, "pair", Phase.ACTIVE)) == 3)
        world.declare(pair(most=1))
        world.tick(100)

        assert groups(world) == ["pair.1"]
        assert serving(world, "web") == {"pair.1": 2}
        assert list(early_ends(world, pair(most=1))) == []
