"""How applications stand, from what the topics say: as trees and as JSON; as text in ``status_text``. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain
from typing import Any

from msgspec import to_builtins

from actuators.roster import Roster
from config.cluster import ClusterSpec
from pileus.places import Room, in_json, room
from streams.orders import Orders
from streams.records.control import Pause, Shadow
from streams.records.decision import Decision
from streams.records.instance import BurstRequest, Deployed, Instance, InstanceRecord, Phase
from streams.records.member import Member, State
from streams.tree import Node, trees

Identity = tuple[str, str]
"""Tenant and id of an application."""


class Detail(StrEnum):
    """Which members are shown."""

    ALL = "all"
    """Every member, and of every instance why it is as it is."""
    NOTABLE = "notable"
    """Those that do not serve."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A shadow that decides for a cluster."""

    cluster: str
    """Its alias."""
    policy: str
    """The shadow's policy."""
    wanted: int | None
    """Members that it wants; ``None``: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one application stands."""

    tenant: str
    application: str
    declared_at: float | None = None
    """When it was declared last (s since the Unix epoch); ``None``: it is not (any more)."""
    roots: tuple[Node, ...] = ()
    """An instance for each network partition that it uses."""
    strays: tuple[Member, ...] = ()
    """Members that are not gone and belong to no instance that there is."""
    burst: BurstRequest | None = None
    """What it asks for beyond its network partitions, while it does."""
    pauses: tuple[Pause, ...] = ()
    """Those that hold anything of it: its tenant's (a freeze), its own, its clusters'."""
    shadows: tuple[Aside, ...] = ()
    room: Room | None = None
    """What it uses of what it may; ``None``: it has not begun."""

    @property
    def counted(self) -> tuple[Node, ...]:
        """Return the roots that say how it stands: not those that end while others stay."""
        staying = tuple(root for root in self.roots if root.instance.phase is not Phase.TERMINATING)
        return staying or self.roots

    @property
    def members(self) -> Iterator[Member]:
        """Return the members that are not gone."""
        return chain((member for node in walk(self.roots) for member in node.members), self.strays)

    @property
    def phase(self) -> Phase | None:
        """Return the phase of the whole, that of the root that is furthest from Active; ``None`` without a root."""
        found = {root.instance.phase for root in self.counted}
        return next((p for p in (Phase.INACTIVE, Phase.CREATED, Phase.TERMINATING, Phase.ACTIVE) if p in found), None)

    @property
    def at(self) -> float:
        """Return since when it is in this phase; without a root, when it was declared (s since the Unix epoch)."""
        times = [root.instance.at for root in self.counted if root.instance.phase is self.phase]
        return (max if self.phase is Phase.ACTIVE else min)(times, default=self.declared_at or 0.0)


@dataclass(slots=True)
class Known:
    """The newest of what the topics say: instances, members, and when which application was declared."""

    declared: dict[Identity, float] = field(default_factory=dict)
    roster: Roster = field(default_factory=Roster)
    """Takes in ``pileus.members``."""
    orders: Orders = field(default_factory=Orders)
    """Takes in ``pileus.control``."""
    aside: dict[str, Decision] = field(default_factory=dict)
    """What shadows have decided last, by cluster id."""
    _records: dict[bytes, Instance | Deployed | BurstRequest] = field(default_factory=dict)

    def declare(self, key: str, at: float | None) -> None:
        """Take in that a definition ``kind/tenant/id`` was declared at a time, or (``None``) withdrawn."""
        kind, tenant, name, *_ = (*key.split("/", 2), "", "")
        if kind == "application" and at is not None:
            self.declared[tenant, name] = at
        elif kind == "application":
            self.declared.pop((tenant, name), None)

    def instance(self, key: bytes, record: InstanceRecord | None) -> None:
        """Take in a record of ``pileus.instances``: of one key the highest epoch counts, among equals the newest."""
        if record is None:
            self._records.pop(key, None)
        elif isinstance(record, Instance | Deployed | BurstRequest):
            known = self._records.get(key)
            if known is None or record.epoch >= known.epoch:
                self._records[key] = record

    def standings(
        self, *, tenant: str | None = None, application: str | None = None, now: float
    ) -> tuple[Standing, ...]:
        """Return how the applications stand ``now`` (s since the Unix epoch): all, one tenant's, or those of one id."""

        def asked(of: str, name: str) -> bool:
            return tenant in {None, of} and application in {None, name}

        found = standings(
            (r for r in self._records.values() if asked(r.tenant, r.application)),
            (m for m in self.roster.members.values() if asked(m.tenant, m.application)),
            {identity: at for identity, at in self.declared.items() if asked(*identity)},
        )
        specs = {(r.tenant, r.application): r.spec for r in self._records.values() if isinstance(r, Deployed)}
        members = defaultdict[Identity, list[Member]](list)
        for member in self.roster.members.values():
            members[member.tenant, member.application].append(member)
        beside = defaultdict[Identity, list[Aside]](list)
        for spec, order in self.shadowed():
            beside[spec.tenant, spec.application].append(self._aside(spec, order))
        return tuple(
            replace(
                each,
                pauses=tuple(self.orders.about(each.tenant, each.application, at=now)),
                shadows=tuple(beside.get((each.tenant, each.application), ())),
                room=room(spec, members[each.tenant, each.application]) if spec else None,
            )
            for each in found
            for spec in [specs.get((each.tenant, each.application))]
        )

    def shadowed(self) -> list[tuple[ClusterSpec, Shadow]]:
        """Return the clusters for which a shadow decides."""
        orders = self.orders.shadows()
        deployed = [each.spec for each in self._records.values() if isinstance(each, Deployed) and each.spec and orders]
        specs = [cluster for spec in deployed for cluster in spec.clusters()]
        return [(s, o) for s in specs for o in orders if o.concerns(s.tenant, s.policy.policy, s.cluster)]

    def _aside(self, spec: ClusterSpec, order: Shadow) -> Aside:
        """Return what a cluster's shadow wants; what another one wanted before it is not known any more."""
        decision = self.aside.get(spec.cluster)
        wanted = decision.wanted if decision is not None and decision.given.shadow == order.at else None
        return Aside(cluster=spec.alias, policy=str((order.document or {}).get("id", "")), wanted=wanted)


