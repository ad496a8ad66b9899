"""What the log of members says now: the executor's permission to act."""

from dataclasses import dataclass, field

from streams.records.action import Action, Verb
from streams.records.member import Claim, Member, State

ALLOWED = {
    Verb.LAUNCH: frozenset({State.CREATED, State.STARTING}),
    Verb.TERMINATE: frozenset({State.DRAINING, State.TERMINATING}),
}
"""An instance is launched only when an intent stands, and ended only when its member is recorded as leaving."""


@dataclass(slots=True)
class Roster:
    """The newest record of every member, and the epoch in force in each partition."""

    members: dict[str, Member] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    """Offset of the newest claim, by partition of ``pileus.members``."""

    def apply(self, record: Member | Claim, *, partition: int, offset: int) -> None:
        """Take in a record. One that an older decider wrote does not count."""
        if isinstance(record, Claim):
            self.epochs[partition] = max(self.epochs.get(partition, 0), offset)
        elif record.epoch >= self.epochs.get(partition, 0):
            self.members[record.member] = record

    def objection(self, action: Action, *, partition: int) -> str:
        """Return why an action must not be carried out; empty when it may."""
        epoch = self.epochs.get(partition, 0)
        if action.epoch < epoch:
            return f"epoch {action.epoch} is older than {epoch}"
        member = self.members.get(action.member)
        if member is None:
            return "no intent stands in pileus.members"
        if member.state not in ALLOWED[action.verb]:
            return f"{action.verb} needs {' or '.join(sorted(ALLOWED[action.verb]))}, the member is {member.state}"
        return ""
