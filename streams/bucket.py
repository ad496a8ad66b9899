"""A *bucket* holds what the members of a partition measured in one period of evaluation: four columns, no objects."""

from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams import column
from streams.column import Ascending, Column, shuffled, unshuffled
from streams.window import Floats

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int32]


class Packed(msgspec.Struct, array_like=True):
    """A bucket as a checkpoint has it."""

    row: bytes
    """Each less the one before it."""
    at: column.Packed
    load: column.Packed
    memory: column.Packed


@dataclass(frozen=True, slots=True, eq=False)
class Bucket:
    """Samples sorted by row and time; a row and a time stand there once. It never changes: another takes its place."""

    rows: Ascending
    columns: tuple[Column, ...]
    """Time, load and memory."""
    single: bool = True
    """Whether no row has two samples."""
    narrowed: bool = False
    stamp: object = field(default_factory=object)
    """The same object: the same samples."""

    @classmethod
    def of(cls, row: Ints | Rows, at: Floats, load: Floats, memory: Floats) -> "Bucket":
        """Return a bucket of samples that are in order."""
        rows = row.astype(np.int32)
        single = not bool((rows[1:] == rows[:-1]).any())
        return cls(Ascending(rows), (Column(at), Column(load), Column(memory)), single=single)

    @property
    def row(self) -> Rows:
        """Return the rows."""
        return self.rows.values

    @property
    def at(self) -> Floats:
        """Return the times."""
        return self.columns[0].values

    @property
    def load(self) -> Floats:
        """Return the loads; NaN where it was not measured."""
        return self.columns[1].values

    @property
    def memory(self) -> Floats:
        """Return the same of memory."""
        return self.columns[2].values

    def narrow(self, like: "Bucket | None" = None) -> "Bucket":
        """Return it in as little room as it needs; if its rows are those of ``like`` they are kept once."""
        rows = like.rows if like is not None and np.array_equal(like.row, self.row) else self.rows.narrow()
        if self.narrowed and rows is self.rows:
            return self
        columns = self.columns if self.narrowed else tuple(each.narrow() for each in self.columns)
        return replace(self, rows=rows, columns=columns, narrowed=True)

    def find(self, row: Ints, at: Floats) -> Ints:
        """Return where each of these rows and times stands; -1 where it does not. Both are sorted as the bucket is."""
        mine = self.row
        low, high = np.searchsorted(mine, row, "left"), np.searchsorted(mine, row, "right")
        if self.single:
            place = np.minimum(low, len(mine) - 1)
            return np.where((high > low) & (self.at[place] == at), place, -1)
        m, n = len(mine), len(row)
        rows, ats = np.concatenate((mine, row)), np.concatenate((self.at, at))
        order = np.lexsort((ats, rows))  # stable: what stands here already comes before its like
        before, after = order[:-1], order[1:]
        met = (rows[before] == rows[after]) & (ats[before] == ats[after])
        found = np.full(n, -1, dtype=np.int64)
        found[after[met] - m] = before[met]
        return found

    def merge(self, found: Ints, row: Ints, at: Floats, load: Floats, memory: Floats) -> "Bucket":
        """Return the bucket with samples put in. Of two values for one time the larger stays."""
        old, new = found >= 0, found < 0
        rows, ats = np.concatenate((self.row.astype(np.int64), row[new])), np.concatenate((self.at, at[new]))
        loads, memories = np.concatenate((self.load, load[new])), np.concatenate((self.memory, memory[new]))
        loads[found[old]] = np.fmax(loads[found[old]], load[old])
        memories[found[old]] = np.fmax(memories[found[old]], memory[old])
        if not new.any():
            return Bucket.of(rows, ats, loads, memories)
        order = np.lexsort((ats, rows))
        return Bucket.of(rows[order], ats[order], loads[order], memories[order])

    def split(self, gone: Bools) -> tuple["Bucket", "Bucket | None"]:
        """Return the bucket without some rows (``gone``: bool for each row of the partition), and what they had."""
        lost = gone[self.row]
        if not lost.any():
            return self, None
        return self._only(~lost), self._only(lost)

    def _only(self, chosen: Bools) -> "Bucket":
        """Return the chosen samples."""
        row, (at, load, memory) = self.row[chosen], (each.chosen(chosen) for each in self.columns)
        single = self.single or not bool((row[1:] == row[:-1]).any())
        rows = Ascending(row).narrow() if self.narrowed else Ascending(row)
        return Bucket(rows, (at, load, memory), single, self.narrowed)

    def places(self, where: Ints, count: int) -> Ints | None:
        """Return where each of ``count`` rows stands, as in :meth:`put`; ``None`` unless each stands there once."""
        if not self.single or where.size < count:
            return None
        found = np.full(count, -1)
        found[where[where >= 0]] = np.flatnonzero(where >= 0)
        return found if bool((found >= 0).all()) else None

    def averaged(self) -> "Bucket | Several":
        """Return what is to be kept of its means: all, or only those of rows with several samples if these are few."""
        several = self._several()
        few = 2 * several.where.size < np.count_nonzero(several.first)
        return several if few else replace(self.mean(several), stamp=self.stamp)

    def _several(self) -> "Several":
        """Return what the rows with several samples measured on average."""
        row = self.row
        first = np.append(True, row[1:] != row[:-1])
        group, count = np.cumsum(first) - 1, int(first.sum())
        mixed = np.bincount(group, minlength=count) > 1
        many, renamed = mixed[group], np.cumsum(mixed) - 1
        of, among = renamed[group[many]], int(mixed.sum())
        load, memory = (_mean(each[many], of, among) for each in (self.load, self.memory))
        return Several(self.stamp, first, np.flatnonzero(mixed).astype(np.int32), load, memory)

    def mean(self, several: "Several") -> "Bucket":
        """Return it with one sample for each row: the mean of those that are known, NaN where there is none."""
        columns = [each[several.first] for each in (self.at, self.load, self.memory)]
        columns[1][several.where], columns[2][several.where] = several.load, several.memory
        return Bucket(Ascending(self.row[several.first]), tuple(map(Column, columns)))

    def put(self, where: Ints, load: Floats, memory: Floats) -> None:
        """Write the load and the memory of each row to its place in two lines; the bucket must be a single one.

        ``where`` says for each row of the bucket which place that is; -1: none.
        """
        inside: Bools | slice = slice(None) if where.min(initial=0) >= 0 else where >= 0  # as a rule all have one
        for line, numbers in ((load, self.load), (memory, self.memory)):
            line[where[inside]] = numbers[inside]

    def pack(self) -> bytes:
        """Write the bucket down."""
        row = shuffled(np.diff(self.row, prepend=np.int32(0)))
        return msgspec.msgpack.encode(Packed(row, *(each.pack() for each in self.columns)))

    @classmethod
    def unpack(cls, raw: bytes) -> "Bucket":
        """Read what :meth:`pack` gave.

        Raises
        ------
        msgspec.DecodeError
            It is something else.
        """
        packed = msgspec.msgpack.decode(raw, type=Packed)
        try:
            row = np.cumsum(unshuffled(packed.row, "<i4"), dtype=np.int32)
            at, load, memory = (Column.unpack(each) for each in (packed.at, packed.load, packed.memory))
        except ValueError as error:
            raise msgspec.DecodeError(f"bucket of {len(raw)} bytes: {error}") from error
        if not row.size == at.raw.size == load.raw.size == memory.raw.size:
            raise msgspec.DecodeError(f"bucket of {len(raw)} bytes: columns of unequal length")
        single = not bool((row[1:] == row[:-1]).any())
        return cls(Ascending(row).narrow(), (at, load, memory), single, narrowed=True)


@dataclass(frozen=True, slots=True, eq=False)
class Several:
    """The means of those rows of a bucket that have several samples."""

    stamp: object
    """The bucket's."""
    first: Bools
    """For each sample: whether it is its row's first."""
    where: Rows
    """Which of the rows they are."""
    load: Floats
    memory: Floats


def _mean(values: Floats, group: Ints, count: int) -> Floats:
    """Average the values of each of ``count`` groups, one after the other; NaN where none is known."""
    known = np.isfinite(values)
    n = np.bincount(group[known], minlength=count)
    total = np.bincount(group[known], weights=values[known], minlength=count)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)
