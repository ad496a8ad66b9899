"""Figures computed from Stratos' own code and tracker (STRATOS-939)."""

import numpy as np
import pytest

from predictors.registry import PREDICTORS
from predictors.series import rows
from predictors.stratos import gradient, predicted, second_derivative
from tests.forecasting import run

T = np.array([1415213202.095, 1415213217.125, 1415213232.152, 1415213232.157])
Y = np.array([12.0, 9.0, 12.0, 7.0])


def test_the_gradient_is_that_of_the_first_and_the_last_event() -> None:
    assert gradient(T[:2], Y[:2]) == pytest.approx(-0.1996007984, rel=1e-6)


def test_two_events_within_a_second_count_as_one_second_apart() -> None:
    assert gradient(T[2:], Y[2:]) == -5.0


def test_the_second_derivative_is_the_change_between_the_halves() -> None:
    assert second_derivative(T, Y) == pytest.approx(-0.21293467, rel=1e-6)


@pytest.mark.parametrize("n", [1, 2])
def test_below_three_events_there_is_no_second_derivative(n: int) -> None:
    assert second_derivative(T[:n], Y[:n]) is None


@pytest.mark.parametrize(("t", "expected"), [(1.0, 50.505), (60.0, 98.0)], ids=["as coded", "as its slides say"])
def test_the_forecast(t: float, expected: float) -> None:
    assert predicted(50.0, 0.5, 0.01, t) == pytest.approx(expected)


def test_a_minute_of_four_samples_and_the_horizon_does_not_matter() -> None:
    y = np.array([10.0, 14.0, 12.0, 20.0, 99.0])[:, None].repeat(2, axis=1)

    told = run(PREDICTORS["stratos-4.1"], rows(2, step_s=15.0, horizon_s=[60.0, 900.0]), y)

    slope = (20.0 - 10.0) / 45.0
    second = ((20.0 - 12.0) / 15.0 - (14.0 - 10.0) / 15.0) / 30.0
    np.testing.assert_allclose(told.point[3], 14.0 + slope + 0.5 * second)
    np.testing.assert_allclose(told.point[4], told.point[3], err_msg="until the next minute is full")
    assert told.point[2].tolist() == [12.0, 12.0]


def test_with_a_sample_a_minute_it_is_the_last_value() -> None:
    y = np.array([[5.0], [9.0], [2.0]])

    assert run(PREDICTORS["stratos-4.1"], rows(1, step_s=60.0, horizon_s=300.0), y).point.tolist() == y.tolist()
