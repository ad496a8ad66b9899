"""Random applications under random faults: what is looked at record by record is in :mod:`tests.witnessing`."""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actuators.allot import Need, Place, hold, least_of, most_of, needs, share
from actuators.application import Application
from actuators.clouds.memory import Call, Fault
from actuators.cluster import ClusterState
from actuators.instances import Instances
from actuators.shape import Shape
from config.cluster import ClusterSpec
from config.tree import ApplicationSpec, GroupSpec
from streams.records.instance import Level, Phase
from streams.records.member import Member, State
from tests.builders import a_spec, an_application
from tests.composing import World
from tests.random_applications import PER_MEMBER, applications, changes
from tests.witnessing import Witnessed

THEN = st.integers(0, 6)
"""Seconds that pass after something has happened."""


class Composites(RuleBasedStateMachine):
    """One application, its operator, its load and its fate."""

    world: Witnessed

    @initialize(spec=applications())
    def begin(self, spec: ApplicationSpec) -> None:
        self.last = spec
        self.world = Witnessed(spec)

    @rule(seconds=st.integers(1, 20))
    def pass_time(self, seconds: int) -> None:
        self.go(seconds)

    def go(self, seconds: int) -> None:
        """Let time pass, second by second."""
        for _ in range(seconds):
            self.world.tick()
            self.world.look_at_dependants()

    # --- load --------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), members=st.integers(0, 12), then=THEN)
    def load(self, data: st.DataObject, members: int, then: int) -> None:
        cluster = data.draw(st.sampled_from(self.last.clusters()))
        self.world.load[cluster.cluster] = members * PER_MEMBER
        self.go(then)

    # --- faults ------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), then=THEN)
    def lose(self, data: st.DataObject, then: int) -> None:
        there = sorted(self.world.cloud._alive)
        if there:
            for member in data.draw(st.lists(st.sampled_from(there), min_size=1, max_size=4, unique=True)):
                self.world.lose(member)
        self.go(then)

    @rule(then=THEN)
    def boots_never_end(self, then: int) -> None:
        self.world.stuck |= {m.member for m in self.world.members.values() if m.state is State.STARTING}
        self.go(then)

    @rule(data=st.data(), free=st.integers(0, 2), then=THEN)
    def fill(self, data: st.DataObject, free: int, then: int) -> None:
        partitions = sorted({name for _, _, name in self.world.limits})
        self.world.fill(data.draw(st.sampled_from(partitions)), free=free)
        self.go(then)

    @rule(
        call=st.sampled_from([Call.LAUNCH, Call.TERMINATE]),
        fault=st.sampled_from([Fault.TRANSIENT, Fault.TIMED_OUT]),
        times=st.integers(1, 4),
        then=THEN,
    )
    def fail(self, call: Call, fault: Fault, times: int, then: int) -> None:
        self.world.fail(call, fault, times)
        self.go(then)

    @rule(times=st.integers(1, 3), then=THEN)
    def refuse(self, times: int, then: int) -> None:
        self.world.fail(Call.LAUNCH, Fault.INVALID, times)
        self.go(then)

    @rule(data=st.data(), then=THEN)
    def export_nothing(self, data: st.DataObject, then: int) -> None:
        self.world.silent.add(data.draw(st.sampled_from(self.last.clusters())).alias)
        self.go(then)

    @rule(then=THEN)
    def heal(self, then: int) -> None:
        self.world.heal()
        self.go(then)

    # --- the decider -------------------------------------------------------------------------------------------------

    @rule(remember=st.booleans(), then=THEN)
    def restart(self, *, remember: bool, then: int) -> None:
        self.world.resume(remember=remember)
        self.go(then)

    @rule(published=st.integers(0, 8))
    def die_while_publishing(self, published: int) -> None:
        self.world.die_while_publishing(published)

    @invariant()
    def a_decider_restored_from_the_log_knows_the_same(self) -> None:
        if hasattr(self, "world"):
            other = self.world.another(self.world.decider.epoch)
            other.define(self.world._declared, self.world.at)
            assert_same(self.world, other.applications, other.clusters)

    @rule()
    def go_on_to_the_same_rest(self) -> None:
        twin = self.world.twin()
        twin.resume(remember=True)
        for world in (self.world, twin):
            world.heal()
            world.rest()

        assert twin.population() == self.world.population()

    # --- operators ---------------------------------------------------------------------------------------------------

    @rule(data=st.data(), then=THEN)
    def change(self, data: st.DataObject, then: int) -> None:
        self.last = data.draw(changes(self.last))
        self.world.apply(self.last)
        self.go(then)

    @precondition(lambda self: self.world.spec is not None)
    @rule(then=THEN)
    def undeploy(self, then: int) -> None:
        self.world.undeploy()
        self.go(then)

    @precondition(lambda self: self.world.spec is None)
    @rule(then=THEN)
    def apply_again(self, then: int) -> None:
        self.world.apply(self.last)
        self.go(then)

    # --- the end -----------------------------------------------------------------------------------------------------

    @rule()
    def come_to_rest(self) -> None:
        self.world.heal()
        self.world.rest()
        assert_at_rest(self.world)

    @rule(members=st.integers(1, 20))
    def up_down_up(self, members: int) -> None:
        """STRATOS-1207: what scaled in gives its places back."""
        for wanted in (members, 0, members):
            self.world.load |= {each.cluster: wanted * PER_MEMBER for each in self.last.clusters()}
            self.come_to_rest()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.apply(self.last)
        self.come_to_rest()
        self.world.undeploy()
        self.world.rest()
        assert not self.world.cloud._alive
        assert all(m.state is State.TERMINATED for m in self.world.members.values())
        assert not self.world.decider.applications
        assert not self.world.decider.clusters


