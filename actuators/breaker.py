"""The breaker: when too many members fail at once, it is not they who are ill, and nothing is taken from them."""

from streams.records.forecast import ClusterForecast, Fault

FREEZE_S = 600.0
"""How long the breaker holds at most (s)."""


def frozen(forecast: ClusterForecast, *, at: float) -> bool:
    """Say whether more than half of the members that serve became faulty, less than ``FREEZE_S`` ago."""
    faults, most = _oldest_first(forecast), _most(forecast)
    return len(faults) > most and at - faults[most].since < FREEZE_S


def replaceable(forecast: ClusterForecast, *, at: float) -> dict[str, str]:
    """Return the faulty members to replace now, with the reason: at most half of those that serve, and at least one.

    None while the breaker holds; after that those that are faulty for longest.
    """
    if frozen(forecast, at=at):
        return {}
    return {fault.member: fault.reason for fault in _oldest_first(forecast)[: _most(forecast)]}


def _oldest_first(forecast: ClusterForecast) -> list[Fault]:
    """Return the faults, the oldest first."""
    return sorted(forecast.faults, key=lambda fault: (fault.since, fault.member))


def _most(forecast: ClusterForecast) -> int:
    """Return how many members may be replaced at once."""
    return max(1, forecast.serving // 2)
