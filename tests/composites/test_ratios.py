"""Scaling dependents: a set scales together, in the ratio of the minimums, both ways, within the maximums."""

from pathlib import Path

import pytest

from config.tree import ApplicationSpec
from streams.records.instance import BurstRequest, Instance, Level, Phase
from streams.records.member import Member, State
from tests.composing import World
from tests.composites.reading import beyond_bounds, early_starts
from tests.composites.samples import sample
from tests.composites.trees import WINDOW_S, application, cluster, group, places

CARTRIDGES, GROUPS = "scaling/dependent-scaling/sample-cartridges", "scaling/dependent-scaling/sample-groups"
WORDPRESS, COMPLEX = "complex/wordpress-app", "complex/php-tomcat-group-postgres-mysql-group-esb"
REQUESTS = 20.0
"""Requests in flight that one member of a sample carries."""


def loaded(spec: ApplicationSpec, **members: int) -> World:
    """Bring an application to life, and give clusters the load of so many members each (alias with ``_``)."""
    world = World(spec)
    world.until_active()
    load(world, spec, **members)
    world.settle()
    return world


def load(world: World, spec: ApplicationSpec, **members: int) -> None:
    """Give clusters the load of so many members each."""
    for each in spec.clusters():
        asked = members.get(each.alias.replace("-", "_"), 0)
        world.load[each.cluster] = asked * each.policy.thresholds["requests_in_flight"]


def rest(world: World, *, window_s: float = WINDOW_S) -> None:
    """Let the stabilisation window pass, and all that follows from it."""
    world.tick(int(window_s) + 10)
    world.settle(quiet_s=100)


def serving(world: World, spec: ApplicationSpec) -> dict[str, int]:
    """Return how many members of each cluster serve."""
    return {each.alias: len(world.of(each.alias, State.ACTIVE)) for each in spec.clusters()}


def instances(world: World, alias: str) -> int:
    """Return how many instances of a group are Active."""
    of = (each for each in world.living().values() if each.alias == alias and each.level is Level.GROUP)
    return sum(each.phase is Phase.ACTIVE for each in of)


SAMPLES = [
    pytest.param(CARTRIDGES, {"my_php": 3}, {"my-tomcat": 2, "my-php": 3}, id="1 : 2, php needs 3: tomcat 2"),
    pytest.param(CARTRIDGES, {"my_php": 4}, {"my-tomcat": 2, "my-php": 4}, id="1 : 2, php needs 4: tomcat 2"),
    pytest.param(CARTRIDGES, {"my_tomcat": 2}, {"my-tomcat": 2, "my-php": 4}, id="1 : 2, tomcat needs 2: php 4"),
    pytest.param(CARTRIDGES, {"my_tomcat": 1, "my_php": 2}, {"my-tomcat": 1, "my-php": 2}, id="1 : 2, the minimums"),
    pytest.param(CARTRIDGES, {"my_tomcat": 50}, {"my-tomcat": 2, "my-php": 4}, id="1 : 2, capped at the maximums"),
    pytest.param(WORDPRESS, {"my_php": 3}, {"my-mysql": 3, "my-php": 3}, id="2 : 2, php needs 3: mysql 3"),
    pytest.param(WORDPRESS, {"my_mysql": 5}, {"my-mysql": 5, "my-php": 5}, id="2 : 2, mysql needs 5: php 5"),
    pytest.param(
        GROUPS, {"my_tomcat": 3}, {"my-tomcat": 3, "my-esb": 2, "my-php": 2}, id="2 : 1 group, tomcat 3: 2 groups"
    ),
    pytest.param(
        GROUPS, {"my_esb": 3}, {"my-tomcat": 4, "my-esb": 3, "my-php": 2}, id="2 : 1 group, esb 3: 2 groups, tomcat 4"
    ),
    pytest.param(GROUPS, {"my_esb": 2}, {"my-tomcat": 2, "my-esb": 2, "my-php": 1}, id="2 : 1 group, esb fits in one"),
    pytest.param(
        COMPLEX,
        {"my_esb": 2},
        {"my-esb": 2, "my-tomcat": 2, "my-php": 2, "my-postgres": 1, "my-mysql": 1},
        id="1 : 1 group, esb 2: a second group of php and tomcat",
    ),
    pytest.param(
        COMPLEX,
        {"my_php": 3},
        {"my-esb": 2, "my-tomcat": 2, "my-php": 3, "my-postgres": 1, "my-mysql": 1},
        id="1 : 1 group, php 3: a second group, esb 2",
    ),
]


