"""The decider without its shell: forecasts, outcomes and balancer reports in; decisions, members and actions out.

One decider owns an application, and it alone writes that application's members and instances. It reads no clock:
time comes in with the records. What it returns is to be published in the order given: an intent
stands in ``pileus.members`` before the action that it allows.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from actuators.application import Application
from actuators.appointed import balancers_of
from actuators.budget import FREE, Use
from actuators.cluster import ClusterState, Pair, Rules
from actuators.exports import Exports
from actuators.hosting import settle
from actuators.judge import Remembered
from actuators.limits import NOBODY, Limits
from actuators.lost import Lost
from actuators.pauses import Pauses
from actuators.schedule import has_schedules, in_force
from actuators.shadows import Kept, Shadows
from config.tree import ApplicationSpec
from streams.ledger import STATE, Section
from streams.records.action import Outcome
from streams.records.balancer import BalancerReport
from streams.records.control import Control, Order
from streams.records.forecast import ClusterForecast, Forecasts
from streams.records.instance import Announcement, BurstRequest, Deployed, Instance, InstanceRecord
from streams.records.member import Member
from streams.records.metadata import Metadata
from streams.records.record import Record

LAYOUT = 1
"""Version of the snapshot."""


class Snapshot(msgspec.Struct):
    """What a restart needs beside the members: the last tick, and what each cluster's judge and shadow remember."""

    at: float
    clusters: dict[str, Remembered]
    shadows: dict[str, Kept] = {}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A record with the key it is published under; its topic follows from its kind."""

    key: str
    record: Record
    aside: bool = False
    """A shadow's decision: it goes to ``pileus.shadow``, where nobody acts on it."""


