"""What each member is heading for by itself, in columns: part of a cluster's forecast. docs/wire.md has the layout."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNKNOWN = 2
"""In the column of probes: there was none, or it is stale."""
NUMBER = np.dtype("<f4")
"""Little-endian; what is not finite is unknown."""
DECIMALS = 3
"""What a number is rounded to when it is read: so far float32 is exact for percents, and for ages below some hours."""


class MemberForecast(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One member's own load at the horizon: what victims are chosen by."""

    member: str
    load_average: float | None = None
    """Percent; ``None`` when its newest sample is stale."""
    memory_consumption: float | None = None
    """Percent."""
    healthy: bool | None = None
    """What its probe says; ``None`` when there is none or it is stale."""
    age_s: float | None = None
    """Age of the member's newest sample (s); ``None`` when it never reported."""


class MemberColumns(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The members of one cluster that serve or are on their way: row i of every column is one :class:`MemberForecast`.

    In JSON a column is base64 of its bytes. They are taken apart only where somebody asks for a member.
    """

    member: list[str] = []
    """Sorted."""
    load_average: bytes = b""
    """Percent: float32, little-endian; what is not finite is unknown, here and below."""
    memory_consumption: bytes = b""
    """Percent: float32."""
    healthy: bytes = b""
    """One byte each: 0 unhealthy, 1 healthy, 2 unknown."""
    age_s: bytes = b""
    """Age of the newest sample (s): float32."""

    def __post_init__(self) -> None:
        """Check that the columns make rows.

        Raises
        ------
        ValueError
            A column has another length.
        """
        n = len(self.member)
        lengths = [len(each) for each in (self.load_average, self.memory_consumption, self.age_s, self.healthy)]
        if lengths != [4 * n, 4 * n, 4 * n, n]:
            raise ValueError(f"{n} members: need columns of {4 * n}, {4 * n}, {4 * n} and {n} bytes, got {lengths}")

    def each(self) -> Iterator[MemberForecast]:
        """Yield the rows; what is not finite is unknown, numbers are rounded to three decimals."""
        numbers = (_numbers(column) for column in (self.load_average, self.memory_consumption, self.age_s))
        for name, load, memory, age_s, healthy in zip(self.member, *numbers, self.healthy, strict=True):
            yield MemberForecast(
                member=name,
                load_average=load,
                memory_consumption=memory,
                healthy=None if healthy >= UNKNOWN else bool(healthy),
                age_s=age_s,
            )

    def by_name(self) -> dict[str, MemberForecast]:
        """Return the rows by member."""
        return {each.member: each for each in self.each()}


def columns_of(members: Sequence[MemberForecast]) -> MemberColumns:
    """Return rows as columns."""
    return MemberColumns(
        member=[each.member for each in members],
        load_average=_bytes(each.load_average for each in members),
        memory_consumption=_bytes(each.memory_consumption for each in members),
        healthy=bytes(UNKNOWN if each.healthy is None else each.healthy for each in members),
        age_s=_bytes(each.age_s for each in members),
    )


def laid_out(
    names: Sequence[list[str]], load: Floats, memory: Floats, healthy: Floats, age_s: Floats
) -> list[MemberColumns]:
    """Cut columns that go over several clusters, one after the other, into each one's own."""
    wide = [column.astype(NUMBER).tobytes() for column in (load, memory, age_s)]
    narrow, size, begin, found = healthy.astype(np.uint8).tobytes(), NUMBER.itemsize, 0, []
    for members in names:
        end = begin + len(members)
        loads, memories, ages = (column[size * begin : size * end] for column in wide)
        found.append(
            MemberColumns(
                member=members,
                load_average=loads,
                memory_consumption=memories,
                healthy=narrow[begin:end],
                age_s=ages,
            )
        )
        begin = end
    return found


def _bytes(values: Iterable[float | None]) -> bytes:
    """Write a column."""
    column: NDArray[np.float32] = np.array([np.nan if each is None else each for each in values], dtype=NUMBER)
    return column.tobytes()


def _numbers(column: bytes) -> list[float | None]:
    """Read a column."""
    values = np.frombuffer(column, NUMBER)
    rounded: list[float] = values.astype(np.float64).round(DECIMALS).tolist()
    known: list[bool] = np.isfinite(values).tolist()
    return [value if is_known else None for value, is_known in zip(rounded, known, strict=True)]
