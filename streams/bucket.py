"""A *bucket* holds what the members of a partition measured in one period of evaluation: four columns, no objects."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.window import Floats

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int32]


@dataclass(slots=True)
class Bucket:
    """Samples sorted by row and time; a row and a time stand there once."""

    row: Rows
    at: Floats
    load: Floats
    """NaN where it was not measured."""
    memory: Floats
    single: bool = True
    """Whether no row has two samples."""
    packed: bytes = b""
    """What :meth:`pack` gave, as long as it holds."""

    @classmethod
    def of(cls, row: Ints | Rows, at: Floats, load: Floats, memory: Floats) -> "Bucket":
        """Return a bucket of samples that are in order."""
        rows = row.astype(np.int32)
        return cls(rows, at, load, memory, single=not bool((rows[1:] == rows[:-1]).any()))

    def find(self, row: Ints, at: Floats) -> Ints:
        """Return where each of these rows and times stands; -1 where it does not. Both are sorted as the bucket is."""
        low, high = np.searchsorted(self.row, row, "left"), np.searchsorted(self.row, row, "right")
        if self.single:
            place = np.minimum(low, len(self.row) - 1)
            return np.where((high > low) & (self.at[place] == at), place, -1)
        m, n = len(self.row), len(row)
        rows, ats = np.concatenate((self.row, row)), np.concatenate((self.at, at))
        order = np.lexsort((ats, rows))  # stable: what stands here already comes before its like
        before, after = order[:-1], order[1:]
        met = (rows[before] == rows[after]) & (ats[before] == ats[after])
        found = np.full(n, -1, dtype=np.int64)
        found[after[met] - m] = before[met]
        return found

    def merge(self, found: Ints, row: Ints, at: Floats, load: Floats, memory: Floats) -> "Bucket":
        """Return the bucket with samples put in. Of two values for one time the larger stays."""
        old, new = found >= 0, found < 0
        self.load[found[old]] = np.fmax(self.load[found[old]], load[old])
        self.memory[found[old]] = np.fmax(self.memory[found[old]], memory[old])
        self.packed = b""
        if not new.any():
            return self
        rows, ats = np.concatenate((self.row.astype(np.int64), row[new])), np.concatenate((self.at, at[new]))
        order = np.lexsort((ats, rows))
        loads, memories = np.concatenate((self.load, load[new])), np.concatenate((self.memory, memory[new]))
        return Bucket.of(rows[order], ats[order], loads[order], memories[order])

    def split(self, gone: Bools) -> tuple["Bucket", "Bucket | None"]:
        """Return the bucket without some rows (``gone``: bool for each row of the partition), and what they had."""
        lost = gone[self.row]
        if not lost.any():
            return self, None
        return self._only(~lost), self._only(lost)

    def _only(self, chosen: Bools) -> "Bucket":
        """Return the chosen samples."""
        return Bucket.of(self.row[chosen], self.at[chosen], self.load[chosen], self.memory[chosen])

    def means(self, place: Ints, count: int) -> Iterator[Floats]:
        """Yield the mean load and the mean memory of ``count`` rows, NaN where there is none.

        ``place`` says for each row of the partition which of them it is; -1: none.
        """
        where = place[self.row]
        inside = where >= 0
        whole = bool(inside.all())
        at = where if whole else where[inside]
        for column in (self.load, self.memory):
            values = column if whole else column[inside]
            if self.single:
                mean = np.full(count, np.nan)
                mean[at] = values
            else:
                known = np.isfinite(values)
                n = np.bincount(at[known], minlength=count)
                total = np.bincount(at[known], weights=values[known], minlength=count)
                mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
            yield mean

    def pack(self) -> bytes:
        """Write the bucket down; what did not change since the last time costs nothing."""
        if not self.packed:
            columns = (np.diff(self.row, prepend=np.int32(0)), self.at, self.load, self.memory)
            self.packed = zlib.compress(b"".join(map(shuffled, columns)), level=1)
        return self.packed

    @classmethod
    def unpack(cls, packed: bytes) -> "Bucket":
        """Read what :meth:`pack` gave.

        Raises
        ------
        msgspec.DecodeError
            It is something else.
        """
        try:
            raw = zlib.decompress(packed)
        except zlib.error as error:
            raise msgspec.DecodeError(f"bucket of {len(packed)} bytes: {error}") from error
        n, rest = divmod(len(raw), 28)
        if rest:
            raise msgspec.DecodeError(f"bucket of {len(raw)} bytes: must be a multiple of 28")
        row = np.cumsum(unshuffled(raw[: 4 * n], "<i4"), dtype=np.int32)
        columns = (unshuffled(raw[start * n : (start + 8) * n], "<f8") for start in (4, 12, 20))
        bucket = cls.of(row, *columns)
        bucket.packed = packed
        return bucket


def shuffled(column: NDArray[np.generic]) -> bytes:
    """Return a column's bytes, all first ones first: alike bytes beside each other compress well."""
    raw = np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"), copy=False))
    return np.ascontiguousarray(raw.view(np.uint8).reshape(len(raw), raw.itemsize).T).tobytes()


def unshuffled(raw: bytes, dtype: str) -> NDArray[Any]:
    """Return the column that :func:`shuffled` gave the bytes of."""
    width = np.dtype(dtype).itemsize
    turned = np.frombuffer(raw, np.uint8).reshape(width, len(raw) // width).T
    return np.ascontiguousarray(turned).view(dtype).reshape(-1).astype(np.dtype(dtype).newbyteorder("="))