@pytest.mark.parametrize(("path", "asked", "expected"), SAMPLES)
class TestSamples:
    def test_the_others_follow_in_the_ratio_of_the_minimums(
        self, path: str, asked: dict[str, int], expected: dict[str, int], shared: Path
    ) -> None:
        spec = sample(shared, path)
        world = loaded(spec, **asked)

        assert serving(world, spec) == expected
        assert list(beyond_bounds(world, spec)) == []
        assert list(early_starts(world, spec)) == []

    def test_and_back_again(self, path: str, asked: dict[str, int], expected: dict[str, int], shared: Path) -> None:
        spec = sample(shared, path)
        world = loaded(spec, **asked)
        assert serving(world, spec) == expected
        load(world, spec)
        rest(world, window_s=300.0)

        assert serving(world, spec) == {each.alias: each.least_members for each in spec.clusters()}


def test_a_follower_says_whom_it_follows_and_in_which_ratio(shared: Path) -> None:
    spec = sample(shared, CARTRIDGES)
    world = loaded(spec, my_tomcat=2)

    (why,) = {each.why for each in world.living().values() if each.alias == "my-php"}
    assert why == "4 to scale with my-tomcat (2, 2 : 1)"


def test_without_a_set_nobody_follows() -> None:
    spec = application(cluster("a"), cluster("b"))
    world = loaded(spec, a=4)

    assert serving(world, spec) == {"a": 4, "b": 1}


def test_two_sets_of_one_level_scale_apart() -> None:
    spec = application(*(cluster(a) for a in "abcd"), dependents=("a b", "c d"))

    assert serving(loaded(spec, b=3), spec) == {"a": 3, "b": 3, "c": 1, "d": 1}


def test_the_highest_factor_of_several_counts() -> None:
    spec = application(
        cluster("a", least=1), cluster("b", least=2, most=9), cluster("c", most=9), dependents=("a b c",)
    )

    assert serving(loaded(spec, a=3, b=8), spec) == {"a": 4, "b": 8, "c": 4}


def test_fractions_are_rounded_up() -> None:
    spec = application(cluster("a", least=2, most=9), cluster("b", least=3, most=9), dependents=("a b",))

    assert serving(loaded(spec, a=3), spec) == {"a": 3, "b": 5}


def test_a_set_does_not_shrink_before_its_window_has_passed() -> None:
    spec = application(cluster("a"), cluster("b"), dependents=("a b",))
    world = loaded(spec, a=3)
    load(world, spec)
    fell = world.at
    world.until("b shrinks", lambda: len(world.of("b", State.ACTIVE)) < 3)

    assert WINDOW_S <= world.at - fell <= WINDOW_S + 2


def test_over_its_maximum_in_one_group_instance_a_follower_asks_for_another() -> None:
    """``b`` may be 2 in each instance, and 3 are needed for the ratio with ``a``."""
    spec = application(
        group("pair", cluster("a", most=6), cluster("b", most=2), most=3, dependents=("a b",)),
    )
    world = loaded(spec, a=3)

    assert instances(world, "pair") == 2
    assert serving(world, spec) == {"a": 3, "b": 3}


def test_over_the_maximum_of_all_group_instances_another_network_partition_is_asked_for() -> None:
    spec = application(
        group(
            "pair",
            cluster("a", most=6, places=places("one", "two")),
            cluster("b", most=2, places=places("one", "two")),
            most=2,
            dependents=("a b",),
        ),
        waves=(("one",), ("two",)),
    )
    world = loaded(spec, a=5)

    assert serving(world, spec) == {"a": 5, "b": 5}
    assert [r.to for _, r in world.log if isinstance(r, BurstRequest) and r.to] == [("two",)]


