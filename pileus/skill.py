"""Series to score forecasts on, from files; and the table of what was reached."""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np

from pileus.load.load import LoadError
from pileus.load.table import SUFFIXES, Table, read_table
from predictors.registry import PREDICTORS
from predictors.series import DAY_S, FARTHEST, Floats
from predictors.skill import Cell, Skill, geometric_mean, score

MANIFEST = "cells.json"
HORIZONS_S = (60.0, 300.0, 900.0)
"""Of a file without a manifest."""
SLOWEST_S, FASTEST_S = 60.0, 10.0
"""Bounds of the step that a horizon is forecast with, a fifth of it between them (s)."""
MOST = 10_000_000
"""Steps that a series may have."""


class Entry(msgspec.Struct):
    """One series of a manifest."""

    file: str
    step_s: float
    horizons_s: list[float]
    period_s: float = DAY_S


def read_cells(paths: Sequence[Path]) -> list[Cell]:
    """Read the cells of files (CSV, parquet) and of folders with a ``cells.json``.

    Raises
    ------
    LoadError
        If one cannot be read: says which and why.
    """
    return [cell for path in paths for cell in (_manifest(path) if _has_manifest(path) else _file(path))]


def measure(cells: Sequence[Cell], names: Sequence[str], *, processes: int) -> list[Skill]:
    """Score predictors on cells in several processes; in the order of the cells, and by name within a cell."""
    work = [(name, each) for name in names for each in _shares(cells, processes)]
    if processes == 1 or len(work) == 1:
        done = [_measured(*each) for each in work]
    else:
        with ProcessPoolExecutor(min(processes, len(work)), mp_context=get_context("spawn")) as pool:
            done = list(pool.map(_measured, *zip(*work, strict=True)))
    found = {(s.name, s.horizon_s, s.predictor): s for skills in done for s in skills}
    return [found[cell.name, cell.horizon_s, name] for cell in cells for name in names]


def table(skills: Sequence[Skill]) -> str:
    """Return the figures as text: each cell, then each predictor's means and worst cell."""
    width = max([len("geometric mean"), *(len(s.name) for s in skills)])
    lines = [f"{'series':<{width}} {'horizon':>8}  {'predictor':<12}{'n':>7}{'relMAE':>9}{'pinball':>9}{'P90':>7}"]
    lines += [
        f"{s.name:<{width}} {s.horizon_s:>6g} s  {s.predictor:<12}{s.n:>7}"
        f"{_figure(s.relmae):>9}{_figure(s.relpinball90):>9}{_figure(s.coverage90):>7}"
        for s in skills
    ]
    for name in dict.fromkeys(s.predictor for s in skills):
        own = [s for s in skills if s.predictor == name]
        for what, of in (("geometric mean", geometric_mean), ("worst cell", _worst)):
            figures = (_figure(of(s.relmae for s in own)), _figure(of(s.relpinball90 for s in own)))
            lines.append(f"{what:<{width}} {'':>8}  {name:<12}{'':>7}{figures[0]:>9}{figures[1]:>9}")
    return "\n".join(lines) + "\n"


def as_json(skills: Sequence[Skill]) -> bytes:
    """Return the figures as JSON; one that does not exist is null."""
    return msgspec.json.format(msgspec.json.encode(skills)) + b"\n"


def resampled(table: Table, step_s: float) -> Floats:
    """Average a table over steps from its first row on; NaN where a step has no value.

    Raises
    ------
    ValueError
        If that would be more than ten million steps.
    """
    place = np.floor((table.times - table.times[0]) / step_s + 1e-6)
    if not place[-1] < MOST:
        raise ValueError(f"{place[-1]:.0f} steps of {step_s:g} s, at most {MOST}")
    known = np.isfinite(table.values)
    n, places = int(place[-1]) + 1, place[known].astype(np.int64)
    count = np.bincount(places, minlength=n)
    sums = np.bincount(places, weights=table.values[known], minlength=n)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def _has_manifest(path: Path) -> bool:
    """Return whether a path is a manifest or a folder with one."""
    if path.is_dir() and not (path / MANIFEST).is_file():
        raise LoadError(f"{path}: has no {MANIFEST}")
    return path.is_dir() or path.suffix == ".json"


def _manifest(path: Path) -> list[Cell]:
    """Read the cells that a manifest names, beside it."""
    file = path / MANIFEST if path.is_dir() else path
    try:
        entries = msgspec.json.decode(file.read_bytes(), type=dict[str, Entry])
    except (OSError, msgspec.DecodeError) as error:
        raise LoadError(f"{file}: {error}") from error
    return [
        _cell(name, found, horizon_s=horizon_s, step_s=each.step_s, period_s=each.period_s, path=file)
        for name, each in entries.items()
        for found in [read_table(file.parent / each.file)]
        for horizon_s in each.horizons_s
    ]


def _file(path: Path) -> list[Cell]:
    """Read one series, at each horizon with the step that a worker would take."""
    found, name = read_table(path), path.name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    if found.times.size < 2:  # noqa: PLR2004 - a step is between two
        raise LoadError(f"{path}: needs at least 2 rows")
    usual = float(np.median(np.diff(found.times)))
    cells = []
    for horizon_s in HORIZONS_S:
        step_s = max(1, math.floor(min(max(horizon_s / 5.0, FASTEST_S), SLOWEST_S) / usual)) * usual
        if horizon_s >= step_s and horizon_s / step_s <= FARTHEST:
            cells.append(_cell(name, found, horizon_s=horizon_s, step_s=step_s, period_s=DAY_S, path=path))
    if not cells:
        raise LoadError(f"{path}: rows are {usual:g} s apart, too far for a horizon of {HORIZONS_S[-1]:g} s")
    return cells


def _cell(name: str, table: Table, *, horizon_s: float, step_s: float, period_s: float, path: Path) -> Cell:
    """Make a cell; say of which file it cannot be."""
    try:
        return Cell(name, horizon_s, step_s, resampled(table, step_s), period_s)
    except (ValueError, ZeroDivisionError) as error:
        raise LoadError(f"{path}: {name}: {error}") from error


def _shares(cells: Sequence[Cell], processes: int) -> list[list[Cell]]:
    """Share the cells out: a batch costs by its longest series, so those of similar length go together."""
    ordered = sorted(cells, key=lambda cell: -cell.values.size)
    lengths = sorted({cell.values.size for cell in cells}, reverse=True)
    cuts = lengths[: max(processes, 1)]
    shares: dict[int, list[Cell]] = {}
    for cell in ordered:
        shares.setdefault(min(cut for cut in cuts if cut >= cell.values.size), []).append(cell)
    return list(shares.values())


def _measured(name: str, cells: Sequence[Cell]) -> list[Skill]:
    """Score one predictor; runs in a process of its own."""
    return score(PREDICTORS[name], cells, name=name)


def _worst(values: Iterable[float]) -> float:
    """Return the largest finite value; NaN without one."""
    return max((value for value in values if math.isfinite(value)), default=math.nan)


def _figure(value: float) -> str:
    """Write a figure; a dash for none."""
    return f"{value:.3f}" if math.isfinite(value) else "-"
