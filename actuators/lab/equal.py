"""The baseline that every policy stands beside: the last value with headroom, at equal cost.

The same policy without a forecast, its thresholds divided by 1 + headroom: what an operator would do without any
mathematics. The headroom is searched for so that it costs the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from actuators.demand import MIDDLE
from actuators.lab.ahead import line
from actuators.lab.loop import ClosedLoop
from actuators.lab.score import Scores
from config.cluster import ClusterSpec

EQUAL = 0.0005
"""Costs that differ by less than this share are equal."""
TRIES = 12
LEAST, MOST = -0.5, 3.0
"""Headroom lies between these."""
FINEST = 1.0 / 1024.0
"""Headrooms are multiples of this, so that searches meet at the same ones."""
ROUNDING = 1e-9
Tried = dict[float, Scores]
"""What the last value with headroom costs and is worth, by headroom: of one definition under one load."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The last value with headroom."""

    headroom: float
    loop: ClosedLoop
    scores: Scores


def with_headroom(spec: ClusterSpec, headroom: float) -> ClusterSpec:
    """Return the policy without a forecast, its members filled to 1 / (1 + headroom) of its thresholds."""
    thresholds = {name: value / (1.0 + headroom) for name, value in spec.policy.thresholds.items()}
    policy = replace(spec.policy, thresholds=thresholds, forecast="Disabled", quantile=MIDDLE)
    return msgspec.structs.replace(spec, policy=policy)


def needs_search(loop: ClosedLoop) -> bool:
    """Say whether a replay differs from the last value at all: whether some forecast ever exceeded what was seen."""
    policy = loop.spec.policy
    seen = (loop.course.seen[name] for name in policy.thresholds)
    lines = ((line(each.ahead.point, each.ahead.upper, policy.quantile), each.observed) for each in seen)
    exceeds = any(bool((ahead > observed).any()) for ahead, observed in lines)  # NaN exceeds nothing
    return exceeds and policy.forecast == "Enabled"


def at_equal_cost(
    loop: ClosedLoop, scores: Scores, *, run: Callable[[ClusterSpec], tuple[ClosedLoop, Scores]], tried: Tried
) -> Baseline:
    """Find the headroom at which the last value costs what this replay costs; the nearest there is.

    ``run`` replays a definition that looks at no forecast. Members are whole, so costs move in steps: of all that was
    tried the nearest counts. What is in ``tried`` already is not replayed again; it changes no result.
    """
    if not needs_search(loop):
        return Baseline(0.0, loop, scores)
    target = scores.price
    low, high = LEAST, MOST
    best = headroom = 0.0
    for turn in range(TRIES):
        if headroom not in tried:
            tried[headroom] = run(with_headroom(loop.spec, headroom))[1]
        price = tried[headroom].price
        if abs(price - target) < abs(tried[best].price - target):
            best = headroom
        low, high = (headroom, high) if price < target else (low, headroom)
        if abs(price - target) <= EQUAL * target or high - low < 2.0 * FINEST - ROUNDING:
            break
        headroom = _next(low, high, None if turn % 3 == 2 else _guess(low, high, tried, target))  # noqa: PLR2004 - each third halves
    return Baseline(best, *run(with_headroom(loop.spec, best)))


def _guess(low: float, high: float, tried: Tried, target: float) -> float | None:
    """Guess where a cost lies: between both ends as if it grew evenly, beyond one of them as if with 1 + headroom."""
    if low in tried and high in tried:
        below, above = tried[low].price, tried[high].price
        return low + (high - low) * (target - below) / (above - below)
    known = low if low in tried else high
    price = tried[known].price
    return (1.0 + known) * target / price - 1.0 if price > 0.0 else None


def _next(low: float, high: float, guess: float | None) -> float:
    """Return the headroom between both that is tried next: what was guessed, else the middle."""
    place = round(((low + high) / 2.0 if guess is None else guess) / FINEST)
    return min(max(place, round(low / FINEST) + 1), round(high / FINEST) - 1) * FINEST
