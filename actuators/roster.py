"""What the log of members says now: the executor's permission to act."""

from dataclasses import dataclass, field

from streams.records.action import Action, Verb
from streams.records.member import Claim, Member, State

ALLOWED = {
    Verb.LAUNCH: frozenset({State.CREATED, State.STARTING}),
    Verb.TERMINATE: frozenset({State.DRAINING, State.TERMINATING}),
}
"""An instance is launched only when an intent stands, and ended only when its member is recorded as leaving."""
BEFORE = {
    Verb.LAUNCH: frozenset[State](),
    Verb.TERMINATE: frozenset({State.CREATED, State.STARTING, State.ACTIVE}),
}
"""States from which the record that allows the action may still be on its way."""
GONE_KEPT = 10_000
"""Terminated members that are remembered: should an instance of one of them turn up, it is ended."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an action must not be carried out."""

    reason: str
    final: bool
    """False when the record that would allow it may still come."""


@dataclass(slots=True)
class Roster:
    """The newest record of every member, and the epoch in force in each partition."""

    members: dict[str, Member] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    """Offset of the newest claim, by partition of ``pileus.members``."""
    _gone: dict[str, None] = field(default_factory=dict)

    def apply(self, record: Member | Claim, *, partition: int, offset: int) -> None:
        """Take in a record. One that an older decider wrote does not count."""
        if isinstance(record, Claim):
            self.epochs[partition] = max(self.epochs.get(partition, 0), offset)
        elif record.epoch >= self.epochs.get(partition, 0):
            self.members[record.member] = record
            if record.state is State.TERMINATED:
                self._forget(record.member)

    def objection(self, action: Action, *, partition: int) -> Objection | None:
        """Return why an action must not be carried out; ``None`` when it may."""
        epoch = self.epochs.get(partition, 0)
        if action.epoch < epoch:
            return Objection(f"epoch {action.epoch} is older than {epoch}", final=True)
        member = self.members.get(action.member)
        if member is None:
            return Objection("no intent stands in pileus.members", final=False)
        if member.state not in ALLOWED[action.verb]:
            needs = " or ".join(sorted(ALLOWED[action.verb]))
            said = f"{action.verb} needs {needs}, the member is {member.state}"
            return Objection(said, final=member.state not in BEFORE[action.verb])
        return None

    def _forget(self, gone: str) -> None:
        """Remember only so many terminated members."""
        self._gone[gone] = None
        if len(self._gone) > GONE_KEPT:
            oldest = next(iter(self._gone))
            del self._gone[oldest], self.members[oldest]
