"""The breaker: when too much vanishes at once, something else is ill, and nothing is taken away.

Two signs: more than half of the members that serve become faulty; or the load drops to zero at once while the
balancers' counts of requests still move, or their agents are silent.
"""

from actuators.demand import number
from config.cluster import Policy
from streams.records.decision import Pulse
from streams.records.forecast import ClusterForecast, Fault, Signal

FREEZE_S = 600.0
"""How long the breaker holds at most (s)."""
ZERO = 0.01
"""A load below this share of what one member should carry is none."""
STILL_S = 60.0
"""When the balancers have counted no request for this long (s), the load is really gone."""


def frozen(forecast: ClusterForecast, *, at: float) -> bool:
    """Say whether more than half of the members that serve became faulty, less than ``FREEZE_S`` ago."""
    until = frozen_until(forecast)
    return until is not None and at < until


def frozen_until(forecast: ClusterForecast) -> float | None:
    """Return until when the breaker holds because of faulty members (s since the Unix epoch); ``None``: it does not."""
    most = _most(forecast)
    return _oldest_first(forecast)[most].since + FREEZE_S if len(forecast.faults) > most else None


def replaceable(forecast: ClusterForecast, *, at: float) -> dict[str, str]:
    """Return the faulty members to replace now, with the reason: at most half of those that serve, and at least one.

    None while the breaker holds; after that those that are faulty for longest.
    """
    if not forecast.faults or frozen(forecast, at=at):
        return {}
    return {fault.member: fault.reason for fault in _oldest_first(forecast)[: _most(forecast)]}


def watch(pulse: Pulse | None, forecast: ClusterForecast, policy: Policy, *, at: float) -> Pulse:
    """Look at load and requests together, and return what is to be remembered of them.

    The load vanished when, of the signals that have a threshold (memory aside: it stays when requests go), one was
    above its threshold when it was known last, all that are known are zero now, and the requests contradict that.
    Over, when a load is seen again or no request was counted for ``STILL_S``.
    """
    loads = _loads(forecast, policy)
    if pulse is None:
        return Pulse(loaded=max(loads, default=0.0) > 1.0, count=forecast.count, moved_at=at)
    moved = forecast.count is not None and forecast.count != pulse.count
    silent = forecast.count is None and pulse.count is not None
    count = pulse.count if forecast.count is None else forecast.count
    moved_at = at if moved else pulse.moved_at
    if not loads:
        return Pulse(loaded=pulse.loaded, count=count, moved_at=moved_at, zero_since=pulse.zero_since)
    highest, since = max(loads), pulse.zero_since
    still = forecast.count is not None and at - moved_at >= STILL_S
    if highest >= ZERO or still:
        since = None
    elif since is None and pulse.loaded and (moved or silent):
        since = at
    return Pulse(loaded=highest > 1.0, count=count, moved_at=moved_at, zero_since=since)


def vanished_until(pulse: Pulse) -> float | None:
    """Return until when the breaker holds because the load vanished (s since the Unix epoch); ``None``: it did not."""
    return None if pulse.zero_since is None else pulse.zero_since + FREEZE_S


def _loads(forecast: ClusterForecast, policy: Policy) -> list[float]:
    """Return the loads that are known, in members that should carry them."""
    thresholds = {s: t for s, t in policy.thresholds.items() if s != Signal.MEMORY_CONSUMPTION} or policy.thresholds
    seen = ((s.signal, number(s.observed)) for s in forecast.signals if s.ready and s.signal in thresholds)
    return [value / thresholds[signal] for signal, value in seen if value is not None]


def _oldest_first(forecast: ClusterForecast) -> list[Fault]:
    """Return the faults, the oldest first."""
    return sorted(forecast.faults, key=lambda fault: (fault.since, fault.member))


def _most(forecast: ClusterForecast) -> int:
    """Return how many members may be replaced at once."""
    return max(1, forecast.serving // 2)
