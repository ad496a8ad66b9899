"""What came of the members and counts from a later tick on: in columns, so that a million of them leave no holes."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from streams.facts import Misread
from streams.membership import Move
from streams.records.member import Claim, Member, State

Of = tuple[str, str, State]
"""Cluster, place and state of a record."""


class Pending:
    """Records of ``pileus.members`` in the order of the log."""

    def __init__(self) -> None:
        self._empty()

    def _empty(self) -> None:
        """Begin anew: what held many would keep their room."""
        self._offset, self._epoch = array("q"), array("q")
        self._at, self._lead = array("d"), array("d")
        self._name: list[str] = []
        self._of: list[Of | None] = []
        """``None``: a claim."""
        self._known: dict[Of, Of] = {}
        self._misread: dict[int, Misread] = {}
        """By offset."""

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._name)

    def add(self, offset: int, record: Member | Claim | Misread) -> None:
        """Put a record by."""
        move = Move.of(record) if isinstance(record, Member) else None
        if isinstance(record, Misread):
            self._misread[offset] = record
        self._epoch.append(0 if move is None else move.epoch)  # it may be too large: nothing is put by then
        self._offset.append(offset)
        self._at.append(0.0 if move is None else move.at)
        self._lead.append(math.nan if move is None or move.lead_s is None else move.lead_s)
        self._name.append("" if move is None else move.member)
        of = None if move is None else (move.cluster, move.place, move.state)
        self._of.append(None if of is None else self._known.setdefault(of, of))

    def take(self, below: int) -> Iterator[tuple[int, Move | Misread | None]]:
        """Yield those below an offset, ``None`` for a claim, and let them go once all are taken."""
        count = bisect_left(self._offset, below)
        for i in range(count):
            yield self._offset[i], self._misread.pop(self._offset[i], None) or self._move(i)
        if count == len(self):
            self._empty()
            return
        for column in (self._offset, self._epoch, self._at, self._lead, self._name, self._of):
            del column[:count]

    def _move(self, i: int) -> Move | None:
        """Return one of them."""
        of = self._of[i]
        if of is None:
            return None
        cluster, place, state = of
        lead_s = None if math.isnan(self._lead[i]) else self._lead[i]
        return Move(self._name[i], cluster, state, self._at[i], self._epoch[i], place, lead_s)