def standings(
    records: Iterable[InstanceRecord], members: Iterable[Member], declared: Mapping[Identity, float]
) -> tuple[Standing, ...]:
    """Return how every application stands that is declared, or of which something is left; by tenant and id.

    ``declared`` says when each application was declared (s since the Unix epoch).
    """
    records, living = list(records), [each for each in members if each.state is not State.TERMINATED]
    roots = defaultdict[Identity, list[Node]](list)
    for root in trees((each for each in records if isinstance(each, Instance)), living):
        roots[root.instance.tenant, root.instance.application].append(root)
    strays = _strays(living, chain.from_iterable(roots.values()))
    begun = {(r.tenant, r.application) for r in records if isinstance(r, Deployed) and r.spec is not None}
    bursts = {
        (r.tenant, r.application): r for r in records if isinstance(r, BurstRequest) and (r.to or r.missing or r.lost)
    }
    return tuple(
        Standing(
            tenant=tenant,
            application=name,
            declared_at=declared.get((tenant, name)),
            roots=tuple(roots.get((tenant, name), ())),
            strays=tuple(strays.get((tenant, name), ())),
            burst=bursts.get((tenant, name)),
        )
        for tenant, name in sorted({*declared, *begun, *roots, *strays})
    )


def _strays(living: Iterable[Member], roots: Iterable[Node]) -> dict[Identity, list[Member]]:
    """Return the members that stand in no tree, by application."""
    placed = {member.member for node in walk(roots) for member in node.members}
    found = defaultdict[Identity, list[Member]](list)
    for member in sorted(living, key=lambda m: (len(m.member), m.member)):
        if member.member not in placed:
            found[member.tenant, member.application].append(member)
    return found


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield every instance, what is around others first."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def wanted(nodes: Iterable[Node]) -> int:
    """Return how many members are to be here and below; none of what ends for good."""
    staying = (n.instance for n in walk(nodes) if n.instance.phase is not Phase.TERMINATING or n.instance.restart)
    return sum(instance.wanted for instance in staying)


def left(nodes: Iterable[Node]) -> int:
    """Return how many members are not gone, here and below."""
    return sum(len(node.members) for node in walk(nodes))


def causes(standing: Standing) -> tuple[Node, ...]:
    """Return why an application is not Active: the innermost instances that are not.

    Those that wait for others to start are left out while there are any others.
    """
    inner = [
        node
        for node in walk(standing.counted)
        if node.instance.phase is not Phase.ACTIVE and all(c.instance.phase is Phase.ACTIVE for c in node.children)
    ]
    return tuple(node for node in inner if node.instance.started) or tuple(inner)


# --- JSON ------------------------------------------------------------------------------------------------------------


def document(shown: Iterable[Standing], *, detail: Detail) -> dict[str, Any]:
    """Return how applications stand, as JSON has it. Times are in s since the Unix epoch; ``null``: there is none."""
    return {"applications": [_application(standing, detail) for standing in shown]}


def _application(standing: Standing, detail: Detail) -> dict[str, Any]:
    burst = standing.burst
    return {
        "tenant": standing.tenant,
        "application": standing.application,
        "declared_at": standing.declared_at,
        "phase": standing.phase,
        "at": standing.at if standing.phase else None,
        "serving": sum(root.serving for root in standing.roots),
        "wanted": wanted(standing.roots),
        "left": left(standing.roots) + len(standing.strays),
        "causes": [node.instance.instance for node in causes(standing)],
        "pauses": [to_builtins(pause) for pause in standing.pauses],
        "burst": burst and {"at": burst.at, "to": list(burst.to), "missing": burst.missing, "why": burst.why},
        "shadows": [{"cluster": s.cluster, "policy": s.policy, "wanted": s.wanted} for s in standing.shadows],
        "room": standing.room and in_json(standing.room),
        "instances": [_node(root, detail) for root in standing.roots],
        "strays": _members(standing.strays, detail),
    }


def _node(node: Node, detail: Detail) -> dict[str, Any]:
    instance = node.instance
    return {
        "instance": instance.instance,
        "level": instance.level,
        "alias": instance.alias,
        "network_partition": instance.network_partition,
        "phase": instance.phase,
        "at": instance.at,
        "started": instance.started,
        "serving": node.serving,
        "wanted": wanted([node]),
        "left": left([node]),
        "why": instance.why,
        "instances": [_node(child, detail) for child in node.children],
        "members": _members(node.members, detail),
    }


def _members(members: Iterable[Member], detail: Detail) -> list[dict[str, Any]]:
    return [
        {
            "member": member.member,
            "state": member.state,
            "at": member.at,
            "network_partition": member.network_partition,
            "partition": member.partition,
            "on": member.on or None,
            "host": member.host,
            "port": member.port,
            "reason": member.reason,
        }
        for member in members
        if shows(member, detail)
    ]


def shows(member: Member, detail: Detail) -> bool:
    """Say whether a member is shown."""
    return detail is Detail.ALL or (detail is Detail.NOTABLE and member.state is not State.ACTIVE)
