"""Bursts: an application that needs more than its network partitions hold asks for the next one, and gives it back."""

from pathlib import Path

import pytest

from config.tree import ApplicationSpec
from streams.records.instance import BurstRequest, Level, Phase
from streams.records.member import Member, State
from tests.composing import World
from tests.composites.reading import beyond_bounds, early_ends, early_starts, gone, in_the_cloud
from tests.composites.samples import sample
from tests.composites.trees import LOAD, WINDOW_S, application, cluster, group, places

PATTERN = "scaling/app-bursting-pattern"
PHP = "app-bursting-pattern-app-my-php"


def tiers(
    *, most: int = 2, algorithm: str = "one-after-another", room: int = 100, burst: str = "application"
) -> ApplicationSpec:
    """Return group ``back`` of db before api, then web; in network partition ``one``, then ``two``, then ``three``."""
    where = places("one", "two", "three", room=room)
    return application(
        group(
            "back",
            cluster("db", most=2, places=where),
            cluster("api", most=2, places=where),
            most=most,
            order=("db api",),
        ),
        cluster("web", most=4, places=where),
        order=("back web",),
        waves=(("one",), ("two",), ("three",)),
        algorithm=algorithm,
        burst=burst,
    )


def uses(world: World, *phases: Phase) -> list[str]:
    """Return the network partitions in which the application has an instance, or one in these phases."""
    roots = [each for each in world.living().values() if each.level is Level.APPLICATION]
    return sorted(each.network_partition for each in roots if not phases or each.phase in phases)


def serving(world: World, alias: str) -> dict[str, int]:
    """Return how many members of a cluster serve in each network partition."""
    found: dict[str, int] = {}
    for name in world.of(alias, State.ACTIVE):
        where = world.members[name].network_partition
        found[where] = found.get(where, 0) + 1
    return dict(sorted(found.items()))


def asked(world: World) -> list[tuple[str, ...]]:
    """Return what was asked for, request by request; an empty one is a withdrawal."""
    return [each.to for each in world.bursts]


def quiet(world: World) -> None:
    """Take the load away, and let the window and all that follows pass."""
    world.load.clear()
    world.tick(int(WINDOW_S) + 10)
    world.settle(quiet_s=100)


class TestThePattern:
    """Stratos' own sample: 1 to 10 members, four network partitions."""

    def test_it_bursts_into_one_network_partition_after_the_other(self, shared: Path) -> None:
        world = World(sample(shared, PATTERN))
        world.until_active()
        for members, where in ((10, 1), (12, 2), (30, 3), (40, 4), (400, 4)):
            world.load[PHP] = 20.0 * members
            world.tick(100)
            assert uses(world) == [f"network-partition-{n}" for n in range(1, where + 1)]
            assert sum(serving(world, "my-php").values()) == min(members, 40)

        assert [to for to in asked(world) if to] == [(f"network-partition-{n}",) for n in (2, 3, 4)]
        assert list(beyond_bounds(world, sample(shared, PATTERN))) == []

    def test_it_comes_back_in_the_reversed_order(self, shared: Path) -> None:
        spec = sample(shared, PATTERN)
        world = World(spec)
        world.load[PHP] = 800.0
        world.until("all four", lambda: len(uses(world, Phase.ACTIVE)) == 4)
        world.load.clear()
        fell = world.at
        world.until("one", lambda: len(uses(world)) == 1, within_s=3000)

        ended = [(at, name) for at, name, phase in world.phases(spec.application) if phase is Phase.TERMINATING]
        assert [name.rpartition("-")[2] for _, name in ended] == ["4", "3", "2"]
        assert ended[0][0] >= fell + 300.0

    def test_no_partition_ever_exceeds_its_maximum_up_and_down_and_up(self, shared: Path) -> None:
        """STRATOS-1207: the limit of a partition was not honoured up, down, up."""
        spec = sample(shared, PATTERN)
        world = World(spec)
        rooms = {(p.network_partition, p.partition): p.max_members for p in spec.clusters()[0].partitions}
        for members in (40, 0, 40):
            world.load[PHP] = 20.0 * members
            world.tick(400)
        here: dict[str, Member] = {}
        for _, record in world.log:
            if isinstance(record, Member):
                here[record.member] = record
                where = (record.network_partition, record.partition)
                count = sum(
                    (m.network_partition, m.partition) == where and m.state is not State.TERMINATED
                    for m in here.values()
                )
                assert count <= rooms[where]


