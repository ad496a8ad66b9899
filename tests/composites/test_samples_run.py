"""The samples of Stratos run, from the first member to the last: orders, counts and the end, from the event log."""

from pathlib import Path

import pytest

from config.tree import ApplicationSpec
from streams.records.instance import Announcement, Deployed, Level, Phase
from streams.records.member import State
from tests.composing import World
from tests.composites.reading import beyond_bounds, early_ends, early_starts, edges, edges_met, gone, in_the_cloud
from tests.composites.samples import RUN, sample

EDGES = {
    "complex/wordpress-app": {("my-mysql", "my-php")},
    "nested/five-levels-nested-groups-app": set(),
    "nested/complex-app-with-lb": {
        ("my-tomcat", "my-stratos-lb"),
        ("my-stratos-lb", "my-group6"),
        ("my-group6", "my-group8"),
    },
    "complex/php-tomcat-group-postgres-mysql-group-esb": {
        ("my-dbgroup", "my-appgroup"),
        ("my-dbgroup", "my-esb"),
        ("my-php", "my-tomcat"),
    },
    "scaling/dependent-scaling/sample-cartridges": set(),
    "scaling/dependent-scaling/sample-groups": {("my-esb", "my-php")},
    "scaling/group-scaling/group-scaling-app": {
        ("my-group1", "my-c4"),
        ("my-c1-group1", "my-group2"),
        ("my-c3-group2", "my-c2-group2"),
    },
    "scaling/group-scaling/group-scaling-v1": {("my-c3", "my-c2")},
    "scaling/group-scaling/single-group-group-scaling": set(),
    "scaling/app-bursting-pattern": set(),
}
"""What the documents say, read by a person: the definitions that the run is compared with are derived by code."""
BEHAVIOURS = {
    "nested/complex-app-with-lb": {"complex-app-with-lb": "all", "my-group6": "all", "my-group8": "all"},
    "complex/php-tomcat-group-postgres-mysql-group-esb": {"my-appgroup": "all", "my-dbgroup": "all"},
    "scaling/group-scaling/group-scaling-app": {
        "group-scaling": "dependents",
        "my-group1": "dependents",
        "my-group2": "all",
    },
    "scaling/group-scaling/group-scaling-v1": {"my-group2": "all"},
    "scaling/group-scaling/single-group-group-scaling": {"my-group6": "all"},
}
"""All others end nothing."""
TOGETHER = {
    "complex/wordpress-app": [{"my-mysql", "my-php"}],
    "complex/php-tomcat-group-postgres-mysql-group-esb": [{"my-appgroup", "my-esb"}],
    "scaling/dependent-scaling/sample-cartridges": [{"my-tomcat", "my-php"}],
    "scaling/dependent-scaling/sample-groups": [{"my-tomcat", "my-esb-php-group"}],
}
"""All others have no scaling dependents."""


@pytest.fixture(params=RUN)
def path(request: pytest.FixtureRequest) -> str:
    """Each sample in turn."""
    return str(request.param)


@pytest.fixture
def spec(path: str, shared: Path) -> ApplicationSpec:
    """The sample, resolved."""
    return sample(shared, path)


def undeployed(spec: ApplicationSpec) -> World:
    """Bring an application to life, and end it."""
    world = World(spec)
    world.until_active()
    world.declare()
    world.until("nothing is left", lambda: gone(world))
    return world


def test_the_start_up_orders_are_those_of_the_documents(path: str, spec: ApplicationSpec) -> None:
    assert edges(spec) == EDGES[path]


def test_the_behaviours_and_ratios_are_those_of_the_documents(path: str, spec: ApplicationSpec) -> None:
    groups = list(spec.root.groups())

    assert {each.alias: each.termination for each in groups if each.termination != "none"} == BEHAVIOURS.get(path, {})
    assert [together for each in groups for together in each.dependents] == TOGETHER.get(path, [])


