"""What the event log of a :class:`tests.composing.World` proves: who started after whom, who ended after whom.

Derived from the definitions and the published records alone, not from what the deciding core thinks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from config.tree import ApplicationSpec, GroupSpec
from streams.records.instance import Instance, Level, Phase
from streams.records.member import Member, State
from tests.composing import World


@dataclass(frozen=True, slots=True)
class Step:
    """One level on the way from an application's instance down to a cluster instance."""

    group: GroupSpec
    node: str
    """The instance of the group (or the application)."""
    alias: str
    """The child that the way goes through."""
    instance: str
    """The child's instance."""


def way(spec: ApplicationSpec, cluster_instance: str) -> list[Step]:
    """Return the levels around a cluster instance, outermost first."""
    root = "/".join(cluster_instance.split("/")[:3])
    steps, group, node = [], spec.root, root
    for part in cluster_instance.split("/")[3:]:
        children = {child.alias: child for child in group.children}
        alias = part if part in children else part.rpartition(".")[0]
        steps.append(Step(group, node, alias, f"{node}/{part}"))
        node, child = f"{node}/{part}", children.get(alias)
        group = child if isinstance(child, GroupSpec) else group
    return steps


@dataclass(slots=True)
class History:
    """The log, read record by record."""

    spec: ApplicationSpec
    phases: dict[str, Phase] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    """Instances below which a member was asked for, since they were created."""

    def take(self, record: object) -> None:
        """Go on by one record."""
        if isinstance(record, Instance):
            if record.phase is Phase.CREATED and self.phases.get(record.instance) is not Phase.CREATED:
                self.begun.discard(record.instance)
            self.phases[record.instance] = record.phase
        elif isinstance(record, Member):
            self.members[record.member] = record

    def active(self, node: str, group: GroupSpec, alias: str) -> bool:
        """Say whether a child is Active: a cluster's instance, of a group's instances at least its minimum."""
        child = next(each for each in group.children if each.alias == alias)
        if not isinstance(child, GroupSpec):
            return self.phases.get(f"{node}/{alias}") is Phase.ACTIVE
        return sum(self.phases[name] is Phase.ACTIVE for name in self._of(node, alias)) >= child.min

    def alive(self, node: str, group: GroupSpec, alias: str, *, ending: bool = False) -> list[str]:
        """Return the members of a child that are not gone, or of those of its instances alone that end."""
        child = next(each for each in group.children if each.alias == alias)
        tops = self._of(node, alias) if isinstance(child, GroupSpec) else [f"{node}/{alias}"]
        tops = [top for top in tops if not ending or self.phases.get(top) is Phase.TERMINATING]
        return [
            member.member
            for member in self.members.values()
            if member.state is not State.TERMINATED
            and any(member.cluster_instance == top or member.cluster_instance.startswith(f"{top}/") for top in tops)
        ]

    def _of(self, node: str, alias: str) -> list[str]:
        return [n for n in self.phases if n.rpartition("/")[0] == node and n.rpartition(".")[0] == f"{node}/{alias}"]


def early_starts(world: World, spec: ApplicationSpec) -> Iterator[str]:
    """Yield every member that was asked for while something before it, at any level, was not Active.

    Looked at when the first member of an instance is asked for, in each of its lives.
    """
    history = History(spec)
    for at, record in world.log:
        if isinstance(record, Member) and _of(record, spec) and record.member not in history.members:
            for step in way(spec, record.cluster_instance):
                if step.instance in history.begun:
                    continue
                history.begun.add(step.instance)
                for first, then in step.group.order:
                    if then == step.alias and not history.active(step.node, step.group, first):
                        yield f"{record.member} at {at:g}: {first} is not Active in {step.node}"
        history.take(record)


def edges_met(world: World, spec: ApplicationSpec) -> set[tuple[str, str]]:
    """Return the start-up edges, of all levels, whose two ends both had members."""
    had = {_alias(world, member): None for member in world.members.values() if _of(member, spec)}
    met = set()
    for group in spec.root.groups():
        for first, then in group.order:
            if _clusters(group, first) <= had.keys() and _clusters(group, then) <= had.keys():
                met.add((first, then))
    return met


