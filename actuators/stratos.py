"""Demand by the formulas of Stratos 4.1's scaling rule, for those who migrate; with their faults (F9).

``least`` and ``most`` are cartridgeMin and cartridgeMax. Requests in flight are a total over the cluster; load average
and memory are means over its members, in percent.
"""

import math

from streams.records.forecast import Signal

NAME = "stratos-4.1"
ROUNDING = 1e-9
"""Taken off before rounding up, so that 3.0000000001 members are three."""
MOST = 1_000_000
"""Members that a formula asks for at most."""
WHOLE = 100.0
"""Percent of what a member may use."""


def asked(signal: str, total: float, threshold: float, *, serving: int, least: int, most: int) -> int:
    """Return the members that a signal's total over the members that serve asks for."""
    mean = total / max(1, serving)
    match signal:
        case Signal.LOAD_AVERAGE:
            return load_average(mean, threshold, least=least)
        case Signal.MEMORY_CONSUMPTION:
            return memory_consumption(mean, threshold, least=least, most=most)
        case _:
            return requests_in_flight(total, threshold)


def turns(signal: str, count: int, threshold: float, *, serving: int, least: int, most: int) -> list[float]:
    """Return the totals, lowest first, at which the number asked for may go from ``count`` to another one."""
    members = max(1, serving)
    match signal:
        case Signal.LOAD_AVERAGE:
            return [max(0, count) * threshold / max(1, least) * members]
        case Signal.MEMORY_CONSUMPTION:
            per_member = max(0.0, WHOLE - threshold) / max(1, most - least)
            above = threshold + max(0, count - least) * per_member
            return sorted({threshold * members, above * members})
        case _:
            return [max(0, count) * threshold]


def requests_in_flight(total: float, threshold: float) -> int:
    """Return n = ceil(total / threshold)."""
    return _up(total / threshold)


def load_average(mean: float, threshold: float, *, least: int) -> int:
    """Return n = ceil(least x mean / threshold): with the minimum, not with the members that serve (F9)."""
    return _up(least * mean / threshold)


def memory_consumption(mean: float, threshold: float, *, least: int, most: int) -> int:
    """Return least - 1 below the threshold; above, n = ceil(least + (mean - threshold) / ((100 - threshold) / span)).

    At the threshold, or where minimum and maximum are equal (the span is 0), the minimum.
    """
    if mean < threshold:
        return least - 1
    if mean == threshold or most <= least or threshold >= WHOLE:
        return least
    return _up(least + (mean - threshold) / ((WHOLE - threshold) / (most - least)))


def _up(number: float) -> int:
    return math.ceil(min(max(number, 0.0), MOST) - ROUNDING)
