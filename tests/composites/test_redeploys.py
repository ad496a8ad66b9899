"""Network partitions, orders and whole applications changed while they live, taken away and applied again."""

from dataclasses import replace

import msgspec
import pytest

from config.tree import ApplicationSpec
from streams.records.decision import Decision
from streams.records.member import State
from tests.composing import World
from tests.composites.reading import early_ends, early_starts, gone, in_the_cloud
from tests.composites.trees import LOAD, WINDOW_S, application, cluster, places, shop
from tests.composites.worlds import Busy, states, up


class TestNetworkPartitions:
    def spec(self, *names: str) -> ApplicationSpec:
        """Return db before web in these network partitions."""
        where = places(*names)
        waves = tuple((name,) for name in names)
        return application(cluster("db", places=where), cluster("web", places=where), order=("db web",), waves=waves)

    def test_one_that_is_removed_is_left_once_the_others_serve(self) -> None:
        world = up(self.spec("one"))
        world.declare(self.spec("two"))
        for _ in range(60):
            assert world.of("web", State.ACTIVE), "somebody serves all the time"
            world.tick()

        assert {i.network_partition for i in world.living().values()} == {"two"}
        assert list(early_ends(world, self.spec("two"))) == []
        assert list(early_starts(world, self.spec("two"))) == []
        assert len(in_the_cloud(world)) == 2

    def test_the_others_serve_for_all_of_it_before_it_ends(self) -> None:
        world = World(self.spec("one"))
        world.load["shop-web"] = 4 * LOAD
        world.until("four", lambda: len(world.of("web", State.ACTIVE)) == 4)
        world.declare(self.spec("two"))
        for _ in range(90):
            assert len(world.of("web", State.ACTIVE)) >= 4
            world.tick()

        assert {world.members[m].network_partition for m in world.of("web")} == {"two"}

    def test_where_the_others_hold_less_it_is_left_all_the_same(self) -> None:
        world = World(self.spec("one"))
        world.load["shop-web"] = 4 * LOAD
        world.until("four", lambda: len(world.of("web", State.ACTIVE)) == 4)
        small = application(
            cluster("db", places=places("two", room=2)),
            cluster("web", places=places("two", room=2)),
            order=("db web",),
            waves=(("two",),),
        )
        world.declare(small)
        world.tick(120)

        assert {world.members[m].network_partition for m in world.of("web")} == {"two"}
        assert len(world.of("web", State.ACTIVE)) == 2

    def test_one_that_is_added_is_used_when_it_is_needed(self) -> None:
        world = up(self.spec("one"))
        world.declare(self.spec("one", "two"))
        world.tick(60)
        assert {i.network_partition for i in world.living().values()} == {"one"}
        world.load["shop-web"] = 5 * LOAD
        world.tick(60)
        assert {i.network_partition for i in world.living().values()} == {"one", "two"}

    @pytest.mark.parametrize("after_s", [1, 3, 6, 8, 9, 10, 12])
    def test_a_restart_of_the_decider_in_the_midst_ends_in_the_same_state(self, after_s: int) -> None:
        world = up(self.spec("one"))
        world.declare(self.spec("two"))
        world.tick(after_s)
        world.restart()
        world.tick(int(WINDOW_S) + 30)
        world.settle()

        assert {i.network_partition for i in world.living().values()} == {"two"}
        assert world.is_active()
        assert len(in_the_cloud(world)) == 2


class TestOrders:
    def test_a_new_order_counts_for_what_starts_from_now_on(self) -> None:
        world = World(application(cluster("db"), cluster("web"), order=("db web",)))
        world.stuck.add("shop-db-1")
        world.tick(10)
        assert world.of("web") == []
        world.declare(application(cluster("db"), cluster("web")))
        world.tick(10)

        assert world.of("web", State.ACTIVE) == ["shop-web-1"]

    def test_a_new_termination_order_counts_for_the_undeploy(self) -> None:
        world = up(shop())
        spec = application(cluster("db"), cluster("web"), order=("db web",), ends=("db web",))
        world.declare(spec)
        world.tick()
        world.declare()
        world.until("gone", lambda: gone(world))

        assert list(early_ends(world, spec)) == []


class TestApplications:
    @pytest.mark.parametrize("after_s", [0, 1, 2, 3, 5, 20, 31, 33, 60, 70])
    def test_applied_again_while_it_ends_it_is_up_again_in_the_end(self, after_s: int) -> None:
        spec = application(cluster("db", drain_s=20.0), cluster("web", drain_s=20.0), order=("db web",))
        world = Busy(spec)
        world.until_active()
        world.declare()
        world.tick(after_s)
        world.declare(spec)
        world.tick(120)

        assert world.is_active()
        assert {a: len(world.of(a, State.ACTIVE)) for a in ("db", "web")} == {"db": 1, "web": 1}
        assert list(early_starts(world, spec)) == []
        assert list(early_ends(world, spec)) == []
        assert len(in_the_cloud(world)) == 2
        assert states(world) == {"db": "Created", "web": "Created"}

    @pytest.mark.parametrize("after_s", [1, 3, 20, 31])
    def test_applied_again_while_it_ends_and_the_decider_restarts(self, after_s: int) -> None:
        spec = application(cluster("db", drain_s=20.0), cluster("web", drain_s=20.0), order=("db web",))
        world = Busy(spec)
        world.until_active()
        world.declare()
        world.tick(after_s)
        world.declare(spec)
        world.restart()
        world.tick(120)

        assert world.is_active()
        assert len(in_the_cloud(world)) == 2
        assert list(early_starts(world, spec)) == []

    def test_deleted_while_no_decider_ran_it_is_ended_in_order_by_the_next(self) -> None:
        world = up(shop())
        world._declared = ()
        world.restart()
        world.until("gone", lambda: gone(world))

        assert list(early_ends(world, shop())) == []

    def test_one_of_two_is_undeployed_and_the_other_goes_on(self) -> None:
        other = application(cluster("a"), name="other")
        world = World(shop(), other)
        world.until_active()
        kept = world.of("a")
        world.declare(other)
        world.until("shop is gone", lambda: not world.of("db"))

        assert world.of("a", State.ACTIVE) == kept

    def test_the_same_definition_again_changes_nothing(self) -> None:
        world = up(shop())
        world.settle()
        before = len(world.log)
        world.declare(shop())
        world.tick(5)

        assert [r for _, r in world.log[before:] if not isinstance(r, Decision)] == []

    def test_a_changed_threshold_counts_from_the_next_decision(self) -> None:
        spec = shop()
        world = up(spec)
        world.load["shop-web"] = 2 * LOAD
        world.tick(10)
        assert len(world.of("web", State.ACTIVE)) == 2
        half = {"requests_in_flight": LOAD / 2}
        halved = [
            msgspec.structs.replace(each, policy=replace(each.policy, thresholds=half)) for each in spec.clusters()
        ]
        world.declare(msgspec.structs.replace(spec, root=msgspec.structs.replace(spec.root, children=tuple(halved))))
        world.tick(10)

        assert len(world.of("web", State.ACTIVE)) == 4
