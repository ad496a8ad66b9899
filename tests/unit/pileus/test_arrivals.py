"""When requests are due: the rate is met, chance is fixed by the seed."""

import itertools
import math

import numpy as np
import pytest

from pileus.load.arrivals import due_times
from pileus.load.load import Load
from pileus.load.shapes import generated


def a_load(level: float = 1.0, duration_s: float = math.inf) -> Load:
    return Load(shape=lambda _: level, duration_s=duration_s, description="constant")


def test_the_seed_fixes_every_arrival() -> None:
    def arrivals(seed: int) -> list[float]:
        return list(due_times(generated("day"), peak_per_s=20.0, duration_s=60.0, seed=seed))

    assert arrivals(1) == arrivals(1)
    assert arrivals(1) != arrivals(2)


def test_arrivals_ascend_and_stay_within_the_duration() -> None:
    due = list(due_times(generated("flash-crowd", period_s=10.0), peak_per_s=200.0, duration_s=30.0, seed=1))

    assert due == sorted(due)
    assert due[0] >= 0.0
    assert due[-1] <= 30.0


def test_the_number_of_arrivals_is_the_integral_of_the_rate() -> None:
    expected = 50.0 * 400.0 * 0.55  # mean of the ramp: 0.1 + 0.9 / 2
    due = list(due_times(generated("ramp", period_s=400.0), peak_per_s=50.0, duration_s=400.0, seed=3))

    assert abs(len(due) - expected) < 5.0 * math.sqrt(expected)


def test_the_steps_between_arrivals_are_exponential() -> None:
    due = np.diff(list(due_times(a_load(), peak_per_s=100.0, duration_s=200.0, seed=5)))

    assert due.mean() == pytest.approx(0.01, rel=0.05)
    assert due.std() == pytest.approx(due.mean(), rel=0.05)


def test_arrivals_follow_the_load() -> None:
    due = np.array(list(due_times(generated("steps", period_s=80.0), peak_per_s=200.0, duration_s=80.0, seed=7)))
    per_step, _ = np.histogram(due, bins=8, range=(0.0, 80.0))

    assert per_step / 2000.0 == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25], rel=0.2)


@pytest.mark.parametrize(
    ("load", "duration_s", "last"),
    [
        pytest.param(a_load(duration_s=2.0), 10.0, 2.0, id="ends with the load"),
        pytest.param(a_load(), 3.01, 3.01, id="ends with the duration, within a cell"),
    ],
)
def test_arrivals_end(load: Load, duration_s: float, last: float) -> None:
    due = list(due_times(load, peak_per_s=1000.0, duration_s=duration_s, seed=1))

    assert last - 0.1 < due[-1] < last


def test_no_load_sends_nothing() -> None:
    assert list(due_times(a_load(0.0), peak_per_s=100.0, duration_s=10.0, seed=1)) == []


def test_without_an_end_arrivals_never_end() -> None:
    due = itertools.islice(due_times(a_load(), peak_per_s=10.0, duration_s=math.inf, seed=1), 5000)

    assert len(list(due)) == 5000
