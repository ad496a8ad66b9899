"""A *load* says how busy a service is at each moment, relative to its peak."""

from collections.abc import Callable
from dataclasses import dataclass


class LoadError(Exception):
    """The load cannot be used; the message says file, row, column and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A load over time. Nothing is requested before 0 or from ``duration_s`` on."""

    shape: Callable[[float], float]
    """Load at ``t`` seconds from the start (relative to the peak, in [0, 1])."""
    duration_s: float
    """How long it lasts (s, > 0); infinite when it repeats for ever."""
    description: str
    """What it is, in a line for people."""
    gaps: int = 0
    """Places in a recording where values were missing and the last one was held."""

    def at(self, t: float) -> float:
        """Return the load at ``t`` seconds from the start, in [0, 1]."""
        return self.shape(t) if 0.0 <= t < self.duration_s else 0.0
