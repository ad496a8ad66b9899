"""Put what was observed and what was forecast for the same moment side by side."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from dashboards.model import Level, Point

UNKNOWN = Level(None, None, None, None)
NEAR = 0.75
"""How far from its moment a forecast may stand, in distances between ticks: half of one, and some jitter."""
TICK_S = 5.0
"""Distance between ticks assumed while there are fewer than two (s)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One moment of one signal; ``None`` is unknown."""

    t: float
    observed: float | None = None
    forecast: float | None = None
    """Issued a horizon before ``t``, for ``t``."""
    lower: float | None = None
    upper: float | None = None
    wanted: int | None = None
    serving: int | None = None
    starting: int | None = None


def align(points: Iterable[Point], *, steps: Sequence[tuple[float, int]], signal: str) -> list[Row]:
    """List one row per tick, then one per forecast whose moment is still to come.

    A forecast belongs to the tick nearest to its moment, at most three quarters of one away. Where the horizon
    shrank, the forecast that was issued later counts.
    """
    ticks = [point for _, point in sorted({point.at: point for point in points}.items())]
    if not ticks:
        return []
    issued = _issued(ticks, signal)
    moments = [moment for moment, _ in issued]
    gap = median(b.at - a.at for a, b in pairwise(ticks)) if len(ticks) > 1 else TICK_S
    rows = []
    for tick in ticks:
        i = bisect_right(moments, tick.at + gap / 2) - 1
        due = issued[i][1] if i >= 0 and tick.at - moments[i] <= NEAR * gap else UNKNOWN
        rows.append(_row(tick, due, wanted=_wanted(steps, tick.at), signal=signal))
    first = bisect_right(moments, ticks[-1].at + gap / 2)
    ahead = [Row(t, forecast=due.forecast, lower=due.lower, upper=due.upper) for t, due in issued[first:]]
    return rows + ahead


def _issued(ticks: Sequence[Point], signal: str) -> list[tuple[float, Level]]:
    """List the forecasts by the moment they are for, in strictly rising order."""
    issued: list[tuple[float, Level]] = []
    for tick in reversed(ticks):
        moment = tick.at + tick.horizon_s
        if not issued or moment < issued[-1][0]:
            issued.append((moment, tick.levels.get(signal, UNKNOWN)))
    return issued[::-1]


def _row(tick: Point, due: Level, *, wanted: int | None, signal: str) -> Row:
    """Join a tick with the forecast that was due at it."""
    return Row(
        tick.at,
        observed=tick.levels.get(signal, UNKNOWN).observed,
        forecast=due.forecast,
        lower=due.lower,
        upper=due.upper,
        wanted=wanted,
        serving=tick.serving,
        starting=tick.starting,
    )


def _wanted(steps: Sequence[tuple[float, int]], at: float) -> int | None:
    """Return the number wanted at a moment; ``None`` before the first decision known."""
    i = bisect_right(steps, at, key=lambda step: step[0]) - 1
    return steps[i][1] if i >= 0 else None
