import numpy as np
import pytest

from predictors.ensemble import Ensemble
from predictors.registry import PREDICTORS
from predictors.series import Why, rows
from tests.forecasting import noisy, run


def test_the_kinematic_forecast_of_a_parabola_is_exact() -> None:
    t = 15.0 * np.arange(80)[:, None]
    ahead = rows(2, step_s=15.0, horizon_s=[60.0, 120.0])
    y = np.asarray(5.0 + 0.2 * t + 0.5 * 0.004 * t * t, dtype=np.float64).repeat(2, axis=1)

    told = run(PREDICTORS["kinematic"], ahead, y)

    target = t[30:] + np.array([60.0, 120.0])
    np.testing.assert_allclose(told.point[30:], 5.0 + 0.2 * target + 0.5 * 0.004 * target * target, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        pytest.param("last", 1, id="last: one sample"),
        pytest.param("kinematic", 4, id="kinematic: one more than a parabola needs"),
        pytest.param("stratos-4.1", 4, id="stratos-4.1: a minute"),
        pytest.param("seasonal", 52, id="seasonal: a season and a little"),
        pytest.param("ensemble", 32, id="ensemble: thirty forecasts that can be judged"),
    ],
)
def test_a_predictor_is_ready_from_its_own_number_of_samples_on(name: str, steps: int) -> None:
    told = run(PREDICTORS[name], rows(1, step_s=15.0, horizon_s=30.0, period_s=48 * 15.0), noisy(60))

    assert told.why[:, 0].tolist() == [Why.TOO_FEW_SAMPLES] * (steps - 1) + [Why.READY] * (61 - steps)


def test_the_seasonal_forecast_knows_the_week() -> None:
    day = 24
    t = np.arange(5 * 7 * day)[:, None]
    weekend = (t // day % 7) >= 5
    y = np.where(weekend, 10.0, 50.0 + 20.0 * np.sin(2.0 * np.pi * t / day))
    ahead = rows(1, step_s=3600.0, horizon_s=3 * 3600.0)

    told = run(PREDICTORS["seasonal"], ahead, y)

    last = slice(4 * 7 * day, -3)
    error, of_last = (np.abs(each[last] - y[4 * 7 * day + 3 :]).mean() for each in (told.point, y))
    assert error < 0.6 * of_last


def test_the_ensemble_learns_what_repeats_each_day() -> None:
    day = 96
    rng = np.random.default_rng(3)
    job = np.where(np.arange(8 * day) % day // 8 == 5, 60.0, 10.0)[:, None] + rng.normal(size=(8 * day, 1))

    told = run(PREDICTORS["ensemble"], rows(1, step_s=900.0, horizon_s=1800.0), job)

    last = slice(5 * day, -2)
    error, of_last = (np.abs(each[last] - job[5 * day + 2 :]).mean() for each in (told.point, job))
    assert error < 0.5 * of_last


def test_the_guard_keeps_the_upper_lines_above_the_rising_line() -> None:
    y = np.concatenate([np.full(60, 10.0), 10.0 + 5.0 * np.arange(10)])[:, None]
    ahead = rows(1, step_s=15.0, horizon_s=60.0)

    bare, guarded = (run(Ensemble(guard=guard), ahead, y) for guard in (False, True))

    np.testing.assert_allclose(guarded.upper[65], y[65] + 4 * 5.0)
    np.testing.assert_array_equal(guarded.point, bare.point)
    assert (guarded.upper >= bare.upper).all()
