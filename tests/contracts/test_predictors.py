"""What every predictor promises. A new one is one line in ``PREDICTORS``."""

from dataclasses import replace

import numpy as np
import pytest

from predictors import parts
from predictors.registry import PREDICTORS, Predictor, load
from predictors.series import Floats, Rows, Why, rows
from tests.forecasting import gappy, go_on, noisy, run

SEASON = 48
N = 4 * SEASON + 20
"""Steps: four seasons, so that the seasonal memory takes part."""


@pytest.fixture(params=list(PREDICTORS))
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return PREDICTORS[request.param]


def some_rows(m: int = 1, *, ceiling: float = np.inf) -> Rows:
    """Return rows of several horizons and phases, with a season of 48 steps."""
    return rows(
        m,
        step_s=15.0,
        horizon_s=15.0 * (1.0 + np.arange(m) % 5),
        period_s=SEASON * 15.0,
        ceiling=ceiling,
        phase=3 * np.arange(m),
    )


def test_a_constant_load_is_forecast_exactly(predictor: Predictor) -> None:
    told = run(predictor, some_rows(), np.full((N, 1), 5.1))

    for line in (told.point, told.lower, told.upper, told.highest):
        np.testing.assert_allclose(line[N // 2 :], 5.1, rtol=1e-6)


def test_a_load_of_nothing_is_forecast_as_nothing(predictor: Predictor) -> None:
    told = run(predictor, some_rows(3), np.zeros((N, 3)))

    assert not told.point.any()
    np.testing.assert_allclose(told.highest, 0.0, atol=1e-9)


def test_after_a_step_the_new_level_is_forecast(predictor: Predictor) -> None:
    y = np.where(np.arange(N) < 100, 10.0, 50.0)[:, None]

    told = run(predictor, some_rows(), y)

    np.testing.assert_allclose(told.point[99], 10.0, rtol=1e-6)
    np.testing.assert_allclose(told.point[160:], 50.0, rtol=0.03)


def test_before_the_first_sample_nothing_is_known(predictor: Predictor) -> None:
    told = run(predictor, some_rows(2), np.full((5, 2), np.nan))

    assert (told.why == Why.NO_SAMPLE).all()
    assert np.isnan(told.point).all()


def test_with_one_sample_the_forecast_is_that_sample(predictor: Predictor) -> None:
    told = run(predictor, some_rows(), np.array([[42.0]]))

    assert told.point[0, 0] == 42.0


def test_gaps_are_bridged_and_a_long_one_is_named(predictor: Predictor) -> None:
    y = gappy(noisy(N, 3))
    y[0] = 100.0

    told = run(predictor, some_rows(3), y)

    assert np.isfinite(told.all()).all()
    assert (told.why[N // 2 + 10] == Why.GAP).all()
    assert (told.why[-1] == Why.READY).all()
    assert (np.abs(told.point[N // 2 + 5] - told.point[N // 2]) < 60.0).all()


@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1e300, np.nan], ids=["inf", "-inf", "beyond all measure", "nan"])
def test_what_is_no_number_is_a_gap(predictor: Predictor, odd: float) -> None:
    y = noisy(60)
    y[30] = np.nan
    other = y.copy()
    other[30] = odd

    np.testing.assert_array_equal(run(predictor, some_rows(), y).all(), run(predictor, some_rows(), other).all())


def test_every_line_is_within_what_the_signal_can_be_and_in_order(predictor: Predictor) -> None:
    y = np.clip(noisy(N, 3) * 4.0 - 350.0, 0.0, 100.0)

    told = run(predictor, some_rows(3, ceiling=100.0), y)

    for low, high in ((told.lower, told.point), (told.point, told.upper), (told.upper, told.highest)):
        assert (low <= high).all()
    assert told.lower.min() >= 0.0
    assert told.highest.max() <= 100.0


def test_a_sudden_jump_after_nothing_does_no_harm(predictor: Predictor) -> None:
    y = np.zeros((N, 1))
    y[50:], y[100:], y[150:] = 1e12, 1e-12, 7.0

    told = run(predictor, some_rows(), y)

    assert np.isfinite(told.point).all()
    assert told.point.max() <= 1e14


def test_when_a_series_begins_changes_nothing(predictor: Predictor) -> None:
    y = gappy(noisy(N, 2))
    y[0] = 50.0

    told, later = (
        run(predictor, some_rows(2), each).all() for each in (y, np.concatenate([np.full((37, 2), np.nan), y]))
    )

    np.testing.assert_array_equal(later[:, 37:], told)


@pytest.mark.parametrize("factor", [2.0**20, 2.0**-20, 1000.0], ids=["1048576", "1/1048576", "1000"])
def test_the_unit_changes_nothing(predictor: Predictor, factor: float) -> None:
    y = noisy(N, 2)

    told, scaled = (run(predictor, some_rows(2), each) for each in (y, factor * y))

    np.testing.assert_allclose(scaled.all()[:4], factor * told.all()[:4], rtol=1e-4)


def test_a_restart_changes_nothing(predictor: Predictor) -> None:
    y = gappy(noisy(N, 3))
    state = predictor.new(some_rows(3))
    go_on(predictor, state, y[:120])

    again = load(predictor, parts.dump(state))

    np.testing.assert_array_equal(go_on(predictor, again, y[120:]).all(), go_on(predictor, state, y[120:]).all())


@pytest.mark.parametrize(
    "raw", [b"", b"\x80", b"\xc1", b"\x81\xa1a\x01"], ids=["empty", "no arrays", "no msgpack", "else"]
)
def test_what_is_no_stored_state_is_refused(predictor: Predictor, raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a stored state"):
        load(predictor, raw)


def test_a_state_of_another_shape_is_refused(predictor: Predictor) -> None:
    state = predictor.new(some_rows(3))
    state.held.age = state.held.age[:2]

    with pytest.raises(ValueError, match=r"held\.age: need int64\(3,\), got int64\(2,\)"):
        load(predictor, parts.dump(state))


def test_no_row_knows_of_another(predictor: Predictor) -> None:
    y, every = gappy(noisy(N, 5)), some_rows(5)

    together = run(predictor, every, y).all()

    for row in range(5):
        alone = run(predictor, parts.take(every, np.array([row])), y[:, [row]]).all()
        np.testing.assert_array_equal(alone[..., 0], together[..., row], err_msg=f"row {row}")


def test_rows_come_and_go(predictor: Predictor) -> None:
    y, every = noisy(N, 4), some_rows(4)
    undisturbed = run(predictor, every, y).all()
    state = predictor.new(parts.take(every, np.array([0, 1])), longest=5)
    go_on(predictor, state, y[:80, :2])

    state = parts.join(state, predictor.new(parts.take(every, np.array([2, 3])), longest=5))
    go_on(predictor, state, np.concatenate([y[80:130, :2], y[:50, 2:]], axis=1))
    state = parts.take(state, np.array([3, 1]))
    told = go_on(predictor, state, np.stack([y[50:132, 3], y[130:, 1]], axis=1)).all()

    np.testing.assert_array_equal(told[..., 1], undisturbed[:, 130:, 1])
    np.testing.assert_array_equal(told[..., 0], undisturbed[:, 50:132, 3])


def test_memory_does_not_grow(predictor: Predictor) -> None:
    state = predictor.new(some_rows(2))
    before = parts.size_bytes(state)

    go_on(predictor, state, noisy(N, 2))

    assert parts.size_bytes(state) == before
    assert before < 2 * 100_000


def test_no_rows_are_no_trouble(predictor: Predictor) -> None:
    told = run(predictor, some_rows(0), np.empty((3, 0)))

    assert told.point.shape == (3, 0)


def test_about_nine_in_ten_stay_below_the_upper_line(predictor: Predictor) -> None:
    y, ahead = noisy(1500, 4, seed=5, period=SEASON), replace(some_rows(4), horizon=np.full(4, 2))

    told = run(predictor, ahead, y)

    covered: Floats = (y[502:] <= told.upper[500:-2]).mean(axis=0)
    assert (np.abs(covered - 0.9) < 0.03).all(), covered
