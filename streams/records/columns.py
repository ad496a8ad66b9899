"""Health of many members in binary columns: what :class:`HealthColumns` says, in half the bytes.

docs/wire.md has the layout byte by byte. All numbers are little-endian.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from streams.records.sample import Health, HealthColumns

MAGIC = b"\xb1PH\x01"
"""What such a message begins with; the last byte is the version. No JSON begins so."""
HEAD = struct.Struct("<4sBxxxIHHHHI")
"""Magic, flags, rows, lengths of tenant, application, cluster and prefix, length of the suffixes (bytes)."""
LOAD, MEMORY, HEALTHY, LOAD_LONG, MEMORY_LONG = 1, 2, 4, 8, 16
"""Flags: which columns follow ``at``, and which of them have 8 bytes a number instead of 4."""
UNKNOWN = 2
"""In the column of probes: there was none."""
LONGEST = 255
"""Bytes of a member's name after the prefix that all have in common."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HealthBlock:
    """An envelope as it came: columns as numbers, the names not yet taken apart."""

    tenant: str
    application: str
    cluster: str
    prefix: bytes
    suffixes: bytes
    at: Floats
    load: Floats
    """NaN: not measured."""
    memory: Floats
    healthy: Floats
    """1, 0, or NaN: not probed."""

    @cached_property
    def members(self) -> list[str]:
        """Return the members' names.

        Raises
        ------
        ValueError
            They are no UTF-8, or not as many as the rows.
        """
        names, place = [], 0
        while place < len(self.suffixes):
            end = place + 1 + self.suffixes[place]
            names.append((self.prefix + self.suffixes[place + 1 : end]).decode())
            place = end
        if place != len(self.suffixes) or len(names) != self.at.size:
            raise ValueError(f"{len(names)} names in {len(self.suffixes)} bytes, for {self.at.size} rows")
        return names

    def row(self, i: int) -> Health:
        """Return one row as a sample of its own."""
        load, memory, healthy = (float(column[i]) for column in (self.load, self.memory, self.healthy))
        return Health(
            tenant=self.tenant,
            application=self.application,
            cluster=self.cluster,
            member=self.members[i],
            at=float(self.at[i]),
            load_average=None if np.isnan(load) else load,
            memory_consumption=None if np.isnan(memory) else memory,
            healthy=None if np.isnan(healthy) else bool(healthy),
        )


def pack(many: HealthColumns) -> bytes:
    """Write columns as binary. Numbers that 4 bytes hold exactly take 4, others 8: nothing is lost.

    Raises
    ------
    ValueError
        The columns make no rows, or a name is too long.
    """
    n = len(many.member)
    if not n or any(c is not None and len(c) != n for c in (many.at, many.load_average, many.memory_consumption)):
        raise ValueError(f"{n} members: need at least one, and columns of that length")
    names = [name.encode() for name in many.member]
    prefix = _common(min(names), max(names))
    tails = [name[len(prefix) :] for name in names]
    if max(map(len, tails)) > LONGEST:
        raise ValueError(f"a member's name has more than {LONGEST} bytes after the prefix")
    suffixes = b"".join(bytes([len(tail)]) + tail for tail in tails)
    flags, columns = 0, [np.array(many.at, dtype="<f8").tobytes()]
    for values, here, long in (
        (many.load_average, LOAD, LOAD_LONG),
        (many.memory_consumption, MEMORY, MEMORY_LONG),
    ):
        if values is not None:
            raw, wide = _numbers(values)
            flags |= here | (long if wide else 0)
            columns.append(raw)
    if many.healthy is not None:
        flags |= HEALTHY
        columns.append(bytes(UNKNOWN if each is None else int(each) for each in many.healthy))
    texts = [text.encode() for text in (many.tenant, many.application, many.cluster)]
    head = HEAD.pack(MAGIC, flags, n, *map(len, texts), len(prefix), len(suffixes))
    return b"".join([head, *texts, prefix, suffixes, *columns])


def unpack(raw: bytes) -> HealthBlock:
    """Read what :func:`pack` wrote.

    Raises
    ------
    ValueError
        It is something else; the message says what.
    """
    if len(raw) < HEAD.size:
        raise ValueError(f"binary columns of {len(raw)} bytes: the head alone has {HEAD.size}")
    magic, flags, n, *lengths = HEAD.unpack_from(raw)
    if magic != MAGIC or not n or flags >= 2 * MEMORY_LONG:
        raise ValueError(f"binary columns: version {magic!r}, flags {flags}, {n} rows cannot be read")
    widths = [8, *_width(flags, LOAD, LOAD_LONG), *_width(flags, MEMORY, MEMORY_LONG), 1 if flags & HEALTHY else 0]
    if len(raw) != (wanted := HEAD.size + sum(lengths) + n * sum(widths)):
        raise ValueError(f"binary columns of {len(raw)} bytes: the head says {wanted}")
    texts, place = [], HEAD.size
    for length in lengths:
        texts.append(raw[place : place + length])
        place += length
    columns = []
    for width in widths:
        columns.append(_column(raw, place, n, width))
        place += n * width
    tenant, application, cluster = (text.decode() for text in texts[:3])
    return HealthBlock(tenant, application, cluster, texts[3], texts[4], *columns)


def _width(flags: int, here: int, long: int) -> Sequence[int]:
    """Return how many bytes a number of a column takes; 0 without the column."""
    return [0 if not flags & here else 8 if flags & long else 4]


def _column(raw: bytes, place: int, n: int, width: int) -> Floats:
    """Read one column; NaN where there is nothing."""
    if width == 0:
        return np.full(n, np.nan)
    if width > 1:
        with np.errstate(invalid="ignore"):  # a signalling NaN is one like any other
            return np.frombuffer(raw, f"<f{width}", n, place).astype(np.float64)
    probes = np.frombuffer(raw, np.uint8, n, place)
    return np.where(probes >= UNKNOWN, np.nan, probes.astype(np.float64))


def _numbers(values: Sequence[float | None]) -> tuple[bytes, bool]:
    """Return the bytes of a column, and whether its numbers take 8 each."""
    wide = np.array(values, dtype="<f8")
    with np.errstate(over="ignore"):  # then it takes 8 bytes
        short = wide.astype("<f4")
    if np.array_equal(short.astype("<f8"), wide, equal_nan=True):
        return short.tobytes(), False
    return wide.tobytes(), True


def _common(first: bytes, last: bytes) -> bytes:
    """Return what the first and the last of some names, and so all between, begin with."""
    n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:n]


def as_columns(block: HealthBlock) -> HealthColumns:
    """Return an envelope as the record that is written in JSON.

    Raises
    ------
    ValueError
        Its names cannot be read.
    """
    load, memory, healthy = (
        [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN alone differs
        for column in (block.load, block.memory, block.healthy)
    )
    return HealthColumns(
        tenant=block.tenant,
        application=block.application,
        cluster=block.cluster,
        member=block.members,
        at=block.at.tolist(),
        load_average=load,
        memory_consumption=memory,
        healthy=[None if each is None else bool(each) for each in healthy],
    )