def assert_same(
    world: Witnessed, applications: Mapping[str, Application], clusters: Mapping[str, ClusterState]
) -> None:
    running = world.decider
    for name, application in running.applications.items():
        if name in applications or not application.instances.empty:
            assert applications[name].instances._all == application.instances._all
            assert applications[name].ending == application.ending
    for name, state in running.clusters.items():
        known = alive(clusters[name].members) if name in clusters else {}
        assert known == alive(state.members)


def alive(members: Mapping[str, Member]) -> dict[str, Member]:
    return {name: member for name, member in members.items() if member.state is not State.TERMINATED}


def assert_at_rest(world: Witnessed) -> None:
    if world.spec is None:
        assert not world.living()
        return
    there = Counter(m.cluster_instance for m in world.members.values() if m.state is State.ACTIVE)
    everybody = Counter(m.cluster_instance for m in world.members.values() if m.state is not State.TERMINATED)
    assert there == everybody, world.picture()
    for node, group in world.nodes():
        for child in group.children:
            here = world.children(node, child.alias)
            if isinstance(child, GroupSpec):
                assert child.min <= len(here) <= child.max, world.picture()
            else:
                assert here[0].phase is Phase.ACTIVE, world.picture()
                assert child.min_members <= there[here[0].instance] <= child.max_members, world.picture()
                assert here[0].wanted == there[here[0].instance], world.picture()
    assert_allotted(world, there)


def assert_allotted(world: Witnessed, there: Mapping[str, int]) -> None:
    """Fail unless every cluster has what it needs, ratios included, or all that it may have."""
    application = world.decider.applications["default/shop"]
    spec = application.spec
    needed = needs(spec.root, {each.alias: world.decider.clusters[each.cluster].wanted for each in spec.clusters()})
    for cluster in spec.clusters():
        leaves = [each for each in application.instances.leaves() if each.alias == cluster.alias]
        places = Counter(leaf.network_partition for leaf in leaves)
        most = sum(
            max(
                count * cluster.min_members,
                min(application.shape.room(cluster, where, {}), count * cluster.max_members),
            )
            for where, count in places.items()
        )
        expected = min(most, max(needed[cluster.alias].total, len(leaves) * cluster.min_members))
        assert sum(there[leaf.instance] for leaf in leaves) == expected, f"{cluster.alias}\n{world.picture()}"


