"""Whole applications in virtual time: the decider, the cloud in memory, balancers and agents, second by second.

Nothing is scheduled but by :meth:`World.tick`, so a run is the same each time. ``World.log`` has every record in the
order in which it was published.
"""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from actuators.clouds.memory import Failure, MemoryCloud
from actuators.cluster import Rules
from actuators.decider import Decider, Envelope
from actuators.lifecycle import PRESENT
from actuators.ports import CloudError, InvalidRequestError, OutOfCapacityError, Where
from config.cluster import ClusterSpec
from config.network import BUILT_IN
from config.tree import ApplicationSpec
from streams.records.action import Action, Launch, Outcome, Result, Verb
from streams.records.balancer import Backend, BalancerReport
from streams.records.forecast import ClusterForecast, Fault, Forecasts
from streams.records.instance import Announcement, BurstRequest, Deployed, Instance, InstanceRecord, Phase
from streams.records.member import Member, State
from streams.records.metadata import Metadata
from streams.records.own import MemberForecast
from streams.records.record import Record
from tests.builders import a_forecast

T = TypeVar("T")
STEP_S = 1.0


class World:
    """Applications brought to life on the cloud in memory, whatever provider they name.

    Parameters
    ----------
    specs
        What is declared.
    capacity
        Room of each partition (members), by its id; without it there is no limit.
    boot_s
        From launch to answering (s).
    failures
        The faults of the cloud (see :class:`actuators.clouds.memory.MemoryCloud`).
    """

    def __init__(
        self,
        *specs: ApplicationSpec,
        capacity: Mapping[str, int] | None = None,
        boot_s: float = 2.0,
        failures: Sequence[Failure] = (),
        at: float = 1000.0,
    ) -> None:
        self.at = at
        self.cloud = MemoryCloud(now=lambda: self.at, capacity=capacity, boot_s=boot_s, failures=failures)
        self.rules = Rules(resend_s=3.0, full_s=30.0, stale_s=3.0)
        self.decider = Decider(self.rules)
        self.load: dict[str, float | None] = {}
        """Requests in flight of each cluster, by its id; one that is not named has none. ``None``: unknown."""
        self.stuck: set[str] = set()
        """Members that never come to serve."""
        self.cut: set[str] = set()
        """Network partitions that cannot be reached: no agent, no balancer and no cloud answers."""
        self.hung: set[str] = set()
        """Network partitions whose agents are silent: balancers and cloud answer."""
        self.silent: set[str] = set()
        """Clusters, by alias, whose members export nothing."""
        self.log: list[tuple[float, Record]] = []
        self.members: dict[str, Member] = {}
        self.instances: dict[str, Instance] = {}
        self.bursts: list[BurstRequest] = []
        self.metadata: dict[str, Metadata] = {}
        self.actions: list[Action] = []
        """Those that are not carried out yet."""
        self._offset = 0
        self._specs: dict[str, ClusterSpec] = {}
        self.declare(*specs)

    # --- what operators and fate do ----------------------------------------------------------------------------------

    def declare(self, *specs: ApplicationSpec) -> None:
        """Declare these applications, and no others."""
        self._declared = specs
        self._specs |= {cluster.cluster: cluster for spec in specs for cluster in spec.clusters()}
        self.publish(self.decider.define(specs, self.at))

    def lose(self, member: str) -> None:
        """Let a member's instance die by itself."""
        self.cloud.lose(member)

    def restart(self, memory: bytes | None = None) -> None:
        """Put another decider in place of this one: it knows what the log says, and what is in a snapshot, if any."""
        epoch = self._offset = self._offset + 1
        self.decider = Decider(self.rules, epoch)
        if memory is not None:
            self.decider.restore(memory)
        for _, record in self.log:
            if isinstance(record, InstanceRecord):
                self.decider.recall_instance(record)
        for member in self.members.values():
            self.decider.recall(member)
        for value in self.metadata.values():
            self.decider.metadata(value)
        self.publish(self.decider.define(self._declared, self.at))
        for member in self.members.values():
            self.decider.written(member.member, member.cluster, self._offset)

    # --- time --------------------------------------------------------------------------------------------------------

    def tick(self, times: int = 1) -> None:
        """Let seconds pass: forecasts are decided on, actions carried out, the cloud and the balancers heard."""
        for _ in range(times):
            self.at += STEP_S
            self.publish(self.decider.forecasts(self._forecasts()))
            self._act()
            self._observe()
            self._balance()
            self._export()

    def until(self, what: str, condition: Any, *, within_s: int = 600) -> None:
        """Let time pass until something is so; fail when it is not within that time."""
        for _ in range(within_s):
            if condition():
                return
            self.tick()
        assert condition(), f"not within {within_s} s: {what}\n{self.picture()}"

    def until_active(self, *, within_s: int = 600) -> None:
        """Let time pass until every application instance is Active."""
        self.until("every application is Active", self.is_active, within_s=within_s)

    def settle(self, *, within_s: int = 2000, quiet_s: int = 60) -> None:
        """Let time pass until no member and no instance has changed for a while."""
        for _ in range(within_s):
            kinds = (Member, Instance)
            last = max((at for at, record in self.log if isinstance(record, kinds)), default=-1.0)
            if self.at - last >= quiet_s:
                return
            self.tick()
        raise AssertionError(f"no rest within {within_s} s\n{self.picture()}")

    # --- what can be seen --------------------------------------------------------------------------------------------

    def is_active(self) -> bool:
        roots = [each for each in self.instances.values() if not each.parent and each.phase is not Phase.TERMINATED]
        return bool(roots) and all(root.phase is Phase.ACTIVE for root in roots)

    def living(self) -> dict[str, Instance]:
        """Return the instances that are not terminated."""
        return {name: each for name, each in self.instances.items() if each.phase is not Phase.TERMINATED}

    def of(self, alias: str, *states: State) -> list[str]:
        """Return the members of a cluster that are not gone, or in these states, oldest first."""
        chosen = states or tuple(state for state in State if state is not State.TERMINATED)
        return [n for n, m in self.members.items() if self._specs[m.cluster].alias == alias and m.state in chosen]

    def present(self, alias: str) -> int:
        """Return how many members of a cluster serve or are on their way."""
        return len(self.of(alias, *PRESENT))

    def phases(self, alias: str) -> list[tuple[float, str, Phase]]:
        """Return the phases of the instances with an alias, in order, each once: when, which, what."""
        seen: dict[str, Phase] = {}
        found = []
        for at, record in self.log:
            if isinstance(record, Instance) and record.alias == alias and seen.get(record.instance) is not record.phase:
                seen[record.instance] = record.phase
                found.append((at, record.instance, record.phase))
        return found

    def first(self, alias: str, state: State) -> float:
        """Return when a member of a cluster first was in a state."""
        return min(at for at, m in self._told(alias) if m.state is state)

    def last(self, alias: str, state: State) -> float:
        """Return when a member of a cluster last came into a state."""
        return max(at for at, m in self._told(alias) if m.state is state)

    def picture(self) -> str:
        """Write down what there is, for failures."""
        lines = [f"at {self.at:g}"]
        lines += [f"  {i.instance} {i.phase} {i.started=} {i.wanted=} {i.why}" for i in self.living().values()]
        lines += [
            f"  {m.member} {m.state} {m.reason}" for m in self.members.values() if m.state is not State.TERMINATED
        ]
        return "\n".join(lines)

    def _told(self, alias: str) -> list[tuple[float, Member]]:
        return [
            (at, record)
            for at, record in self.log
            if isinstance(record, Member) and self._specs[record.cluster].alias == alias
        ]

    # --- the parts around the decider --------------------------------------------------------------------------------

    def publish(self, envelopes: Iterable[Envelope]) -> None:
        """Write records down as the shell does."""
        for envelope in envelopes:
            record = envelope.record
            self.log.append((self.at, record))
            self._offset += 1
            match record:
                case Member():
                    self.members[record.member] = record
                    self.decider.written(record.member, record.cluster, self._offset)
                case Action():
                    self.actions.append(record)
                case Instance():
                    self.instances[record.instance] = record
                case BurstRequest():
                    self.bursts.append(record)
                case Metadata():
                    self.metadata[envelope.key] = record
                case _:
                    assert isinstance(record, Deployed | Announcement | Record)

    def _forecasts(self) -> Forecasts:
        known = {r.cluster: r for _, r in self.log if isinstance(r, Announcement)}
        clusters = [self._forecast(r) for _, r in sorted(known.items()) if r.state != "Terminated"]
        return Forecasts(at=self.at, partition=0, members_offset=0, clusters=clusters)

    def _forecast(self, of: Announcement) -> ClusterForecast:
        here = [m for m in self.members.values() if m.cluster == of.cluster]
        instances = _now(self.cloud.instances())
        return a_forecast(
            requests=self.load.get(of.cluster, 0.0),
            load=0.0,
            memory=0.0,
            serving=sum(m.state is State.ACTIVE for m in here),
            starting=sum(m.state in {State.CREATED, State.STARTING} for m in here),
            members=[
                MemberForecast(member=m.member, healthy=self._answers(m, instances), load_average=0.0)
                for m in sorted(here, key=lambda m: m.member)
                if m.state in PRESENT
            ],
            faults=[
                Fault(member=m.member, reason="Silent", since=self.at)
                for m in here
                if m.state is State.ACTIVE and m.network_partition in self.cut | self.hung
            ],
            cluster=of.cluster,
            application=of.application,
            tenant=of.tenant,
        )

    def _answers(self, member: Member, instances: Mapping[str, Any]) -> bool:
        there = instances.get(member.member)
        if member.network_partition in self.cut:
            return False
        return there is not None and there.port != 0 and member.member not in self.stuck

    def _act(self) -> None:
        """Carry out the actions, each once."""
        actions, self.actions = self.actions, []
        for action in actions:
            self.publish(self.decider.outcome(self._outcome(action)))

    def _outcome(self, action: Action) -> Outcome:
        result, reason, host, port = Result.GONE, "terminated", "", 0
        if action.network_partition in self.cut:
            return self._of(action, Result.TRANSIENT, "no answer")
        try:
            if action.verb is Verb.TERMINATE:
                _now(self.cloud.terminate(action.member, action.grace_s))
            else:
                instance = _now(self.cloud.launch(_where(action), _launch(action)))
                result, reason, host, port = Result.RUNNING, "", instance.host, instance.port
        except OutOfCapacityError as error:
            result, reason = Result.OUT_OF_CAPACITY, str(error)
        except InvalidRequestError as error:
            result, reason = Result.INVALID, str(error)
        except CloudError as error:
            result, reason = Result.TRANSIENT, str(error)
        return self._of(action, result, reason, host=host, port=port)

    def _of(self, of: Action | Member, result: Result, reason: str, *, host: str = "", port: int = 0) -> Outcome:
        return Outcome(
            result=result,
            tenant=of.tenant,
            application=of.application,
            cluster=of.cluster,
            member=of.member,
            at=self.at,
            host=host,
            port=port,
            reason=reason,
        )

    def _observe(self) -> None:
        """Report addresses that became known, and instances that vanished."""
        instances = _now(self.cloud.instances())
        for member in [m for m in self.members.values() if m.network_partition not in self.cut]:
            there = instances.get(member.member)
            if member.state in {State.STARTING, State.ACTIVE, State.DRAINING} and there is None:
                self.publish(self.decider.outcome(self._of(member, Result.GONE, "ended by itself")))
            elif there is not None and there.port and member.state is State.STARTING and not member.port:
                seen = self._of(member, Result.RUNNING, "its address is known", host=there.host, port=there.port)
                self.publish(self.decider.outcome(seen))

    def _balance(self) -> None:
        """Let every balanced cluster's balancer follow the members, and say so."""
        instances = _now(self.cloud.instances())
        for spec in self._specs.values():
            if not spec.cartridge.balanced:
                continue
            here = [m for m in self.members.values() if m.cluster == spec.cluster]
            routed = [m for m in here if m.state in {State.STARTING, State.ACTIVE} and self._answers(m, instances)]
            report = BalancerReport(
                balancer="lb-1",
                tenant=spec.tenant,
                application=spec.application,
                cluster=spec.cluster,
                at=self.at,
                revision=self._offset + 1,
                backends=[Backend(member=m.member, routed=True, in_flight=0) for m in routed],
            )
            self.publish(self.decider.report(report))

    def _export(self) -> None:
        """Let members that serve export what their cartridge declares."""
        for member in list(self.members.values()):
            spec = self._specs[member.cluster]
            if member.state is not State.ACTIVE or spec.alias in self.silent:
                continue
            for name in spec.exports:
                key = f"{member.tenant}/{member.application}/{name}"
                if key in self.metadata and self.metadata[key].member in self.of(spec.alias, *PRESENT):
                    continue
                value = Metadata(
                    tenant=member.tenant,
                    application=member.application,
                    name=name,
                    value=f"{name}@{member.member}",
                    member=member.member,
                    at=self.at,
                )
                self.metadata[key] = value
                self.publish(self.decider.metadata(value))


def _now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("the cloud in memory waited")


def _launch(action: Action) -> Launch:
    """Return what is to be launched: a machine has its ports for itself, whoever else has the same."""
    launch = action.launch or Launch()
    return launch if action.provider in BUILT_IN else msgspec.structs.replace(launch, ports=[])


def _where(action: Action) -> Where:
    return Where(
        tenant=action.tenant,
        application=action.application,
        cluster=action.cluster,
        member=action.member,
        network_partition=action.network_partition,
        partition=action.partition,
    )
