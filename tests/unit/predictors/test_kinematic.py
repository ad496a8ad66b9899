import math
from collections.abc import Sequence

import numpy as np
import pytest

from predictors import kinematic
from predictors.kinematic import Prediction
from predictors.motion import Floats, estimate_motion

T = np.linspace(-297.5, -2.5, 60)


def predict(
    y: Floats | Sequence[float], *, t: Floats = T, horizon_s: float = 60.0, ceiling: float = math.inf
) -> Prediction:
    (prediction,) = kinematic.predict(t, np.array([y]), horizon_s=horizon_s, ceiling=np.array([ceiling]))
    assert prediction is not None
    return prediction


@pytest.mark.parametrize(
    ("slope", "curvature", "horizon_s"),
    [
        pytest.param(0.0, 0.0, 60.0, id="steady"),
        pytest.param(0.5, 0.0, 60.0, id="growing evenly"),
        pytest.param(0.5, 0.01, 60.0, id="growing faster and faster"),
        pytest.param(0.5, 0.01, 1.0, id="a short horizon"),
        pytest.param(0.5, -0.001, 900.0, id="a long horizon"),
    ],
)
def test_an_exact_parabola_goes_on(slope: float, curvature: float, horizon_s: float) -> None:
    prediction = predict(500.0 + slope * T + 0.5 * curvature * T * T, horizon_s=horizon_s)
    ahead = 500.0 + slope * horizon_s + 0.5 * curvature * horizon_s * horizon_s

    assert prediction.value == pytest.approx(ahead, rel=1e-6)
    assert [prediction.lower, prediction.upper] == pytest.approx([ahead, ahead], rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_forecast_is_the_motion_at_the_horizon(seed: int) -> None:
    y = 100.0 + 0.3 * T + np.random.default_rng(seed).normal(0.0, 5.0, T.size)

    prediction = predict(y, horizon_s=120.0)

    assert prediction.value == max(0.0, prediction.motion.after(120.0))


def test_a_forecast_never_falls_below_zero() -> None:
    prediction = predict(300.0 + T, horizon_s=600.0)
    falling = predict(10.0 - T, horizon_s=600.0)

    assert prediction.value == pytest.approx(900.0)
    assert (falling.value, falling.lower, falling.upper) == (0.0, 0.0, 0.0)


def test_a_forecast_never_exceeds_the_ceiling() -> None:
    prediction = predict(90.0 + 0.2 * T, horizon_s=600.0, ceiling=100.0)

    assert (prediction.value, prediction.lower, prediction.upper) == (100.0, 100.0, 100.0)


def test_each_row_has_its_own_ceiling() -> None:
    rows = np.array([90.0 + 0.2 * T, 90.0 + 0.2 * T])

    one, other = kinematic.predict(T, rows, horizon_s=100.0, ceiling=np.array([np.inf, 100.0]))

    assert one is not None
    assert other is not None
    assert [one.value, other.value] == pytest.approx([110.0, 100.0])


def test_noise_alone_is_not_extrapolated() -> None:
    rows = 100.0 + np.random.default_rng(7).normal(0.0, 10.0, (400, T.size))
    shrunk = kinematic.predict(T, rows, horizon_s=120.0, ceiling=np.full(400, np.inf))
    plain = [motion.after(120.0) for row in rows if (motion := estimate_motion(T, row)) is not None]

    errors = np.array([each.value - 100.0 for each in shrunk if each is not None])
    still = sum(each.motion.slope == 0.0 and each.motion.curvature == 0.0 for each in shrunk if each is not None)

    assert still > 0.85 * len(rows)
    assert errors.std() < 0.5 * np.std(plain)


def test_a_trend_that_stands_out_of_the_noise_is_kept() -> None:
    rows = 100.0 + 0.5 * T + np.random.default_rng(7).normal(0.0, 5.0, (100, T.size))

    forecasts = kinematic.predict(T, rows, horizon_s=60.0, ceiling=np.full(100, np.inf))

    assert np.median([each.value for each in forecasts if each is not None]) == pytest.approx(130.0, abs=3.0)


def test_the_interval_holds_four_of_five() -> None:
    rng = np.random.default_rng(11)
    rows = 1000.0 + rng.normal(0.0, 10.0, (2000, 8))
    actual = 1000.0 + rng.normal(0.0, 10.0, 2000)

    forecasts = kinematic.predict(T[-8:], rows, horizon_s=0.0, ceiling=np.full(2000, np.inf))
    inside = [each.lower <= value <= each.upper for each, value in zip(forecasts, actual, strict=True) if each]

    assert 0.78 <= np.mean(inside) <= 0.93


@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_too_few_samples_give_no_forecast(known: int) -> None:
    rows = np.full((2, T.size), np.nan)
    rows[0, :known] = 5.0
    rows[1] = 7.0

    few, enough = kinematic.predict(T, rows, horizon_s=60.0, ceiling=np.full(2, np.inf))

    assert few is None
    assert enough is not None
    assert enough.value == pytest.approx(7.0)


def test_four_noisy_samples_are_hardly_extrapolated() -> None:
    assert predict([10.0, 12.0, 10.0, 11.0], t=np.array([-15.0, -10.0, -5.0, 0.0])).value == pytest.approx(10.75)


def test_the_window_of_stratos_939_explodes_there_and_not_here() -> None:
    """Two agents' samples 5 ms apart: Stratos computed a second derivative of -44 per s^2 (-0.21 with its floor)."""
    t = np.array([0.0, 15.030, 30.057, 30.062]) - 30.062
    prediction = predict([12.0, 9.0, 12.0, 7.0], t=t)

    assert prediction.motion.curvature == 0.0
    assert 0.0 <= prediction.value <= 12.0


@pytest.mark.parametrize(
    ("freedom", "table"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (57, 2.002)],
)
def test_doubt_follows_student(freedom: int, table: float) -> None:
    doubt = kinematic._student(kinematic.SURE, np.array([float(freedom)]))

    assert doubt == pytest.approx([table], rel=0.25 if freedom == 1 else 0.04)


@pytest.mark.parametrize("tiny", [1e-320, 1e-200, 1e-160])
def test_a_value_whose_square_vanishes_is_no_trouble(tiny: float) -> None:
    assert predict([tiny * i for i in range(T.size)]).value == pytest.approx(0.0, abs=1e-100)
