"""The baseline that every policy stands beside: the last value with headroom, at equal cost.

The same policy without a forecast, its thresholds divided by 1 + headroom: what an operator would do without any
mathematics. The headroom is searched for so that it costs the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from actuators.lab.loop import ClosedLoop
from actuators.lab.score import Scores
from config.cluster import ClusterSpec

EQUAL = 0.0005
"""Costs that differ by less than this share are equal."""
TRIES = 12
LEAST, MOST = -0.5, 3.0
"""Headroom lies between these."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The last value with headroom."""

    headroom: float
    loop: ClosedLoop
    scores: Scores


def with_headroom(spec: ClusterSpec, headroom: float) -> ClusterSpec:
    """Return the policy without a forecast, its members filled to 1 / (1 + headroom) of its thresholds."""
    thresholds = {name: value / (1.0 + headroom) for name, value in spec.policy.thresholds.items()}
    return msgspec.structs.replace(spec, policy=replace(spec.policy, thresholds=thresholds, forecast="Disabled"))


def needs_search(loop: ClosedLoop) -> bool:
    """Say whether a replay differs from the last value at all: whether some forecast ever exceeded what was seen."""
    seen = (loop.course.seen[name] for name in loop.spec.policy.thresholds)
    exceeds = any(bool((each.ahead.point > each.observed).any()) for each in seen)  # NaN exceeds nothing
    return exceeds and loop.spec.policy.forecast == "Enabled"


def at_equal_cost(
    loop: ClosedLoop, scores: Scores, *, run: Callable[[ClusterSpec], tuple[ClosedLoop, Scores]]
) -> Baseline:
    """Find the headroom at which the last value costs what this replay costs; the nearest there is.

    ``run`` replays a definition that looks at no forecast. Members are whole, so costs move in steps: of all that was
    tried the nearest counts.
    """
    if not needs_search(loop):
        return Baseline(0.0, loop, scores)
    target = scores.price
    low, high = LEAST, MOST
    best = tried = Baseline(0.0, *run(with_headroom(loop.spec, 0.0)))
    for _ in range(TRIES):
        if abs(tried.scores.price - target) <= EQUAL * target:
            break
        low, high = (tried.headroom, high) if tried.scores.price < target else (low, tried.headroom)
        headroom = _next(tried, target, low, high)
        tried = Baseline(headroom, *run(with_headroom(loop.spec, headroom)))
        if abs(tried.scores.price - target) < abs(best.scores.price - target):
            best = tried
    return best


def _next(tried: Baseline, target: float, low: float, high: float) -> float:
    """Guess from the cost of the last try, as if cost grew with 1 + headroom; else halve."""
    guess = (1.0 + tried.headroom) * target / tried.scores.price - 1.0 if tried.scores.price > 0.0 else low
    inside = low + 0.02 * (high - low) < guess < high - 0.02 * (high - low)
    return guess if inside else (low + high) / 2.0
