"""Give rows that begin now what was known before: their seasons stand about where they would, had they been there."""

import numpy as np

from predictors.registry import Predictor
from predictors.season import PROFILE, RAW, SEASONAL, SMOOTH, TURN, Season, slot_width
from predictors.series import Floats, Ints, Rows


def slot_s(rows: Rows) -> Floats:
    """Return how long the slots of each row's seasons are (s)."""
    return slot_width(rows.period) * rows.step_s


def recall(of: Predictor, state: object, rows: Rows, past: Floats, count: Ints) -> None:
    """Have the seasons of a new state take in what was before the first step of each row.

    ``past`` is float64[n, m] (U): means of slots of :func:`slot_s`, the last one ends where the row's first step
    begins; NaN where unknown. Of each row the last ``count`` (int64[m], 0..n) are known.
    """
    for season, times in of.seasons(state):
        width, slots = season.lengths(np.asarray(times * rows.period))
        kinds = np.stack([count, width, slots])
        for kind in np.unique(kinds[:, count > 0], axis=1).T:
            few = np.flatnonzero((kinds == kind[:, None]).all(axis=0))
            known, wide, many = kind.tolist()
            _fill(season, few, past[len(past) - known :, few], width=wide, slots=many)


def _fill(season: Season, rows: Ints, past: Floats, *, width: int, slots: int) -> None:
    """Store slots that have passed; the last one is stored one slot late, as every other."""
    n, last = len(past), past[-1]
    store, k = season.slots.values, len(rows)
    raw, profile = np.full((slots, k), np.nan), np.full((slots, k), np.nan)
    for begin in range(0, n - 1, slots):
        part = past[begin : min(begin + slots, n - 1)]
        here, known = slice(len(part)), np.isfinite(part)
        raw[here] = np.where(known, part, raw[here])
        turned = np.where(np.isnan(profile[here]), part, profile[here] + TURN * (part - profile[here]))
        profile[here] = np.where(known, turned, profile[here])
    store[:slots, RAW, rows], store[:slots, PROFILE, rows] = raw, profile
    store[:slots, SMOOTH, rows] = _smooth(raw, 2 // width)
    season.before[rows] = n * width
    there = np.isfinite(last)
    season.closed[:, rows] = np.where(there, np.array([last * width, np.full(k, width), np.zeros(k)]), 0.0)
    value, place = _newest(past), (n - 1) % slots
    over = value - profile[place]
    season.levels[:, rows] = np.where(np.isfinite(over), over, 0.0)
    if n > slots:
        season.begin(rows, slots, value)
        season.level[rows] = value - store[place, SEASONAL, rows]


def _newest(past: Floats) -> Floats:
    """Return the last known value of each row; 0 where none is."""
    known = np.isfinite(past)
    back = np.argmax(known[::-1], axis=0)
    found: Floats = np.where(known.any(axis=0), past[len(past) - 1 - back, np.arange(past.shape[1])], 0.0)
    return found


def _smooth(raw: Floats, half: int) -> Floats:
    """Return the mean of each slot and its ``half`` neighbours each way; NaN where none is known."""
    sums, n = np.zeros_like(raw), np.zeros_like(raw)
    for shift in range(-half, half + 1):
        each = np.roll(raw, shift, axis=0)
        sums, n = sums + np.where(np.isfinite(each), each, 0.0), n + np.isfinite(each)
    smooth: Floats = np.where(n > 0.0, sums / np.maximum(n, 1.0), np.nan)
    return smooth
