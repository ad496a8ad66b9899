"""The circuit of one cloud account: when its cloud fails again and again it is left alone for a while. Pure.

Also how often it is called: a bucket of calls that fills evenly. Times are a monotonic clock's (s).
"""

import math
from dataclasses import dataclass

FAILURES = 5
"""So many failures in a row open the circuit."""
FIRST_PAUSE_S = 5.0
"""How long it is open at first; twice as long after each probe that fails."""
LONGEST_PAUSE_S = 300.0
"""Most that it is open."""


@dataclass(slots=True)
class Circuit:
    """Whether calls may be made. Open: none, until one probe may; what comes of the probe decides."""

    failures: int = 0
    """Failures in a row."""
    open_until: float = -math.inf
    probing: bool = False
    """True while the one probe is under way."""

    def admits(self, at: float) -> bool:
        """Say whether a call may be made now; one that may while the circuit is open is the probe."""
        if self.failures < FAILURES:
            return True
        if at < self.open_until or self.probing:
            return False
        self.probing = True
        return True

    def answered(self) -> None:
        """Note that the cloud answered, whatever it said: the circuit closes."""
        self.failures, self.open_until, self.probing = 0, -math.inf, False

    def failed(self, at: float) -> None:
        """Note that the cloud did not answer, or could not."""
        self.failures += 1
        self.probing = False
        beyond = self.failures - FAILURES
        if beyond >= 0:
            self.open_until = at + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(beyond, 30))

    def abandoned(self) -> None:
        """Note that the caller gave up: nothing is known of the cloud, and another may probe."""
        self.probing = False


@dataclass(slots=True)
class Bucket:
    """How many calls may begin: ``rate`` per second in the mean, ``burst`` at once."""

    rate: float
    burst: float
    filled: float
    """Calls that may begin at ``at``; below zero: they are promised to callers that wait."""
    at: float

    def take(self, at: float, *, most_s: float) -> float | None:
        """Take one call and return how long to wait before it (s); ``None`` (nothing taken): more than ``most_s``."""
        self.filled = min(self.burst, self.filled + max(0.0, at - self.at) * self.rate)
        self.at = at
        wait_s = max(0.0, (1.0 - self.filled) / self.rate)
        if wait_s > most_s:
            return None
        self.filled -= 1.0
        return wait_s
