"""The *pace* of a partition: how far the fold is behind the log, and whether a tick may follow.

Time enters the log no faster than it is evaluated. While the newest tick of the owner stands unread, and the owner is
getting there, another one would only make the way longer, and its forecast older: it is left out.
"""

import math
from dataclasses import dataclass

STUCK = 3
"""So many ticks written in a row and nothing read ..."""
STUCK_S = 60.0
"""... for so long: reading has died."""


@dataclass(slots=True)
class Pace:
    """What the owner of a partition notes to keep its pace."""

    heard: float | None = None
    """When the newest message that was taken in was written (s since the Unix epoch)."""
    ticked: int = -1
    """Offset of the owner's newest tick."""
    told: bool = False
    """Whether it was said that the partition is behind."""
    unread: int = 0
    """Ticks written since a message was taken in last."""
    _stood: int = -1
    _since: float = math.inf
    """Since when it stands there."""

    def may_tick(self, offset: int, now: float) -> bool:
        """Say, once a period, whether a tick may be written; messages below ``offset`` are taken in."""
        moved, self._stood = offset > self._stood, offset
        if moved:
            self.unread, self._since = 0, now
        return not (moved and self.ticked >= offset)

    def tick(self, offset: int) -> None:
        """Note that a tick was written at ``offset``."""
        self.ticked = offset
        self.unread += 1

    def stuck(self, now: float) -> bool:
        """Say whether the broker takes what is written and nothing of it comes back."""
        return self.unread >= STUCK and now - self._since >= STUCK_S

    def lag_s(self, lag: int | None, now: float) -> float | None:
        """Return how old the oldest of ``lag`` messages is, to one message (s); ``None`` when that is not known."""
        if lag is None or (lag and self.heard is None):
            return None
        return max(0.0, now - self.heard) if lag and self.heard is not None else 0.0