class Decider:
    """All applications of one partition."""

    def __init__(self, rules: Rules, epoch: int = 0) -> None:
        self.rules = rules
        self.epoch = epoch
        self.at = 0.0
        self.applications: dict[str, Application] = {}
        """By ``<tenant>/<application>``."""
        self.clusters: dict[str, ClusterState] = {}
        self._scheduled: dict[str, ApplicationSpec] = {}
        """Applications with schedules, as they are declared."""
        self._limits = Limits()
        self._pauses = Pauses()
        self._shadows = Shadows(rules.heartbeat_s)
        self._exports: dict[str, Exports] = {}
        self._lost: dict[str, Lost] = {}
        self._remembered: dict[str, Remembered] = {}
        self._members: dict[str, dict[str, Member]] = {}
        self._ordinals: dict[str, int] = {}
        """Of clusters that are gone: a name is never used again."""
        self._instances: dict[str, dict[str, Instance]] = {}
        self._deployed: dict[str, Deployed] = {}

    # --- what is declared, and what stands in the log -----------------------------------------------------------------

    def define(self, specs: Iterable[ApplicationSpec], at: float) -> list[Envelope]:
        """Take in what operators declare now, all of it, and announce the clusters that are new or another.

        An application that is not declared any more is ended in order.
        """
        declared = {f"{spec.tenant}/{spec.application}": spec for spec in specs}
        self._scheduled = {name: spec for name, spec in declared.items() if has_schedules(spec)}
        self._shadows.define(declared.values())
        out: list[Envelope] = []
        for name, spec in declared.items():
            if (application := self.applications.get(name)) is None:
                application = self._bring(name, spec)
            else:
                application.define(spec)
            out += self._enter(application, at)
        for name, deployed in list(self._deployed.items()):
            if deployed.spec is not None:
                out += self._enter(self._bring(name, deployed.spec), at)
        for name, application in self.applications.items():
            if name not in declared:
                application.undeploy()
        return [*out, *self._reannounce(at)]

    def recall(self, member: Member) -> None:
        """Take in a member as the log has it (before the first forecast after a start)."""
        if (state := self.clusters.get(member.cluster)) is not None:
            state.recall(member)
        else:
            self._members.setdefault(member.cluster, {})[member.member] = member

    def recall_instance(self, record: InstanceRecord) -> None:
        """Take in what the log says of instances (before anything is defined). An older epoch does not count."""
        if isinstance(record, Instance):
            known = self._instances.setdefault(f"{record.tenant}/{record.application}", {})
            if record.instance not in known or known[record.instance].epoch <= record.epoch:
                known[record.instance] = record
        elif isinstance(record, Deployed):
            name = f"{record.tenant}/{record.application}"
            if name not in self._deployed or self._deployed[name].epoch <= record.epoch:
                self._deployed[name] = record
        elif isinstance(record, BurstRequest) and record.lost:
            self._lost[f"{record.tenant}/{record.application}"] = Lost(record.lost)
        elif isinstance(record, BurstRequest):
            self._lost.pop(f"{record.tenant}/{record.application}", None)

    def written(self, member: str, cluster: str, offset: int) -> None:
        """Note where in ``pileus.members`` a member's newest record stands."""
        if (state := self.clusters.get(cluster)) is not None:
            state.written(member, offset)

    # --- what comes in -----------------------------------------------------------------------------------------------

    def forecasts(self, record: Forecasts, *, act: bool = True) -> list[Envelope]:
        """Decide every cluster that is defined, on one tick. An older tick than the last one does nothing.

        ``act`` is false for a tick that lies in the past: it is decided, so that the memory is right, and not acted on.
        """
        if not self.at < record.at < math.inf:
            return []
        self.at = record.at
        forecasts = {forecast.cluster: forecast for forecast in record.clusters}
        self._limits.begin(self._quotas(), self.clusters.values())
        self._begin_shadows()
        out: list[Envelope] = []
        for name, application in list(self.applications.items()):
            out += [Envelope(*pair) for pair in self._tick(name, application, forecasts, act=act)]
        return [*out, *self._aside(forecasts)]

    def _quotas(self) -> set[str]:
        """Return the tenants that have a quota."""
        return {each.spec.tenant for each in self.applications.values() if each.spec.quota != FREE}

    def outcome(self, outcome: Outcome) -> list[Envelope]:
        """Follow what came of an action."""
        state = self.clusters.get(outcome.cluster)
        if state is None:
            return []
        out = [Envelope(*pair) for pair in state.outcome(outcome, self.epoch)]
        if state.spec.cartridge.balances:
            self._appoint(self.applications[f"{state.spec.tenant}/{state.spec.application}"])
        return out

    def report(self, report: BalancerReport) -> list[Envelope]:
        """Follow what a balancer says of a cluster."""
        state = self.clusters.get(report.cluster)
        return [] if state is None else [Envelope(*pair) for pair in state.report(report, self.epoch)]

    def metadata(self, record: Metadata) -> list[Envelope]:
        """Take in what a member exports; it counts from the next tick on."""
        self._exports.setdefault(f"{record.tenant}/{record.application}", Exports()).take(record)
        return []

    def control(self, record: Order) -> list[Envelope]:
        """Take in an order to pause or to resume, or of a shadow; it counts from the next tick on."""
        if isinstance(record, Control):
            self._pauses.take(record)
            self._pauses.forget(at=self.at)
            return []
        self._shadows.take(record)
        return list(self._reannounce(max(self.at, record.at)))

    def elsewhere(self, used: Mapping[str, Use]) -> None:
        """Take in what tenants use in other partitions, by tenant: it counts against their quotas."""
        self._limits.elsewhere = used

    # --- memory ------------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Write down what is remembered."""
        now = {name: state.judge.remembered for name, state in self.clusters.items()}
        return msgspec.msgpack.encode(Snapshot(self.at, self._remembered | now, self._shadows.snapshot()))

    def sections(self) -> list[Section]:
        """Return the same for a checkpoint."""
        state = self.snapshot()
        return [Section(STATE, lambda: state)]

    def rebuild(self, found: Mapping[str, bytes]) -> None:
        """Go on from a checkpoint. Call it before anything is fed.

        Raises
        ------
        msgspec.DecodeError
            It is damaged; the decider stays as it was.
        """
        self.restore(found.get(STATE, b""))

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot. Call it before anything is fed."""
        snapshot = msgspec.msgpack.decode(state, type=Snapshot)
        self.at, self._remembered = snapshot.at, snapshot.clusters
        self._shadows.restore(snapshot.shadows)

    # --- shadows -----------------------------------------------------------------------------------------------------

    def _begin_shadows(self) -> None:
        """Begin the shadows that are ordered, from what each cluster's own judge remembers before this tick."""
        states = {name: self.clusters[name] for name in self._shadows.beside if name in self.clusters}
        self._shadows.begin({name: each.judge.remembered.memory for name, each in states.items()}, at=self.at)

    def _aside(self, forecasts: Mapping[str, ClusterForecast]) -> Iterator[Envelope]:
        """Decide what shadows would want, under the pause and the cap of their clusters; it goes nowhere else."""
        for cluster, beside in self._shadows.beside.items():
            forecast, state = forecasts.get(cluster), self.clusters.get(cluster)
            if beside.judge is None or forecast is None or state is None:
                continue
            spec = beside.spec
            pause = self._pauses.of(spec.tenant, spec.application, spec.alias, at=self.at)
            decision, tell = beside.judge.decide(spec, forecast, self.at, cap=state.cap, pause=pause)
            if tell:
                yield Envelope(cluster, decision, aside=True)

    def _reannounce(self, at: float) -> Iterator[Envelope]:
        """Announce again the clusters whose shadow has the load forecast otherwise than they were announced."""
        foretold = {name for name, state in self.clusters.items() if state.shadow is not None}
        for cluster in sorted(foretold | (set(self._shadows.beside) & set(self.clusters))):
            state = self.clusters[cluster]
            state.shadow = self._shadows.prediction(cluster)
            yield from _announced(state, at)

    # --- one application ---------------------------------------------------------------------------------------------

    def _bring(self, name: str, spec: ApplicationSpec) -> Application:
        """Begin with an application, or go on with it as the log has it."""
        known = self._instances.pop(name, {}).values()
        application = Application(spec, known, self._deployed.pop(name, None))
        self.applications[name] = application
        return application

    def _enter(self, application: Application, at: float) -> Iterator[Envelope]:
        """Have a state for each cluster, and announce the new ones and those that are another by now."""
        for spec in application.clusters().values():
            if (state := self.clusters.get(spec.cluster)) is not None:
                state.spec = spec
            else:
                state = ClusterState(spec, self.rules, self._remembered.get(spec.cluster))
                state.ordinal = self._ordinals.pop(spec.cluster, 0)
                for member in self._members.pop(spec.cluster, {}).values():
                    state.recall(member)
                self.clusters[spec.cluster] = state
            state.shadow = self._shadows.prediction(spec.cluster)
            yield from _announced(state, at)

    def _tick(
        self, name: str, application: Application, forecasts: Mapping[str, ClusterForecast], *, act: bool
    ) -> Iterator[Pair]:
        """Decide the clusters of an application, fit its instances to that, and act."""
        self._reschedule(name, application)
        states = {cluster: self.clusters[cluster] for cluster in application.clusters()}
        settle(states.values(), at=self.at)
        for cluster, state in states.items():
            yield from self._decide(application, state, states, forecasts.get(cluster))
        if not act:
            return
        exports = self._exports.setdefault(name, Exports())
        if not exports.empty:
            exports.keep({member: since for state in states.values() for member, since in state.present().items()})
        yield from exports.tell(application.spec, self.at)
        yield from application.tick(
            {state.spec.alias: state.wanted for state in states.values()},
            {instance: seen for state in states.values() for instance, seen in state.standing().seen.items()},
            full={state.spec.alias: full for state in states.values() if (full := state.full())},
            exported=exports.names(),
            at=self.at,
            epoch=self.epoch,
            lost=self._look_for_lost(name, application, states),
        )
        self._appoint(application)
        allowance = self._limits.allowance(application.spec, states.values())
        for cluster, state in sorted(states.items(), key=lambda each: each[1].hosting.hosts_others):
            state.environment = exports.environment(state.spec, application.spec)
            yield from state.act(application.units.get(cluster, ()), self.epoch, allowance)
        self._limits.launched(application.spec, allowance)
        yield from self._part(name, application, states)

    def _decide(
        self,
        application: Application,
        state: ClusterState,
        states: Mapping[str, ClusterState],
        forecast: ClusterForecast | None,
    ) -> Iterator[Pair]:
        """Decide one cluster, within what pauses, budget and quota leave it."""
        spec = application.spec
        pause = self._pauses.of(spec.tenant, spec.application, state.spec.alias, at=self.at)
        limited = spec.budget != FREE or spec.quota != FREE
        limits = self._limits.of(spec, state, states.values()) if limited else ()
        before = state.use() if limited else NOBODY
        yield from state.decide(None if application.ending else forecast, self.at, pause=pause, limits=limits)
        if limited:
            self._limits.decided(spec, before, state.use())

    def _appoint(self, application: Application) -> None:
        """Tell each cluster which members of the application are its balancers, so that a drain waits for all of them.

        Those that are being created route nothing yet.
        """
        states = {cluster: self.clusters[cluster] for cluster in application.clusters()}
        for cluster, balancers in balancers_of(application.spec, states.values()).items():
            if cluster in states:
                states[cluster].balancers.appoint(balancers.serving, alive=balancers.alive, at=self.at)

    def _look_for_lost(self, name: str, application: Application, states: Mapping[str, ClusterState]) -> frozenset[str]:
        """Return the network partitions of an application that cannot be reached, or only since a short while."""
        if name not in self._lost and not any(state.faulty() for state in states.values()):
            return frozenset()
        steady_s = max((each.policy.down.stabilization_s for each in application.spec.clusters()), default=0.0)
        witnessed = [state.witnessed() for state in states.values()]
        lost = self._lost.setdefault(name, Lost()).look(witnessed, at=self.at, steady_s=steady_s)
        if not lost:
            del self._lost[name]
        return lost

    def _reschedule(self, name: str, application: Application) -> None:
        """Give an application the bounds that its schedules say now, when they differ."""
        declared = self._scheduled.get(name)
        if declared is None or application.ending:
            return
        now = in_force(declared, self.at)
        if now != application.spec:
            application.define(now)
            for spec in application.clusters().values():
                self.clusters[spec.cluster].spec = spec

    def _part(self, name: str, application: Application, states: Mapping[str, ClusterState]) -> Iterator[Pair]:
        """Forget the clusters that are gone, and the application when it is."""
        kept = application.clusters() if not application.over else {}
        for cluster, state in states.items():
            if cluster not in kept and not state.present():
                del self.clusters[cluster]
                self._ordinals[cluster] = state.ordinal
                self._remembered.pop(cluster, None)
                yield cluster, msgspec.structs.replace(_announce(state, self.at), state="Terminated")
        if application.over:
            del self.applications[name]
            self._exports.pop(name, None)
            self._lost.pop(name, None)


def _announced(state: ClusterState, at: float) -> Iterator[Envelope]:
    """Announce a cluster that is new, or of which something else is to be known by now."""
    new, old = _announce(state, at), state.announced
    if old is None or msgspec.structs.replace(new, at=old.at) != old:
        state.announced = new
        yield Envelope(state.spec.cluster, new)


def _announce(state: ClusterState, at: float) -> Announcement:
    """Return the record that makes a cluster known to the stream worker."""
    spec = state.spec
    return Announcement(
        tenant=spec.tenant,
        application=spec.application,
        cluster=spec.cluster,
        alias=spec.alias,
        cartridge=spec.cartridge.cartridge,
        network_partition=spec.partitions[0].network_partition,
        at=at,
        default_lead_time_s=spec.cartridge.lead_time_s,
        prediction=spec.prediction,
        shadow=state.shadow,
    )
