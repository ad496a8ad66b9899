"""Samples in columns, as they are put into the store: in order, each (row, time) a group."""

from dataclasses import dataclass

import numpy as np

from streams.bucket import Bools, Ints
from streams.states import starts
from streams.window import Floats

NARROW = 2**16
"""Below it rows are sorted by radix."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What members measured, a column each; NaN: not measured."""

    row: Ints
    at: Floats
    load: Floats
    memory: Floats
    healthy: Floats
    """1 or 0."""

    def chosen(self, which: Ints | Bools) -> "Arrived":
        """Return the chosen samples, in that order."""
        return Arrived(self.row[which], self.at[which], self.load[which], self.memory[which], self.healthy[which])

    def order(self) -> Ints:
        """Return the order by row, time and value: the same for any order of arrival."""
        rows = self.row.astype(np.uint16) if self.row.size and self.row.max() < NARROW else self.row
        order = np.argsort(rows, kind="stable")
        row, at = self.row[order], self.at[order]
        if (starts(row)[1:] | (at[1:] > at[:-1])).all():
            return order
        return np.lexsort((self.healthy, self.memory, self.load, self.at, self.row))


@dataclass(frozen=True, slots=True)
class Groups:
    """Samples in order, and those of one row and time together."""

    each: Arrived
    begin: Ints
    """Where each group begins."""
    of: Ints
    """The group of each sample."""
    whole: Arrived
    """One sample for each group: the larger values, and the worst probe."""

    @classmethod
    def made(cls, each: Arrived) -> "Groups":
        """Group samples that are in order."""
        first = starts(each.row)
        first[1:] |= each.at[1:] != each.at[:-1]
        begin = np.flatnonzero(first)
        of = np.cumsum(first) - 1
        if begin.size == each.row.size:
            return cls(each, begin, of, each)
        whole = Arrived(
            each.row[begin],
            each.at[begin],
            np.fmax.reduceat(each.load, begin),
            np.fmax.reduceat(each.memory, begin),
            np.fmin.reduceat(each.healthy, begin),
        )
        return cls(each, begin, of, whole)

    def first(self, column: Floats) -> Bools:
        """Say which samples are the first of their group that have a value in this column."""
        known = np.isfinite(column)
        if self.begin.size == known.size:
            return known
        first: Bools = known & (counted_before(known, self.begin, self.of) == 0)
        return first


def counted_before(which: Bools, begin: Ints, of: Ints) -> Ints:
    """Return for each element how many before it, of its own group, are marked."""
    before: Ints = np.cumsum(which) - which
    return before - before[begin][of]
