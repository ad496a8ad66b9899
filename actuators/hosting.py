"""How the clusters of one application stand to hosts on one tick: some are hosts, some are on hosts. Pure.

A container cluster places its members on the members of the cluster of hosts that its partition names; what finds no
room there waits, and is the load of that cluster.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from actuators.hosts import Host, fit, loads, want
from actuators.lifecycle import PRESENT
from actuators.plan import EMPTIEST
from config.cluster import PartitionSpec
from config.hosting import HOSTS, HostingSpec, Size, size_of
from streams.records.decision import Room
from streams.records.member import Member, State
from streams.records.own import MemberForecast

if TYPE_CHECKING:
    from actuators.cluster import ClusterState

LOST_S = 60.0
"""A container that is being ended for so much longer than its grace does not hold its host any more (s)."""


@dataclass(slots=True)
class Hosting:
    """What one cluster knows of hosts on one tick; as it stands, that it has nothing to do with any."""

    spec: HostingSpec | None = None
    """Of a cluster of hosts: what each offers."""
    room: Room | None = None
    """Of a cluster of hosts: what is asked of it."""
    hosts: dict[str, Host] = field(default_factory=dict)
    """Of a cluster of hosts: its members that are not gone, with what is on them."""
    on: Mapping[str, "Hosting"] = field(default_factory=dict)
    """Of a cluster that is on hosts: those, by the alias that partitions name."""
    open: set[str] = field(default_factory=set)
    """Of a cluster of hosts: those that serve, and take containers."""

    @property
    def hosts_others(self) -> bool:
        """Say whether this is a cluster of hosts."""
        return self.spec is not None

    @property
    def victim(self) -> str:
        """Return who leaves first: of hosts the emptiest; empty: as the policy says."""
        return EMPTIEST if self.hosts_others else ""

    def patience_s(self, drain_s: float) -> float:
        """Return how long a draining member may take: a host as long as something is on it (s)."""
        return math.inf if self.hosts_others else drain_s

    def reached(self, member: Member) -> bool:
        """Say whether a member's address is known, where it must be: that of a host."""
        return member.port != 0 or not self.hosts_others

    def carries(self, member: Member) -> bool:
        """Say whether something is on a host."""
        return member.member in self.hosts and self.hosts[member.member].used.slots > 0

    def loads(self) -> dict[str, MemberForecast]:
        """Return how full each host is, as the load by which it is chosen to leave."""
        return {n: MemberForecast(member=n, load_average=load) for n, load in loads(self.hosts).items()}

    def take(self, partition: PartitionSpec, *, full: Collection[str]) -> str | None:
        """Choose a host for a container and count it there; ``None``: no host has room. Empty: it needs no host."""
        if partition.provider != HOSTS:
            return ""
        below = self.on.get(partition.properties.get(HOSTS, ""))
        size = size_of(partition.properties)
        host = fit(size, (below.hosts[name] for name in sorted(below.open)), full) if below else None
        if below is None or host is None:
            return None
        below.hosts[host.name] = host.with_one(size)
        return host.name

    def leaving(self, members: Iterable[Member]) -> dict[str, str]:
        """Return the members whose host takes no containers any more, and why they go."""
        if not self.on:
            return {}
        staying = {name for below in self.on.values() for name in below.open}
        return {m.member: f"its host {m.on} is to be empty" for m in members if m.on and m.on not in staying}


def settle(states: "Iterable[ClusterState]", *, at: float) -> None:
    """Begin a tick: reckon who is on what, and what that asks of the clusters of hosts."""
    all_of = list(states)
    below = {s.spec.alias: s for s in all_of if s.spec.cartridge.hosting is not None}
    if not below:
        return
    above = [s for s in all_of if any(p.provider == HOSTS for p in s.spec.partitions)]
    for alias, state in below.items():
        state.hosting = _hosts(state, [s for s in above if alias in _names(s)], at=at)
    for state in above:
        state.hosting = Hosting(on={a: below[a].hosting for a in _names(state) if a in below})


def _names(state: "ClusterState") -> set[str]:
    """Return the clusters of hosts that a cluster is on, by alias."""
    return {p.properties.get(HOSTS, "") for p in state.spec.partitions if p.provider == HOSTS}


def _hosts(state: "ClusterState", above: "Sequence[ClusterState]", *, at: float) -> Hosting:
    """Return a cluster of hosts with what is on it, and what is asked of it."""
    spec = state.spec.cartridge.hosting or HostingSpec()
    members = [m for m in state.members.values() if m.state is not State.TERMINATED]
    found = {m.member: Host(name=m.member, total=spec.room) for m in members}
    for each in above:
        for member in (m for m in each.members.values() if m.on in found and _holds(m, each, at)):
            host, size = found[member.on], _size(each, member)
            used = host.with_one(size)
            found[member.on] = used if member.state in PRESENT else replace(used, moving=host.moving)
    open_now = {m.member for m in members if m.state is State.ACTIVE and m.port}
    coming = {m.member for m in members if m.state in PRESENT}
    waiting = [size for each in above for size in _waiting(each, state.spec.alias, coming)]
    present = [found[name] for name in sorted(coming)]
    needed = want(present, waiting, spec)
    held = sum(len(host.moving) for host in present)
    room = Room(
        containers=held + len(waiting),
        waiting=needed.without,
        reserve=spec.reserve,
        hosts=needed.hosts,
        never=needed.never,
    )
    return Hosting(spec=spec, room=room, hosts=found, open=open_now)


def _holds(member: Member, state: "ClusterState", at: float) -> bool:
    """Say whether a container is on its host still; one that does not end by far counts as gone with its host."""
    if member.state is not State.TERMINATING:
        return member.state is not State.TERMINATED
    return at - member.at <= state.spec.cartridge.grace_s + LOST_S


def _waiting(state: "ClusterState", alias: str, coming: Collection[str]) -> list[Size]:
    """Return the containers that a cluster is to have and has not; those on a host that is emptied count as missing."""
    missing = 0
    size = next((size_of(p.properties) for p in state.spec.partitions if p.properties.get(HOSTS) == alias), Size())
    for unit in state.units:
        if any(p.provider == HOSTS and p.properties.get(HOSTS) == alias for p in unit.partitions):
            here = state.standing().of.get(unit.instance, ())
            missing += max(0, unit.wanted - sum(m.state in PRESENT and (not m.on or m.on in coming) for m in here))
    return [size] * missing


def _size(state: "ClusterState", member: Member) -> Size:
    """Return what a member takes, by its partition; those of two network partitions may have the same id."""
    where = member.network_partition, member.partition
    given = (p for p in state.spec.partitions if (p.network_partition, p.partition) == where)
    return next((size_of(p.properties) for p in given), Size())
