"""*Demand* is the number of members that a load asks for: one factor per signal, by target tracking."""

import math

from config.cluster import Policy
from streams.records.decision import Factor
from streams.records.forecast import ClusterForecast, SignalForecast

ROUNDING = 1e-9
"""Taken off before rounding up, so that 3.0000000001 members are three."""


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


def _factor(signal: SignalForecast, threshold: float, serving: int, policy: Policy) -> Factor:
    """Return one factor: n = ceil(total / threshold), or the serving members within the tolerance."""
    if not signal.ready or signal.observed is None:
        return Factor(signal=signal.signal, threshold=threshold, observed=None, forecast=None, ratio=None, members=None)
    ahead = signal.forecast if policy.forecast == "Enabled" else None
    total = signal.observed if ahead is None else max(signal.observed, ahead)
    asked = total / threshold
    ratio = asked / serving if serving else None
    within = ratio is not None and abs(ratio - 1.0) <= policy.tolerance
    return Factor(
        signal=signal.signal,
        threshold=threshold,
        observed=signal.observed,
        forecast=ahead,
        ratio=ratio,
        members=serving if within else math.ceil(asked - ROUNDING),
        within_tolerance=within,
        from_forecast=ahead is not None and ahead > signal.observed,
    )
