"""A *column* of numbers that takes no more room than they need, and gives back every bit of them.

What is measured mostly has few digits: hundredths of a percent, thousandths of a second. Then it is a whole number
over 1, 100 or 1000, and 1 to 4 bytes hold it in place of 8.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.window import Floats

SCALES = (1.0, 100.0, 1000.0)
"""Whole numbers over these are tried."""
WIDTHS = ("|u1", "<u2", "<u4")
BYTE = 255
EXACT = 2.0**53
"""Whole numbers below it are exact."""
WIDE = "<f8"


class Packed(msgspec.Struct, array_like=True):
    """A column as a checkpoint has it."""

    kind: str
    """Of its numbers, little-endian."""
    scale: float
    least: float
    raw: bytes
    """All first bytes first: alike bytes beside each other compress well."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Numbers: (``least`` + each of ``raw``) / ``scale``; NaN where ``raw`` is as large as it can be."""

    raw: NDArray[Any]
    scale: float = 0.0
    """0: ``raw`` is the numbers themselves."""
    least: float = 0.0

    @property
    def values(self) -> Floats:
        """Return the numbers."""
        if not self.scale:
            return self.raw
        values = (self.raw + self.least) / self.scale
        missing = self.raw == np.iinfo(self.raw.dtype).max
        if missing.any():
            values[missing] = np.nan
        return values

    def chosen(self, which: NDArray[np.bool_]) -> "Column":
        """Return some of the numbers."""
        return Column(self.raw[which], self.scale, self.least)

    def narrow(self) -> "Column":
        """Return the same numbers in as little room as this knows of."""
        if self.scale:
            return self
        known = np.isfinite(self.raw)
        numbers = self.raw[known]
        if not np.isnan(self.raw[~known]).all() or np.signbit(numbers).any() or numbers.max(initial=0.0) >= EXACT:
            return self
        for scale in SCALES:
            whole = np.rint(numbers * scale)
            if whole.max(initial=0.0) < EXACT and np.array_equal(whole / scale, numbers):
                return self._narrow(whole, known, scale)
        return self

    def _narrow(self, whole: Floats, known: NDArray[np.bool_], scale: float) -> "Column":
        """Return whole numbers in as few bytes as their range needs."""
        least = float(whole.min(initial=EXACT)) if whole.size else 0.0
        span = float(whole.max(initial=0.0)) - least
        for kind in WIDTHS:
            most = np.iinfo(kind).max
            if span < most:
                raw = np.full(known.size, most, dtype=kind)
                raw[known] = whole - least
                return Column(raw, scale, least)
        return self

    def pack(self) -> Packed:
        """Write the numbers down: the same for the same numbers, however they are held."""
        narrow = Column(self.values).narrow()
        kind = narrow.raw.dtype.newbyteorder("<").str
        return Packed(kind, narrow.scale, narrow.least, shuffled(narrow.raw))

    @classmethod
    def unpack(cls, packed: Packed) -> "Column":
        """Read what :meth:`pack` gave.

        Raises
        ------
        ValueError
            It is something else.
        """
        if packed.kind not in (WIDTHS if packed.scale else (WIDE,)):
            raise ValueError(f"column of '{packed.kind}' over {packed.scale}")
        return cls(unshuffled(packed.raw, packed.kind), packed.scale, packed.least)


@dataclass(frozen=True, slots=True, eq=False)
class Ascending:
    """Whole numbers that do not descend, as a rule by one: then a byte holds each less the one before it."""

    raw: NDArray[Any]
    least: int = 0

    @property
    def values(self) -> NDArray[np.int32]:
        """Return the numbers."""
        if self.raw.dtype != np.uint8:
            return self.raw
        values: NDArray[np.int32] = np.cumsum(self.raw, dtype=np.int32)
        values += np.int32(self.least)
        return values

    @property
    def size(self) -> int:
        """How many there are."""
        return self.raw.size

    def narrow(self) -> "Ascending":
        """Return the same numbers in as little room as this knows of."""
        if self.raw.dtype == np.uint8 or not self.raw.size:
            return self
        least = int(self.raw[0])
        apart = np.diff(self.raw, prepend=self.raw[:1])
        return Ascending(apart.astype(np.uint8), least) if apart.max() <= BYTE else self


def shuffled(column: NDArray[np.generic]) -> bytes:
    """Return a column's bytes, all first ones first: alike bytes beside each other compress well."""
    raw = np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"), copy=False))
    return np.ascontiguousarray(raw.view(np.uint8).reshape(len(raw), raw.itemsize).T).tobytes()


def unshuffled(raw: bytes, dtype: str) -> NDArray[Any]:
    """Return the column that :func:`shuffled` gave the bytes of.

    Raises
    ------
    ValueError
        Their number is no multiple of what one takes.
    """
    width = np.dtype(dtype).itemsize
    turned = np.frombuffer(raw, np.uint8).reshape(width, len(raw) // width).T
    return np.ascontiguousarray(turned).view(dtype).reshape(-1).astype(np.dtype(dtype).newbyteorder("="))