class TestTheRequest:
    def test_it_names_the_next_network_partition_once_and_is_withdrawn_when_it_is_in_use(self) -> None:
        world = World(tiers())
        world.until_active()
        world.load["shop-web"] = 5 * LOAD
        world.tick(60)

        assert asked(world) == [("two",), ()]
        assert world.bursts[0].why == "the network partitions in use are full"
        assert (world.bursts[0].tenant, world.bursts[0].application) == ("default", "shop")

    @pytest.mark.parametrize("alias", ["web", "db", "api"])
    def test_any_cluster_may_ask_nested_ones_too(self, alias: str) -> None:
        world = World(tiers())
        world.until_active()
        world.load[f"shop-{alias}"] = 5 * LOAD
        world.tick(100)

        assert uses(world, Phase.ACTIVE) == ["one", "two"]
        assert sum(serving(world, alias).values()) == 5

    def test_a_load_that_fits_asks_for_nothing(self) -> None:
        world = World(tiers())
        world.until_active()
        world.load = {f"shop-{alias}": 4 * LOAD for alias in ("db", "api", "web")}
        world.tick(100)

        assert world.bursts == []
        assert uses(world) == ["one"]

    def test_a_load_for_three_asks_for_two_at_once(self) -> None:
        world = World(tiers())
        world.until_active()
        world.load["shop-web"] = 9 * LOAD
        world.tick(100)

        assert [to for to in asked(world) if to] == [("two", "three")]
        assert uses(world, Phase.ACTIVE) == ["one", "three", "two"]

    def test_all_at_once_has_nothing_left_to_ask_for(self) -> None:
        world = World(tiers(algorithm="all-at-once"))
        world.until_active()
        assert uses(world, Phase.ACTIVE) == ["one", "three", "two"]
        world.load["shop-web"] = 100 * LOAD
        world.tick(100)
        assert [to for to in asked(world) if to] == []
        quiet(world)
        assert uses(world, Phase.ACTIVE) == ["one", "three", "two"]

    def test_f23_it_is_made_anew_each_time_three_times_in_a_row(self) -> None:
        """Stratos' index of network partitions went one way: after a burst came back there was no second one."""
        world = World(tiers())
        world.until_active()
        for _ in range(3):
            world.load["shop-web"] = 5 * LOAD
            world.until("two", lambda: uses(world, Phase.ACTIVE) == ["one", "two"])
            world.settle()
            quiet(world)
            assert uses(world) == ["one"]

        assert [to for to in asked(world) if to] == [("two",)] * 3
        assert asked(world)[-1] == ()
        assert list(early_starts(world, tiers())) == []
        assert list(early_ends(world, tiers())) == []

    @pytest.mark.parametrize("after_s", [1, 2, 3, 4, 6, 10])
    def test_after_a_restart_of_the_decider_nothing_is_asked_for_that_is_in_use(self, after_s: int) -> None:
        world = World(tiers())
        world.until_active()
        world.load["shop-web"] = 5 * LOAD
        world.tick(after_s)
        world.restart()
        world.tick(60)

        assert uses(world, Phase.ACTIVE) == ["one", "two"]
        assert world.bursts[-1].to == ()
        assert sum(serving(world, "web").values()) == 5


def parts(world: World) -> set[str]:
    """Return the cluster instances that there are, without the application's name."""
    leaves = [each for each in world.living().values() if each.level is Level.CLUSTER]
    return {each.instance.removeprefix("default/shop/") for each in leaves}


HOME = {"one/back.1/db", "one/back.1/api", "one/web"}


