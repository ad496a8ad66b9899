"""*Demand* is the number of members that a load asks for: one factor per signal, by target tracking."""

import math
from functools import cache
from statistics import NormalDist

from actuators import stratos
from config.cluster import Policy
from streams.records.decision import Factor
from streams.records.forecast import ClusterForecast, SignalForecast

ROUNDING = 1e-9
"""Taken off before rounding up, so that 3.0000000001 members are three."""
MIDDLE, UPPER = 0.5, 0.9
"""The quantiles of a forecast's point and of its upper line."""
NORMAL = NormalDist()
MOST = 1_000_000
"""Members that a factor asks for at most: a load out of all proportion stays a number that can be written."""


def demand(forecast: ClusterForecast, policy: Policy, *, least: int = 1, most: int = 1) -> tuple[Factor, ...]:
    """Return what each threshold of the policy asks for, in the order of the forecast's signals.

    The load of a factor is the larger of the observed total and of the predicted one at the policy's quantile: a
    forecast adds members, it never removes what the observed load needs. ``least`` and ``most`` are the cluster's
    minimum and maximum; only the formulas of Stratos look at them.
    """
    return tuple(
        _factor(signal, Asking(forecast, policy, signal.signal, least=least, most=most))
        for signal in forecast.signals
        if signal.signal in policy.thresholds
    )


def ahead(signal: SignalForecast, quantile: float) -> float | None:
    """Return the load that a forecast asks members for: its line at ``quantile`` (0.5..0.9); ``None`` when unknown.

    The point stands for 0.5, the upper line for 0.9; a line between them lies where a normal error's would. Without an
    upper line, or with one below the point, the point counts.
    """
    point, upper = number(signal.forecast), number(signal.upper)
    if point is None or upper is None or upper <= point:
        return point
    return point + share(quantile) * (upper - point)


@cache
def share(quantile: float) -> float:
    """Return how far a quantile lies between the median (0) and the 90th percentile (1) of a normal error."""
    return NORMAL.inv_cdf(quantile) / NORMAL.inv_cdf(UPPER)


def needed(total: float, threshold: float) -> int:
    """Return how many members carry ``total`` when each carries ``threshold`` (> 0): n = ceil(total / threshold)."""
    return math.ceil(min(max(total / threshold, 0.0), MOST) - ROUNDING)


class Asking:
    """How many members the totals of one signal ask for, as the members and the policy are now."""

    __slots__ = (
        "_by_stratos",
        "_how",
        "_signal",
        "_tolerance",
        "looks_ahead",
        "present",
        "quantile",
        "serving",
        "threshold",
    )

    def __init__(self, forecast: ClusterForecast, policy: Policy, signal: str, *, least: int, most: int) -> None:
        self.threshold = policy.thresholds[signal]
        self.serving = forecast.serving
        self.present = forecast.serving + forecast.starting
        """Members on their way count: what they will carry is not asked for again."""
        self.looks_ahead, self.quantile = policy.forecast == "Enabled", policy.quantile
        self._signal, self._tolerance = signal, policy.tolerance
        self._by_stratos = policy.demand == stratos.NAME
        self._how = {"serving": forecast.serving, "least": least, "most": most}

    def members(self, total: float) -> int:
        """Return how many members a total asks for; more never asks for fewer."""
        if self._by_stratos:
            return stratos.asked(self._signal, total, self.threshold, **self._how)
        enough = self.enough(total)
        return needed(total, self.threshold) if enough is None else enough

    def enough(self, total: float) -> int | None:
        """Return the members that are enough for a total within the tolerance: those that are there, or serve.

        ``None`` when neither number is, when there are none, and for Stratos' formulas, which know no tolerance.
        """
        if self._by_stratos:
            return None
        carried = total / self.threshold
        for count in (self.present, self.serving):
            if count and 1.0 - self._tolerance <= carried / count <= 1.0 + self._tolerance:
                return count
        return None

    def turns(self, count: int) -> list[float]:
        """Return the totals, lowest first, at which the number asked for may go from ``count`` to another one."""
        if self._by_stratos:
            return stratos.turns(self._signal, count, self.threshold, **self._how)
        edges = {count * self.threshold} if count >= 0 else set[float]()
        for there in {self.present, self.serving} - {0}:
            edges |= {
                there * self.threshold * (1.0 - self._tolerance),
                there * self.threshold * (1.0 + self._tolerance),
            }
        return sorted(edges)


def _factor(signal: SignalForecast, asking: Asking) -> Factor:
    """Return one factor. A ratio within the tolerance asks for the members that are there."""
    threshold = asking.threshold
    observed = number(signal.observed) if signal.ready else None
    if observed is None:
        return Factor(signal=signal.signal, threshold=threshold, observed=None, forecast=None, ratio=None, members=None)
    predicted = ahead(signal, asking.quantile) if asking.looks_ahead else None
    total = observed if predicted is None else max(observed, predicted)
    members = asking.members(total)
    return Factor(
        signal=signal.signal,
        threshold=threshold,
        observed=observed,
        forecast=predicted,
        ratio=total / threshold / asking.serving if asking.serving else None,
        members=members,
        within_tolerance=asking.enough(total) is not None,
        from_forecast=total > observed and members > asking.members(observed),
    )


def number(value: float | None) -> float | None:
    """Return a value that is a number; what is none is unknown."""
    return value if value is not None and math.isfinite(value) else None
