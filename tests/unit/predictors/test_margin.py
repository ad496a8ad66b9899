import numpy as np

from predictors.margin import ENOUGH, GUESS, LEVELS, Margin
from predictors.series import Floats, rows

ROWS = rows(2, step_s=60.0, horizon_s=120.0)


def lines(y: Floats, points: Floats) -> Floats:
    """Return the lines at every step: float64[n, 3, m]."""
    margin, told = Margin.new(2, 2), []
    for t, (value, point) in enumerate(zip(y, points, strict=True)):
        at = np.full(2, t)
        moved = value - y[t - 1] if t else np.full(2, np.nan)
        margin.take(value, moved, at, ROWS)
        told.append(margin.bounds(point, np.zeros(2), at, np.isfinite(value)))
    return np.array(told)


def test_each_line_holds_the_share_that_it_says() -> None:
    y = 100.0 + np.random.default_rng(6).normal(size=(4000, 2)) * np.array([1.0, 9.0])

    told = lines(y, np.full((4000, 2), 100.0))

    below = (y[602:, None] <= told[600:-2]).mean(axis=0)
    np.testing.assert_allclose(below, np.repeat(LEVELS[:, None], 2, axis=1), atol=0.02)


def test_a_forecast_that_is_always_too_low_is_lifted() -> None:
    rng = np.random.default_rng(7)
    y = 100.0 + rng.normal(size=(900, 2))

    told = lines(y, np.full((900, 2), 90.0))

    assert (told[-1] > 97.0).all()


def test_the_lines_widen_when_the_load_moves_more() -> None:
    rng = np.random.default_rng(8)
    y = 100.0 + rng.normal(size=(1200, 2)) * np.where(np.arange(1200) < 1000, 1.0, 10.0)[:, None]

    told = lines(y, np.full((1200, 2), 100.0))

    assert (told[1060, 1] - 100.0 > 4.0 * (told[999, 1] - 100.0)).all()


def test_until_errors_are_known_the_lines_are_those_of_a_normal_error() -> None:
    margin = Margin.new(2, 2)

    assert margin.count.max() < ENOUGH
    np.testing.assert_array_equal(margin.lines, np.repeat(GUESS[:, None], 2, axis=1))


def test_one_error_beyond_all_measure_is_one_error() -> None:
    y = 100.0 + np.random.default_rng(9).normal(size=(900, 2))
    y[450] = 1e30

    told = lines(y, np.full((900, 2), 100.0))

    assert np.isfinite(told).all()
    np.testing.assert_allclose(told[-1, 1], 101.3, atol=0.8)