def edges(spec: ApplicationSpec) -> set[tuple[str, str]]:
    """Return the start-up edges of all levels."""
    return {pair for group in spec.root.groups() for pair in group.order}


def early_ends(world: World, spec: ApplicationSpec) -> Iterator[str]:
    """Yield every member that was drained while something that ends before it, at any level, still had members.

    What is around it ends as a whole (then everything before it must be gone), or both of them end.
    """
    history = History(spec)
    for at, record in world.log:
        if isinstance(record, Member) and _of(record, spec) and record.state is State.DRAINING:
            for step in way(spec, record.cluster_instance):
                whole = history.phases.get(step.node) is Phase.TERMINATING
                if history.phases.get(step.instance) is not Phase.TERMINATING:
                    continue
                for first, then in step.group.termination_order:
                    if then != step.alias:
                        continue
                    left = history.alive(step.node, step.group, first, ending=not whole)
                    if left:
                        yield f"{record.member} at {at:g}: {', '.join(left)} of {first} is left in {step.node}"
        history.take(record)


def beyond_bounds(world: World, spec: ApplicationSpec) -> Iterator[str]:
    """Yield every moment at which a cluster instance had more members on their way or serving than its maximum."""
    most = {each.alias: each.max_members for each in spec.clusters()}
    members: dict[str, Member] = {}
    for at, record in world.log:
        if isinstance(record, Member) and _of(record, spec):
            members[record.member] = record
            here = [
                m
                for m in members.values()
                if m.cluster_instance == record.cluster_instance and m.state in {State.STARTING, State.ACTIVE}
            ]
            alias = record.cluster_instance.rpartition("/")[2]
            if len(here) > most.get(alias, len(here)):
                yield f"{record.cluster_instance} at {at:g}: {len(here)} of {most[alias]}"


def gone(world: World) -> bool:
    """Say whether nothing is left: no instance, no member, nothing in the cloud."""
    left = [member for member in world.members.values() if member.state is not State.TERMINATED]
    return not world.living() and not left


def _of(member: Member, spec: ApplicationSpec) -> bool:
    return (member.tenant, member.application) == (spec.tenant, spec.application) and bool(member.cluster_instance)


def _alias(world: World, member: Member) -> str:
    return member.cluster_instance.rpartition("/")[2]


def _clusters(group: GroupSpec, alias: str) -> set[str]:
    child = next(each for each in group.children if each.alias == alias)
    return {each.alias for each in child.clusters()} if isinstance(child, GroupSpec) else {alias}


def in_the_cloud(world: World) -> list[str]:
    """Return the members that the cloud has instances of."""
    coroutine = world.cloud.instances()
    try:
        coroutine.send(None)
    except StopIteration as end:
        return sorted(end.value)
    raise AssertionError("the cloud in memory waited")


def groups(world: World, alias: str = "pair", *phases: Phase) -> list[str]:
    """Return the instances of a group that are not gone, or in these phases, by the end of their names."""
    chosen = phases or tuple(Phase)
    return [
        each.instance.rpartition("/")[2]
        for each in world.living().values()
        if each.alias == alias and each.level is Level.GROUP and each.phase in chosen
    ]


def serving(world: World, alias: str) -> dict[str, int]:
    """Return how many members of a cluster serve in each group instance."""
    found: dict[str, int] = {}
    for name in world.of(alias, State.ACTIVE):
        side = world.members[name].cluster_instance.split("/")[-2]
        found[side] = found.get(side, 0) + 1
    return dict(sorted(found.items()))


def ended(world: World, alias: str = "pair") -> list[tuple[float, str]]:
    """Return when which instance of a group began to end."""
    return [(at, name.rpartition("/")[2]) for at, name, phase in world.phases(alias) if phase is Phase.TERMINATING]
