"""Definitions changed while an application lives: what follows, in order, and what is left alone."""

import pytest

from config.tree import ApplicationSpec
from streams.records.instance import Deployed, Level, Phase
from streams.records.member import State
from tests.composing import World
from tests.composites.reading import in_the_cloud
from tests.composites.trees import LOAD, application, cluster, group, shop
from tests.composites.worlds import Busy, states, up


def named(world: World, alias: str) -> list[str]:
    """Return the instances of one alias that are not gone."""
    return [each.instance for each in world.living().values() if each.alias == alias]


def leaving(world: World) -> list[str]:
    """Return the clusters that the log says are leaving."""
    last = [r for _, r in world.log if isinstance(r, Deployed)][-1]
    return [each.alias for each in last.leaving]


class TestBounds:
    def test_a_raised_minimum_counts_at_once(self) -> None:
        world = up(shop())
        world.declare(shop(least=3))
        world.tick(20)

        assert {a: len(world.of(a, State.ACTIVE)) for a in ("db", "web")} == {"db": 3, "web": 3}
        assert world.is_active()

    def test_a_raised_minimum_ends_nobody(self) -> None:
        world = up(shop())
        world.declare(shop(least=3))
        world.tick(20)

        assert Phase.TERMINATING not in {phase for _, _, phase in world.phases("web")}
        assert [m for m in world.members.values() if State.DRAINING in m.since] == []

    @pytest.mark.parametrize("termination", ["dependents", "all"])
    def test_a_raised_minimum_is_no_fault_that_a_behaviour_punishes(self, termination: str) -> None:
        before = application(cluster("db"), cluster("web"), order=("db web",), termination=termination)
        after = application(cluster("db", least=2), cluster("web"), order=("db web",), termination=termination)
        world = up(before)
        web = world.of("web")
        world.declare(after)
        world.tick(30)

        assert len(world.of("db", State.ACTIVE)) == 2
        assert world.of("web", State.ACTIVE) == web

    @pytest.mark.parametrize("termination", ["dependents", "all"])
    @pytest.mark.parametrize("after_s", range(1, 6))
    def test_nor_is_it_one_when_the_decider_restarts_before_it_is_reached(self, termination: str, after_s: int) -> None:
        before = application(cluster("db"), cluster("web"), order=("db web",), termination=termination)
        after = application(cluster("db", least=2), cluster("web"), order=("db web",), termination=termination)
        world = up(before)
        web = world.of("web")
        world.declare(after)
        world.tick(after_s)
        world.restart()
        world.tick(30)

        assert world.of("web", State.ACTIVE) == web

    def test_a_raised_minimum_that_was_reached_counts(self) -> None:
        before = application(cluster("db"), cluster("web"), order=("db web",), termination="all")
        after = application(cluster("db", least=2), cluster("web"), order=("db web",), termination="all")
        world = up(before)
        world.declare(after)
        world.until("two", lambda: len(world.of("db", State.ACTIVE)) == 2)
        web = world.of("web")
        world.tick(2)
        world.lose(world.of("db")[0])
        world.tick(30)

        assert world.is_active()
        assert world.of("web", State.ACTIVE) != web

    def test_a_member_that_dies_before_the_raised_minimum_is_reached_is_a_fault(self) -> None:
        before = application(cluster("db"), cluster("web"), order=("db web",), termination="all")
        after = application(cluster("db", least=3), cluster("web"), order=("db web",), termination="all")
        world = up(before)
        web = world.of("web")
        world.declare(after)
        world.stuck = {"shop-db-2", "shop-db-3"}
        world.tick(5)
        world.lose("shop-db-1")
        world.tick(2)
        world.stuck.clear()
        world.tick(30)

        assert world.is_active()
        assert world.of("web", State.ACTIVE) != web

    def test_a_raised_minimum_of_a_groups_instances_disturbs_nobody(self) -> None:
        def spec(least: int) -> ApplicationSpec:
            inner = group("inner", cluster("db"), least=least, most=3)
            return application(group("outer", inner), cluster("web"), order=("outer web",), termination="all")

        world = up(spec(1))
        before = set(world.of("db") + world.of("web"))
        world.declare(spec(3))
        world.tick(30)

        assert len(world.of("db", State.ACTIVE)) == 3
        assert before <= set(world.of("db") + world.of("web"))

    def test_a_lowered_minimum_lets_go_of_them_after_the_window(self) -> None:
        world = up(shop(least=3))
        world.declare(shop())
        world.tick(200)
        world.settle()

        assert {a: len(world.of(a)) for a in ("db", "web")} == {"db": 1, "web": 1}


