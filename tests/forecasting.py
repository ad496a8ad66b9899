"""Series to forecast in tests, and how a predictor is run over them."""

from dataclasses import dataclass

import numpy as np

from predictors.registry import Predictor
from predictors.series import Floats, Rows


@dataclass(frozen=True, slots=True)
class Told:
    """What a predictor said at every step: arrays [n, m]."""

    point: Floats
    lower: Floats
    upper: Floats
    highest: Floats
    why: Floats

    def all(self) -> Floats:
        """Return everything in one array."""
        return np.stack([self.point, self.lower, self.upper, self.highest, self.why])


def run(predictor: Predictor, rows: Rows, y: Floats) -> Told:
    """Run a new state over ``y`` (float64[n, m])."""
    return go_on(predictor, predictor.new(rows), y)


def go_on(predictor: Predictor, state: object, y: Floats) -> Told:
    """Run a state over ``y``."""
    told = [predictor.step(state, each) for each in y]
    return Told(*(np.array([getattr(f, name) for f in told], dtype=np.float64) for name in Told.__dataclass_fields__))


def noisy(n: int, m: int = 1, *, seed: int = 7, period: int = 96) -> Floats:
    """Return loads with a season, noise, and jumps now and then (float64[n, m])."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)[:, None]
    jumps = np.cumsum(rng.normal(size=(n, m)) * (rng.random((n, m)) < 0.02), axis=0) * 10.0
    season = 30.0 * np.sin(2.0 * np.pi * t / period + np.arange(m))
    return np.maximum(100.0 + season + jumps + rng.normal(size=(n, m)) * 3.0, 0.0)


def gappy(y: Floats, *, seed: int = 11, share: float = 0.05) -> Floats:
    """Return ``y`` with samples missing here and there, and twenty in a row."""
    holes = np.where(np.random.default_rng(seed).random(y.shape) < share, np.nan, y)
    holes[len(y) // 2 : len(y) // 2 + 20] = np.nan
    return holes
