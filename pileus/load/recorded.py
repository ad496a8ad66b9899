"""Recorded loads: a CSV file (``.gz`` too) or a parquet file with a time and a value in each row.

The time is the column ``timestamp``, or the first one (s since the Unix epoch, or since any other
moment). The value is a rate or a level (>= 0) that holds until the next row. The largest value
becomes the peak. An empty value, and a step longer than 1.5 usual steps (rows are missing), is a
gap: the last value is held, and gaps are counted.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pileus.load.load import Load, LoadError
from pileus.load.shapes import positive
from pileus.load.table import Table, read_table

GAP = 1.5
"""A step longer than this many usual steps is a gap."""


def read(
    path: Path, *, column: str | None = None, start: float | None = None, end: float | None = None, speed: float = 1.0
) -> Load:
    """Read a recorded load from ``start`` to ``end`` (s, both included), to be replayed ``speed`` times as fast.

    Raises
    ------
    LoadError
        If the file cannot be read or a row cannot be used (says file, row, column and value), or
        if nothing is left between ``start`` and ``end`` (says what the file covers).
    """
    positive("speed", speed)
    table = read_table(path, column=column)
    held = _held(table.values)
    rows = _inside(path, table, held, start=start, end=end)
    times, values, peak = table.times[rows].tolist(), held[rows].tolist(), float(held[rows].max())
    if peak <= 0.0:
        raise LoadError(f"{path}: column '{table.column}' is 0 throughout: there is no load to send")
    step, missing = _usual(table.times[rows])
    gaps = missing + _stretches(np.isnan(table.values[rows]))
    first = times[0]
    what = f"{path.name} {table.column}, {rfc3339(first)} to {rfc3339(times[-1])}"
    return Load(
        shape=lambda t: values[max(bisect_right(times, first + t * speed) - 1, 0)] / peak,
        duration_s=(times[-1] - first + step) / speed,
        description=f"{what}, {speed:g} times as fast, {len(times)} rows, {gaps} gaps",
        gaps=gaps,
    )


def _held(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hold the last value where one is empty; what is before the first value stays NaN."""
    newest = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(values.size)))
    return values[newest]


def _stretches(empty: NDArray[np.bool_]) -> int:
    """Count the stretches of empty values."""
    return int((empty & ~np.concatenate(([False], empty[:-1]))).sum())


def _inside(
    path: Path, table: Table, held: NDArray[np.float64], *, start: float | None, end: float | None
) -> NDArray[np.bool_]:
    """Say which rows are from ``start`` to ``end`` and have a value, their own or a held one."""
    inside = ~np.isnan(held)
    if start is not None:
        inside &= table.times >= start
    if end is not None:
        inside &= table.times <= end
    if not inside.any():
        covers = f"{rfc3339(table.times[0])} to {rfc3339(table.times[-1])}" if table.times.size else "nothing"
        wished = f"{'its start' if start is None else rfc3339(start)} to {'its end' if end is None else rfc3339(end)}"
        raise LoadError(f"{path}: no value of '{table.column}' from {wished}: the file covers {covers}")
    return inside


def _usual(times: NDArray[np.float64]) -> tuple[float, int]:
    """Return the usual step between two rows (median, s) and the number of steps that are gaps."""
    if times.size < 2:  # noqa: PLR2004 - a step needs two rows
        return 1.0, 0
    between = np.diff(times)
    usual = float(np.median(between))
    return usual, int((between > GAP * usual).sum())


def moment(text: str) -> float:
    """Read an RFC 3339 time, such as ``1998-06-30T06:00:00Z``, as seconds since the Unix epoch.

    Raises
    ------
    LoadError
        If it is not one, or says no offset from UTC.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise LoadError(f"'{text}' is not an RFC 3339 time, such as 1998-06-30T06:00:00Z") from error
    if parsed.tzinfo is None:
        raise LoadError(f"'{text}' says no offset from UTC: append Z or +hh:mm")
    return parsed.timestamp()


def rfc3339(at: float) -> str:
    """Write a time (s since the Unix epoch) as RFC 3339; in seconds where the calendar does not reach."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return f"{at:g} s"
