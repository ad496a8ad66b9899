"""How far off a forecast may be: its own past errors, in units of how much it should err now, ranked.

Split-conformal prediction on a rolling window (Vovk et al., Algorithmic Learning in a Random World, 2005), normalised
by a scale that an online regression learns from how much the load moves, how much forecasts erred, and how much
the experts disagree.
"""

from dataclasses import dataclass

import numpy as np

from predictors.ridge import Ridge, due
from predictors.ring import Ring
from predictors.series import SMALLEST, Bools, Floats, Ints, Rows

LEVELS = np.array([0.1, 0.9, 0.95])
"""The lines: lower, upper, highest."""
GUESS = np.array([-1.6, 1.6, 2.06])
"""The same of a normal error, in mean absolute errors: until enough errors are known."""
WINDOWS = (200, 500)
"""Errors that are ranked; the lines are the mean over both windows: the shorter one follows, the longer is steady."""
ENOUGH = 30
"""Errors from which on they are ranked."""
EVERY = 10
"""Each row is ranked anew once in this many steps."""
HALF_LIVES = np.array([[30.0], [15.0], [60.0], [250.0]])
"""Of the mean step, and of the mean absolute errors (steps)."""
MEMORY = 5000.0
"""Steps that the scale remembers."""
PRIOR = 150.0
"""Steps that its first guess, the mean of its features, weighs."""
FEATURES = 6
FARTHEST = 6.0
"""An error of more scales counts as this many: when a load that never moved does, its scale says nothing yet."""
TINY = 1e-9
"""Error that counts as none, in shares of the forecast."""


@dataclass(slots=True)
class Margin:
    """Errors of each row's forecasts and what they depend on."""

    pending: Ring
    """[longest horizon + 1, 8, m]: features of the scale, forecast, scale."""
    errors: Ring
    """[500, 1, m] float32: the newest errors in units of the scale."""
    count: Ints
    """Errors so far."""
    means: Floats
    """[4, m]: mean step, mean absolute errors (U)."""
    seen: Floats
    """[2, m]: how many steps and errors these are means of."""
    scale: Ridge
    lines: Floats
    """[3, m]: where the lines are, in units of the scale."""

    @classmethod
    def new(cls, m: int, longest: int) -> "Margin":
        """Make a memory for horizons up to ``longest`` steps."""
        return cls(
            Ring.new(longest + 1, FEATURES + 2, m),
            Ring.new(max(WINDOWS), 1, m, np.float32),
            np.zeros(m, dtype=np.int64),
            np.zeros((4, m)),
            np.zeros((2, m)),
            Ridge.new(1, FEATURES, m, start=1.0 / FEATURES),
            np.repeat(GUESS[:, None], m, axis=1),
        )

    def take(self, value: Floats, step: Floats, at: Ints, rows: Rows) -> None:
        """Take in a value and its change since the step before (float64[m], U; NaN where unknown)."""
        past = self.pending.get(at - rows.horizon)
        error = value - past[FEATURES]
        known = np.isfinite(error)
        self._learn(np.abs(error), past, known)
        self._rank(error / np.maximum(past[-1], np.abs(error) / FARTHEST), known, due(at, rows.phase, EVERY))
        self._smooth(np.abs(step), np.abs(error))

    def bounds(self, point: Floats, disagreement: Floats, at: Ints, known: Bools) -> Floats:
        """Return the three lines of a forecast (float64[3, m], U) and remember it.

        ``disagreement`` (U) is how far apart the experts are; a forecast made without a sample (not ``known``) is not
        scored.
        """
        size = np.abs(point)
        x = np.concatenate([self.means, disagreement[None], 0.1 * size[None]])
        least = 0.2 * (x[0] + x[1] + x[2] + x[3] + x[4] + x[5]) / FEATURES
        scale = np.maximum(self.scale.predict(x)[0], least) + TINY * size + SMALLEST
        judged = np.where(known, point, np.nan)
        self.pending.put(at, np.concatenate([x, judged[None], scale[None]]))
        lines: Floats = point + scale * self.lines
        return lines

    def _learn(self, error: Floats, past: Floats, known: Bools) -> None:
        """Learn what the absolute error was to be expected from."""
        unit = self.means[3] + TINY * (past[:FEATURES].max(axis=0) + error) + SMALLEST
        x = np.where(known, np.minimum(past[:FEATURES] / unit, 10.0), 0.0)
        z = np.where(known, np.minimum(error / unit, 10.0), 0.0)
        self.scale.learn(x, x[None], z, np.full((1, z.size), 1.0 - 1.0 / MEMORY))

    def _smooth(self, step: Floats, error: Floats) -> None:
        """Move the means; they start as plain means."""
        new = np.array([step, error, error, error])
        known = np.isfinite(new)
        self.seen = self.seen + known[:2]
        rates = np.maximum(1.0 - 0.5 ** (1.0 / HALF_LIVES), 1.0 / np.maximum(self.seen[[0, 1, 1, 1]], 1.0))
        self.means = np.where(known, self.means + rates * (new - self.means), self.means)

    def _rank(self, ratio: Floats, known: Bools, turn: Bools) -> None:
        """Store the new errors; solve and rank the rows whose turn it is."""
        rows = np.flatnonzero(known)
        self.errors.put(self.count[rows], ratio[None, rows], rows)
        self.count = self.count + known
        self.scale.solve(turn, delta=PRIOR, share=0.0, prior=1.0 / FEATURES)
        rows = np.flatnonzero(turn & (self.count >= ENOUGH))
        if rows.size:
            self.lines[:, rows] = self._ranked(rows)

    def _ranked(self, rows: Ints) -> Floats:
        """Return the lines of some rows (float64[3, k]): the mean of each window's ranks."""
        length = max(WINDOWS)
        newest = (self.count[rows, None] - 1 - np.arange(length)) % length
        errors = self.errors.values[newest, 0, rows[:, None]]
        lines = np.zeros((LEVELS.size, rows.size))
        for window in WINDOWS:
            n = np.minimum(self.count[rows], window)
            ranked = np.sort(errors[:, :window], axis=1)
            rank = np.clip(np.ceil(LEVELS[:, None] * (n + 1)).astype(np.int64) - 1, 0, n - 1)
            lines += ranked[np.arange(rows.size), rank]
        return lines / len(WINDOWS)
