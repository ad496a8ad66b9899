"""What replaying a month at 15 s costs: the whole closed loop, and its growth.

Goals: under 3 s with the last value, under 20 s with the ensemble.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from actuators.lab.course import Course
from actuators.lab.load import Load
from actuators.lab.report import Trial, course_of, run
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


@pytest.mark.parametrize("predictor", ["last", "kinematic", "ensemble"])
def test_a_replay_grows_as_the_load_does(benchmark: BenchmarkFixture, predictor: str) -> None:
    """A tenth of the month, then the month, once each: processor time of the forecasts and of the loop."""
    month = a_month(MONTH, noise=0.05)
    tenth = parts_s(a_trial(month.part(0, MONTH // 10), spec=SPEC, predictor=predictor))
    whole = benchmark.pedantic(parts_s, args=(a_trial(month, spec=SPEC, predictor=predictor),), rounds=1)

    growth = round(sum(whole) / sum(tenth), 2)
    figures = ", ".join(f"{what} {each:.2f} s" for what, each in zip(("forecasts", "loop"), whole, strict=True))
    print(f"\n{predictor}: a month at 15 s {sum(whole):.2f} s ({figures}); {growth} x a tenth of it")  # noqa: T201 - a benchmark tells
    benchmark.extra_info["growth"] = growth


def parts_s(trial: Trial) -> tuple[float, float]:
    """Return the processor time of the forecasts, and of the closed loop with its scores (s)."""
    seen = list[Course]()
    forecasts = cpu_s(lambda: seen.append(course_of(trial)))
    return forecasts, cpu_s(partial(run, trial, seen=seen[0], baseline=False))


def cpu_s(work: Callable[[], object]) -> float:
    """Return the processor time of a call (s)."""
    began = time.process_time()
    work()
    return time.process_time() - began
