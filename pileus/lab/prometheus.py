"""Reads what Prometheus answers to a range query (``/api/v1/query_range``): one series for each set of labels."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pileus.load.load import LoadError

Floats = NDArray[np.float64]
Named = tuple[str, Floats, Floats]
"""Name, times (s since the Unix epoch) and values."""


def matrix(path: Path) -> list[Named]:
    """Return every series: named by its labels, the metric's name when it has no others.

    Raises
    ------
    LoadError
        If the file is no such answer, or a value is no number. ``NaN`` is a gap.
    """
    try:
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        answer = json.loads(text)
    except (OSError, ValueError, RecursionError, EOFError) as error:
        raise LoadError(f"{path}: cannot be read as JSON: {error}") from error
    data = answer.get("data", answer) if isinstance(answer, dict) else {}
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise LoadError(f"{path}: Prometheus answered with an error: {answer.get('error', '')}")
    if not isinstance(data, dict) or data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        raise LoadError(f"{path}: not the answer to a range query: needs data.resultType 'matrix'")
    if not data["result"]:
        raise LoadError(f"{path}: the answer holds no series")
    return [_series(path, number, each) for number, each in enumerate(data["result"])]


def _series(path: Path, number: int, given: Any) -> Named:
    """Return one series."""
    where = f"{path}: data.result[{number}]"
    try:
        labels = {str(name): str(value) for name, value in given.get("metric", {}).items()}
        times = np.array([float(at) for at, _ in given["values"]])
        values = np.array([float(value) for _, value in given["values"]])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LoadError(f"{where}: needs 'values', a list of [time, \"number\"]: {error}") from error
    if not np.isfinite(times).all() or (np.diff(times) <= 0.0).any():
        raise LoadError(f"{where}: its times must increase")
    values = np.where(np.isfinite(values), values, np.nan)
    if (values < 0.0).any():
        raise LoadError(f"{where}: a load must not be negative, has {np.nanmin(values):g}")
    return _name(labels) or f"series {number}", times, values


def _name(labels: dict[str, str]) -> str:
    """Return a series' name."""
    rest = {name: value for name, value in labels.items() if name != "__name__"}
    text = ",".join(f"{name}={value}" for name, value in sorted(rest.items()))
    metric = labels.get("__name__", "")
    return f"{metric}{{{text}}}" if metric and text else metric or text
