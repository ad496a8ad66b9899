"""One cluster in the decider: its members, what it remembers, and what each record makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from actuators import actions
from actuators.judge import Judge, Remembered
from actuators.lifecycle import move
from actuators.place import place
from actuators.plan import plan
from config.cluster import ClusterSpec, PartitionSpec
from streams.records.action import Outcome, Result, Verb
from streams.records.balancer import BalancerReport
from streams.records.decision import Decision
from streams.records.forecast import ClusterForecast
from streams.records.member import LeadTime, Member, State
from streams.records.record import Record

Pair = tuple[str, Record]
"""Key and record."""
LONGEST_PAUSE_S = 300.0
"""Most that launches pause after failures in a row."""
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
    """Everything the decider knows of one cluster."""

    def __init__(self, spec: ClusterSpec, rules: Rules, remembered: Remembered | None = None) -> None:
        self.spec = spec
        self.rules = rules
        self.judge = Judge(rules.heartbeat_s, remembered)
        self.members: dict[str, Member] = {}
        self.offsets: dict[str, int] = {}
        """Where each member's newest record stands in ``pileus.members``."""
        self.reports: dict[str, BalancerReport] = {}
        self._ordinal = 0
        self._sent: dict[str, float] = {}
        self._full: dict[str, float] = {}
        self._failures = 0
        self._paused_until = 0.0

    def recall(self, member: Member) -> None:
        """Take in a member as the log has it."""
        self.members[member.member] = member
        self._ordinal = max(self._ordinal, actions.ordinal(member.member))

    def tick(self, forecast: ClusterForecast, at: float, epoch: int) -> Iterator[Pair]:
        """Decide, plan and act."""
        decision, tell = self.judge.decide(self.spec, forecast, at)
        if tell:
            yield decision.cluster, decision
        yield from self._enforce(decision, at, epoch)
        yield from self._drained(at, epoch)
        yield from self._overdue(at, epoch)
        yield from self._again(at, epoch)

    def outcome(self, outcome: Outcome, epoch: int) -> Iterator[Pair]:
        """Follow what came of an action, or what the cloud was seen to have."""
        member = self.members.get(outcome.member)
        if member is None or member.state is State.TERMINATED:
            return
        match outcome.result:
            case Result.RUNNING if member.state is State.CREATED:
                yield from self._running(member, outcome, epoch)
            case Result.GONE:
                yield from self._gone(member, outcome, epoch)
            case Result.OUT_OF_CAPACITY | Result.INVALID if member.state is State.CREATED:
                yield from self._failed(member, outcome, epoch)
            case _:
                pass  # a late word, a refusal or a passing fault: what is still wanted is sent again

    def report(self, report: BalancerReport, epoch: int) -> Iterator[Pair]:
        """Follow whom a balancer sends requests to."""
        before = self.reports.get(report.balancer)
        if before is not None and report.at < before.at:
            return
        self.reports[report.balancer] = report
        for backend in report.backends:
            member = self.members.get(backend.member)
            if member is not None and member.state is State.STARTING and backend.routed:
                yield from self._serves(member, report.at, epoch)
        yield from self._drained(report.at, epoch)

    def _enforce(self, decision: Decision, at: float, epoch: int) -> Iterator[Pair]:
        """Turn the number wanted into recalls, launches and drains."""
        forecast = decision.given.forecast
        faults = self._faults(forecast)
        todo = plan(
            list(self.members.values()),
            wanted=decision.wanted,
            forecasts={m.member: m for m in forecast.members},
            faulty=faults,
        )
        for which in todo.recall:
            member = self.members[which]
            yield self._move(member, State.ACTIVE, at, epoch, f"recalled: {decision.wanted} wanted")
        for which in todo.drain:
            why = f"fault: {faults[which]}" if which in faults else f"{decision.wanted} wanted ({decision.decision})"
            yield self._move(self.members[which], State.DRAINING, at, epoch, why)
        if at >= self._paused_until:
            yield from self._launch(todo.launch, decision, at, epoch)

    def _faults(self, forecast: ClusterForecast) -> dict[str, str]:
        """Return the members to replace. When more than half vanish at once, it is not they who are ill."""
        if len(forecast.faults) > max(1, forecast.serving // 2):
            return {}
        return {fault.member: fault.reason for fault in forecast.faults if fault.member in self.members}

    def _launch(self, count: int, decision: Decision, at: float, epoch: int) -> Iterator[Pair]:
        """Place and ask for new members: the intent first."""
        for _ in range(count):
            partition = self._place(at)
            if partition is None:
                return
            self._ordinal += 1
            member = actions.intent(self.spec, partition, self._ordinal, decision, epoch)
            self.members[member.member] = member
            yield member.member, member
            yield self._send(member, Verb.LAUNCH, at, epoch)

    def _place(self, at: float) -> PartitionSpec | None:
        """Choose a partition for the next member."""
        counts: dict[str, int] = {}
        for member in self.members.values():
            if member.state is not State.TERMINATED:
                where = f"{member.network_partition}/{member.partition}"
                counts[where] = counts.get(where, 0) + 1
        full = {which for which, until in self._full.items() if until > at}
        return place(self.spec.partitions, algorithm=self.spec.algorithm, members=counts, full=full)

    def _drained(self, at: float, epoch: int) -> Iterator[Pair]:
        """End the draining members that carry nothing any more, or had their time."""
        for member in [m for m in self.members.values() if m.state is State.DRAINING]:
            late = at - member.at >= self.spec.cartridge.drain_s
            if not late and not self._empty(member, at):
                continue
            why = f"drain timed out after {self.spec.cartridge.drain_s:g} s" if late else "drained"
            yield self._move(member, State.TERMINATING, at, epoch, f"{why}; {member.reason}")
            yield self._send(self.members[member.member], Verb.TERMINATE, at, epoch)

    def _empty(self, member: Member, at: float) -> bool:
        """Say whether every balancer confirms that a member gets no request and has none."""
        if member.port == 0:
            return True
        known = [r for r in self.reports.values() if at - r.at <= self.rules.stale_s]
        offset = self.offsets.get(member.member)
        if not known or offset is None or any(report.revision <= offset for report in known):
            return False
        backends = [b for report in known for b in report.backends if b.member == member.member]
        return not any(b.routed or b.in_flight for b in backends)

    def _overdue(self, at: float, epoch: int) -> Iterator[Pair]:
        """Give up on members that never came to serve."""
        for member in list(self.members.values()):
            if member.state is State.STARTING and at - member.since[State.CREATED] > self.spec.cartridge.boot_s:
                self._pause(at)
                why = f"fault: did not serve within {self.spec.cartridge.boot_s:g} s"
                yield self._move(member, State.DRAINING, at, epoch, why)

    def _again(self, at: float, epoch: int) -> Iterator[Pair]:
        """Send again what got no answer: doing it twice has the effect of once."""
        waiting = {State.CREATED: Verb.LAUNCH, State.TERMINATING: Verb.TERMINATE}
        for member in list(self.members.values()):
            verb = waiting.get(member.state)
            if verb is not None and at - self._sent.get(member.member, 0.0) >= self.rules.resend_s:
                yield self._send(member, verb, at, epoch)

    def _running(self, member: Member, outcome: Outcome, epoch: int) -> Iterator[Pair]:
        """Note that the instance exists, and where."""
        moved = move(member, State.STARTING, at=outcome.at, epoch=epoch, reason="the cloud has accepted it")
        yield self._keep(actions.located(moved, outcome))

    def _serves(self, member: Member, at: float, epoch: int) -> Iterator[Pair]:
        """Note that the member serves, and how long it took."""
        self._failures = 0
        yield self._move(member, State.ACTIVE, at, epoch, "in the balancer")
        created = member.since.get(State.CREATED, at)
        yield (
            f"{member.cartridge}/{member.partition}",
            LeadTime(
                tenant=member.tenant,
                application=member.application,
                cluster=member.cluster,
                cartridge=member.cartridge,
                network_partition=member.network_partition,
                partition=member.partition,
                member=member.member,
                at=at,
                seconds=max(0.0, at - created),
            ),
        )

    def _gone(self, member: Member, outcome: Outcome, epoch: int) -> Iterator[Pair]:
        """Note that the instance is no more; one that never served makes launches pause."""
        if member.state in {State.CREATED, State.STARTING}:
            self._pause(outcome.at)
        why = outcome.reason or "ended"
        yield self._move(member, State.TERMINATED, outcome.at, epoch, f"{why}; {member.reason}")

    def _failed(self, member: Member, outcome: Outcome, epoch: int) -> Iterator[Pair]:
        """Give up this member; the next tick places another one elsewhere, or later."""
        if outcome.result is Result.OUT_OF_CAPACITY:
            self._full[f"{member.network_partition}/{member.partition}"] = outcome.at + self.rules.full_s
        else:
            self._pause(outcome.at)
        yield self._move(member, State.TERMINATED, outcome.at, epoch, f"{outcome.result}: {outcome.reason}")

    def _pause(self, at: float) -> None:
        """Pause launches, twice as long after each failure in a row."""
        self._failures += 1
        self._paused_until = at + min(LONGEST_PAUSE_S, 2.0 ** min(self._failures - 1, 10))

    def _move(self, member: Member, state: State, at: float, epoch: int, why: str) -> Pair:
        """Move a member on in its life."""
        return self._keep(move(member, state, at=at, epoch=epoch, reason=why))

    def _keep(self, member: Member) -> Pair:
        """Remember a member's new record; where it stands in the log is not known yet."""
        self.members[member.member] = member
        self.offsets.pop(member.member, None)
        if member.state is State.TERMINATED:
            self._sent.pop(member.member, None)
            gone = [m for m in self.members.values() if m.state is State.TERMINATED]
            for old in sorted(gone, key=lambda m: m.at)[:-GONE_KEPT]:
                del self.members[old.member]
        return member.member, member

    def _send(self, member: Member, verb: Verb, at: float, epoch: int) -> Pair:
        """Order an action."""
        self._sent[member.member] = at
        action = actions.action(self.spec, member, verb, at=at, epoch=epoch)
        return action.provider, action