TestComposites = Composites.TestCase
TestComposites.settings = settings(
    max_examples=80, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


# --- arithmetic ------------------------------------------------------------------------------------------------------

wishes = st.dictionaries(st.sampled_from([f"c{n}" for n in range(1, 12)]), st.integers(1, 40))


@given(spec=applications(), extra=wishes)
def test_needs_are_exact_ratios_of_the_minimums(spec: ApplicationSpec, extra: dict[str, int]) -> None:
    wanted = {each.alias: max(each.least_members, extra.get(each.alias, 1)) for each in spec.clusters()}
    found = needs(spec.root, wanted)

    assert all(found[alias].total >= count for alias, count in wanted.items())
    for group in spec.root.groups():
        for names in group.dependents:
            together = [child for child in group.children if child.alias in names]
            factor = max(Fraction(found[child.alias].total, least_of(child)) for child in together)
            for child in together:
                asked = max(_asked(each, wanted, found) for each in _tied(group, child))
                assert found[child.alias].total == ceil(least_of(child) * asked)
                assert asked <= factor < asked + 1
        if group.name:
            fits = [found[child.alias].total <= found[group.alias].total * most_of(child) for child in group.children]
            assert all(fits)


def _asked(child: GroupSpec | ClusterSpec, wanted: Mapping[str, int], found: Mapping[str, Need]) -> Fraction:
    """Return by which factor of its minimum a child needs more for itself, before anything scales with it."""
    if isinstance(child, ClusterSpec):
        return Fraction(wanted[child.alias], child.min_members)
    own = max(-(-found[inner.alias].total // most_of(inner)) for inner in child.children)
    return Fraction(own, child.min)


def _tied(group: GroupSpec, child: GroupSpec | ClusterSpec) -> list[GroupSpec | ClusterSpec]:
    """Return all that scale together with a child, by one set or by several."""
    names = {child.alias}
    for _ in group.dependents:
        names |= {name for each in group.dependents if each & names for name in each}
    return [each for each in group.children if each.alias in names]


@given(spec=applications(), low=wishes, more=wishes)
def test_needs_never_fall_when_more_is_wanted(spec: ApplicationSpec, low: dict[str, int], more: dict[str, int]) -> None:
    wanted = {each.alias: max(each.least_members, low.get(each.alias, 1)) for each in spec.clusters()}
    few = needs(spec.root, wanted)
    many = needs(spec.root, {alias: count + more.get(alias, 0) for alias, count in wanted.items()})

    assert all(few[alias].total <= many[alias].total for alias in few)


@st.composite
def places(draw: st.DrawFn) -> list[Place]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        least = draw(st.integers(1, 3))
        where = draw(st.sampled_from("abc"))
        most = least + draw(st.integers(0, 4))
        found.append(
            Place(
                name=f"{where}/{number}",
                network_partition=where,
                wave="abc".index(where) // 2,
                least=least,
                most=most,
                settled=draw(st.booleans()),
            )
        )
    return found


rooms = st.dictionaries(st.sampled_from("abc"), st.integers(0, 12))


@given(total=st.integers(0, 40), among=places(), room=rooms)
def test_shares_keep_all_bounds_and_leave_nothing_over_that_fits(
    total: int, among: list[Place], room: dict[str, int]
) -> None:
    given_ = share(total, among, room=room)

    assert all(place.least <= given_[place.name] <= place.most for place in among)
    fits = 0
    for where in {place.network_partition for place in among}:
        here = [place for place in among if place.network_partition == where]
        least, most = sum(p.least for p in here), sum(p.most for p in here)
        fits += max(least, min(most, room.get(where, most)))
        assert sum(given_[p.name] for p in here) <= max(least, room.get(where, most))
    least = sum(place.least for place in among)
    starting = sum(place.least for place in among if not place.settled)
    assert least <= sum(given_.values()) <= fits
    assert sum(given_.values()) >= min(fits, total)
    assert sum(given_.values()) <= max(least, min(fits, total) + starting)


@given(total=st.integers(0, 40), among=places(), room=rooms)
def test_shares_grow_with_the_total(total: int, among: list[Place], room: dict[str, int]) -> None:
    few, many = share(total, among, room=room), share(total + 1, among, room=room)

    assert all(few[name] <= many[name] for name in few)


@given(
    total=st.integers(0, 40), among=places(), room=rooms, serving=st.lists(st.integers(0, 8), min_size=6, max_size=6)
)
def test_nobody_is_held_for_others_where_there_is_no_room(
    total: int, among: list[Place], room: dict[str, int], serving: list[int]
) -> None:
    given_ = share(total, among, room=room)
    serves = dict(zip(given_, serving, strict=False))
    where = {place.name: place.network_partition for place in among}
    held = hold(given_, serves, network_partitions=where, room=room)
    short = sum(max(0, count - serves[name]) for name, count in given_.items())

    assert all(given_[name] <= held[name] <= max(given_[name], serves[name]) for name in held)
    assert sum(held.values()) - sum(given_.values()) <= short
    for each, limit in room.items():
        here = [name for name, place in where.items() if place == each]
        assert sum(held[n] for n in here) <= max(limit, sum(given_[n] for n in here))


@given(spec=applications(), extra=wishes)
def test_a_new_application_has_no_group_instance_more_than_it_needs(
    spec: ApplicationSpec, extra: dict[str, int]
) -> None:
    wanted = {each.alias: max(each.least_members, extra.get(each.alias, 1)) for each in spec.clusters()}
    instances = Instances()
    need, _ = Shape(spec, instances).update(wanted, {}, {})

    for group in spec.root.groups():
        for child in group.children:
            if isinstance(child, GroupSpec):
                here = instances.named(child.alias, Level.GROUP)
                around = Counter(each.parent for each in here)
                assert all(child.min <= count <= child.max for count in around.values())
                assert len(here) <= max(need[child.alias].total, len(around) * child.min)


def test_no_member_id_is_used_twice_by_an_application_that_is_applied_again() -> None:
    world = World(spec := an_application(a_spec()))
    world.until_active()
    world.declare()
    world.until("nothing is left", lambda: not world.living())
    world.declare(spec)
    world.until_active()
    created = [record.member for _, record in world.log if isinstance(record, Member) and record.state is State.CREATED]

    assert len(created) == len(set(created)) == 2
