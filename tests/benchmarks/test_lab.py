"""What replaying a month at 15 s costs: the whole closed loop (goal with the last value: under 3 s), and its growth."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from actuators.lab.load import Load
from actuators.lab.report import run
from tests.laboratory import a_lab_spec, a_load, a_trial

MONTH = 172_800
"""Periods of 15 s."""
SPEC = a_lab_spec(most=100)


def a_month(periods: int, *, noise: float) -> Load:
    """Return days with noise that wanders, as loads do."""
    chance = np.random.default_rng(1)
    t = np.arange(periods) * 15.0
    wave = 200.0 + 150.0 * np.sin(2.0 * np.pi * t / 86400.0)
    wander = np.exp(np.clip(np.cumsum(0.002 * chance.standard_normal(periods)), -1.0, 1.0))
    return a_load(np.maximum(wave * wander * (1.0 + noise * chance.standard_normal(periods)), 0.0), step_s=15.0)


@pytest.mark.parametrize("noise", [0.05, 0.5], ids=["calm", "wild"])
@pytest.mark.parametrize("predictor", ["last", "kinematic"])
def test_a_month_at_15_s(benchmark: BenchmarkFixture, predictor: str, noise: float) -> None:
    """Forecast, decide, plan and place every period, and score it; without the search for the headroom."""
    trial = a_trial(a_month(MONTH, noise=noise), spec=SPEC, predictor=predictor)

    outcome = benchmark.pedantic(run, args=(trial,), kwargs={"baseline": False}, rounds=3)

    assert outcome.loop.period == MONTH
    benchmark.extra_info["changes"] = len(outcome.loop.changes)


def test_a_replay_grows_as_the_load_does(benchmark: BenchmarkFixture) -> None:
    """The same with a tenth of the month: how the processor time grows."""
    month = a_month(MONTH, noise=0.05)
    few, many = a_trial(month.part(0, MONTH // 10), spec=SPEC), a_trial(month, spec=SPEC)
    small, large = (min(cpu_s(partial(run, each)) for _ in range(3)) for each in (few, many))

    benchmark.pedantic(run, args=(many,), rounds=1)

    print(f"\na tenth {small:.3f} s, a month {large:.3f} s of processor time: {large / small:.1f} x for 10 x")  # noqa: T201 - a benchmark tells
    benchmark.extra_info["growth"] = round(large / small, 2)


def cpu_s(work: Callable[[], object]) -> float:
    """Return the processor time of a call (s)."""
    began = time.process_time()
    work()
    return time.process_time() - began