def test_it_comes_up_with_the_minimum_of_every_cluster_and_group(spec: ApplicationSpec) -> None:
    world = World(spec)
    world.until_active()
    world.settle()

    assert {each.phase for each in world.living().values()} == {Phase.ACTIVE}
    assert {c.alias: len(world.of(c.alias, State.ACTIVE)) for c in spec.clusters()} == {
        c.alias: c.least_members for c in spec.clusters()
    }
    assert len(world.members) == sum(c.least_members for c in spec.clusters()), "nobody was launched in vain"


def test_each_level_has_an_instance_in_the_first_network_partition_alone(spec: ApplicationSpec) -> None:
    world = World(spec)
    world.until_active()

    found = {(i.level, i.alias, i.network_partition) for i in world.living().values()}
    first = spec.network_partitions[0]
    groups = {(Level.GROUP, each.alias, first) for each in spec.root.groups() if each is not spec.root}
    clusters = {(Level.CLUSTER, each.alias, first) for each in spec.clusters()}
    assert found == {(Level.APPLICATION, spec.application, first)} | groups | clusters


def test_every_start_up_edge_of_every_level_is_kept(spec: ApplicationSpec) -> None:
    world = World(spec)
    world.until_active()

    assert edges_met(world, spec) == edges(spec)
    assert list(early_starts(world, spec)) == []


def test_every_successor_starts_in_the_tick_after_its_last_predecessor(spec: ApplicationSpec) -> None:
    """Nothing waits longer than it must, and branches without an edge start together."""
    world = World(spec)
    world.until_active()

    for group in spec.root.groups():
        for child in group.children:
            before = [a for a, b in group.order if b == child.alias]
            node = next(i for i in world.instances.values() if i.alias == group.alias)
            ready = max(
                [world.instances[i].since[Phase.ACTIVE] for i in world.instances if world.instances[i].alias in before],
                default=node.since[Phase.CREATED] if group is spec.root else None,
            )
            if ready is not None:
                leaves = [child.alias] if not hasattr(child, "clusters") else [c.alias for c in child.clusters()]
                assert min(world.first(alias, State.CREATED) for alias in leaves) == ready


def test_it_is_undeployed_level_by_level_in_the_reversed_order(spec: ApplicationSpec) -> None:
    assert {(b, a) for group in spec.root.groups() for a, b in group.termination_order} == edges(spec)
    world = undeployed(spec)

    assert list(early_ends(world, spec)) == []
    for group in spec.root.groups():
        for first, then in group.termination_order:
            (ended,) = {at for at, _, phase in world.phases(first) if phase is Phase.TERMINATED}
            drained = [world.first(c.alias, State.DRAINING) for c in spec.clusters() if c.alias == then]
            assert all(at >= ended for at in drained)


def test_nothing_is_left_after_it_was_undeployed(spec: ApplicationSpec) -> None:
    world = undeployed(spec)

    assert in_the_cloud(world) == []
    deployed = [r for _, r in world.log if isinstance(r, Deployed)]
    assert deployed[-1].spec is None
    told = {r.cluster: r.state for _, r in world.log if isinstance(r, Announcement)}
    assert told == {c.cluster: "Terminated" for c in spec.clusters()}
    assert world.decider.applications == {}
    assert world.decider.clusters == {}


def test_everybody_drained_before_the_cloud_was_told_to_end_it(spec: ApplicationSpec) -> None:
    world = undeployed(spec)

    assert all(State.DRAINING in m.since and m.reason.count("undeployed") for m in world.members.values())


def test_no_cluster_instance_ever_has_more_than_its_maximum(spec: ApplicationSpec) -> None:
    world = World(spec)
    world.load = {each.cluster: 10_000.0 for each in spec.clusters()}
    world.tick(120)

    assert list(early_starts(world, spec)) == []
    assert list(beyond_bounds(world, spec)) == []


def test_the_same_run_twice_leaves_the_same_log(spec: ApplicationSpec) -> None:
    assert undeployed(spec).log == undeployed(spec).log
