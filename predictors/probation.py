"""*Probation*: a predictor that errs more than the last value does is not used, until it errs less again.

A row's forecasts wait for the period that they were made for. Then both they and the value known when they were made
are compared with what came: two exponential means of absolute errors, whose ratio (relMAE) is the score. It looks back
only, and goes on while the predictor is not used: so it earns its way back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from predictors import parts
from predictors.ring import Ring
from predictors.series import SMALLEST, Bools, Floats, Ints

PER_HORIZON = 5
"""Forecasts of one horizon that are scored: those between them say the same."""
WAITING = PER_HORIZON + 1
"""Forecasts of one row that wait for their period at most."""
HALF_LIFE = 120.0
"""Of the errors (forecasts scored)."""
ENOUGH = 30
"""Forecasts scored before a predictor can be put on probation."""
WORSE, BETTER = 1.05, 1.0
"""relMAE above which probation begins, and below which it ends."""
SPREAD = 1.6
"""P90 of an error in mean absolute errors: 1.606 of a normal one, 1.609 of a Laplacian."""
TINY = 1e-9
"""Error that counts as none, in shares of the value."""
MOST = 1000.0
"""Largest relMAE that is told: of a last value that never errs there is no ratio."""
_KEEP = 0.5 ** (1.0 / HALF_LIFE)


@dataclass(slots=True)
class Standings:
    """What a batch of rows has been worth: arrays with one value for each row (a part, see :mod:`predictors.parts`)."""

    horizon: Ints
    """How far ahead is forecast (periods, >= 1)."""
    age: Ints
    """Periods since the first forecast, that one included; 0 before it."""
    waiting: Ring
    """[6, 3, m]: period of a forecast, forecast, and last value then (U)."""
    errors: Floats
    """[2, m]: mean absolute error of the forecast, and of the last value (U)."""
    scored: Ints
    """Forecasts scored."""
    since: Floats
    """When probation began (s); NaN when the row is not on it."""
    scale: Floats
    """Size of the newest value that forecasts were compared with (U)."""

    @classmethod
    def new(cls, horizon: Ints) -> "Standings":
        """Begin with rows of which nothing is known; ``horizon`` int64[m] (periods, >= 1)."""
        m = horizon.size
        none, never = np.zeros(m, dtype=np.int64), np.full(m, np.nan)
        return cls(
            horizon, none, Ring.new(WAITING, 3, m), np.zeros((2, m)), np.zeros(m, dtype=np.int64), never, np.zeros(m)
        )

    @property
    def on_probation(self) -> Bools:
        """Return the rows that are on probation."""
        return np.isfinite(self.since)

    @property
    def relmae(self) -> Floats:
        """Return error / last value's error, 1 when both are nothing, at most 1000; NaN where nothing is scored."""
        floor = TINY * self.scale + SMALLEST
        with np.errstate(over="ignore"):
            ratio = np.minimum((self.errors[0] + floor) / (self.errors[1] + floor), MOST)
        return np.where(self.scored > 0, ratio, np.nan)

    @property
    def margin(self) -> Floats:
        """Return how far P10 and P90 are from the last value (U)."""
        margin: Floats = SPREAD * self.errors[1]
        return margin

    def take(self, value: Floats, forecast: Floats, *, at: float, elapsed: int = 1) -> None:
        """Take in one period.

        ``value`` is what came in it and ``forecast`` what is expected a horizon later (float64[m], U; NaN for none).
        ``at`` is the period's end (s), ``elapsed`` how many periods ago the last one was taken in (>= 1): what lies
        between is not scored.
        """
        known = np.isfinite(value) & np.isfinite(forecast)
        self.age = np.where(self.age > 0, self.age + elapsed, known.astype(np.int64))
        stride = -(-self.horizon // PER_HORIZON)
        self._judge(self._score(value, stride), at)
        turn = np.flatnonzero((self.age > 0) & (self.age % stride == 0))
        new = np.stack([self.age.astype(np.float64), np.where(known, forecast, np.nan), value])
        self.waiting.put((self.age // stride)[turn], new[:, turn], turn)

    def _score(self, value: Floats, stride: Ints) -> Bools:
        """Compare the forecasts that were made for this period with what came; return the rows that have one."""
        origin = self.age - self.horizon
        past = self.waiting.get(origin // stride)
        error = np.abs(value - past[1:])
        told: Bools = (past[0] == origin) & np.isfinite(error).all(axis=0)
        self.scored = self.scored + told
        rate = np.maximum(1.0 - _KEEP, 1.0 / np.maximum(self.scored, 1))
        self.errors = np.where(told, self.errors + rate * (error - self.errors), self.errors)
        self.scale = np.where(told, np.abs(value), self.scale)
        return told

    def _judge(self, told: Bools, at: float) -> None:
        """Let probation begin and end."""
        on, ratio = self.on_probation, self.relmae
        begins = told & ~on & (self.scored >= ENOUGH) & (ratio > WORSE)
        self.since = np.where(begins, at, np.where(told & on & (ratio < BETTER), np.nan, self.since))


def load(raw: bytes) -> Standings:
    """Return what :func:`predictors.parts.dump` stored of standings; it goes on as they would have.

    Raises
    ------
    ValueError
        If it was stored by another version, or is something else.
    """
    found = parts.stored(raw)
    if (horizon := found.get("horizon")) is None:
        raise ValueError("not a stored state: no 'horizon'")
    return parts.fill(Standings.new(horizon.astype(np.int64)), found)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What became of one row, period by period."""

    on_probation: Bools
    margin: Floats
    """How far P10 and P90 are from the last value (U)."""


def replay(value: Floats, forecast: Floats, *, horizon: int) -> Course:
    """Take in a whole row at once (float64[n] each, see :meth:`Standings.take`): the same to the bit, and fast."""
    on, margin = np.zeros(value.size, dtype=np.bool_), np.zeros(value.size)
    known = np.flatnonzero(np.isfinite(value) & np.isfinite(forecast))
    stride = -(-horizon // PER_HORIZON)
    origins = np.arange(known[0] + stride - 1 if known.size else value.size, value.size - horizon, stride)
    targets = origins + horizon
    own, last = np.abs(value[targets] - forecast[origins]), np.abs(value[targets] - value[origins])
    told = np.isfinite(own) & np.isfinite(last)
    targets = targets[told]
    floors = (TINY * np.abs(value[targets]) + SMALLEST).tolist()
    verdicts = list(_verdicts(own[told].tolist(), last[told].tolist(), floors))
    for begin, end, (probation, error) in zip(
        targets.tolist(), [*targets[1:].tolist(), value.size], verdicts, strict=False
    ):
        on[begin:end], margin[begin:end] = probation, SPREAD * error
    return Course(on, margin)


def _verdicts(own: list[float], last: list[float], floors: list[float]) -> Iterator[tuple[bool, float]]:
    """Yield, error by error, whether the row is on probation, and the last value's mean error (U)."""
    mean, other, on = 0.0, 0.0, False
    for scored, (error, beside, floor) in enumerate(zip(own, last, floors, strict=True), start=1):
        rate = max(1.0 - _KEEP, 1.0 / scored)
        mean, other = mean + rate * (error - mean), other + rate * (beside - other)
        ratio = min((mean + floor) / (other + floor), MOST)
        on = ratio >= BETTER if on else scored >= ENOUGH and ratio > WORSE
        yield on, other
