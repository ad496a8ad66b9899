"""What a tick costs the forecasts: 10,000 clusters of three signals are 30,000 rows. Growth shows in one run."""

from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from predictors import parts
from predictors.probation import Standings
from predictors.registry import PREDICTORS
from predictors.series import Floats, Rows, rows

WARM = 150
"""Steps before the measurement: the rings hold what they hold in service, but for the season."""


def many(m: int) -> Rows:
    """Return rows whose costly steps are spread over the ticks, as their ages and phases are in service."""
    return rows(m, step_s=60.0, horizon_s=300.0, phase=np.arange(m))


def warmed(name: str, m: int) -> tuple[Any, Floats]:
    """Return a state that has seen a few hours, and what comes next."""
    rng = np.random.default_rng(0)
    state = PREDICTORS[name].new(many(m))
    for _ in range(WARM):
        PREDICTORS[name].step(state, 100.0 + rng.normal(size=m))
    return state, 100.0 + rng.normal(size=m)


@pytest.mark.benchmark(group="a tick of the ensemble")
@pytest.mark.parametrize("m", [3, 300, 3_000, 30_000])
def test_a_tick_of_the_ensemble(benchmark: BenchmarkFixture, m: int) -> None:
    state, y = warmed("ensemble", m)

    told = benchmark.pedantic(PREDICTORS["ensemble"].step, args=(state, y), rounds=20)

    benchmark.extra_info["bytes per row"] = parts.size_bytes(state) // m
    assert told.ready.all()


@pytest.mark.benchmark(group="a tick of 300 rows")
@pytest.mark.parametrize("name", list(PREDICTORS))
def test_a_tick_of_each_predictor(benchmark: BenchmarkFixture, name: str) -> None:
    state, y = warmed(name, 300)

    told = benchmark.pedantic(PREDICTORS[name].step, args=(state, y), rounds=20)

    assert told.point.size == 300


@pytest.mark.benchmark(group="a tick of the ensemble")
@pytest.mark.parametrize("m", [3, 300, 3_000, 30_000])
def test_a_tick_of_the_ensemble_with_its_probation(benchmark: BenchmarkFixture, m: int) -> None:
    state, y = warmed("ensemble", m)
    standings = Standings.new(np.full(m, 60, dtype=np.int64))
    for i in range(WARM):
        standings.take(y + i % 7, y + i % 5, at=float(i))

    def tick() -> Floats:
        told = PREDICTORS["ensemble"].step(state, y)
        standings.take(y, told.point, at=1000.0)
        return standings.relmae

    assert np.isfinite(benchmark.pedantic(tick, rounds=20)).all()
