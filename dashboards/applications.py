"""From the read model to what the API answers about applications: the trees, and where to look first. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dashboards import views
from dashboards.application_schemas import (
    ApplicationTree,
    ApplicationView,
    BurstView,
    CauseView,
    PartMemberView,
    PartView,
)
from dashboards.model import Cluster, Model, Name
from dashboards.schemas import OutcomeView
from streams.records.instance import Instance, Level, Phase
from streams.records.member import Member, State
from streams.tree import Node, trees

WORST = (Phase.INACTIVE, Phase.CREATED, Phase.ACTIVE, Phase.TERMINATING)
"""Of an application that is in several phases, in several network partitions, the first of these is told."""
CAUSES = 5
"""Causes listed per application."""
NOTHING = "nothing of it exists yet"


@dataclass(slots=True)
class Known:
    """What is known of one application."""

    clusters: list[Cluster] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def trees(self) -> tuple[Node, ...]:
        """Return the instances as trees."""
        return trees(self.instances, self.members)

    def cluster(self, alias: str) -> Cluster | None:
        """Return the cluster with an alias."""
        return next((c for c in self.clusters if c.instance and c.instance.alias == alias), None)


Index = defaultdict[Name, Known]
"""Everything known, by application."""


def index(model: Model) -> Index:
    """Sort everything by application, in one pass."""
    found: Index = defaultdict(Known)
    for _, cluster in sorted(model.clusters.items()):
        found[cluster.tenant, cluster.application].clusters.append(cluster)
    for name in model.declared:
        found.setdefault(name, Known())
    for instance in model.instances.values():
        found[instance.tenant, instance.application].instances.append(instance)
    for member in model.members.values():
        if (known := found.get((member.tenant, member.application))) is not None:
            known.members.append(member)
    return found


def names(model: Model) -> list[Name]:
    """List the applications by tenant and name."""
    return sorted(index(model))


def applications(model: Model) -> list[ApplicationView]:
    """List the applications by tenant and name."""
    found = index(model)
    return [_summary(model, name, found[name], found[name].trees()) for name in sorted(found)]


def summary(model: Model, name: Name, found: Index) -> ApplicationView | None:
    """Say one application in a line; ``None`` when nothing is known of it."""
    return _summary(model, name, found[name], found[name].trees()) if name in found else None


def application(model: Model, name: Name) -> ApplicationTree | None:
    """Say everything of one application; ``None`` when nothing is known of it."""
    found = index(model)
    if name not in found:
        return None
    known = found[name]
    roots = known.trees()
    placed = {node.instance.instance for root in roots for node in _all(root)}
    loose = [m for m in known.members if m.cluster_instance not in placed] if known.instances else []
    return ApplicationTree(
        summary=_summary(model, name, known, roots),
        trees=[_part(model, known, root) for root in roots],
        loose=[_member(m) for m in sorted(loose, key=lambda m: m.member)],
    )


def causes(roots: Iterable[Node]) -> list[Node]:
    """List what holds the trees up, deepest parts only: what was Active before first, then what lasts longest.

    A part that waits is a consequence, and so is a group of which a child is a cause.
    """
    found = [cause for root in roots for cause in _causes(root)]
    return sorted(found, key=lambda n: (n.instance.phase is not Phase.INACTIVE, n.instance.at, n.instance.instance))


def waits(instance: Instance) -> bool:
    """Return whether something before it is not Active yet."""
    return instance.phase is Phase.CREATED and not instance.started


def wanted(node: Node) -> int:
    """Return how many members are wanted, here and below."""
    return node.instance.wanted + sum(wanted(child) for child in node.children)


def _causes(node: Node) -> Iterator[Node]:
    """Yield the causes in a tree."""
    below = [cause for child in node.children for cause in _causes(child)]
    phase = node.instance.phase
    if below:
        yield from below
    elif phase is Phase.INACTIVE or (phase is Phase.CREATED and node.instance.started):
        yield node


def _all(node: Node) -> Iterator[Node]:
    """Yield a node and all below."""
    yield node
    for child in node.children:
        yield from _all(child)


def _summary(model: Model, name: Name, known: Known, roots: tuple[Node, ...]) -> ApplicationView:
    """Say one application in a line."""
    parts = [n.instance for r in roots for n in _all(r) if n.instance.level is not Level.APPLICATION]
    first = min((r.instance for r in roots), key=lambda i: (WORST.index(i.phase), i.at), default=None)
    declared = model.declared.get(name)
    stuck = causes(roots)
    return ApplicationView(
        tenant=name[0],
        application=name[1],
        clusters=[c.cluster for c in known.clusters],
        wanted=sum(map(wanted, roots)) if roots else _decided(known.clusters),
        serving=sum(m.state is State.ACTIVE for m in known.members),
        phase=first.phase.value if first else None,
        at=first.at if first else declared.at if declared else None,
        why=first.why if first else NOTHING if declared else "",
        network_partitions=sorted({r.instance.network_partition for r in roots}),
        parts=len(parts),
        active=sum(p.phase is Phase.ACTIVE for p in parts),
        waiting=sum(map(waits, parts)),
        causes=[_cause(model, known, cause) for cause in stuck[:CAUSES]],
        stuck=len(stuck),
        burst=_burst(model, name),
    )


def _decided(clusters: list[Cluster]) -> int | None:
    """Return the members wanted by the newest decisions; ``None`` while a cluster has none."""
    return sum(c.steps[-1][1] for c in clusters) if clusters and all(c.steps for c in clusters) else None


def _burst(model: Model, name: Name) -> BurstView | None:
    """Say the request for more room; ``None`` when there is none, or it was withdrawn."""
    request = model.bursts.get(name)
    if request is None or not (request.to or request.missing or request.lost):
        return None
    return BurstView(at=request.at, to=list(request.to), missing=request.missing, why=request.why)


def _part(model: Model, known: Known, node: Node) -> PartView:
    """Say one instance and all below."""
    of = node.instance
    cluster = known.cluster(of.alias) if of.level is Level.CLUSTER else None
    return PartView(
        id=of.instance,
        level=of.level.value,
        alias=of.alias,
        network_partition=of.network_partition,
        phase=of.phase.value,
        at=of.at,
        since=of.since,
        started=of.started,
        waiting=waits(of),
        wanted=wanted(node),
        serving=node.serving,
        why=of.why,
        cluster=cluster.cluster if cluster else None,
        trouble=_trouble(model, known, of),
        children=[_part(model, known, child) for child in node.children],
        members=[_member(m) for m in node.members],
    )


def _cause(model: Model, known: Known, node: Node) -> CauseView:
    """Say why an application is not Active."""
    of = node.instance
    return CauseView(
        id=of.instance,
        level=of.level.value,
        alias=of.alias,
        network_partition=of.network_partition,
        phase=of.phase.value,
        at=of.at,
        wanted=wanted(node),
        serving=node.serving,
        said=_said(model, known, node),
    )


def _said(model: Model, known: Known, node: Node) -> str:
    """Say why a part is not Active, as closely as it is known."""
    of = node.instance
    trouble = _trouble(model, known, of)
    ended = (m for m in model.terminated.values() if m.cluster_instance == of.instance and m.at >= of.at)
    idle = [m for m in (*node.members, *ended) if m.state is not State.ACTIVE and m.reason]
    newest = max(idle, key=lambda m: m.at).reason if idle else ""
    return (trouble.reason if trouble else "") or newest or of.why


def _trouble(model: Model, known: Known, of: Instance) -> OutcomeView | None:
    """Return the newest action that failed for a member of a cluster instance since it is not Active."""
    cluster = known.cluster(of.alias) if of.level is Level.CLUSTER and of.phase is not Phase.ACTIVE else None
    for outcome in reversed(cluster.troubles) if cluster else ():
        member = model.members.get(outcome.member) or model.terminated.get(outcome.member)
        if outcome.at >= of.at and member is not None and member.cluster_instance == of.instance:
            return views.outcome(outcome)
    return None


def _member(of: Member) -> PartMemberView:
    """Say one member in a line."""
    return PartMemberView(
        member=of.member,
        cluster=of.cluster,
        state=of.state.value,
        at=of.at,
        reason=of.reason,
        network_partition=of.network_partition,
        partition=of.partition,
    )
