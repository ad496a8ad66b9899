"""Start-up and termination orders under faults: who waits, why it says it waits, and all comes right in the end."""

from collections.abc import Callable

import pytest

from actuators.clouds.memory import Call, Failure, Fault
from config.tree import ApplicationSpec
from streams.records.instance import Phase
from streams.records.member import State
from tests.builders import a_place
from tests.composing import World
from tests.composites.reading import early_ends, early_starts, gone, in_the_cloud
from tests.composites.trees import LOAD, application, cluster, group
from tests.composites.worlds import Busy


def diamond() -> ApplicationSpec:
    """Return db, then api and cache beside each other, then web."""
    return application(
        *(cluster(alias) for alias in ("web", "api", "cache", "db")),
        order=("db api", "db cache", "api web", "cache web"),
    )


def nested() -> ApplicationSpec:
    """Return group ``data`` of db before index, then group ``front`` of api before web, which holds a group itself."""
    return application(
        group("data", cluster("db", least=2), cluster("index"), order=("db index",)),
        group("front", cluster("api"), cluster("web"), group("edge", cluster("proxy")), order=("api web", "web edge")),
        order=("data front",),
    )


def why(world: World, alias: str) -> set[str]:
    """Return what the instances of one alias say."""
    return {each.why for each in world.living().values() if each.alias == alias}


class TestADiamond:
    def test_f21_a_successor_of_two_waits_for_both(self) -> None:
        """Stratos' start-up order was a forest: an element could have one predecessor only."""
        world = World(diamond())
        slow = "shop-cache-1"
        world.stuck.add(slow)
        world.tick(60)

        assert world.of("api", State.ACTIVE) == ["shop-api-1"]
        assert world.of("web") == []
        assert why(world, "web") == {"waits for cartridge.cache"}
        world.stuck.clear()
        world.until_active()
        assert list(early_starts(world, diamond())) == []

    def test_unrelated_branches_start_together(self) -> None:
        world = World(diamond())
        world.until_active()

        assert world.first("api", State.CREATED) == world.first("cache", State.CREATED)

    def test_f21_both_predecessors_outlive_their_successor(self) -> None:
        """Stratos' start-up order was a forest: an element could have one predecessor only."""
        world = World(diamond())
        world.until_active()
        world.declare()
        world.until("gone", lambda: gone(world))

        assert list(early_ends(world, diamond())) == []
        assert world.last("web", State.TERMINATED) <= world.first("api", State.DRAINING)
        assert world.first("api", State.DRAINING) == world.first("cache", State.DRAINING)
        assert world.last("cache", State.TERMINATED) <= world.first("db", State.DRAINING)


class TestWaiting:
    def test_each_level_says_what_it_waits_for(self) -> None:
        world = World(nested())
        world.stuck.add("shop-db-1")
        world.tick(5)

        assert why(world, "front") == {"waits for group.data"}
        assert why(world, "index") == {"waits for cartridge.db"}
        assert why(world, "db") == {"1 of 2 serve"}
        assert why(world, "data") == {"db, index not Active"}
        assert why(world, "shop") == {"data, front not Active"}

    def test_a_boot_that_never_ends_holds_everything_behind_it_and_nothing_else(self) -> None:
        spec = application(cluster("db"), cluster("web"), cluster("alone"), order=("db web",))
        world = World(spec)
        world.stuck.add("shop-db-1")
        world.tick(300)

        assert world.of("web") == []
        assert why(world, "web") == {"waits for cartridge.db"}
        assert why(world, "db") == {"0 of 1 serve"}
        assert world.of("alone", State.ACTIVE) == ["shop-alone-1"]

    def test_a_boot_that_takes_too_long_is_given_up_and_the_next_lets_the_dependants_start(self) -> None:
        spec = application(cluster("db", boot_s=60.0), cluster("web"), order=("db web",))
        world = World(spec)
        world.stuck.add("shop-db-1")
        world.until_active(within_s=120)

        assert world.members["shop-db-1"].reason.endswith("did not serve within 60 s")
        assert world.of("db") == ["shop-db-2"]
        assert list(early_starts(world, spec)) == []

    def test_two_of_three_are_not_enough(self) -> None:
        spec = application(cluster("db", least=3), cluster("web"), order=("db web",))
        world = World(spec)
        world.stuck.add("shop-db-3")
        world.tick(60)

        assert len(world.of("db", State.ACTIVE)) == 2
        assert world.of("web") == []

    def test_one_of_two_group_instances_is_not_enough(self) -> None:
        spec = application(group("data", cluster("db"), least=2, most=3), cluster("web"), order=("data web",))
        world = World(spec)
        world.stuck.add("shop-db-2")
        world.tick(60)
        data = {each.instance: each.phase for each in world.living().values() if each.alias == "data"}
        assert sorted(data.values()) == [Phase.ACTIVE, Phase.CREATED]
        assert world.of("web") == []

        world.stuck.clear()
        world.until_active(within_s=30)
        assert list(early_starts(world, spec)) == []

    def test_a_cluster_without_a_balancer_serves_when_its_probe_answers(self) -> None:
        spec = application(cluster("db", balanced=False), cluster("web"), order=("db web",))
        world = World(spec)
        world.stuck.add("shop-db-1")
        world.tick(30)
        assert world.of("web") == []

        world.stuck.clear()
        world.until_active(within_s=30)
        assert list(early_starts(world, spec)) == []


