"""A cluster under arbitrary wishes, a slow and failing cloud, two balancers, and a decider that dies at any point.

The shell is played by :class:`World`: it publishes what the decider returns, in order, and lets the executor's roster
judge each action. What must always hold is asserted where a record is published.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actuators.cluster import Rules
from actuators.decider import Decider, Envelope
from actuators.lifecycle import MOVES, PRESENT
from actuators.roster import Roster
from streams.records.action import Action, Outcome, Result, Verb
from streams.records.balancer import BalancerReport
from streams.records.decision import Decision
from streams.records.forecast import Fault
from streams.records.member import Member, State
from tests.actuator_builders import a_backend, a_report, an_outcome, forecasts_of
from tests.builders import (
    a_behavior,
    a_cartridge,
    a_claim,
    a_forecast,
    a_place,
    a_policy,
    a_spec,
    an_application,
)

RULES = Rules(resend_s=2.0, full_s=3.0, stale_s=3.0)
DRAIN_S = 5.0
PER_MEMBER = 10.0
MIN, MAX = 1, 6
PLACES = (a_place("p1", max_members=3), a_place("p2", max_members=2), a_place("p3", max_members=4))
POLICY = a_policy(requests=PER_MEMBER, tolerance=0.0, up=a_behavior(), down=a_behavior(stabilization_s=3.0))
SPEC = a_spec(
    min_members=MIN,
    max_members=MAX,
    policy=POLICY,
    cartridge=a_cartridge(drain_s=DRAIN_S, boot_s=20.0),
    partitions=PLACES,
)
BALANCERS = ("lb-1", "lb-2")
PORT = 8080


class World(RuleBasedStateMachine):
    """Everything around the decider; ``roster`` is the log of members as its readers understand it."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 1000.0
        self.offset = 0
        self.log: list[tuple[int, Member]] = []
        self.roster = Roster()
        self.last: Decision | None = None
        self.actions: list[Action] = []
        self.outcomes: list[Outcome] = []
        self.instances: set[str] = set()
        self.launched: Counter[str] = Counter()
        self.ended: set[str] = set()
        """Instances that are no more: a cloud starts none of that name again."""
        self.reports: dict[str, BalancerReport] = {}
        self.snapshot: bytes | None = None
        self.claim()

    # --- the shell ---------------------------------------------------------------------------------------------------

    def claim(self) -> None:
        """Start a decider from what was published."""
        self.claimed_at = self.at
        self.roster.apply(a_claim(), partition=0, offset=self.offset)
        decider = Decider(RULES, epoch=self.offset)
        self.offset += 1
        if self.snapshot is not None:
            decider.restore(self.snapshot)
        for member in self.roster.members.values():
            decider.recall(member)
        decider.define([an_application(SPEC)], self.at)
        for offset, member in self.log:
            if self.roster.members.get(member.member) is member:
                decider.written(member.member, member.cluster, offset)
        self.decider = decider

    def publish(self, envelopes: list[Envelope], decider: Decider | None = None) -> None:
        """Write records down, one after the other."""
        writer = decider or self.decider
        for envelope in envelopes:
            match envelope.record:
                case Member() as member:
                    self.write(member, writer)
                case Action() as action:
                    self.permit(action)
                    self.actions.append(action)
                case Decision() as decision:
                    assert MIN <= decision.wanted <= MAX
                    self.last = decision

    def write(self, member: Member, writer: Decider) -> None:
        """Append a member to the log; its life must be a legal one."""
        before = self.roster.members.get(member.member)
        self.roster.apply(member, partition=0, offset=self.offset)
        writer.written(member.member, member.cluster, self.offset)
        self.log.append((self.offset, member))
        self.offset += 1
        if self.roster.members.get(member.member) is not member:
            assert writer is not self.decider, "only a deposed decider is not listened to"
            return
        if before is None:
            assert member.state is State.CREATED
        elif member.state is not before.state:
            assert member.state in MOVES[before.state]
        if member.state is State.TERMINATING:
            assert before is not None
            self.is_drained(before)

    def is_drained(self, member: Member) -> None:
        """Fail unless a member had its time, or every balancer has confirmed that it is empty."""
        if not member.port or self.decider.at - member.at >= DRAIN_S:
            return
        stood = max(offset for offset, each in self.log if each is member)
        for report in self.reports.values():
            if report.at <= self.claimed_at and self.at - self.claimed_at >= RULES.stale_s:
                continue  # silent since before the decider began: it cannot know of this one
            assert report.revision > stood
            assert not [b for b in report.backends if b.member == member.member and (b.routed or b.in_flight)]

    def permit(self, action: Action) -> None:
        """Fail unless the intent stands before the action."""
        member = self.roster.members.get(action.member)
        if action.epoch != self.decider.epoch:
            return
        assert member is not None
        wanted = State.CREATED if action.verb is Verb.LAUNCH else State.TERMINATING
        assert member.state is wanted

    def living(self, *states: State) -> list[Member]:
        """Return the members in these states, as the log has them."""
        return [m for _, m in sorted(self.roster.members.items()) if m.state in states]

    # --- what happens ------------------------------------------------------------------------------------------------

    def step(self, load: float | None, faulty: list[str], seconds: float = 1.0) -> list[Envelope]:
        """Let a tick reach the decider, and return what it wants to publish."""
        self.at += seconds
        serving = self.living(State.ACTIVE)
        starting = self.living(State.CREATED, State.STARTING)
        faults = [Fault(member=name, reason="Silent", since=self.at - 60.0) for name in faulty]
        forecast = a_forecast(requests=load, serving=len(serving), starting=len(starting), members=[], faults=faults)
        return self.decider.forecasts(forecasts_of(forecast, at=self.at))

    @initialize()
    def begin(self) -> None:
        """A cluster is asked for."""
        self.publish(self.step(5.0, []))

    @rule(load=st.none() | st.floats(0.0, 90.0), data=st.data())
    def tick(self, load: float | None, data: st.DataObject) -> None:
        """A tick, sometimes with faulty members."""
        serving = [m.member for m in self.living(State.ACTIVE)]
        faulty = data.draw(st.lists(st.sampled_from(serving), unique=True)) if serving else []
        self.publish(self.step(load, faulty))

    @rule(load=st.floats(0.0, 90.0), published=st.integers(0, 5), remember=st.booleans())
    def die_while_publishing(self, *, load: float, published: int, remember: bool) -> None:
        """The decider dies after some of its records; the next one starts, with or without a checkpoint."""
        if remember:
            self.snapshot = self.decider.snapshot()
        self.publish(self.step(load, [])[:published])
        self.claim()

    @rule(load=st.floats(0.0, 90.0))
    def be_deposed_and_not_know(self, load: float) -> None:
        """A second decider claims the partition while the first still writes."""
        old, envelopes = self.decider, self.step(load, [])
        self.claim()
        self.publish(envelopes, old)

    @precondition(lambda self: self.actions)
    @rule(data=st.data(), answer=st.sampled_from(["done", "done", "later", "unheard", "full", "invalid"]))
    def carry_out(self, data: st.DataObject, answer: str) -> None:
        """The executor takes any of the pending actions; a cloud may do it and not say so."""
        action = self.actions.pop(data.draw(st.integers(0, len(self.actions) - 1)))
        if self.roster.objection(action, partition=0) is not None:
            result = Result.REFUSED
        elif answer == "later":
            result = Result.TRANSIENT
        elif action.verb is Verb.LAUNCH and answer in {"full", "invalid"}:
            result = Result.OUT_OF_CAPACITY if answer == "full" else Result.INVALID
        else:
            result = self.act(action)
        if answer != "unheard":
            self.outcomes.append(an_outcome(result, action.member, at=self.at, verb=action.verb, port=PORT))

    def act(self, action: Action) -> Result:
        """Let the cloud do it."""
        if action.verb is Verb.TERMINATE:
            self.end(action.member)
            return Result.GONE
        if action.member in self.ended:
            return Result.INVALID
        if action.member not in self.instances:
            self.launched[action.member] += 1
            self.instances.add(action.member)
        return Result.RUNNING

    def end(self, member: str) -> None:
        """Let an instance end."""
        self.instances.discard(member)
        self.ended.add(member)

    @precondition(lambda self: self.outcomes)
    @rule(late=st.booleans())
    def hear_outcome(self, *, late: bool) -> None:
        """The decider hears of an outcome, sometimes twice."""
        outcome = self.outcomes[0] if late else self.outcomes.pop(0)
        self.publish(self.decider.outcome(outcome))

    @rule(balancer=st.sampled_from(BALANCERS), behind=st.integers(0, 6), busy=st.integers(0, 2))
    def look_at_balancer(self, balancer: str, behind: int, busy: int) -> None:
        """A balancer applies some of the log and reports."""
        self.report(balancer, revision=max(0, self.offset - behind), busy=busy)

    def report(self, balancer: str, *, revision: int, busy: int) -> None:
        """Route to those that the log named so far, and report."""
        seen: dict[str, Member] = {m.member: m for offset, m in self.log if offset < revision}
        backends = []
        for name, member in sorted(seen.items()):
            routed = member.state in {State.STARTING, State.ACTIVE} and member.port > 0
            if routed or (busy and member.state is State.DRAINING and member.port):
                backends.append(a_backend(name, routed=routed, in_flight=busy))
        self.reports[balancer] = a_report(*backends, at=self.at, revision=revision, balancer=balancer)
        self.publish(self.decider.report(self.reports[balancer]))

    @precondition(lambda self: self.instances)
    @rule(data=st.data())
    def lose_one(self, data: st.DataObject) -> None:
        """An instance ends by itself, and the observer says so."""
        name = data.draw(st.sampled_from(sorted(self.instances)))
        self.end(name)
        self.outcomes.append(an_outcome(Result.GONE, name, at=self.at))

    @rule(load=st.floats(0.0, 90.0), seconds=st.integers(1, 4))
    def have_good_seconds(self, load: float, seconds: int) -> None:
        """Everything works for a while."""
        for _ in range(seconds):
            self.calm(load)

    @rule(load=st.floats(0.0, 90.0), seconds=st.integers(1, 4), balancer=st.sampled_from(BALANCERS))
    def have_a_silent_balancer(self, load: float, seconds: int, balancer: str) -> None:
        """Ticks come and one balancer reports, while requests are open on all that drain."""
        for _ in range(seconds):
            self.publish(self.step(load, []))
            self.report(balancer, revision=self.offset, busy=0)

    # --- what must always hold ---------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_launched_twice(self) -> None:
        """A member has one instance in its life."""
        assert all(times == 1 for times in self.launched.values())

    @invariant()
    def no_partition_holds_more_than_its_maximum(self) -> None:
        """Whatever leaves still takes its place until it is gone."""
        held = Counter(m.partition for m in self.roster.members.values() if m.state is not State.TERMINATED)
        assert all(held[place.partition] <= place.max_members for place in PLACES)

    def teardown(self) -> None:
        """When the faults stop, the number wanted is reached and nothing else is left."""
        load, wanted = 34.0, 4
        for _ in range(600):
            self.calm(load)
            if self.is_at_rest(wanted):
                return
        members = {m.member: m.state.value for m in self.living(*PRESENT, State.DRAINING, State.TERMINATING)}
        raise AssertionError(f"{wanted} wanted, there are {members}, instances {sorted(self.instances)}")

    def is_at_rest(self, wanted: int) -> bool:
        """Say whether exactly the wanted members serve."""
        serving = {m.member for m in self.living(State.ACTIVE)}
        other = self.living(State.CREATED, State.STARTING, State.DRAINING, State.TERMINATING)
        return len(serving) == wanted and not other and self.instances == serving

    def calm(self, load: float) -> None:
        """One second in which everything works."""
        self.publish(self.step(load, []))
        actions, self.actions = self.actions, []
        for action in actions:
            refused = self.roster.objection(action, partition=0) is not None
            result = Result.REFUSED if refused else self.act(action)
            self.outcomes.append(an_outcome(result, action.member, at=self.at, verb=action.verb, port=PORT))
        self.observe()
        outcomes, self.outcomes = self.outcomes, []
        for outcome in outcomes:
            self.publish(self.decider.outcome(outcome))
        for balancer in BALANCERS:
            self.report(balancer, revision=self.offset, busy=0)

    def observe(self) -> None:
        """Report what ended by itself, and end what should have."""
        for member in self.living(State.STARTING, State.ACTIVE, State.DRAINING):
            if member.member not in self.instances:
                self.outcomes.append(an_outcome(Result.GONE, member.member, at=self.at))
        for member in self.living(State.TERMINATED):
            self.end(member.member)


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
