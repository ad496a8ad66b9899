"""Loads in periods."""

import math

import numpy as np
import pytest

from actuators.lab.load import saturated
from tests.laboratory import a_load

NAN = math.nan


def test_shorter_periods_hold_and_longer_ones_take_the_mean_of_what_is_known() -> None:
    load = a_load([1.0, 3.0, NAN, 5.0], step_s=60.0)

    assert load.every(30.0).signals["requests_in_flight"].tolist()[:4] == [1.0, 1.0, 3.0, 3.0]
    assert load.every(120.0).signals["requests_in_flight"].tolist() == [2.0, 5.0]
    assert load.every(120.0).periods == 2


def test_a_period_with_nothing_known_stays_unknown() -> None:
    assert a_load([NAN, NAN, 1.0, 1.0]).every(120.0).unknown.tolist() == [True, False]


@pytest.mark.parametrize("step_s", [45.0, 90.0, 7.0])
def test_lengths_that_do_not_fit_are_refused(step_s: float) -> None:
    with pytest.raises(ValueError, match="must be a multiple or a whole part"):
        a_load(step_s=60.0).every(step_s)


def test_a_part_begins_where_it_begins() -> None:
    part = a_load([1.0, 2.0, 3.0], start=100.0).part(1, 3)

    assert (part.start, part.periods, part.signals["requests_in_flight"].tolist()) == (160.0, 2, [2.0, 3.0])


@pytest.mark.parametrize(
    ("values", "ceiling", "flags"),
    [
        pytest.param([1, 9, 10, 11], 10.0, [0, 0, 1, 1], id="at the ceiling that is given"),
        pytest.param([*range(20), 20, 20, 20], None, [0] * 20 + [1] * 3, id="a plateau at the maximum"),
        pytest.param([*range(20), 20, 20], None, [0] * 22, id="two are no plateau"),
        pytest.param([1, 2, 2, 2, 2], None, [0] * 5, id="few values repeat by accident"),
        pytest.param([NAN, NAN], None, [0, 0], id="nothing known"),
    ],
)
def test_saturated(values: list[float], ceiling: float | None, flags: list[int]) -> None:
    assert saturated(np.array(values, dtype=np.float64), ceiling).astype(int).tolist() == flags


def test_scaled() -> None:
    assert a_load([1.0, NAN]).scaled(3.0).signals["requests_in_flight"][0] == 3.0
