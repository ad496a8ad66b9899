"""Ticks on which a decision cannot change the number wanted.

The proof. Let W be the number wanted so far, n what the demand asks for, and L and H the lowest and highest
recommendation of the stabilisation windows up and down, this one included. Stabilising lets pass at most
``max(W, min(L, n))`` and at least ``min(W, max(H, n))``:

- n < W: with H >= W the least is W, so the result is W. So it is when some recommendation of the window down was W or
  more. And at W = minimum, whatever comes out is raised to W.
- n > W: with L <= W the most is W, so the result is W. So it is when some recommendation of the window up was W or
  less. And at W = maximum whatever comes out is lowered to W.
- n = W: most and least are W.

What equals W within the bounds no other gate changes: they hold changes back, they make none.
"""

import math
from collections.abc import Sequence

from config.cluster import ClusterSpec
from streams.records.decision import Memory, Recommendation

MOST = 64
"""Recommendations that are kept before those that no window can hang on are dropped."""
ROUNDING = 1e-9
"""As in :mod:`actuators.demand`."""


class Quiet:
    """What is needed to see that a tick changes nothing."""

    def __init__(self, spec: ClusterSpec, at: float, wanted: int) -> None:
        policy = spec.policy
        self.wanted = wanted
        self.held = False
        """Whether the last tick could not change the number."""
        self._unsure = False
        self._low, self._high = 1.0 - policy.tolerance, 1.0 + policy.tolerance
        self._least, self._most = spec.least_members, spec.most_members
        self._up_s, self._down_s = policy.up.stabilization_s, policy.down.stabilization_s
        self._at, self._asked = [at], [wanted]
        self._high_at = self._low_at = at
        """When at least, and at most, the number wanted was recommended last."""

    @staticmethod
    def fits(spec: ClusterSpec) -> bool:
        """Say whether the proof holds for this definition: nothing in it but demand, windows, bounds and steps."""
        return spec.policy.demand == "target-tracking" and not spec.schedules and bool(spec.policy.thresholds)

    def holds(self, at: float, serving: int, present: int, quotients: tuple[float, ...]) -> bool:
        """Take in a tick; say whether it cannot change the number. ``quotients``: total / threshold of each factor."""
        asked = 0
        for quotient in quotients:
            if quotient != quotient:  # noqa: PLR0124 - NaN: something is unknown, and the judge must say what follows
                self.held, self._unsure = False, True
                return False
            if present and self._low <= quotient / present <= self._high:
                members = present
            elif serving and self._low <= quotient / serving <= self._high:
                members = serving
            else:
                members = math.ceil(quotient - ROUNDING)
            asked = max(asked, members)
        if self._unsure:  # the first tick after one that knew too little: the judge forgets that it waits
            self.held = self._unsure = False
            return False
        self.held = self._hold(at, asked)
        return self.held

    def _hold(self, at: float, asked: int) -> bool:
        """Apply the proof; if it holds, note the recommendation."""
        wanted = self.wanted
        if asked < wanted:
            if wanted != self._least and self._high_at <= at - self._down_s:
                return False
            self._low_at = at
        elif asked > wanted:
            if wanted != self._most and self._low_at <= at - self._up_s:
                return False
            self._high_at = at
        else:
            self._low_at = self._high_at = at
        if asked == self._asked[-1]:
            self._at[-1] = at
        else:
            self._at.append(at)
            self._asked.append(asked)
            if len(self._at) > MOST:
                self._thin(at)
        return True

    def recommended(self, at: float) -> tuple[Recommendation, ...]:
        """Return the recommendations before ``at``."""
        pairs = zip(self._at, self._asked, strict=True)
        return tuple(Recommendation(when, members) for when, members in pairs if when < at)

    def learn(self, memory: Memory, at: float) -> None:
        """Take over what the judge remembers."""
        if memory.wanted is not None:
            self.wanted = memory.wanted
        self._at = [each.at for each in memory.recommended] or [at]
        self._asked = [each.members for each in memory.recommended] or [self.wanted]
        pairs = list(zip(self._at, self._asked, strict=True))
        self._high_at = max((when for when, members in pairs if members >= self.wanted), default=-math.inf)
        self._low_at = max((when for when, members in pairs if members <= self.wanted), default=-math.inf)

    def _thin(self, at: float) -> None:
        """Drop what is too old, and what has a later one as low and a later one as high."""
        oldest = at - max(self._up_s, self._down_s)
        kept: list[tuple[float, int]] = []
        low, high = self._asked[-1], self._asked[-1]
        for when, members in reversed(list(zip(self._at, self._asked, strict=True))):
            if not kept or (when > oldest and not low <= members <= high):
                kept.append((when, members))
            low, high = min(low, members), max(high, members)
        self._at, self._asked = _columns(kept[::-1])


def _columns(pairs: Sequence[tuple[float, int]]) -> tuple[list[float], list[int]]:
    """Return two columns of pairs."""
    return [at for at, _ in pairs], [members for _, members in pairs]
