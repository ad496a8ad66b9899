"""Termination behaviours: what ends and starts anew when a child is Inactive, in which order, what is left alone."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from config.tree import ApplicationSpec, GroupSpec
from streams.records.instance import Phase
from streams.records.member import State
from tests.composing import World
from tests.composites.reading import early_ends, early_starts, in_the_cloud
from tests.composites.samples import RUN, sample
from tests.composites.trees import LOAD, application, cluster, group
from tests.composites.worlds import Busy


def chain(termination: str, *, least: int = 2) -> ApplicationSpec:
    """Return db, then api, then web; and mail, which nothing depends on."""
    return application(
        *(cluster(alias, least=least) for alias in ("db", "api", "web", "mail")),
        order=("db api", "api web"),
        termination=termination,
    )


def lost(world: World, alias: str) -> None:
    """Let the first member of a cluster die, and time pass until all is well again."""
    world.lose(world.of(alias)[0])
    world.tick(2)
    world.until_active(within_s=300)
    world.settle()


def left_alone(world: World, before: dict[str, list[str]]) -> set[str]:
    """Return the clusters whose members are the same as before."""
    return {alias for alias, members in before.items() if world.of(alias) == members}


def doomed(group: GroupSpec, alias: str) -> set[str]:
    """Return the clusters that end when one of them is Inactive: Stratos' rule, written down once more."""
    for child in group.children:
        inner = doomed(child, alias) if isinstance(child, GroupSpec) else set()
        below = {each.alias for each in child.clusters()} if isinstance(child, GroupSpec) else {child.alias}
        if alias not in below:
            continue
        after = _after(child.alias, group.order)
        if group.termination == "all":
            return {each.alias for each in group.clusters()}
        if group.termination == "dependents" and after:
            ended = [each for each in group.children if each.alias in {*after, child.alias}]
            return inner | {c.alias for e in ended for c in (e.clusters() if isinstance(e, GroupSpec) else [e])}
        return inner
    return set()


def _after(alias: str, order: Iterable[tuple[str, str]]) -> set[str]:
    found = {then for first, then in order if first == alias}
    return found.union(*(_after(each, order) for each in found))


ENDED = [
    pytest.param("none", "db", set(), id="none: the dead member is replaced and nobody else notices"),
    pytest.param("dependents", "db", {"db", "api", "web"}, id="dependents: all that start after it, and it itself"),
    pytest.param("dependents", "api", {"api", "web"}, id="dependents: not what starts before it"),
    pytest.param("dependents", "web", set(), id="dependents: one that has none is only repaired"),
    pytest.param("dependents", "mail", set(), id="dependents: one without an order is only repaired"),
    pytest.param("all", "db", {"db", "api", "web", "mail"}, id="all: the whole level"),
    pytest.param("all", "mail", {"db", "api", "web", "mail"}, id="all: whoever it is"),
]


@pytest.mark.parametrize(("termination", "dies", "ended"), ENDED)
class TestAMemberDies:
    def test_what_ends_and_what_is_left_alone(self, termination: str, dies: str, ended: set[str]) -> None:
        spec = chain(termination)
        world = World(spec)
        world.until_active()
        before = {each.alias: world.of(each.alias) for each in spec.clusters()}
        lost(world, dies)

        assert left_alone(world, before) == set(before) - ended - {dies}
        for alias in ended:
            assert not set(world.of(alias)) & set(before[alias]), f"all of {alias} starts anew"
        if dies not in ended:
            assert set(world.of(dies)) & set(before[dies]), "its other member serves on"
        assert {alias: len(world.of(alias, State.ACTIVE)) for alias in before} == dict.fromkeys(before, 2)

    def test_they_end_in_order_and_start_anew_in_order(self, termination: str, dies: str, ended: set[str]) -> None:
        spec = chain(termination)
        world = World(spec)
        world.until_active()
        lost(world, dies)

        assert list(early_ends(world, spec)) == []
        assert list(early_starts(world, spec)) == []
        lives = {alias: [phase for _, _, phase in world.phases(alias)] for alias in ("db", "api", "web", "mail")}
        first, again = [Phase.CREATED, Phase.ACTIVE], [Phase.TERMINATING, Phase.CREATED, Phase.ACTIVE]
        for alias, phases in lives.items():
            inactive = [Phase.INACTIVE] if alias == dies else []
            assert phases == [*first, *inactive, *(again if alias in ended else [Phase.ACTIVE] * len(inactive))]

    @pytest.mark.parametrize("after_s", [1, 2, 3, 4, 6, 9])
    def test_a_restart_of_the_decider_in_the_midst_changes_nothing_of_it(
        self, termination: str, dies: str, ended: set[str], after_s: int
    ) -> None:
        spec = chain(termination)
        world = World(spec)
        world.until_active()
        before = {each.alias: world.of(each.alias) for each in spec.clusters()}
        world.lose(world.of(dies)[0])
        world.tick(after_s)
        world.restart()
        world.until_active(within_s=300)
        world.settle()

        assert left_alone(world, before) == set(before) - ended - {dies}
        assert {alias: len(world.of(alias, State.ACTIVE)) for alias in before} == dict.fromkeys(before, 2)
        assert list(early_ends(world, spec)) == []
        assert list(early_starts(world, spec)) == []
        assert in_the_cloud(world) == sorted(m for alias in before for m in world.of(alias))


