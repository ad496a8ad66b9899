"""Reads two columns of a file, times and values, and says which cell is wrong when one is."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pileus.load.load import LoadError

if TYPE_CHECKING:
    import pandas as pd

TIME = "timestamp"
SUFFIXES = (".csv", ".csv.gz", ".parquet")
HEADER_ROWS = 1
NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A time and a value in each row, in order of time."""

    column: str
    """Name of the values."""
    times: NDArray[np.float64]
    """Strictly increasing (s)."""
    values: NDArray[np.float64]
    """Not negative; NaN where the cell is empty."""


def read_table(path: Path, *, column: str | None = None) -> Table:
    """Read the column ``timestamp`` (or the first one) and ``column`` (or the first other one) of a file.

    Raises
    ------
    LoadError
        If the file cannot be read, or a cell cannot be used: says file, row, column and value.
    """
    frame = _frame(path)
    name = _names(path, [str(c) for c in frame.columns], column)[1]
    return _tables(path, frame, [name])[0]


def read_tables(path: Path, *, columns: Sequence[str] | None = None) -> list[Table]:
    """Read these columns, or every one, beside the times; see :func:`read_table`.

    Raises
    ------
    LoadError
        If the file cannot be read, or a cell cannot be used: says file, row, column and value.
    """
    frame = _frame(path)
    known = [str(c) for c in frame.columns]
    time = _names(path, known, None)[0]
    wished = [n for n in known if n != time] if columns is None else [_names(path, known, n)[1] for n in columns]
    return _tables(path, frame, wished)


def _tables(path: Path, frame: "pd.DataFrame", wished: Sequence[str]) -> list[Table]:
    """Read the times once, and columns that are there."""
    time = _names(path, [str(c) for c in frame.columns], None)[0]
    times = _numbers(path, frame[time], name=time)
    if bad := np.flatnonzero(np.isnan(times)).tolist():
        raise _fault(path, frame[time], bad[0], "a time must not be empty")
    if bad := np.flatnonzero(np.diff(times) <= 0.0).tolist():
        before = frame[time].iloc[bad[0]]
        raise _fault(path, frame[time], bad[0] + 1, f"must be later than the row before ({before})")
    return [Table(column=name, times=times, values=_values(path, frame[name], name)) for name in wished]


def _values(path: Path, column: "pd.Series", name: str) -> NDArray[np.float64]:
    """Read a column of loads."""
    values = _numbers(path, column, name=name)
    if bad := np.flatnonzero(values < 0.0).tolist():
        raise _fault(path, column, bad[0], "must not be negative")
    return values


def _frame(path: Path) -> "pd.DataFrame":
    """Read the file; CSV as text, so that a fault is shown as it stands there. The index is the row in the file."""
    import pandas as pd  # noqa: PLC0415 - takes long to load, and only recordings need it

    if not path.name.endswith(SUFFIXES):
        raise LoadError(f"{path}: not a recording: its name must end with {', '.join(SUFFIXES)}")
    try:
        if path.suffix == ".parquet":
            return _numbered(pd.read_parquet(path), first=1)
        frame = pd.read_csv(path, dtype=str, skip_blank_lines=False, encoding="utf-8-sig", index_col=False)
    except (OSError, ValueError, EOFError) as error:  # of pandas, pyarrow, gzip and the file system
        raise LoadError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if any(_is_number(str(name)) for name in frame.columns[:2]):
        raise LoadError(f"{path}: row 1 must name the columns, has: {_few([str(c) for c in frame.columns])}")
    return _numbered(frame, first=1 + HEADER_ROWS).dropna(how="all")


def _numbered(frame: "pd.DataFrame", *, first: int) -> "pd.DataFrame":
    """Let the index be the number of the row in the file."""
    frame.index = frame.index.__class__(range(first, first + len(frame)))
    return frame


def _is_number(text: str) -> bool:
    """Say whether ``text`` can be read as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _names(path: Path, names: Sequence[str], column: str | None) -> tuple[str, str]:
    """Choose the columns of the times and of the values."""
    time = TIME if TIME in names else next(iter(names), "")
    others = [n for n in names if n != time]
    if not others:
        raise LoadError(f"{path}: needs a column of times and one of values, has: {_few(names)}")
    if column is None or column in others:
        return time, column or others[0]
    near = difflib.get_close_matches(column, others, n=1)
    raise LoadError(f"{path}: no column '{column}'" + (f", did you mean '{near[0]}'?" if near else f": {_few(others)}"))


def _few(names: Sequence[str]) -> str:
    """Name a file's columns, the first ten of them."""
    return ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "") or "none"


def _numbers(path: Path, column: "pd.Series", *, name: str) -> NDArray[np.float64]:
    """Read a column as finite numbers; an empty cell becomes NaN."""
    import pandas as pd  # noqa: PLC0415 - see above

    if pd.api.types.is_datetime64_any_dtype(column):
        column = (column - pd.Timestamp(0, tz=column.dt.tz)).dt.total_seconds()
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isfinite(numbers) & column.notna().to_numpy()
    if bad := np.flatnonzero(wrong).tolist():
        raise _fault(path, column, bad[0], f"'{name}' needs a number")
    return numbers


def _fault(path: Path, column: "pd.Series", position: int, said: str) -> LoadError:
    """Say where a cell stands, what it holds, and what is wrong with it."""
    row, value = column.index[position], column.iloc[position]
    return LoadError(f"{path}, row {row}, column '{column.name}', value '{value}': {said}")
