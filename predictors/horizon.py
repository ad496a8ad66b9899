"""How far ahead a forecast must look: as long as it takes from asking for a member until it serves."""

import math
from collections.abc import Mapping, Sequence

ENOUGH = 10
"""Observations from which on a percentile means something."""
HYSTERESIS = 0.8
"""A shorter horizon is taken only when the lead time fits into this share of it."""


def lead_time(observed_s: Sequence[float]) -> float | None:
    """Return the 90th percentile (nearest rank) of lead times, their maximum when few, ``None`` when none."""
    if not observed_s:
        return None
    ranked = sorted(observed_s)
    return ranked[-1] if len(ranked) < ENOUGH else ranked[math.ceil(0.9 * len(ranked)) - 1]


def horizon(
    observed_s: Mapping[str, Sequence[float]],
    *,
    default_s: float,
    period_s: float,
    grid_s: Sequence[float],
    before_s: float | None,
) -> float:
    """Return the horizon of a cluster (s).

    The longest lead time over its partitions (``observed_s`` by partition) plus one period, rounded
    up to ``grid_s`` (increasing, not empty). It grows at once; it shrinks only when the need is well below the
    shorter step, so that scores at one horizon keep their meaning.
    """
    known = [lead for lead in map(lead_time, observed_s.values()) if lead is not None]
    need = (max(known) if known else default_s) + period_s
    up = next((step for step in grid_s if step >= need), grid_s[-1])
    if before_s is None or up >= before_s:
        return up
    return up if need <= HYSTERESIS * up else min(before_s, next((s for s in grid_s if s > up), up))
