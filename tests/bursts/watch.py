"""What came of bursts, and what the topics say meanwhile: members, limits, reasons, requests by balancer."""

from collections import Counter
from dataclasses import dataclass, field

from streams.records.decision import DECISION
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.instance import BurstRequest, Deployed
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Member, State
from streams.records.sample import SAMPLE, Requests
from streams.topics import DECISIONS, INSTANCES, MEMBERS, SAMPLES
from tests.bursts.limits import AWAY, HOME, PRICES, Limit
from tests.pieces import Reader

TOPICS = (MEMBERS, INSTANCES, DECISIONS, SAMPLES)


@dataclass(slots=True)
class Cycle:
    """What came of one way out and home."""

    limit: str
    most: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PRICES, 0))
    """Members that were not gone, at most, by network partition."""
    members: int = 0
    cost_per_hour: float = 0.0
    """At most, like ``members``: of all that were not gone at once."""
    needed: int = 0
    """Members at most that the load asked for, whatever held them."""
    why: str = ""
    """Why it was held, as it was told first."""
    answered_away: int = 0
    """Requests that the balancer of ``away`` has answered."""
    out_s: float = 0.0
    home_s: float = 0.0


@dataclass(slots=True)
class Burst:
    """What came of it."""

    away: str
    cycles: list[Cycle] = field(default_factory=list)
    sent: int = 0
    failed: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    exceeded: list[str] = field(default_factory=list)
    """Every bound that a record of a member broke."""

    def count(self, answers: Counter[str]) -> None:
        """Add what a client was answered."""
        self.answers = dict(Counter(self.answers) + answers)
        self.sent += answers.total()
        self.failed += sum(n for answer, n in answers.items() if not answer.endswith(" 200"))


class Watch:
    """Reads on, and holds every record of a member against the limit of the cycle."""

    def __init__(self, reader: Reader, burst: Burst, limit: Limit) -> None:
        self._reader, self._burst = reader, burst
        self._members: dict[str, Member] = {}
        self._counts: dict[str, int] = {}
        self._deployed: Deployed | None = None
        self.limit = limit
        self.cycle = Cycle(limit.name)

    def begin(self, limit: Limit) -> None:
        """Hold what comes against another limit."""
        self.limit, self.cycle = limit, Cycle(limit.name)

    @property
    def in_force(self) -> bool:
        """Say whether the application is deployed with the limit."""
        spec = self._deployed.spec if self._deployed else None
        return spec is not None and self.limit.is_in(spec)

    def look(self) -> None:
        """Read on."""
        self._reader.look()
        for member in self._reader.records(MEMBERS, MEMBER):
            if isinstance(member, Member):
                self._members[member.member] = member
                self._hold()
        for record in self._reader.records(INSTANCES, INSTANCE):
            if isinstance(record, Deployed):
                self._deployed = record
            elif isinstance(record, BurstRequest):
                self._note(record.why)
        for decision in self._reader.records(DECISIONS, DECISION):
            self.cycle.needed = max(self.cycle.needed, decision.gates[0].asked if decision.gates else 0)
            for reason in decision.reasons:
                self._note(reason.said)
        for sample in self._reader.records(SAMPLES, SAMPLE):
            if isinstance(sample, Requests):
                self._counts[sample.balancer] = sample.count
        for messages in self._reader.messages.values():
            messages.clear()

    def living(self, where: str, *states: State) -> list[Member]:
        """Return the members that are in one of these states, or not gone."""
        here = [m for m in self._members.values() if m.network_partition == where]
        return [m for m in here if (m.state in states if states else m.state is not State.TERMINATED)]

    def answered(self, where: str) -> int:
        """Return how many requests the balancer of a network partition has answered."""
        return self._counts.get(f"lb-{where}", 0)

    def said(self) -> str:
        """Return who is in which state, and the limit."""
        members = [f"{m.member} {m.network_partition} {m.state} {m.reason}" for m in self._members.values()]
        return f"{self.cycle}; {', '.join(members)}"

    def _hold(self) -> None:
        """Count who is not gone, and hold that against the limit."""
        there = {where: self.living(where) for where in (HOME, AWAY)}
        living = [member for members in there.values() for member in members]
        cycle = self.cycle
        cycle.most = {where: max(cycle.most[where], len(members)) for where, members in there.items()}
        cycle.members = max(cycle.members, len(living))
        cycle.cost_per_hour = max(cycle.cost_per_hour, sum(PRICES[m.network_partition] for m in living))
        self._burst.exceeded += [f"{self.limit.name}: {said}" for said in self.limit.exceeded(living)]

    def _note(self, said: str) -> None:
        """Keep the first words that tell of the limit."""
        if self.limit.says in said and not self.cycle.why:
            self.cycle.why = said
