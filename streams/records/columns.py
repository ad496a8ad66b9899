"""Health of many members in binary columns, as it is read; :mod:`streams.records.packed` writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.records.packed import HEAD, HEALTHY, LOAD, LOAD_LONG, MAGIC, MEMORY, MEMORY_LONG
from streams.records.sample import Health, HealthColumns

Floats = NDArray[np.float64]
PROBES = np.array([0.0, 1.0, *[np.nan] * 254])
"""What each byte of the column of probes says."""
NUMBERS: dict[int, np.dtype[Any]] = {4: np.dtype("<f4"), 8: np.dtype("<f8")}
"""Of the other columns, by their bytes."""


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


def unpack(raw: bytes) -> HealthBlock:
    """Read what :func:`streams.records.packed.pack` wrote of one cluster.

    Raises
    ------
    ValueError
        It is something else; the message says what.
    """
    block, end = _block(raw, 0)
    if end != len(raw):
        raise ValueError(f"binary columns of {len(raw)} bytes: the head says {end}")
    return block


def unpack_all(raw: bytes) -> list[HealthBlock]:
    """Read a message of one or several clusters, one after the other.

    Raises
    ------
    ValueError
        One of them is something else; the message says what.
    """
    return list(_blocks(raw))


def _blocks(raw: bytes) -> Iterator[HealthBlock]:
    """Read one after the other, at least one."""
    end = 0
    while not end or end < len(raw):
        block, end = _block(raw, end)
        yield block


def _block(raw: bytes, begin: int) -> tuple[HealthBlock, int]:
    """Read the columns that begin there; return where they end too."""
    if len(raw) < begin + HEAD.size:
        raise ValueError(f"binary columns of {len(raw) - begin} bytes: the head alone has {HEAD.size}")
    magic, flags, n, *lengths = HEAD.unpack_from(raw, begin)
    if magic != MAGIC or not n or flags >= 2 * MEMORY_LONG:
        raise ValueError(f"binary columns: version {magic!r}, flags {flags}, {n} rows cannot be read")
    widths = [8, *_width(flags, LOAD, LOAD_LONG), *_width(flags, MEMORY, MEMORY_LONG), 1 if flags & HEALTHY else 0]
    if len(raw) < (end := begin + HEAD.size + sum(lengths) + n * sum(widths)):
        raise ValueError(f"binary columns of {len(raw)} bytes: the head says {end}")
    texts, place = [], begin + HEAD.size
    for length in lengths:
        texts.append(raw[place : place + length])
        place += length
    columns = []
    with np.errstate(invalid="ignore"):  # a signalling NaN is one like any other
        for width in widths:
            columns.append(_column(raw, place, n, width))
            place += n * width
    tenant, application, cluster = (text.decode() for text in texts[:3])
    return HealthBlock(tenant, application, cluster, texts[3], texts[4], *columns), end


def _width(flags: int, here: int, long: int) -> Sequence[int]:
    """Return how many bytes a number of a column takes; 0 without the column."""
    return [0 if not flags & here else 8 if flags & long else 4]


def _column(raw: bytes, place: int, n: int, width: int) -> Floats:
    """Read one column; NaN where there is nothing."""
    if width == 0:
        return np.full(n, np.nan)
    if width == 1:
        return PROBES[np.frombuffer(raw, np.uint8, n, place)]
    numbers: Floats = np.frombuffer(raw, NUMBERS[width], n, place).astype(np.float64, copy=False)
    return numbers


def as_columns(block: HealthBlock, *others: HealthBlock) -> HealthColumns:
    """Return an envelope as the record that is written in JSON: of one cluster, or of several of one application.

    Raises
    ------
    ValueError
        Its names cannot be read.
    """
    blocks = (block, *others)
    load, memory, healthy = (
        [None if value != value else value for column in columns for value in column.tolist()]  # noqa: PLR0124 - NaN alone differs
        for columns in zip(*((each.load, each.memory, each.healthy) for each in blocks), strict=True)
    )
    return HealthColumns(
        tenant=block.tenant,
        application=block.application,
        cluster="" if others else block.cluster,
        clusters=[each.cluster for each in blocks for _ in range(each.at.size)] if others else None,
        member=[name for each in blocks for name in each.members],
        at=[at for each in blocks for at in each.at.tolist()],
        load_average=load,
        memory_consumption=memory,
        healthy=[None if each is None else bool(each) for each in healthy],
    )
