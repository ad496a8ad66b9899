import numpy as np
import pytest

from predictors.smooth import Means, Medians


@pytest.mark.parametrize("w", [1, 5, 15])
def test_a_running_median_is_the_median_of_the_last_values(w: int) -> None:
    rng = np.random.default_rng(4)
    y = np.round(rng.normal(size=(200, 3)) * 4.0)
    medians = Medians.new((w, 31), 3)

    for t, value in enumerate(y):
        told = medians.take(value, np.full(3, t), np.full(3, t == 0))

        past = np.concatenate([np.repeat(y[:1], 31, axis=0), y[: t + 1]])
        np.testing.assert_array_equal(told[0], np.median(past[-w:], axis=0))


def test_a_row_that_begins_later_has_its_first_value_as_median() -> None:
    medians = Medians.new((5,), 2)
    medians.take(np.array([3.0, 0.0]), np.array([0, 0]), np.array([True, False]))

    told = medians.take(np.array([9.0, 8.0]), np.array([1, 0]), np.array([False, True]))

    assert told.tolist() == [[3.0, 8.0]]


def test_on_a_line_the_gaps_are_lag_times_slope() -> None:
    means, rates = Means.new(2, 1, 1), np.array([[0.5], [0.1]])
    for t in range(500):
        means.take(np.array([2.0 * t]), rates, np.array([1]), np.array([t == 0]))

    np.testing.assert_allclose(2.0 * 499 - means.once[:, 0], [2.0 * (0.5 / 0.5), 2.0 * (0.9 / 0.1)])
    np.testing.assert_allclose(means.once[1] - means.twice[0], 2.0 * (0.9 / 0.1))
