"""What a load did a season ago: slots of the last one, a mean profile, and Holt-Winters on the same slots.

A season is cut into at most ``most`` slots (288: five minutes of a day), whatever the step, so that memory is bounded
and a minute's noise is not taken for a pattern. Between the middles of slots values are interpolated.
"""

from dataclasses import dataclass

import numpy as np

from predictors.ring import Ring, total
from predictors.series import Bools, Floats, Ints

SLOTS = 288
"""Slots of a season."""
TURN = 0.3
"""How much of a new season the profile takes in."""
ALPHA, BETA, GAMMA, PHI = 0.6, 0.01, 0.2, 0.9
"""Holt-Winters: rates of level, trend and season, and the damping of the trend."""
LEVELS = np.array([[0.6], [0.2]])
"""Rates of today's levels over the profile."""
BLOCK = 256
"""Rows begun at once: what they need stays in the cache."""
SETTLING = 3
"""Slots of the second season before its forecasts count."""
RAW, SMOOTH, PROFILE, SEASONAL = range(4)
"""What is known of a slot."""


def slot_width(period: Ints, most: int = SLOTS) -> Ints:
    """Return how many steps a slot is long, where a season of ``period`` steps has at most ``most`` slots."""
    width: Ints = -(-period // most)
    return width


@dataclass(frozen=True, slots=True)
class Seen:
    """What the season says at one step: float64[m] (U), or [2, m] where so said; NaN where nothing is known."""

    same: Floats
    """The value a season before the target."""
    change: Floats
    """What the smoothed load did a season ago between then and the target."""
    now: Floats
    """The smoothed value a season ago."""
    profile_change: Floats
    """What the profile does between now and the target."""
    profiled: Floats
    """[2, m]: the profile at the target, moved to a fast and a slow level of today."""
    winters: Floats
    """Holt-Winters."""
    ready: Bools


@dataclass(slots=True)
class Season:
    """The memory of a season. Slot numbers count from each row's first sample.

    A slot is stored one slot late: until then its place holds the season before, between whose slots
    the present is interpolated.
    """

    slots: Ring
    """[most, 4, m] float32: slot means of the last season, raw and smoothed, profile, Holt-Winters' seasonal part."""
    levels: Floats
    """[2, m]: today's level over the profile, fast and slow (U)."""
    level: Floats
    trend: Floats
    sums: Floats
    """[3, m]: of the slot that is not yet over: values, their number, Holt-Winters' errors."""
    closed: Floats
    """[3, m]: the same of the slot before."""
    before: Ints
    """Steps before the first one of the row, that were recalled."""

    @classmethod
    def new(cls, m: int, most: int = SLOTS) -> "Season":
        """Make a memory of ``most`` slots."""
        slots = Ring.new(most, 4, m, np.float32)
        slots.values[:, SEASONAL] = 0.0
        return cls(
            slots, np.zeros((2, m)), np.zeros(m), np.zeros(m), np.zeros((3, m)), np.zeros((3, m)), np.zeros(m, np.int64)
        )

    def take(
        self, value: Floats, known: Bools, at: Ints, *, period: Ints, horizon: Ints, learn: Bools | None = None
    ) -> Seen:
        """Take in the value of step ``at`` and return what the season says (all of shape [m]).

        Where ``learn`` is false today's levels follow the value, and the season does not remember it.
        """
        width, slots = self.lengths(period)
        at = at + self.before
        here = at // width
        ready = here > slots
        then, now = self._look(np.array([at + horizon, at]), width, slots)
        self._follow(value, known, now, ready, learn=known if learn is None else known & learn)
        ends = np.flatnonzero(at - here * width == width - 1)
        if ends.size:
            self._close(ends, here[ends], width[ends], slots[ends], value[ends])
        damped = PHI * (1.0 - PHI**horizon) / (1.0 - PHI)
        return Seen(
            same=then[RAW],
            change=then[SMOOTH] - now[SMOOTH],
            now=now[SMOOTH],
            profile_change=then[PROFILE] - now[PROFILE],
            profiled=then[PROFILE] + self.levels,
            winters=np.where(ready, self.level + damped * self.trend + then[SEASONAL], np.nan),
            ready=here >= slots + SETTLING,
        )

    def lengths(self, period: Ints) -> tuple[Ints, Ints]:
        """Return the width of a slot (steps) and how many a season has."""
        width = slot_width(period, len(self.slots.values))
        return width, np.maximum(np.rint(period / width), 1.0).astype(np.int64)

    def _look(self, at: Ints, width: Ints, slots: Ints) -> Floats:
        """Return what is known of steps ``at`` (int64[n, m]) a season ago (float64[n, 4, m])."""
        place = (at - (width - 1) / 2.0) / width
        left = np.floor(place).astype(np.int64)
        share = (place - left)[:, None]
        a, b = self.slots.get(np.array([left, left + 1]) % slots)
        known: Floats = np.where(share > 0.0, a + share * (b - a), a)
        return known

    def _follow(self, value: Floats, known: Bools, now: Floats, ready: Bools, *, learn: Bools) -> None:
        """Move the levels of today towards the value."""
        over = value - now[PROFILE] - self.levels
        self.levels = np.where(known & np.isfinite(over), self.levels + LEVELS * over, self.levels)
        before = PHI * self.trend
        expected = self.level + before
        error = np.where(known & ready, value - expected - now[SEASONAL], 0.0)
        rise = before + ALPHA * error
        self.trend = np.where(ready, before + BETA * (rise - before), 0.0)
        self.level = np.where(ready, self.level + rise, value)
        self.sums += np.where(learn, np.array([value, np.ones_like(value), error]), 0.0)

    def _close(self, rows: Ints, here: Ints, width: Ints, slots: Ints, value: Floats) -> None:
        """Store the slot before the one that ends with this step (each argument: of these rows alone)."""
        total_, count, error = self.closed[:, rows]
        self.closed[:, rows] = self.sums[:, rows]
        self.sums[:, rows] = 0.0
        slot = here - 1
        old = self.slots.get(slot % slots, rows)
        some = np.maximum(count, 1.0)
        mean = np.where(count > 0.0, total_ / some, old[RAW])
        turned = np.where(np.isnan(old[PROFILE]), mean, old[PROFILE] + TURN * (mean - old[PROFILE]))
        profile = np.where(count > 0.0, turned, old[PROFILE])
        seasonal = old[SEASONAL] + GAMMA * (1.0 - ALPHA) * error / some
        self.slots.put(slot % slots, np.array([mean, old[SMOOTH], profile, seasonal]), rows)
        self._smooth(rows, slot, width, slots)
        for n in np.unique(slots[here == slots]).tolist():
            these = np.flatnonzero((here == slots) & (slots == n))
            for lo in range(0, these.size, BLOCK):
                few = these[lo : lo + BLOCK]
                self.begin(rows[few], n, value[few])

    def _smooth(self, rows: Ints, slot: Ints, width: Ints, slots: Ints) -> None:
        """Smooth the slot whose neighbours are now known (over two steps each way)."""
        half = 2 // width
        sums, n = np.zeros(rows.size), np.zeros(rows.size)
        for back in range(2 * int(half.max()) + 1):
            each = self.slots.get((slot - back) % slots, rows)[RAW]
            use = (back <= 2 * half) & np.isfinite(each)
            sums, n = sums + np.where(use, each, 0.0), n + use
        middle = (slot - half) % slots
        known = self.slots.get(middle, rows)
        known[SMOOTH] = np.where(n > 0.0, sums / np.maximum(n, 1.0), np.nan)
        self.slots.put(middle, known, rows)

    def begin(self, rows: Ints, slots: int, value: Floats) -> None:
        """Begin Holt-Winters after the first season, in its first slot: its smoothed shape is the seasonal part."""
        shape = self.slots.values[:slots, RAW, rows].astype(np.float64)
        known = np.isfinite(shape)
        mean = total(np.where(known, shape, 0.0)) / np.maximum(total(known.astype(np.float64)), 1.0)
        shape = np.where(known, shape - mean, 0.0)
        half = max(1, slots // 96)
        smooth = np.zeros_like(shape)
        for shift in range(-half, half + 1):
            smooth = smooth + np.roll(shape, shift, axis=0)
        smooth /= 2 * half + 1
        self.slots.values[:slots, SEASONAL, rows] = smooth
        self.level[rows] = value - smooth[0]
