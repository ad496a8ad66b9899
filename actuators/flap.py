"""The *flap budget*: when so many members were started of late, none is removed, so that none is started again.

Growing is never refused. So in any window at most the budget and maximum - minimum members are started.
"""

from collections.abc import Sequence

from config.cluster import FlapSpec
from streams.records.decision import Recommendation


def spent(changes: Sequence[Recommendation], flap: FlapSpec | None, *, at: float) -> int:
    """Return how many members were started within the window when that is the budget or more; else 0."""
    if flap is None:
        return 0
    started = sum(change.members for change in _starts(changes, flap, at))
    return started if started >= flap.starts else 0


def refilled_at(changes: Sequence[Recommendation], flap: FlapSpec, *, at: float) -> float:
    """Return when a spent budget allows a removal again (s since the Unix epoch)."""
    starts = _starts(changes, flap, at)
    left = sum(change.members for change in starts)
    for change in starts:
        left -= change.members
        if left < flap.starts:
            return change.at + flap.window_s
    return at


def _starts(changes: Sequence[Recommendation], flap: FlapSpec, at: float) -> list[Recommendation]:
    """Return what was added within the window, oldest first."""
    return [change for change in changes if change.members > 0 and change.at > at - flap.window_s]