class TestAPartitionIsFull:
    def test_dependants_wait_until_there_is_room(self) -> None:
        spec = application(cluster("db", least=2), cluster("web"), order=("db web",))
        world = World(spec, capacity={"local": 1})
        world.tick(100)

        assert len(world.of("db", State.ACTIVE)) == 1
        assert world.of("web") == []
        assert why(world, "web") == {"waits for cartridge.db"}

    def test_a_full_partition_is_not_asked_at_every_tick(self) -> None:
        world = World(application(cluster("db", least=2)), capacity={"local": 1})
        world.tick(100)

        refused = [call for call in world.cloud.calls if call.error == "OutOfCapacityError"]
        assert 2 <= len(refused) <= 100 / world.rules.full_s + 1

    def test_members_go_where_there_is_room_and_the_dependants_start(self) -> None:
        rooms = (a_place("p1", max_members=2), a_place("p2", max_members=5))
        spec = application(cluster("db", least=3, places=rooms), cluster("web", places=rooms[1:]), order=("db web",))
        world = World(spec, capacity={"p1": 1, "p2": 9})
        world.until_active(within_s=60)

        assert sorted(world.members[m].partition for m in world.of("db")) == ["p1", "p2", "p2"]
        assert list(early_starts(world, spec)) == []


class TestAMemberDiesWhileItsDependantsStart:
    @pytest.mark.parametrize("after_s", range(1, 12))
    def test_all_comes_up_in_order(self, after_s: int) -> None:
        spec = nested()
        world = World(spec)
        world.tick(after_s)
        for name in world.of("db")[:1]:
            world.lose(name)
        world.until_active(within_s=120)

        assert list(early_starts(world, spec)) == []
        world.settle()
        assert {c.alias: len(world.of(c.alias, State.ACTIVE)) for c in spec.clusters()} == {
            c.alias: c.min_members for c in spec.clusters()
        }

    def test_those_that_have_not_started_wait_again(self) -> None:
        world = World(application(*(cluster(a) for a in ("a", "b", "c")), order=("a b", "a c", "b c")))
        world.until("b starts", lambda: bool(world.of("b")))
        world.stuck.add("shop-a-2")
        world.lose("shop-a-1")
        world.tick(30)

        assert world.of("b", State.ACTIVE) == ["shop-b-1"], "terminate-none leaves alone what has started"
        assert world.of("c") == []
        assert why(world, "c") == {"waits for cartridge.a"}


class TestACloudThatFailsForAWhile:
    @pytest.mark.parametrize("fault", [Fault.TRANSIENT, Fault.TIMED_OUT])
    @pytest.mark.parametrize("times", [1, 3, 7])
    def test_all_comes_up_in_order_without_a_member_too_many(self, fault: Fault, times: int) -> None:
        spec = nested()
        world = World(spec, failures=[Failure(call=Call.LAUNCH, fault=fault, times=times)])
        world.until_active(within_s=200)
        world.settle()

        assert list(early_starts(world, spec)) == []
        assert len(world.members) == sum(c.min_members for c in spec.clusters())
        assert in_the_cloud(world) == sorted(world.members)

    @pytest.mark.parametrize("fault", [Fault.TRANSIENT, Fault.TIMED_OUT])
    def test_all_goes_in_order(self, fault: Fault) -> None:
        spec = nested()
        world = World(spec, failures=[Failure(call=Call.TERMINATE, fault=fault, times=5)])
        world.until_active()
        world.declare()
        world.until("gone", lambda: gone(world), within_s=200)

        assert list(early_ends(world, spec)) == []
        assert in_the_cloud(world) == []

    def test_a_cloud_that_refuses_for_good_is_asked_ever_more_rarely(self) -> None:
        never = Failure(call=Call.LAUNCH, fault=Fault.INVALID, partition="local", times=1000)
        world = World(application(cluster("db"), cluster("web"), order=("db web",)), failures=[never])
        world.tick(500)

        asked = [call for call in world.cloud.calls if call.call is Call.LAUNCH]
        assert len(asked) <= 12
        assert why(world, "web") == {"waits for cartridge.db"}


FAULTS: dict[str, Callable[[World], None]] = {
    "nothing is wrong": lambda _: None,
    "the first boot never ends": lambda world: world.stuck.add("shop-db-1"),
    "a member dies": lambda world: world.lose(next(iter(world.of("db")), "")),
}


