"""*Demand* is the number of members that a load asks for: one factor per signal, by target tracking."""

import math

from config.cluster import Policy
from streams.records.decision import Factor
from streams.records.forecast import ClusterForecast, SignalForecast

ROUNDING = 1e-9
"""Taken off before rounding up, so that 3.0000000001 members are three."""
MOST = 1_000_000
"""Members that a factor asks for at most: a load out of all proportion stays a number that can be written."""


def demand(forecast: ClusterForecast, policy: Policy) -> tuple[Factor, ...]:
    """Return what each threshold of the policy asks for, in the order of the forecast's signals.

    The load of a factor is the larger of the observed and the predicted total: a forecast adds
    members, it never removes what the observed load needs.
    """
    return tuple(
        _factor(signal, policy.thresholds[signal.signal], forecast.serving, policy)
        for signal in forecast.signals
        if signal.signal in policy.thresholds
    )


def needed(total: float, threshold: float) -> int:
    """Return how many members carry ``total`` when each carries ``threshold`` (> 0): n = ceil(total / threshold)."""
    return math.ceil(min(max(total / threshold, 0.0), MOST) - ROUNDING)


def _factor(signal: SignalForecast, threshold: float, serving: int, policy: Policy) -> Factor:
    """Return one factor. A ratio within the tolerance asks for the members that serve."""
    observed = _number(signal.observed) if signal.ready else None
    if observed is None:
        return Factor(signal=signal.signal, threshold=threshold, observed=None, forecast=None, ratio=None, members=None)
    ahead = _number(signal.forecast) if policy.forecast == "Enabled" else None
    total = observed if ahead is None else max(observed, ahead)
    ratio = total / threshold / serving if serving else None
    return Factor(
        signal=signal.signal,
        threshold=threshold,
        observed=observed,
        forecast=ahead,
        ratio=ratio,
        members=_members(total, threshold, serving, policy),
        within_tolerance=_within(total, threshold, serving, policy),
        from_forecast=_members(total, threshold, serving, policy) > _members(observed, threshold, serving, policy),
    )


def _members(total: float, threshold: float, serving: int, policy: Policy) -> int:
    """Return how many members a total asks for."""
    return serving if _within(total, threshold, serving, policy) else needed(total, threshold)


def _within(total: float, threshold: float, serving: int, policy: Policy) -> bool:
    """Say whether a total is too near to what the serving members should carry to act on; never when none serves."""
    return serving > 0 and 1.0 - policy.tolerance <= total / threshold / serving <= 1.0 + policy.tolerance


def _number(value: float | None) -> float | None:
    """Return a value that is a number; what is none is unknown."""
    return value if value is not None and math.isfinite(value) else None