class TestOnlyWhatNeedsIt:
    """Policy ``burst: clusters``: a cluster alone, or the group around it, and not the whole application."""

    def test_only_the_cluster_that_finds_no_room_goes_and_it_comes_back_three_times(self) -> None:
        world = World(tiers(burst="clusters"))
        world.until_active()
        for _ in range(3):
            world.load["shop-web"] = 5 * LOAD
            world.tick(60)
            assert parts(world) == HOME | {"two/web"}
            assert serving(world, "web") == {"one": 4, "two": 1}
            assert uses(world, Phase.ACTIVE) == ["one", "two"]
            quiet(world)
            assert parts(world) == HOME
            assert uses(world) == ["one"]

        assert [to for to in asked(world) if to] == [("two",)] * 3
        assert asked(world)[-1] == ()

    def test_a_group_goes_as_a_whole_in_its_own_order(self) -> None:
        world = World(tiers(burst="clusters", most=1))
        world.until_active()
        world.load["shop-api"] = 3 * LOAD
        world.tick(60)

        assert parts(world) == HOME | {"two/back.1/db", "two/back.1/api"}
        assert serving(world, "api") == {"one": 2, "two": 1}
        assert list(early_starts(world, tiers(most=1))) == []

    def test_each_goes_as_far_as_it_needs_and_comes_back_on_its_own(self) -> None:
        world = World(tiers(burst="clusters", most=1))
        world.until_active()
        world.load = {"shop-web": 5 * LOAD, "shop-api": 5 * LOAD}
        world.tick(100)
        there = {f"{where}/back.1/{end}" for where in ("two", "three") for end in ("db", "api")}
        assert parts(world) == HOME | there | {"two/web"}

        world.load["shop-api"] = 0.0
        world.until("the group is back", lambda: parts(world) == HOME | {"two/web"})
        assert serving(world, "web") == {"one": 4, "two": 1}
        assert uses(world) == ["one", "two"]

    def test_what_bursts_serves_though_what_it_needs_stays_at_home(self) -> None:
        world = World(tiers(burst="clusters"))
        world.until_active()
        world.load["shop-web"] = 5 * LOAD
        world.tick(60)
        for member in world.of("db", State.ACTIVE):
            world.lose(member)
        world.tick(2)
        assert Phase.INACTIVE in {i.phase for i in world.living().values() if i.alias == "back"}
        world.tick(60)

        assert serving(world, "web") == {"one": 4, "two": 1}
        assert parts(world) == HOME | {"two/web"}

    def test_after_a_restart_of_the_decider_nothing_moves(self) -> None:
        world = World(tiers(burst="clusters"))
        world.until_active()
        world.load["shop-web"] = 5 * LOAD
        world.tick(60)
        before = set(in_the_cloud(world))
        world.restart()
        world.tick(60)

        assert set(in_the_cloud(world)) == before

    def test_a_policy_that_now_says_so_brings_the_others_home(self) -> None:
        world = World(tiers())
        world.until_active()
        world.load["shop-web"] = 5 * LOAD
        world.tick(60)
        assert parts(world) > HOME | {"two/web"}
        world.declare(tiers(burst="clusters"))
        world.until("only web is away", lambda: parts(world) == HOME | {"two/web"})

        assert sum(serving(world, "web").values()) == 5


