import numpy as np
import pytest

from predictors.season import Season, Seen
from predictors.series import Floats


def seen(y: Floats, *, period: int, horizon: int, most: int = 288) -> list[Seen]:
    """Return what a season says at every step of one series."""
    season = Season.new(1, most)
    known, value, told = np.isfinite(y), 0.0, []
    for t, each in enumerate(y.tolist()):
        value = each if known[t] else value
        told.append(
            season.take(
                np.array([value]),
                known[[t]],
                np.array([t]),
                period=np.array([period]),
                horizon=np.array([horizon]),
            )
        )
    return told


PERIOD = 40
WAVE = 50.0 + 10.0 * np.sin(2.0 * np.pi * np.arange(4 * PERIOD) / PERIOD)


def test_nothing_is_said_before_a_season_has_passed() -> None:
    first = seen(WAVE, period=PERIOD, horizon=2)[: PERIOD - 2]

    assert all(np.isnan(each.same[0]) and np.isnan(each.winters[0]) and not each.ready[0] for each in first)


def test_the_same_time_a_season_ago() -> None:
    told = seen(WAVE, period=PERIOD, horizon=2)

    np.testing.assert_allclose([each.same[0] for each in told[PERIOD:-2]], WAVE[2:-PERIOD], rtol=1e-6)


@pytest.mark.parametrize(("period", "horizon"), [(40, 1), (40, 5), (400, 7)], ids=["a slot", "5 slots", "within slots"])
def test_a_load_that_repeats_is_foreseen_by_every_seasonal_number(period: int, horizon: int) -> None:
    t = np.arange(4 * period)
    y = 50.0 + 10.0 * np.sin(2.0 * np.pi * t / period)
    target = 50.0 + 10.0 * np.sin(2.0 * np.pi * (t + horizon) / period)

    told = seen(y, period=period, horizon=horizon, most=40)

    for at in range(2 * period, 4 * period):
        each = told[at]
        np.testing.assert_allclose(
            [each.same[0], y[at] + each.change[0], each.profiled[0, 0], each.winters[0]], target[at], atol=2.5
        )


def test_a_shift_of_level_is_followed() -> None:
    y = WAVE + 100.0 * (np.arange(4 * PERIOD) >= 3 * PERIOD)

    each = seen(y, period=PERIOD, horizon=1)[3 * PERIOD + 20]

    np.testing.assert_allclose([each.profiled[0, 0], each.winters[0]], y[3 * PERIOD + 21], atol=3.0)


def test_a_slot_without_a_sample_keeps_what_it_knew() -> None:
    y = WAVE.copy()
    y[PERIOD + 10 : PERIOD + 20] = np.nan

    told = seen(y, period=PERIOD, horizon=1)

    np.testing.assert_allclose(told[2 * PERIOD + 14].same[0], WAVE[15], rtol=1e-6)
    assert np.isfinite(told[2 * PERIOD + 14].winters[0])
