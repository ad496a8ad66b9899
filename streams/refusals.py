"""What could not be used, counted by reason between two ticks: never a crash, never silent."""

from dataclasses import dataclass, field

from streams.records.log import Rejected

EXAMPLES = 3
"""Kept of each reason."""
EXAMPLE_LENGTH = 200
"""Characters of an example that are kept ..."""
SAID_LENGTH = 140
"""... and of them for what was wrong, which stands first."""


@dataclass(slots=True)
class Refusal:
    """One reason, so far."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Refusals:
    """The refusals since the last tick. Bounded: a few reasons, a few short examples of each."""

    def __init__(self, topic: str, partition: int) -> None:
        self._topic = topic
        self._partition = partition
        self._by_reason: dict[str, Refusal] = {}

    def add(self, reason: str, said: str | Exception, what: str | bytes, *, count: int = 1) -> None:
        """Count what cannot be used, and keep the first few as examples."""
        refusal = self._by_reason.get(reason)
        if refusal is None:
            refusal = self._by_reason[reason] = Refusal()
        refusal.count += count
        if len(refusal.examples) < EXAMPLES:
            some = what[:EXAMPLE_LENGTH]
            text = some.decode(errors="replace") if isinstance(some, bytes) else some
            refusal.examples.append(f"{str(said)[:SAID_LENGTH]}: {text}"[:EXAMPLE_LENGTH])

    def take(self, at: float) -> list[Rejected]:
        """Return one record for each reason, sorted, and begin anew."""
        taken, self._by_reason = self._by_reason, {}
        return [
            Rejected(
                topic=self._topic,
                partition=self._partition,
                reason=reason,
                count=refusal.count,
                at=at,
                examples=tuple(refusal.examples),
            )
            for reason, refusal in sorted(taken.items())
        ]