class TestTheInstanceThere:
    def test_it_starts_in_its_own_start_up_order(self) -> None:
        world = World(tiers())
        world.until_active()
        world.load["shop-web"] = 5 * LOAD
        world.tick(60)

        assert list(early_starts(world, tiers())) == []
        begun = {m.cluster_instance: m.since[State.CREATED] for m in world.members.values()}
        there = [begun[f"default/shop/two/{end}"] for end in ("back.1/db", "back.1/api", "web")]
        assert there == sorted(set(there)), "one after the other"

    def test_it_ends_in_order_and_the_first_one_is_not_touched(self) -> None:
        world = World(tiers())
        world.until_active()
        first = set(world.members)
        world.load["shop-web"] = 5 * LOAD
        world.until("two", lambda: uses(world, Phase.ACTIVE) == ["one", "two"])
        world.settle()
        quiet(world)

        assert list(early_ends(world, tiers())) == []
        assert uses(world) == ["one"]
        assert set(in_the_cloud(world)) == first

    def test_the_first_one_serves_for_it_before_it_ends(self) -> None:
        where = places("one", "two")
        world = World(application(cluster("web", most=4, places=where), waves=(("one",), ("two",))))
        world.load["shop-web"] = 5 * LOAD
        world.until("two", lambda: uses(world, Phase.ACTIVE) == ["one", "two"])
        world.settle()
        world.load["shop-web"] = 2 * LOAD
        world.until("one", lambda: _serves(world, 2) and uses(world) == ["one"])

        assert serving(world, "web") == {"one": 2}

    def test_undeployed_in_the_midst_of_a_burst_all_of_it_ends_in_order(self) -> None:
        for after_s in range(1, 16, 2):
            world = World(tiers())
            world.until_active()
            world.load["shop-web"] = 5 * LOAD
            world.tick(after_s)
            world.declare()
            world.until("gone", lambda: gone(world))  # noqa: B023

            assert list(early_ends(world, tiers())) == []
            assert in_the_cloud(world) == []


class TestACloudIsFull:
    def test_what_finds_no_room_goes_to_the_next_network_partition(self) -> None:
        where = places("one", "two")
        spec = application(cluster("web", most=9, places=where), waves=(("one",), ("two",)))
        world = World(spec, capacity={"one-1": 2, "two-1": 9})
        world.load["shop-web"] = 5 * LOAD
        world.tick(60)

        assert asked(world)[0] == ("two",)
        assert serving(world, "web") == {"one": 2, "two": 3}

    @pytest.mark.parametrize(("least", "load"), [(1, 5), (3, 0), (3, 5)])
    def test_asking_the_full_one_again_costs_nobody_who_serves(self, least: int, load: int) -> None:
        """Each time a partition might have room again, another instance was ended before anybody had moved."""
        where = places("one", "two")
        spec = application(cluster("web", least=least, most=9, places=where), waves=(("one",), ("two",)))
        world = World(spec, capacity={"one-1": 2, "two-1": 9})
        world.load["shop-web"] = load * LOAD
        world.tick(20)
        there = world.of("web", State.ACTIVE)
        assert len(there) >= 5
        world.tick(280)

        assert world.of("web", State.ACTIVE) == there
        assert [to for to in asked(world) if to] == [("two",)]

    @pytest.mark.parametrize("burst", ["application", "clusters"])
    def test_when_it_has_room_again_the_members_move_back_one_for_one(self, burst: str) -> None:
        where = places("one", "two")
        spec = application(cluster("web", least=3, most=9, places=where), waves=(("one",), ("two",)), burst=burst)
        world = World(spec, capacity={"one-1": 2, "two-1": 9})
        world.tick(60)
        assert serving(world, "web") == {"one": 2, "two": 3}
        world.cloud._capacity = {"one-1": 9, "two-1": 9}
        for _ in range(120):
            world.tick()
            assert len(world.of("web", State.ACTIVE)) >= 3

        assert serving(world, "web") == {"one": 3}
        assert uses(world) == ["one"]

    def test_where_all_are_full_the_request_says_what_is_missing(self) -> None:
        where = places("one", "two")
        spec = application(cluster("web", most=9, places=where), waves=(("one",), ("two",)))
        world = World(spec, capacity={"one-1": 2, "two-1": 2})
        world.load["shop-web"] = 7 * LOAD
        world.tick(25)

        assert serving(world, "web") == {"one": 2, "two": 2}
        last = [r for _, r in world.log if isinstance(r, BurstRequest)][-1]
        assert last.missing == {"web": 3}
        assert "no network partition is left for 3 of web" in last.why


def _serves(world: World, count: int) -> bool:
    assert len(world.of("web", State.ACTIVE)) >= count
    return True
