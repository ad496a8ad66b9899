"""Reads the load that a replay is to have: CSV, parquet, Prometheus' range JSON, or a recording of the topics."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actuators.lab.load import Load
from pileus.lab.prometheus import matrix
from pileus.lab.series import Floats, regular
from pileus.load.load import LoadError
from pileus.load.table import read_tables
from streams.records.forecast import Signal

SIGNALS = tuple(signal.value for signal in Signal)
ALL = "all"
RECORDINGS = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file is to be read."""

    columns: Sequence[str] = ()
    """Columns, labels or clusters; none: the first, or those named as signals; ``all``: each a load of its own."""
    signal: str = Signal.REQUESTS_IN_FLIGHT.value
    """What a column is that is not named as a signal."""
    step_s: float | None = None
    ceiling: float | None = None


def is_recording(path: Path) -> bool:
    """Say whether a file is named as a recording of the topics."""
    return path.name.endswith(RECORDINGS)


def read_loads(path: Path, how: Reading) -> list[Load]:
    """Read every load that is asked for.

    Raises
    ------
    LoadError
        If the file cannot be used; says file, row, column and value.
    """
    if not path.is_file():
        raise LoadError(f"no file '{path}'")
    if is_recording(path):
        return list(_recorded(path, how))
    if path.name.endswith((".json", ".json.gz")):
        return list(_prometheus(path, how))
    return _table(path, how)


def _table(path: Path, how: Reading) -> list[Load]:
    """Read columns of a table. Those named as signals are one cluster's; every other one is a cluster of its own."""
    tables = read_tables(path, columns=None if list(how.columns) in ([], [ALL]) else how.columns)
    if not how.columns:
        named = [table for table in tables if table.column in SIGNALS]
        tables = named or tables[:1]
    factors = [table for table in tables if table.column in SIGNALS]
    loads = [] if not factors else [(path.name, {table.column: table.values for table in factors})]
    others = [table for table in tables if table.column not in SIGNALS]
    loads += [(f"{path.name} {table.column}", {how.signal: table.values}) for table in others]
    return [regular(name, tables[0].times, columns, step_s=how.step_s, ceiling=how.ceiling) for name, columns in loads]


def _prometheus(path: Path, how: Reading) -> Iterator[Load]:
    """Read the series of a range query; each is a load."""
    series = matrix(path)
    names = [name for name, _, _ in series]
    wished = names[:1] if not how.columns else names if ALL in how.columns else list(how.columns)
    if unknown := [name for name in wished if name not in names]:
        raise LoadError(f"{path}: no series '{unknown[0]}', has: {', '.join(names[:10])}")
    for name, times, values in series:
        if name in wished:
            signal = name if name in SIGNALS else how.signal
            yield regular(f"{path.name} {name}", times, {signal: values}, step_s=how.step_s, ceiling=how.ceiling)


def _recorded(path: Path, how: Reading) -> Iterator[Load]:
    """Read what the clusters of a recording had to carry, as its own worker saw it."""
    from actuators.replay import replay  # noqa: PLC0415 - only recordings need the folds
    from pileus.rules import worker_rules  # noqa: PLC0415
    from streams.recording import lines, recorded_settings  # noqa: PLC0415

    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as text:
            recording = list(lines(text))
        settings = recorded_settings(recording)
    except (OSError, ValueError) as error:
        raise LoadError(f"{path}: {error}") from error
    rows: dict[str, list[tuple[float, dict[str, float]]]] = {}
    rules = worker_rules(settings)
    for forecasts in replay(recording, [], rules=rules, heartbeat_s=settings.heartbeat_s).forecasts:
        for cluster in forecasts.clusters:
            known = {s.signal.value: s.observed for s in cluster.signals if s.ready and s.observed is not None}
            rows.setdefault(cluster.cluster, []).append((forecasts.at - rules.evaluation_s, known))
    for name in _wished(path, list(rows), how):
        times = np.array([at for at, _ in rows[name]])
        columns = {signal: _column(signal, rows[name]) for signal in SIGNALS}
        measured = {signal: values for signal, values in columns.items() if np.isfinite(values).any()}
        if not measured:
            raise LoadError(f"{path}: nothing was measured of cluster {name}")
        yield regular(f"{path.name} {name}", times, measured, step_s=rules.evaluation_s, ceiling=how.ceiling)


def _wished(path: Path, names: list[str], how: Reading) -> list[str]:
    """Return the clusters that are asked for."""
    if unknown := [name for name in how.columns if name not in {*names, ALL}]:
        raise LoadError(f"{path}: no cluster '{unknown[0]}', has: {', '.join(names)}")
    if not names:
        raise LoadError(f"{path}: holds no tick of any cluster")
    return names if not how.columns or ALL in how.columns else list(how.columns)


def _column(signal: str, rows: Sequence[tuple[float, dict[str, float]]]) -> Floats:
    return np.array([known.get(signal, np.nan) for _, known in rows])
