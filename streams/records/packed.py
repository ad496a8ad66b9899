"""Health of many members in binary columns, as it is written: what :class:`HealthColumns` says, in half the bytes.

docs/wire.md has the layout byte by byte. All numbers are little-endian. No numpy: an agent must cost next to nothing.
"""

import struct
from collections.abc import Sequence

from streams.records.apart import by_cluster
from streams.records.sample import HealthColumns

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

NAN = float("nan")


def pack(many: HealthColumns) -> bytes:
    """Write columns as binary. Numbers that 4 bytes hold exactly take 4, others 8: nothing is lost.

    Raises
    ------
    ValueError
        The columns make no rows, or a name is too long.
    """
    return b"".join(map(_pack, by_cluster(many)))


def _pack(many: HealthColumns) -> bytes:
    """Write the columns of one cluster."""
    n = len(many.member)
    names = [name.encode() for name in many.member]
    prefix = _common(min(names), max(names))
    tails = [name[len(prefix) :] for name in names]
    if max(map(len, tails)) > LONGEST:
        raise ValueError(f"a member's name has more than {LONGEST} bytes after the prefix")
    suffixes = b"".join(bytes([len(tail)]) + tail for tail in tails)
    flags, columns = 0, [struct.pack(f"<{n}d", *many.at)]
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


def _numbers(values: Sequence[float | None]) -> tuple[bytes, bool]:
    """Return the bytes of a column, and whether its numbers take 8 each."""
    wide = [NAN if value is None else value for value in values]
    try:
        short = struct.pack(f"<{len(wide)}f", *wide)
    except OverflowError:  # larger than 4 bytes can say
        return struct.pack(f"<{len(wide)}d", *wide), True
    if all(a == b or a != a for a, b in zip(wide, struct.unpack(f"<{len(wide)}f", short), strict=True)):  # noqa: PLR0124 - NaN
        return short, False
    return struct.pack(f"<{len(wide)}d", *wide), True


def _common(first: bytes, last: bytes) -> bytes:
    """Return what the first and the last of some names, and so all between, begin with."""
    n = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:n]
