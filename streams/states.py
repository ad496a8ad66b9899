"""What is known of each member of a partition beside its samples: signs of life, probes, its newest values."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.bucket import Bools, Ints
from streams.window import Floats

NEVER = -math.inf


@dataclass(slots=True)
class States:
    """Signs of life and probes of each row."""

    newest: Floats
    """Time of its newest sample of any kind; -inf: none."""
    probed: Floats
    """Time of its newest probe; -inf: none."""
    healthy: Floats
    """What that probe said: 1 or 0."""
    unhealthy_since: Floats
    """Since when every probe fails, without a break longer than the stale time; NaN: it does not."""

    @classmethod
    def empty(cls, size: int) -> "States":
        """Return rows that nothing is known of."""
        return cls(np.full(size, NEVER), np.full(size, NEVER), np.zeros(size), np.full(size, np.nan))

    def columns(self) -> tuple[Floats, ...]:
        """Return all columns."""
        return (self.newest, self.probed, self.healthy, self.unhealthy_since)

    def reset(self, row: Ints) -> None:
        """Forget rows."""
        for column, nothing in zip(self.columns(), (NEVER, NEVER, 0.0, np.nan), strict=True):
            column[row] = nothing

    def hear(self, row: Ints, at: Floats) -> None:
        """Take in samples that are sorted by row and time."""
        row, at = _newest(row, at)
        self.newest[row] = np.maximum(self.newest[row], at)

    def probe(self, row: Ints, at: Floats, healthy: Floats, stale_s: float) -> None:
        """Take in probes that are sorted by row and time, each newer than the last one known of its row."""
        if not row.size:
            return
        first, last, ill = starts(row), ends(row), healthy == 0.0
        if not ill.any() and not np.isfinite(self.unhealthy_since[row]).any():  # as a rule
            self.probed[row[last]], self.healthy[row[last]] = at[last], healthy[last]
            return
        place = np.arange(row.size)
        before = np.where(first, self.probed[row], np.roll(at, 1))
        was_ill = np.where(first, np.isfinite(self.unhealthy_since[row]), np.roll(ill, 1))
        begins = ill & (~was_ill | (at - before > stale_s))
        begun = np.maximum.accumulate(np.where(begins, place, -1))
        here = begun >= np.maximum.accumulate(np.where(first, place, 0))
        since = np.where(here, at[np.maximum(begun, 0)], self.unhealthy_since[row])
        self.unhealthy_since[row[last]] = np.where(ill, since, np.nan)[last]
        self.probed[row[last]], self.healthy[row[last]] = at[last], healthy[last]


@dataclass(slots=True)
class Newest:
    """The newest sample of one signal of each row, and how many there are."""

    at: Floats
    """-inf: none."""
    value: Floats
    count: NDArray[np.int32]

    @classmethod
    def empty(cls, size: int) -> "Newest":
        """Return rows without a sample."""
        return cls(np.full(size, NEVER), np.full(size, np.nan), np.zeros(size, dtype=np.int32))

    def note(self, row: Ints, at: Floats, value: Floats) -> None:
        """Take in samples that are sorted by row and time; NaN is none."""
        known = np.isfinite(value)
        if not known.all():
            row, at, value = row[known], at[known], value[known]
        row, at, value = _newest(row, at, value)
        later, same = at > self.at[row], at == self.at[row]
        self.value[row[same]] = np.fmax(self.value[row[same]], value[same])
        self.at[row[later]], self.value[row[later]] = at[later], value[later]

    def add(self, row: Ints, by: int = 1) -> None:
        """Count samples that are sorted by row in (or out: -1)."""
        begin = np.flatnonzero(starts(row))
        self.count[row[begin]] += (by * np.diff(begin, append=row.size)).astype(np.int32)

    def lose(self, row: Ints, at: Floats, value: Floats) -> None:
        """Forget samples."""
        known = np.isfinite(value)
        self.add(row[known], -1)
        gone = row[known & (self.at[row] == at)]
        self.at[gone], self.value[gone] = NEVER, np.nan

    def reset(self, row: Ints) -> None:
        """Forget rows."""
        self.at[row], self.value[row], self.count[row] = NEVER, np.nan, 0


def _newest(row: Ints, *columns: Floats) -> tuple[Any, ...]:
    """Return the last element of each row, and of the columns beside it: as a rule there is but one."""
    last = ends(row)
    return (row, *columns) if last.all() else (row[last], *(column[last] for column in columns))


def starts(row: Ints) -> Bools:
    """Say which elements are the first of their row."""
    return np.append(True, row[1:] != row[:-1])[: row.size]


def ends(row: Ints) -> Bools:
    """Say which elements are the last of their row."""
    return np.append(row[1:] != row[:-1], True)[-row.size :] if row.size else np.zeros(0, dtype=np.bool_)