def test_where_there_is_no_other_network_partition_the_request_says_what_is_missing() -> None:
    spec = application(cluster("a", most=4), cluster("b", most=2), dependents=("a b",))
    world = loaded(spec, a=4)

    assert serving(world, spec) == {"a": 4, "b": 2}
    assert world.bursts[-1].to == ()
    assert world.bursts[-1].missing == {"b": 2}
    assert world.bursts[-1].why == "no network partition is left for 2 of b"
    load(world, spec)
    rest(world)
    assert world.bursts[-1].missing == {}
    assert world.bursts[-1].why == ""


@pytest.mark.parametrize("after_s", [1, 3, 5, 20, 70])
def test_after_a_restart_of_the_decider_the_request_is_withdrawn_all_the_same(after_s: int) -> None:
    spec = application(cluster("a", most=4), cluster("b", most=2), dependents=("a b",))
    world = loaded(spec, a=4)
    load(world, spec)
    world.tick(after_s)
    world.restart()
    rest(world)

    assert serving(world, spec) == {"a": 1, "b": 1}
    assert world.bursts[-1].missing == {}


def test_the_ratio_holds_through_a_restart_of_the_decider_in_the_midst() -> None:
    spec = application(cluster("a", most=9), cluster("b", least=2, most=9), dependents=("a b",))
    for after_s in range(1, 8):
        world = World(spec)
        world.until_active()
        load(world, spec, a=4)
        world.tick(after_s)
        world.restart()
        world.settle()

        assert serving(world, spec) == {"a": 4, "b": 8}


class TestF16:
    """Stratos told its parent "over max" when the need of a dependant fitted, and not when it exceeded its maximum."""

    def test_f16_a_need_that_fits_asks_for_no_further_group_instance(self) -> None:
        """The "over max" notice stood in the wrong branch: it was sent when the need of a dependant fitted."""
        spec = application(group("pair", cluster("a"), cluster("b"), most=3, dependents=("a b",)))
        world = loaded(spec, a=4)

        assert serving(world, spec) == {"a": 4, "b": 4}
        assert instances(world, "pair") == 1
        assert world.bursts == []

    def test_f16_a_need_that_exceeds_goes_to_the_parent(self) -> None:
        """The "over max" notice was not sent when the need of a dependant exceeded its maximum."""
        spec = application(group("pair", cluster("a", most=8), cluster("b"), most=3, dependents=("a b",)))
        world = loaded(spec, a=6)

        assert instances(world, "pair") == 2
        assert serving(world, spec) == {"a": 6, "b": 6}

    def test_f16_dependants_shrink_step_by_step_behind_the_window(self) -> None:
        """Dependants were scaled down at once and all together, without any gate, in a loop that could be endless."""
        spec = application(cluster("a", most=9), cluster("b", most=9), dependents=("a b",))
        world = loaded(spec, a=9)
        load(world, spec, a=4)
        fell = world.at
        world.tick(int(WINDOW_S) - 2)
        assert serving(world, spec) == {"a": 9, "b": 9}
        rest(world)

        assert serving(world, spec) == {"a": 4, "b": 4}
        drained = [at for at, r in world.log if isinstance(r, Member) and r.state is State.DRAINING]
        assert min(drained) >= fell + WINDOW_S


def test_no_cluster_instance_is_wanted_below_its_minimum_or_above_its_maximum(shared: Path) -> None:
    spec = sample(shared, GROUPS)
    bounds = {each.alias: (each.min_members, each.max_members) for each in spec.clusters()}
    world = World(spec)
    for step, asked in enumerate((0, 9, 3, 30, 1, 0)):
        load(world, spec, my_tomcat=asked, my_esb=asked * (step % 2), my_php=asked // 2)
        world.tick(150)

    for _, record in world.log:
        if isinstance(record, Instance) and record.level is Level.CLUSTER and record.phase is Phase.ACTIVE:
            least, most = bounds[record.alias]
            assert least <= record.wanted <= most
