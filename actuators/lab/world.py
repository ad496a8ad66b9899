"""What the virtual cloud does: how long members take to serve, and when they fail. No chance: the same every time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GOLDEN, SILVER = 0.6180339887498949, 0.4142135623730950
"""Steps round a circle that never meet: the n-th member's place in a distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The cloud of a replay. Members are numbered from 1; what becomes of one depends on its number alone."""

    boot_s: Sequence[float] = (180.0,)
    """Measured lead times, asked -> serving (s, >= 0); one number: always the same."""
    drain_s: float = 30.0
    """From leaving the balancers to gone (s)."""
    lifetime_h: float = math.inf
    """Mean time until a serving member fails (h, exponential)."""
    notice_s: float = 60.0
    """How long a failed member counts as serving before it is replaced (s): ``fault_s`` of the settings."""

    def boot(self, number: int) -> float:
        """Return the lead time of a member (s): the distribution's quantiles, evenly spread over the members."""
        if len(self.boot_s) == 1:
            return self.boot_s[0]
        return float(np.quantile(self.boot_s, _place(number, GOLDEN)))

    def lifetime(self, number: int) -> float:
        """Return how long a member serves before it fails (s)."""
        return -math.log1p(-_place(number, SILVER)) * self.lifetime_h * 3600.0


def _place(number: int, stride: float) -> float:
    """Return a member's place in [0, 1)."""
    return (number * stride + 0.5) % 1.0
