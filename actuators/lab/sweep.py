"""A policy with other parameters, and which of many is worth having: the frontier of cost and shortage."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from config.cluster import ClusterSpec

DEFAULTS: Mapping[str, tuple[float | str, ...]] = {
    "headroom": (0.0, 0.05, 0.1, 0.2, 0.35, 0.5),
    "down": (60.0, 300.0, 900.0),
    "tolerance": (0.05, 0.1, 0.2),
    "quantile": (0.5, 0.75, 0.9),
    "forecast": ("Enabled", "Disabled"),
}
"""What is swept when nothing else is said."""
NAMES = ("headroom", "down", "up", "tolerance", "quantile", "forecast")
SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What differs from the policy as it stands; ``None``: nothing."""

    headroom: float | None = None
    """Members are filled to 1 / (1 + headroom) of the thresholds (> -1)."""
    down: float | None = None
    """Stabilisation window down (s)."""
    up: float | None = None
    """Stabilisation window up (s)."""
    tolerance: float | None = None
    quantile: float | None = None
    """Which line of the forecast asks for members."""
    forecast: str | None = None
    """``Enabled`` or ``Disabled``."""

    def __str__(self) -> str:
        """Return what differs, for people."""
        units = {"down": " s", "up": " s"}
        named = [(name, getattr(self, name)) for name in NAMES]
        said = [
            f"{name} {each if isinstance(each, str) else f'{each:g}'}{units.get(name, '')}"
            for name, each in named
            if each is not None
        ]
        return ", ".join(said) or "as it is"


def grid(swept: Mapping[str, Sequence[float | str]]) -> list[Knobs]:
    """Return every combination, the policy as it is first."""
    made = [dict(zip(swept, values, strict=True)) for values in itertools.product(*swept.values())]
    return [Knobs(), *(msgspec.convert(each, Knobs) for each in made)]


def turned(spec: ClusterSpec, knobs: Knobs) -> ClusterSpec:
    """Return the definition with other parameters."""
    policy = spec.policy
    if knobs.headroom is not None:
        filled = {name: value / (1.0 + knobs.headroom) for name, value in policy.thresholds.items()}
        policy = replace(policy, thresholds=filled)
    if knobs.down is not None:
        policy = replace(policy, down=replace(policy.down, stabilization_s=knobs.down))
    if knobs.up is not None:
        policy = replace(policy, up=replace(policy.up, stabilization_s=knobs.up))
    if knobs.tolerance is not None:
        policy = replace(policy, tolerance=knobs.tolerance)
    if knobs.quantile is not None:
        policy = replace(policy, quantile=knobs.quantile)
    if knobs.forecast is not None:
        policy = replace(policy, forecast=knobs.forecast)
    return msgspec.structs.replace(spec, policy=policy)


@dataclass(frozen=True, slots=True)
class Point:
    """What one combination costs, and what it leaves short."""

    knobs: Knobs
    price: float
    shortage: float
    """theta_U (percent)."""
    starts_per_hour: float


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points that none betters in both, cheapest first. Of equals the first counts."""
    kept: list[Point] = []
    least = math.inf
    for point in sorted(points, key=lambda each: (each.price, each.shortage)):
        if point.shortage < least - SAME:
            kept.append(point)
            least = point.shortage
    return kept


def best(points: Sequence[Point], *, goal: str, starts_per_hour: float = math.inf) -> Point:
    """Choose a point beside the first one, which is the policy as it is.

    ``slo``: the least shortage that costs no more. ``cost``: the cheapest that leaves no more short. Among those with
    at most so many starts; the first one itself when none is better.
    """
    now = points[0]
    calm = [point for point in points if point.starts_per_hour <= starts_per_hour]
    if goal == "slo":
        fit = [point for point in calm if point.price <= now.price * (1.0 + SAME)]
        return min(fit, key=lambda each: (each.shortage, each.price), default=now)
    fit = [point for point in calm if point.shortage <= now.shortage * (1.0 + SAME)]
    return min(fit, key=lambda each: (each.price, each.shortage), default=now)
