"""Rows that begin anew remember the last week, from :class:`streams.past.Past`, as the calendar of now has it."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from config.cluster import CalendarSpec
from predictors.calendar import factors, ignored
from predictors.recall import recall, slot_s
from predictors.registry import Predictor
from predictors.series import Floats, Rows
from streams.past import TINY, Past
from streams.records.history import SLOT_S, SLOTS

WEEK_S = SLOTS * SLOT_S


class Recalled(Protocol):
    """A signal of a cluster."""

    @property
    def name(self) -> str:
        """Return ``<cluster>/<signal>``."""
        ...

    @property
    def calendar(self) -> CalendarSpec:
        """Return the calendar that its load is to be seen by."""
        ...


def remember(past: Past, of: Predictor, state: Any, watched: Sequence[Recalled], begins: Sequence[float]) -> None:
    """Give the rows of a new state what is known of them from before their first steps, which begin at ``begins``."""
    rows: Rows = state.rows
    lengths = slot_s(rows)
    count = np.array(
        [
            _count(past, each, begin, length)
            for each, begin, length in zip(watched, begins, lengths.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    n = int(count.max(initial=0))
    if not n:
        return
    load = np.full((n, len(watched)), np.nan)
    for row, (each, begin, length) in enumerate(zip(watched, begins, lengths.tolist(), strict=True)):
        if count[row]:
            load[:, row] = _load(past, each, begin + (np.arange(n) - n + 0.5) * length)
    recall(of, state, rows, load, count)


def _count(past: Past, watched: Recalled, begin: float, length: float) -> int:
    """Return how many slots lie between what is known first, at most a week ago, and the first step."""
    known_s = min(max(begin - past.begin(watched.name), 0.0), WEEK_S)
    return math.floor(known_s / length + TINY)


def _load(past: Past, watched: Recalled, times: Floats) -> Floats:
    """Return the load at some times as it were without any event, NaN on bad days."""
    load = past.load(watched.name, times) / factors(watched.calendar, times)
    return np.where(ignored(watched.calendar, times), np.nan, load)