class TestADeciderRestarts:
    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("at_s", [1, 2, 3, 4, 5, 7, 9, 12])
    def test_the_start_ends_as_without(self, at_s: int, fault: str) -> None:
        spec = application(
            group("data", cluster("db", least=2, boot_s=20.0), cluster("index"), order=("db index",)),
            cluster("web"),
            order=("data web",),
        )
        world = World(spec)
        FAULTS[fault](world)
        world.tick(at_s)
        FAULTS[fault](world)
        world.restart()
        world.until_active(within_s=200)
        world.settle()

        assert list(early_starts(world, spec)) == []
        assert {i.phase for i in world.living().values()} == {Phase.ACTIVE}
        assert {c.alias: len(world.of(c.alias, State.ACTIVE)) for c in spec.clusters()} == {
            "web": 1,
            "db": 2,
            "index": 1,
        }
        assert in_the_cloud(world) == sorted(m for c in spec.clusters() for m in world.of(c.alias))

    @pytest.mark.parametrize("at_s", range(1, 14))
    def test_the_end_ends_as_without(self, at_s: int) -> None:
        spec = nested()
        world = World(spec)
        world.until_active()
        world.declare()
        world.tick(at_s)
        world.restart()
        world.until("gone", lambda: gone(world), within_s=200)

        assert list(early_ends(world, spec)) == []
        assert in_the_cloud(world) == []
        world.tick(5)
        assert world.decider.applications == {}

    @pytest.mark.parametrize("times", range(1, 5))
    def test_while_a_partition_is_full_it_ends_as_without(self, times: int) -> None:
        spec = application(cluster("db", least=2), cluster("web"), order=("db web",))
        world = World(spec, capacity={"local": 1})
        for _ in range(times):
            world.tick(11)
            world.restart()
        assert world.of("web") == []
        world.cloud._capacity = {"local": 9}
        world.until_active(within_s=200)

        assert list(early_starts(world, spec)) == []

    @pytest.mark.parametrize("fault", [Fault.TRANSIENT, Fault.TIMED_OUT])
    @pytest.mark.parametrize("at_s", [1, 2, 3, 5, 8])
    def test_while_the_cloud_fails_it_ends_as_without(self, at_s: int, fault: Fault) -> None:
        spec = nested()
        world = World(spec, failures=[Failure(call=Call.LAUNCH, fault=fault, times=4)])
        world.tick(at_s)
        world.restart()
        world.until_active(within_s=200)
        world.settle()

        assert list(early_starts(world, spec)) == []
        assert len(world.members) == sum(c.min_members for c in spec.clusters())
        assert in_the_cloud(world) == sorted(world.members)


class TestTheEnd:
    def test_an_application_that_never_came_up_ends_too(self) -> None:
        world = World(nested())
        world.stuck.add("shop-db-1")
        world.tick(20)
        world.declare()
        world.until("gone", lambda: gone(world), within_s=60)

        assert list(early_ends(world, nested())) == []

    def test_a_termination_order_of_its_own_comes_before_the_reversed_start_up_order(self) -> None:
        spec = application(*(cluster(a) for a in "abc"), order=("a b", "b c"), ends=("a c", "c b"))
        world = World(spec)
        world.until_active()
        world.declare()
        world.until("gone", lambda: gone(world))

        assert list(early_ends(world, spec)) == []
        assert world.last("a", State.TERMINATED) <= world.first("c", State.DRAINING)
        assert world.last("c", State.TERMINATED) <= world.first("b", State.DRAINING)

    def test_without_any_order_all_ends_at_once(self) -> None:
        world = World(application(cluster("a"), cluster("b"), ends=()))
        world.until_active()
        world.declare()
        world.until("gone", lambda: gone(world))

        assert world.first("a", State.DRAINING) == world.first("b", State.DRAINING)

    def test_a_level_is_empty_before_the_next_one_drains_whatever_the_load(self) -> None:
        spec = nested()
        world = World(spec)
        world.load = {each.cluster: 3 * LOAD for each in spec.clusters()}
        world.until("scaled", lambda: all(len(world.of(c.alias, State.ACTIVE)) == 3 for c in spec.clusters()))
        world.declare()
        world.until("gone", lambda: gone(world))

        assert list(early_ends(world, spec)) == []

    def test_a_member_that_hangs_in_its_drain_holds_what_ends_after_it_until_its_time_is_up(self) -> None:
        spec = application(cluster("db"), cluster("web", drain_s=20.0), order=("db web",))
        world = Busy(spec)
        world.until_active()
        world.declare()
        world.until("gone", lambda: gone(world), within_s=100)

        assert world.first("db", State.DRAINING) - world.first("web", State.DRAINING) >= 20.0
        assert "drain timed out after 20 s" in world.members["shop-web-1"].reason