class TestClusters:
    def test_a_cluster_that_is_added_starts_in_order_and_disturbs_nobody(self) -> None:
        world = up(shop())
        before = set(world.members)
        spec = shop("cache", order=("db web", "db cache"))
        world.declare(spec)
        world.tick(20)

        assert world.is_active()
        assert world.of("cache", State.ACTIVE) == ["shop-cache-1"]
        assert before == {m for m in world.members if world.members[m].state is State.ACTIVE} - {"shop-cache-1"}
        assert states(world)["cache"] == "Created"

    @pytest.mark.parametrize("termination", ["dependents", "all"])
    def test_a_cluster_that_is_added_deep_inside_is_no_fault_that_a_behaviour_punishes(self, termination: str) -> None:
        def spec(*aliases: str) -> ApplicationSpec:
            inner = group("back", *(cluster(each) for each in aliases))
            return application(inner, cluster("web"), order=("back web",), termination=termination)

        world = up(spec("db"))
        before = set(world.members)
        world.declare(spec("db", "cache"))
        world.tick(20)

        assert world.is_active()
        assert set(world.of("db") + world.of("web")) == before
        assert world.of("cache", State.ACTIVE) == ["shop-cache-1"]

    def test_a_cluster_that_is_added_before_another_one_does_not_stop_it(self) -> None:
        world = up(shop())
        web = world.of("web")
        spec = shop("cache", order=("cache web",))
        world.declare(spec)
        world.stuck.add("shop-cache-1")
        world.tick(30)

        assert world.of("web", State.ACTIVE) == web

    def test_a_cluster_that_is_removed_is_drained_and_the_others_are_not_touched(self) -> None:
        world = up(shop())
        db = world.of("db")
        world.declare(shop(without="web"))
        world.until("web is gone", lambda: not world.of("web"))
        world.tick(5)

        assert world.of("db", State.ACTIVE) == db
        assert State.DRAINING in world.members["shop-web-1"].since
        assert named(world, "web") == []
        assert states(world) == {"db": "Created", "web": "Terminated"}
        assert world.is_active()

    def test_what_leaves_stands_in_the_log_until_it_is_gone(self) -> None:
        world = Busy(shop())
        world.until_active()
        world.declare(shop(without="web"))
        world.tick(5)
        assert leaving(world) == ["web"]
        world.until("gone", lambda: not world.of("web"))
        world.tick(2)
        assert leaving(world) == []

    @pytest.mark.parametrize("after_s", [1, 2, 3, 10, 25])
    def test_a_restart_of_the_decider_in_the_midst_still_drains_it(self, after_s: int) -> None:
        world = Busy(shop())
        world.until_active()
        world.declare(shop(without="web"))
        world.tick(after_s)
        world.restart()
        world.until("web is gone", lambda: not world.of("web"), within_s=120)
        world.tick(5)

        assert State.DRAINING in world.members["shop-web-1"].since
        assert in_the_cloud(world) == ["shop-db-1"]
        assert named(world, "web") == []
        assert states(world)["web"] == "Terminated"

    def test_one_that_comes_back_while_it_leaves_starts_anew(self) -> None:
        world = Busy(shop())
        world.until_active()
        world.declare(shop(without="web"))
        world.tick(5)
        world.declare(shop())
        world.tick(60)

        assert world.is_active()
        assert world.of("web", State.ACTIVE) == ["shop-web-2"]
        assert states(world)["web"] == "Created"

    def test_an_alias_that_becomes_a_group_is_drained_first(self) -> None:
        world = up(shop())
        spec = application(cluster("db"), group("web", cluster("inner")), order=("db web",))
        world.declare(spec)
        world.tick(60)

        assert world.is_active()
        assert world.of("inner", State.ACTIVE) == ["shop-inner-1"]
        assert world.of("web") == []
        assert {world.instances[n].level for n in named(world, "web")} == {Level.GROUP}


class TestGroups:
    def spec(self, *, without: bool = False, most: int = 2) -> ApplicationSpec:
        """Return web, and before it group ``data`` of db before index."""
        data = group("data", cluster("db"), cluster("index"), most=most, order=("db index",))
        return application(cluster("web")) if without else application(cluster("web"), data, order=("data web",))

    def test_a_group_that_is_removed_is_drained_with_all_in_it(self) -> None:
        world = up(self.spec())
        web = world.of("web")
        world.declare(self.spec(without=True))
        world.tick(20)

        assert world.of("web", State.ACTIVE) == web
        assert in_the_cloud(world) == web
        assert named(world, "data") == named(world, "db") == named(world, "index") == []
        assert states(world) == {"web": "Created", "db": "Terminated", "index": "Terminated"}
        assert world.is_active()

    def test_a_group_that_is_added_starts_in_its_order(self) -> None:
        world = up(self.spec(without=True))
        world.declare(self.spec())
        world.tick(20)

        assert world.is_active()
        assert world.first("db", State.ACTIVE) <= world.first("index", State.CREATED)

    def test_a_cluster_that_is_removed_from_a_group_leaves_every_instance(self) -> None:
        wide = application(group("data", cluster("db", most=2), cluster("index"), most=2))
        narrow = application(group("data", cluster("db", most=2), most=2))
        world = World(wide)
        world.load["shop-db"] = 4 * LOAD
        world.until("two", lambda: len(world.of("index", State.ACTIVE)) == 2)
        world.declare(narrow)
        world.tick(30)

        assert world.of("index") == []
        assert len(world.of("db", State.ACTIVE)) == 4
        assert len(named(world, "data")) == 2
