"""One cluster in the decider: its members, what it remembers, and what each record makes of them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from actuators import actions
from actuators.application import Unit
from actuators.breaker import replaceable
from actuators.budget import Allowance, Use, cap, use
from actuators.draining import Balancers
from actuators.hosting import Hosting
from actuators.judge import Judge, Remembered
from actuators.launching import STEADY_S, Launching
from actuators.lifecycle import ENDS, FAULT, PRESENT, asked_for, move, recalled, was_present
from actuators.lost import Witnessed
from actuators.place import counts, place_of
from actuators.plan import plan
from actuators.standing import Standing, instance_of, standing
from config.cluster import ClusterSpec, PredictionSpec
from config.tree import BudgetSpec
from streams.records.action import Action, Outcome, Result
from streams.records.balancer import BalancerReport
from streams.records.control import Pause
from streams.records.decision import Cap, Code, Decision
from streams.records.forecast import ClusterForecast, Fault
from streams.records.instance import Announcement
from streams.records.member import LeadTime, Member, State
from streams.records.record import Record

Pair = tuple[str, Record]
"""Key and record."""
SILENT = "Silent"
"""Reason of a fault: the member does not report."""
KEPT = PRESENT | {State.DRAINING}
"""States of the members that are there while nothing is to change."""
GONE_KEPT = 1000
"""Terminated members that are remembered, so that a late word of them is understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the decider goes by (s)."""

    heartbeat_s: float = 60.0
    """A decision that does not change is repeated this often."""
    resend_s: float = 5.0
    """An action without an outcome is sent again after this."""
    full_s: float = 30.0
    """A partition without room is not asked again for this long."""
    stale_s: float = 15.0
    """A balancer that said nothing for this long cannot vouch for a drained member."""


class ClusterState:
    """Everything the decider knows of one cluster. Its time is that of the ticks."""

    def __init__(self, spec: ClusterSpec, rules: Rules, remembered: Remembered | None = None) -> None:
        self.spec = spec
        self.rules = rules
        self.judge = Judge(rules.heartbeat_s, remembered)
        self.members: dict[str, Member] = {}
        self.offsets: dict[str, int] = {}
        """Where each member's newest record stands in ``pileus.members``."""
        self.balancers = Balancers(rules.stale_s)
        self.launching = Launching()
        self.hosting = Hosting()
        """How its members stand to hosts, on this tick."""
        self.at = -math.inf
        """The last tick."""
        self.cap: Cap | None = None
        """What budget and quota left to it on the last tick."""
        self.decision: Decision | None = None
        """Taken on the last tick; ``None`` when that tick told nothing of this cluster."""
        self.paused = False
        """True when somebody has paused it."""
        self.shadow: PredictionSpec | None = None
        """How a shadow policy would have its load forecast."""
        self.announced: Announcement | None = None
        """What the stream worker was told of it last."""
        self.units: Sequence[Unit] = ()
        """Its instances, and what each is to do."""
        self.environment: Mapping[str, str] = {}
        """What members get besides their cartridge's environment: what they import."""
        self.version = 0
        """Counts the changes of members."""
        self._stood: tuple[object, Standing] | None = None
        self._living: dict[str, Member] = {}
        """Those that are not known to be gone."""
        self._allowance = Allowance()
        self.ordinal = 0
        """Of the newest member."""
        self._sent: dict[str, float] = {}
        self._ended: dict[str, None] = {}
        """Members that are terminated, in the order in which that became known."""

    def recall(self, member: Member) -> None:
        """Take in a member as the log has it."""
        self.ordinal = max(self.ordinal, actions.ordinal(member.member))
        self._note(member)

    def written(self, member: str, offset: int) -> None:
        """Note where in ``pileus.members`` a member's newest record stands."""
        if (known := self.members.get(member)) is not None and known.state is not State.TERMINATED:
            self.offsets[member] = offset

    def decide(
        self,
        forecast: ClusterForecast | None,
        at: float,
        *,
        pause: Pause | None = None,
        limits: Sequence[tuple[str, BudgetSpec, Use]] = (),
    ) -> Iterator[Pair]:
        """Begin a tick: decide how many members the load asks for, if anything is known of it.

        ``limits`` are budget and quota: whose, how much, and what others use of it.
        """
        self.at, self.decision, self.paused = at, None, pause is not None
        if forecast is None:
            return
        if self.judge.remembered.memory.wanted is None:
            self.judge.adopt(sum(was_present(m, at) for m in self._alive()), at)
        self.cap = cap(limits, self.spec.partitions, counts(self._alive())) if limits else None
        room = self.hosting.room
        self.decision, tell = self.judge.decide(self.spec, forecast, at, cap=self.cap, pause=pause, room=room)
        if tell:
            yield self.decision.cluster, self.decision

    def use(self) -> Use:
        """Return what the cluster uses of a budget: the members it has, or those that it wants if they are more."""
        return use(self.spec.partitions, counts(self._alive()), self.wanted)

    def used(self) -> Use:
        """Return what its members use of a budget; those that are not there yet do not count."""
        return use(self.spec.partitions, counts(self._alive()), 0)

    @property
    def wanted(self) -> int:
        """Return the number that the load asks for; before the first decision the minimum."""
        wanted = self.judge.remembered.memory.wanted
        return self.spec.least_members if wanted is None else wanted

    def standing(self) -> Standing:
        """Return how its members stand among its instances. Reckoned anew when something changed."""
        of = self.version, self.units, self.spec.partitions
        if self._stood is None or self._stood[0] != of:
            self._stood = of, standing(self._alive(), self.units, self.spec.partitions)
        return self._stood[1]

    def present(self) -> dict[str, float]:
        """Return the members that are not known to be gone, and when they were asked for (s since the Unix epoch)."""
        return {name: asked_for(member) for name, member in self._living.items()}

    def full(self) -> dict[str, int]:
        """Return the network partitions whose clouds say that they have no room, with the members they have."""
        return self.launching.crowded(self.spec.partitions, self._alive(), at=self.at)

    def faulty(self) -> Sequence[Fault]:
        """Return the members that are silent or unhealthy for too long."""
        return self.decision.given.forecast.faults if self.decision is not None else ()

    def witnessed(self) -> Witnessed:
        """Return what agents and balancers say of its members."""
        reached = self.balancers.reached(self._living.values(), at=self.at) if self.spec.cartridge.balanced else {}
        return Witnessed(self._alive(), {f.member for f in self.faulty() if f.reason == SILENT}, reached)

    def act(self, units: Sequence[Unit], epoch: int, allowance: Allowance | None = None) -> Iterator[Pair]:
        """End a tick: bring every instance of the cluster to what it is to have, within the ``allowance``.

        Of a cluster that is paused nobody is drained, replaced, recalled or added. Members that are gone are launched
        again, up to the number held; what is under way comes to its end.
        """
        self.units = units
        self._allowance = allowance or Allowance()
        self.balancers.tick(self.at)
        self.launching.settle(self.members.values(), at=self.at)
        of = self.standing().of
        yield from self._unbalanced(epoch)
        for unit in units:
            members = of.get(unit.instance, ())
            if self.paused:
                yield from self._keep_up(unit, members, epoch)
            elif unit.drains:
                yield from self._empty(unit, members, epoch)
            elif unit.runs and self.decision is not None:
                yield from self._enforce(unit, members, self.decision, epoch)
        if all(member.state is State.ACTIVE for member in self._living.values()):
            return  # nobody comes or goes
        yield from self._overdue(epoch)
        yield from self._drained(epoch, patience_s=self.hosting.patience_s(self.spec.cartridge.drain_s))
        yield from self._again(epoch)

    def outcome(self, outcome: Outcome, epoch: int) -> Iterator[Pair]:
        """Follow what came of an action, or what the cloud was seen to have."""
        member = self.members.get(outcome.member)
        if member is None or member.state is State.TERMINATED:
            return
        match outcome.result:
            case Result.RUNNING if member.state is State.CREATED:
                why = "the cloud has accepted it"
                moved = move(member, State.STARTING, at=max(outcome.at, member.at), epoch=epoch, reason=why)
                yield self._keep(actions.located(moved, outcome, epoch))
            case Result.RUNNING if member.state is State.STARTING and outcome.port not in {0, member.port}:
                yield self._keep(actions.located(member, outcome, epoch))
            case Result.GONE:
                yield self._gone(member, outcome, epoch)
            case Result.OUT_OF_CAPACITY | Result.CREDENTIALS | Result.INVALID if member.state is State.CREATED:
                yield self._failed(member, outcome, epoch)
            case _:
                pass  # a late word, a refusal or a passing fault: what is still wanted is sent again

    def report(self, report: BalancerReport, epoch: int) -> Iterator[Pair]:
        """Follow whom a balancer sends requests to."""
        if not self.balancers.hear(report, at=self.at):
            return
        for backend in report.backends:
            member = self.members.get(backend.member)
            if member is not None and member.state is State.STARTING and backend.routed:
                yield from self._serves(member, max(report.at, member.at), epoch, "in the balancer")
        yield from self._drained(epoch, now=report.at)

    def _alive(self) -> list[Member]:
        """Return the members that are not known to be gone."""
        return list(self._living.values())

    def _unbalanced(self, epoch: int) -> Iterator[Pair]:
        """Where no balancer says who serves, the cloud does, and the member's probe if it has one."""
        if self.spec.cartridge.balanced:
            return
        starting = [m for m in self._alive() if m.state is State.STARTING and self.hosting.reached(m)]
        known = self.decision.given.forecast.own.each() if starting and self.decision is not None else ()
        healthy = {each.member for each in known if each.healthy}
        for member in starting:
            if member.member in healthy or not self.spec.cartridge.health:
                yield from self._serves(member, max(self.at, member.at), epoch, "healthy")

    def _empty(self, unit: Unit, members: Iterable[Member], epoch: int) -> Iterator[Pair]:
        """Take out every member of an instance that ends."""
        for member in members:
            if member.state in PRESENT:
                yield self._move(member, State.DRAINING, epoch, f"{ENDS}: {unit.why}")

    def _keep_up(self, unit: Unit, members: Sequence[Member], epoch: int) -> Iterator[Pair]:
        """Launch again what is gone of an instance that is paused; nobody beyond the number that is held."""
        if self.decision is None or not unit.runs or not self.launching.may(self.at):
            return
        here, everywhere = (sum(m.state in KEPT for m in some) for some in (members, self._alive()))
        missing = min(unit.wanted - here, self.decision.wanted - everywhere)
        yield from self._launch(unit, missing, self.decision, epoch)

    def _enforce(self, unit: Unit, alive: Sequence[Member], decision: Decision, epoch: int) -> Iterator[Pair]:
        """Turn the number wanted of one instance into recalls, launches and drains."""
        forecast = decision.given.forecast
        moved = dict.fromkeys(self.standing().misplaced, "its partition has no place for it")
        frozen = any(reason.code is Code.BREAKER for reason in decision.reasons)
        faulty = {} if frozen else replaceable(forecast, at=self.at)
        homeless = self.hosting.leaving(alive)
        leaving = moved | homeless | ({m: f"{FAULT}: {why}" for m, why in faulty.items()} if not unit.lost else {})
        if not leaving and sum(m.state in PRESENT for m in alive) == unit.wanted:
            return
        where = self.launching.place(unit.partitions, self._alive(), at=self.at)
        todo = plan(
            alive,
            wanted=unit.wanted,
            partitions=unit.partitions,
            forecasts=self.hosting.loads() or forecast.own.by_name(),
            leaving=leaving,
            room=bool(homeless) or (where is not None and self._allowance.allows(where)),
            victim=self.hosting.victim or self.spec.victim,
        )
        asked = actions.asked(unit, decision)
        for name in todo.recall:
            member = self.members[name]
            yield self._move(member, recalled(member) or State.ACTIVE, epoch, f"recalled: {asked}")
        for name in todo.drain:
            yield self._move(self.members[name], State.DRAINING, epoch, leaving.get(name, asked))
        if self.launching.may(self.at):
            yield from self._launch(unit, todo.launch, decision, epoch)

    def _launch(self, unit: Unit, count: int, decision: Decision, epoch: int) -> Iterator[Pair]:
        """Place and ask for new members: the intent first."""
        for _ in range(count):
            partition = self.launching.place(unit.partitions, self._alive(), at=self.at)
            if partition is None or not self._allowance.allows(partition):
                return
            on = self.hosting.take(partition, full=self.launching.full_at(self.at))
            if on is None:
                return
            self._allowance.take(partition)
            self.ordinal += 1
            member = actions.intent(self.spec, unit, partition, self.ordinal, decision=decision, epoch=epoch, on=on)
            yield self._keep(member)
            yield from self._send(self._order(member, epoch))

    def _order(self, member: Member, epoch: int) -> Action | None:
        """Return the order to launch a member."""
        return actions.launch(self.spec, member, environment=self.environment, at=self.at, epoch=epoch)

    def _drained(self, epoch: int, *, patience_s: float = math.inf, now: float = -math.inf) -> Iterator[Pair]:
        """End the draining members that carry nothing any more, or had their time."""
        for member in [m for m in self._alive() if m.state is State.DRAINING]:
            late = self.at - member.at >= patience_s
            if late or self._is_free(member):
                why = f"drain timed out after {patience_s:g} s" if late else "drained"
                at = max(self.at, now, member.at)
                yield self._keep(move(member, State.TERMINATING, at=at, epoch=epoch, reason=f"{why}; {member.reason}"))
                yield from self._send(actions.terminate(self.spec, member, at=at, epoch=epoch))

    def _is_free(self, member: Member) -> bool:
        """Say whether a draining member has nothing to do any more. Without a balancer it ends by its grace."""
        if not self.spec.cartridge.balanced:
            return not self.hosting.carries(member)
        return self.balancers.vouch(member, revision=self.offsets.get(member.member), at=self.at)

    def _overdue(self, epoch: int) -> Iterator[Pair]:
        """Give up on members that never came to serve; after a break of ticks one may serve and not have been heard."""
        boot_s = self.spec.cartridge.boot_s
        if self.paused or not self.balancers.settled(self.at):
            return
        for member in [m for m in self._alive() if m.state in {State.CREATED, State.STARTING}]:
            if self.at - asked_for(member) > boot_s:
                self.launching.failed(member, at=self.at)
                yield self._move(member, State.DRAINING, epoch, f"{FAULT}: did not serve within {boot_s:g} s")

    def _again(self, epoch: int) -> Iterator[Pair]:
        """Send again what got no answer: doing it twice has the effect of once."""
        running = {unit.instance for unit in self.units if unit.runs}
        for member in self._alive():
            if self.at - self._sent.get(member.member, -math.inf) < self.rules.resend_s:
                continue
            if member.state is State.CREATED and instance_of(member, self.units) in running:
                yield from self._send(self._order(member, epoch))
            elif member.state is State.TERMINATING:
                yield from self._send(actions.terminate(self.spec, member, at=self.at, epoch=epoch))

    def _serves(self, member: Member, at: float, epoch: int, why: str) -> Iterator[Pair]:
        """Note that the member serves, and how long it took."""
        yield self._keep(move(member, State.ACTIVE, at=at, epoch=epoch, reason=why))
        lead = LeadTime(
            tenant=member.tenant,
            application=member.application,
            cluster=member.cluster,
            cartridge=member.cartridge,
            network_partition=member.network_partition,
            partition=member.partition,
            member=member.member,
            at=at,
            seconds=max(0.0, at - member.since.get(State.CREATED, at)),
        )
        yield f"{member.cartridge}/{member.partition}", lead

    def _gone(self, member: Member, outcome: Outcome, epoch: int) -> Pair:
        """Note that the instance is no more; one that never served, or not for long, makes launches pause."""
        active = member.since.get(State.ACTIVE, math.inf)
        if member.state in {State.CREATED, State.STARTING} or (
            member.state is State.ACTIVE and outcome.at - active < STEADY_S
        ):
            self.launching.failed(member, at=self.at)
        why = f"{outcome.reason or 'ended'}; {member.reason}"
        return self._keep(move(member, State.TERMINATED, at=max(outcome.at, member.at), epoch=epoch, reason=why))

    def _failed(self, member: Member, outcome: Outcome, epoch: int) -> Pair:
        """Give up this member; the next tick places another one elsewhere, or later."""
        if outcome.result in {Result.OUT_OF_CAPACITY, Result.CREDENTIALS}:
            self.launching.has_no_room(member.on or place_of(member), until=self.at + self.rules.full_s)
        else:
            self.launching.failed(member, at=self.at)
        why = f"{outcome.result}: {outcome.reason}"
        return self._keep(move(member, State.TERMINATED, at=max(outcome.at, member.at), epoch=epoch, reason=why))

    def _move(self, member: Member, state: State, epoch: int, why: str) -> Pair:
        """Move a member on in its life, at this tick."""
        return self._keep(move(member, state, at=self.at, epoch=epoch, reason=why))

    def _keep(self, member: Member) -> Pair:
        """Remember a member's new record; where it stands in the log is not known yet."""
        self.offsets.pop(member.member, None)
        self._note(member)
        return member.member, member

    def _note(self, member: Member) -> None:
        """Note a member's newest record, and forget who is gone for long."""
        self.members[member.member] = member
        self.version += 1
        if member.state is not State.TERMINATED:
            self._living[member.member] = member
            return
        self._living.pop(member.member, None)
        self._sent.pop(member.member, None)
        self._ended[member.member] = None
        if len(self._ended) > GONE_KEPT:
            oldest = next(iter(self._ended))
            del self._ended[oldest], self.members[oldest]

    def _send(self, action: Action | None) -> Iterator[Pair]:
        """Order an action, if there is one."""
        if action is not None:
            self._sent[action.member] = action.at
            yield action.provider, action
