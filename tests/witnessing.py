"""A world whose every record is looked at: what may never happen to a composite application fails where it happens."""

import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from actuators.clouds.memory import Call, Failure, Fault
from actuators.decider import Decider, Envelope
from actuators.lifecycle import MOVES as MEMBER_MOVES
from actuators.lifecycle import PRESENT
from actuators.phases import MOVES
from config.cluster import ClusterSpec
from config.tree import ApplicationSpec, GroupSpec
from streams.records.action import Action, Outcome
from streams.records.decision import Decision
from streams.records.forecast import Forecasts
from streams.records.instance import Announcement, BurstRequest, Deployed, Instance, InstanceRecord, Level, Phase
from streams.records.member import LeadTime, Member, State
from streams.records.metadata import Metadata
from tests.composing import World
from tests.random_applications import before

ANY = msgspec.json.Decoder(
    Action | Announcement | BurstRequest | Decision | Deployed | Instance | LeadTime | Member | Metadata | Outcome
)


class Witnessed(World):
    """One application, looked at record by record; time, cloud and faults are the world's."""

    def __init__(self, spec: ApplicationSpec) -> None:
        self.spec: ApplicationSpec | None = spec
        """As it is declared; ``None`` while it is not."""
        self.limits: dict[tuple[str, str, str], int] = {}
        """``partitionMax`` by cluster, network partition and partition."""
        self.fresh: dict[str, float] = {}
        """When each instance was started last."""
        self.ended: dict[str, float] = {}
        """When each instance came to end last."""
        self._announced: dict[str, Announcement] = {}
        self._limit(spec)
        super().__init__(spec)
        self.cloud._now = self.now

    def now(self) -> float:
        """Return the time; a method, so that a copied world has its own."""
        return self.at

    # --- what operators do -------------------------------------------------------------------------------------------

    def apply(self, spec: ApplicationSpec) -> None:
        """Declare another definition of the application, or the first."""
        self.spec = spec
        self._limit(spec)
        self.ended.clear()  # who depends on whom may be another now
        self.declare(spec)

    def undeploy(self) -> None:
        """Declare it no more."""
        self.spec = None
        self.declare()

    def _limit(self, spec: ApplicationSpec) -> None:
        for cluster in spec.clusters():
            for place in cluster.partitions:
                self.limits[cluster.cluster, place.network_partition, place.partition] = place.max_members

    # --- what fate does ----------------------------------------------------------------------------------------------

    def fail(self, call: Call, fault: Fault, times: int) -> None:
        """Let the next calls of the cloud fail."""
        self.cloud._script.append(Failure(call=call, fault=fault, times=times))
        self.cloud._left.append(times)

    def fill(self, partition: str, *, free: int) -> None:
        """Leave a partition room for so many more."""
        capacity = self.cloud._capacity
        if capacity is None:
            names = [name for _, _, name in self.limits]
            capacity = self.cloud._capacity = dict.fromkeys(names, 1000)
        used = sum(each.instance.where.partition == partition for each in self.cloud._alive.values())
        capacity[partition] = used + free

    def heal(self) -> None:
        """Let no fault go on."""
        self.cloud._capacity = None
        self.cloud._left = [0 for _ in self.cloud._left]
        self.stuck.clear()
        self.silent.clear()

    def resume(self, *, remember: bool) -> None:
        """Put another decider in place of this one, with or without what the last one wrote down of its memory."""
        snapshot = self.decider.snapshot()
        self.restart_from(snapshot if remember else None)

    def restart_from(self, snapshot: bytes | None) -> None:
        """Start a decider as the shell does."""
        self._offset += 1
        self.decider = self.another(self._offset, snapshot)
        self.publish(self.decider.define(self._declared, self.at))
        for member in self.members.values():
            self.decider.written(member.member, member.cluster, self._offset)

    def another(self, epoch: int, snapshot: bytes | None = None) -> Decider:
        """Return a decider that knows what the log says."""
        decider = Decider(self.rules, epoch)
        if snapshot is not None:
            decider.restore(snapshot)
        for _, record in self.log:
            if isinstance(record, InstanceRecord):
                decider.recall_instance(record)
        for member in self.members.values():
            decider.recall(member)
        for value in self.metadata.values():
            decider.metadata(value)
        return decider

    def die_while_publishing(self, published: int) -> None:
        """Let the decider die on a tick after some of its records are written."""
        self.at += 1.0
        snapshot = self.decider.snapshot()
        self.publish(self.decider.forecasts(self._forecasts())[:published])
        self.restart_from(snapshot)

    def twin(self) -> "Witnessed":
        """Return another world that stands where this one stands."""
        return copy.deepcopy(self)

    # --- what is seen ------------------------------------------------------------------------------------------------

    def publish(self, envelopes: Iterable[Envelope]) -> None:
        """Write records down, and look at each."""
        batch = list(envelopes)
        known = dict(self.instances)
        standing = dict(self.members)
        super().publish(batch)
        records = [each.record for each in batch]
        for record in records:
            assert ANY.decode(msgspec.json.encode(record)) == record
            if isinstance(record, Announcement):
                self._announced[record.cluster] = record
        self._look_at_instances([r for r in records if isinstance(r, Instance)], known)
        for record in records:
            if isinstance(record, Member):
                self._look_at_member(record, standing.get(record.member))
                standing[record.member] = record
                if record.state is State.CREATED:
                    self._look_at_partition(record, standing.values())

    def _look_at_instances(self, records: Sequence[Instance], known: dict[str, Instance]) -> None:
        began = []
        for record in records:
            old = known.get(record.instance)
            phase = Phase.TERMINATED if old is None else old.phase
            assert record.phase is phase or record.phase in MOVES[record.level][phase], (phase, record)
            if record.phase is Phase.TERMINATING and phase is not Phase.TERMINATING and record.restart:
                self.ended[record.instance] = self.at
            elif record.phase is Phase.TERMINATED:
                self.ended.pop(record.instance, None)
            anew = old is None or phase in {Phase.TERMINATED, Phase.TERMINATING}
            if record.phase is Phase.CREATED and phase is Phase.TERMINATING:
                self._look_at_what_starts_anew(record, started=False)
            if record.started and record.phase is not Phase.TERMINATED and (anew or not (old and old.started)):
                began.append(record)
            known[record.instance] = record
        for record in began:
            if self.instances[record.instance].phase is not Phase.TERMINATING:
                self._look_at_start(record)

    def _look_at_start(self, record: Instance) -> None:
        """Fail unless everything that starts before an instance is Active."""
        self.fresh[record.instance] = self.at
        parent = self.instances.get(record.parent)
        if parent is None or self.spec is None:
            return
        assert parent.started, f"{record.instance} starts before {parent.instance}"
        group, child = self.level(record)
        assert child is not None, f"{record.instance} is not declared"
        for alias in (first for first, then in group.order if then == child.alias):
            assert self.active(parent, group, alias), f"{record.instance} starts before {alias}\n{self.picture()}"
        if isinstance(child, ClusterSpec):
            for name in child.imports:
                value = self.metadata[f"{record.tenant}/{record.application}/{name}"]
                exporter = self.members[value.member]
                assert any(
                    member.cluster == exporter.cluster and member.since[State.CREATED] <= value.at
                    for member in self.members.values()
                    if member.state is not State.TERMINATED
                ), f"{name} of an earlier start"
        self._look_at_what_starts_anew(record, started=True)

    def _look_at_what_starts_anew(self, record: Instance, *, started: bool) -> None:
        """Fail if a dependant's former start is still alive while what it needs starts anew.

        While it is not started that holds for what ends before it alone.
        """
        since = self.ended.get(record.instance)
        if self.spec is None or since is None or not record.parent:
            return
        group, child = self.level(record)
        if child is None or group.termination == "none":
            return
        after = {each.alias for each in group.children if child.alias in before(each.alias, group.order)}
        if not started:
            after &= before(child.alias, group.termination_order)
        for alias in after:
            top = f"{record.parent}/{alias}"
            for member in self.members.values():
                where = member.cluster_instance
                inside = where == top or where.startswith((f"{top}.", f"{top}/"))
                former = member.since[State.CREATED] < since
                assert not (inside and former and member.state is not State.TERMINATED), (
                    f"{member.member} outlives {record.instance}\n{self.picture()}"
                )

    def _look_at_member(self, member: Member, old: Member | None) -> None:
        if old is None:
            assert member.state is State.CREATED, member
            instance = self.instances[member.cluster_instance]
            assert instance.started, f"{member.member} is launched before its turn\n{self.picture()}"
            assert instance.phase is not Phase.TERMINATING, f"{member.member} is launched into what ends"
        elif member.state is not old.state:
            assert member.state in MEMBER_MOVES[old.state], (old.state, member)

    def _look_at_partition(self, member: Member, members: Iterable[Member]) -> None:
        """Fail if a member was launched where there is no place for it."""
        where = member.cluster, member.network_partition, member.partition
        alive = (m for m in members if m.state is not State.TERMINATED)
        used = sum((m.cluster, m.network_partition, m.partition) == where for m in alive)
        assert used <= self.limits[where], f"{used} members in {where}, partitionMax {self.limits[where]}"

    def look_at_dependants(self) -> None:
        """Fail if something goes on without what it needs, where the behaviour says that it ends."""
        if self.spec is None:
            return
        for node, group in self.nodes():
            if group.termination == "none" or node.phase is Phase.TERMINATING:
                continue
            for child in group.children:
                here = self.children(node, child.alias)
                if self.active(node, group, child.alias) or all(each.phase is not Phase.INACTIVE for each in here):
                    continue
                after = [e.alias for e in group.children if child.alias in before(e.alias, group.order)]
                going = [i.instance for alias in after for i in self.children(node, alias) if i.started]
                assert not going, f"{going} go on without {child.alias}\n{self.picture()}"

    # --- the tree ----------------------------------------------------------------------------------------------------

    def level(self, record: Instance) -> tuple[GroupSpec, GroupSpec | ClusterSpec | None]:
        """Return the group that an instance stands in, and its own definition; ``None``: it is declared no more."""
        assert self.spec is not None
        for group in self.spec.root.groups():
            for child in group.children:
                if child.alias == record.alias and isinstance(child, GroupSpec) == (record.level is Level.GROUP):
                    return group, child
        return self.spec.root, None

    def nodes(self) -> Iterator[tuple[Instance, GroupSpec]]:
        """Yield every instance of the application and its groups that is declared, and does not end."""
        assert self.spec is not None
        groups = {group.alias: group for group in self.spec.root.groups() if group.name}
        for each in self.living().values():
            if each.phase is Phase.TERMINATING:
                continue
            if each.level is Level.APPLICATION:
                yield each, self.spec.root
            elif each.level is Level.GROUP and each.alias in groups:
                yield each, groups[each.alias]

    def children(self, node: Instance, alias: str) -> list[Instance]:
        """Return the instances of a child within one instance that do not end."""
        gone = {Phase.TERMINATING, Phase.TERMINATED}
        return [
            i for i in self.instances.values()
            if i.parent == node.instance and i.alias == alias and i.phase not in gone
        ]  # fmt: skip

    def active(self, node: Instance, group: GroupSpec, alias: str) -> bool:
        """Say whether a child of one instance is Active."""
        child = next(each for each in group.children if each.alias == alias)
        least = child.min if isinstance(child, GroupSpec) else 1
        return sum(each.phase is Phase.ACTIVE for each in self.children(node, alias)) >= least

    def population(self) -> dict[str, tuple[str, bool, int, int]]:
        """Return what there is: phase, started, wanted and members present, by instance."""
        there = Counter(m.cluster_instance for m in self.members.values() if m.state in PRESENT)
        return {name: (str(each.phase), each.started, each.wanted, there[name]) for name, each in self.living().items()}

    # --- the executor ------------------------------------------------------------------------------------------------

    def _observe(self) -> None:
        """End the instances of members that are gone: a launch may be done though the cloud did not say so."""
        for name in list(self.cloud._alive):
            if self.members[name].state is State.TERMINATED:
                self.cloud._terminate(name)
        super()._observe()

    # --- speed -------------------------------------------------------------------------------------------------------

    def _forecasts(self) -> Forecasts:
        clusters = [self._forecast(r) for _, r in sorted(self._announced.items()) if r.state != "Terminated"]
        return Forecasts(at=self.at, partition=0, members_offset=0, clusters=clusters)

    def tree(self) -> str:
        """Write down what is declared, for failures."""
        return "" if self.spec is None else "\n".join(_tree(self.spec.root, self.spec.waves))

    def quiet_for(self) -> float:
        """Return for how long no member and no instance has changed (s)."""
        for at, record in reversed(self.log):
            if isinstance(record, Member | Instance):
                return self.at - at
        return self.at

    def rest(self, *, within_s: int = 1500, quiet_s: float = 45.0) -> None:
        """Let time pass until all is Active, or nothing is left, and nothing changes any more."""
        start = self.at
        for _ in range(within_s):
            done = not self.living() if self.spec is None else self.is_active()
            if done and self.at - start >= quiet_s and self.quiet_for() >= quiet_s:
                return
            self.tick()
        raise AssertionError(f"no rest within {within_s} s\n{self.picture()}\n{self.tree()}\n{self.load}")


def _tree(group: GroupSpec, waves: object = "", indent: str = "") -> Iterator[str]:
    orders = f"order={group.order} ends={group.termination_order} {group.termination} sets={group.dependents}"
    yield f"{indent}{group.alias} {group.min}..{group.max} {orders} {waves}"
    for child in group.children:
        if isinstance(child, GroupSpec):
            yield from _tree(child, "", indent + "  ")
        else:
            places = {f"{p.network_partition}/{p.partition}": p.max_members for p in child.partitions}
            bounds = f"{child.min_members}..{child.max_members} x {child.fewest}..{child.most}"
            yield f"{indent}  {child.alias} {bounds} {places} imports={child.imports} exports={child.exports}"