class TestWhenNothingEnds:
    @pytest.mark.parametrize("termination", ["none", "dependents", "all"])
    def test_a_cluster_with_its_minimum_left_is_active(self, termination: str) -> None:
        spec = chain(termination, least=1)
        world = World(spec)
        world.load["shop-db"] = 2 * LOAD
        world.until("two serve", lambda: len(world.of("db", State.ACTIVE)) == 2)
        world.until_active()
        before = {each.alias: world.of(each.alias) for each in spec.clusters()}
        lost(world, "db")

        assert left_alone(world, before) == set(before) - {"db"}

    @pytest.mark.parametrize("termination", ["none", "dependents", "all"])
    def test_a_member_that_dies_in_its_drain_is_nobodys_loss(self, termination: str) -> None:
        spec = chain(termination, least=1)
        world = Busy(spec)
        world.until_active()
        world.declare()
        world.until("drains", lambda: bool(world.of("web", State.DRAINING)))
        world.lose(world.of("web")[0])
        world.until("gone", lambda: not world.living())

        assert len(world.members) == 4

    def test_what_has_not_started_is_not_ended(self) -> None:
        """Only ``db`` is Inactive; ``api`` waits, has no member, and goes on waiting."""
        world = World(chain("dependents", least=1))
        world.until("db serves", lambda: bool(world.of("db", State.ACTIVE)))
        world.lose("shop-db-1")
        world.until_active()

        assert list(early_starts(world, chain("dependents", least=1))) == []
        assert [phase for _, _, phase in world.phases("web")] == [Phase.CREATED, Phase.ACTIVE]

    def test_a_group_with_its_minimum_of_instances_left_is_active(self) -> None:
        spec = application(
            group("data", cluster("db"), least=1, most=2), cluster("web"), order=("data web",), termination="dependents"
        )
        world = World(spec)
        world.load["shop-db"] = 5 * LOAD
        world.until("two instances", lambda: len({world.members[m].cluster_instance for m in world.of("db")}) == 2)
        world.settle()
        web = world.of("web")
        second = [m for m in world.of("db") if "data.2" in world.members[m].cluster_instance]
        for name in second:
            world.lose(name)
        world.tick(2)
        world.until_active()

        assert world.of("web") == web


class TestLevels:
    def test_behaviours_of_every_level_take_part(self) -> None:
        """``db`` dies; its group has none, so ``index`` stays; the application ends the group's dependants, and it."""
        spec = application(
            group("data", cluster("db"), cluster("index"), order=("db index",)),
            cluster("web"),
            cluster("mail"),
            order=("data web",),
            termination="dependents",
        )
        world = World(spec)
        world.until_active()
        before = {each.alias: world.of(each.alias) for each in spec.clusters()}
        lost(world, "db")

        assert left_alone(world, before) == {"mail"}
        assert list(early_ends(world, spec)) == []
        assert list(early_starts(world, spec)) == []

    def test_another_instance_of_the_group_is_left_alone(self) -> None:
        spec = application(
            group("pair", cluster("db"), cluster("web"), least=2, most=2, order=("db web",), termination="all")
        )
        world = World(spec)
        world.until_active()
        sides = {m: world.members[m].cluster_instance.split("/")[3] for m in world.members}
        world.lose(next(m for m in world.of("db") if sides[m] == "pair.1"))
        world.tick(2)
        world.until_active()
        world.settle()

        assert [m for m, side in sides.items() if side == "pair.2"] == [
            m for m in sides if world.members[m].state is State.ACTIVE
        ]
        assert list(early_starts(world, spec)) == []

    def test_a_member_that_dies_again_and_again_ends_its_dependants_each_time(self) -> None:
        spec = chain("dependents")
        world = World(spec)
        world.until_active()
        for _ in range(3):
            lost(world, "db")

        assert [phase for _, _, phase in world.phases("web")].count(Phase.TERMINATING) == 3
        assert list(early_ends(world, spec)) == []
        assert list(early_starts(world, spec)) == []


@pytest.mark.parametrize("path", RUN)
def test_in_every_sample_each_members_death_ends_what_its_levels_say(path: str, shared: Path) -> None:
    spec = sample(shared, path)
    for dies in spec.clusters():
        world = World(spec)
        world.until_active()
        before = {each.alias: world.of(each.alias) for each in spec.clusters()}
        lost(world, dies.alias)

        assert left_alone(world, before) == set(before) - doomed(spec.root, dies.alias) - {dies.alias}, dies.alias
        assert list(early_ends(world, spec)) == []
        assert list(early_starts(world, spec)) == []
        assert {a: len(world.of(a, State.ACTIVE)) for a in before} == {a: len(m) for a, m in before.items()}
