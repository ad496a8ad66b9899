"""Forecasts beside the last value."""

import math

import numpy as np
import pytest

from actuators.lab.skill import last_line, pinball, skill

NAN = math.nan


def test_the_last_value_is_as_good_as_itself() -> None:
    values = np.random.default_rng(1).normal(100.0, 10.0, 2000)
    made = skill(values, values, last_line(values, steps=3), steps=3, predictor="last", signal="requests", step_s=60.0)

    assert (made.relmae, made.relpinball90, made.n, made.horizon_s) == (1.0, 1.0, 1997, 180.0)
    assert made.coverage90 == pytest.approx(0.9, abs=0.03)


def test_an_exact_forecast_has_no_error_and_a_gap_is_not_scored() -> None:
    values = np.array([1.0, 2.0, 4.0, NAN, 16.0, 32.0])
    ahead = np.array([2.0, 4.0, 8.0, NAN, 32.0, 64.0])
    made = skill(values, ahead, ahead, steps=1, predictor="double", signal="requests", step_s=1.0)

    assert (made.relmae, made.n) == (0.0, 3)


def test_errors_are_relative_to_those_of_the_last_value() -> None:
    made = skill(
        np.array([0.0, 4.0, 8.0]),
        np.array([3.0, 7.0, 0.0]),
        np.full(3, NAN),
        steps=1,
        predictor="near",
        signal="requests",
        step_s=1.0,
    )

    assert made.relmae == 0.25
    assert math.isnan(made.coverage90)


def test_pinball_weighs_what_is_above_the_line_nine_times() -> None:
    assert pinball(np.array([12.0, 8.0]), np.array([10.0, 10.0])).tolist() == pytest.approx([1.8, 0.2])


def test_the_line_knows_only_the_past() -> None:
    values = np.random.default_rng(2).normal(100.0, 10.0, 700)
    other = values.copy()
    other[400:] *= 3.0

    assert np.array_equal(last_line(values, steps=5)[:400], last_line(other, steps=5)[:400], equal_nan=True)
    assert np.isnan(last_line(values, steps=5)[:25]).all()
