"""What probation promises: it judges by the past only, the same to the bit whatever stands beside a row."""

import numpy as np
import pytest

from predictors import parts, probation
from predictors.probation import ENOUGH, Standings
from predictors.series import Floats, Ints
from tests.forecasting import gappy, noisy

N = 400
PERIOD_S = 5.0


def wrong(y: Floats, *, by: float = 8.0) -> Floats:
    """Return forecasts that are wrong half of the time: worse than the last value, then better (float64[n, m])."""
    half = len(y) // 2
    ahead = np.concatenate([y[3:], y[-3:]])
    return np.where(np.arange(len(y))[:, None] < half, y + by, ahead)


def horizons(m: int) -> Ints:
    return 3 + 5 * np.arange(m, dtype=np.int64)


def go_on(standings: Standings, y: Floats, said: Floats, *, first: int = 0) -> Floats:
    """Take in periods; return relMAE, forecasts scored, begin of probation and margin (float64[n, 4, m])."""
    told = []
    for i, (value, forecast) in enumerate(zip(y, said, strict=True), start=first):
        standings.take(value, forecast, at=(i + 1) * PERIOD_S)
        told.append(np.array([standings.relmae, standings.scored, standings.since, standings.margin]))
    return np.array(told)


def run(y: Floats, said: Floats) -> Floats:
    return go_on(Standings.new(horizons(y.shape[1])), y, said)


def test_probation_begins_when_a_predictor_loses_and_ends_when_it_wins_again() -> None:
    y = noisy(N, 1)

    told = run(y, wrong(y))
    on = np.isfinite(told[:, 2, 0])

    begin, end = int(np.argmax(on)), int(N - np.argmax(on[::-1]))
    assert told[begin, 1, 0] == ENOUGH
    assert (told[begin:end, 2, 0] == (begin + 1) * PERIOD_S).all(), "since when it began"
    assert N // 2 < end < N
    assert told[end - 1, 0, 0] >= probation.BETTER > told[end, 0, 0]


def test_between_the_two_bounds_it_stays_as_it_is() -> None:
    y = noisy(N, 1)
    told = run(y, wrong(y))
    on, ratio = np.isfinite(told[:, 2, 0]), told[:, 0, 0]

    between = np.flatnonzero((ratio[1:] > probation.BETTER) & (ratio[1:] < probation.WORSE)) + 1

    assert between.size
    assert (on[between] == on[between - 1]).all()


def test_a_constant_load_puts_nobody_on_probation_for_rounding() -> None:
    y = np.full((N, 3), 5.1)

    told = run(y, y * (1.0 + 1e-15))

    np.testing.assert_allclose(told[-1, 0], 1.0, rtol=1e-5)
    assert np.isnan(told[:, 2]).all()


def test_a_predictor_that_is_wrong_where_nothing_moves_is_on_probation() -> None:
    told = run(np.zeros((N, 2)), np.full((N, 2), 3.0))

    assert np.isfinite(told[-1, 2]).all()
    assert (told[-1, 0] == probation.MOST).all()


def test_the_last_value_itself_is_worth_as_much() -> None:
    y = noisy(N, 2)

    np.testing.assert_array_equal(run(y, y)[-1, 0], 1.0)


def test_gaps_are_not_scored_and_harm_nothing() -> None:
    y = noisy(N, 3)
    y[0] = 100.0
    holes = gappy(y)

    full, told = run(y, wrong(y)), run(holes, wrong(y))

    assert (told[-1, 1] < full[-1, 1]).all()
    assert np.isfinite(told[-1, 0]).all()
    np.testing.assert_allclose(told[-1, 0], full[-1, 0], rtol=0.3)


def test_what_comes_later_changes_nothing() -> None:
    y = noisy(N, 2)
    other = y.copy()
    other[300:] = 7.0

    np.testing.assert_array_equal(run(y, wrong(y)[:N])[:300], run(other, np.where(y == other, wrong(y), 0.0))[:300])


@pytest.mark.parametrize("factor", [2.0**20, 2.0**-20, 1000.0], ids=["1048576", "1/1048576", "1000"])
def test_the_unit_changes_nothing(factor: float) -> None:
    y = noisy(N, 2)

    told, scaled = run(y, wrong(y)), run(y * factor, wrong(y) * factor)

    np.testing.assert_allclose(scaled[:, :3], told[:, :3], rtol=1e-9)
    np.testing.assert_allclose(scaled[:, 3], told[:, 3] * factor, rtol=1e-9)


def test_when_a_row_begins_changes_nothing_but_the_time() -> None:
    y, empty = noisy(N, 2), np.full((37, 2), np.nan)

    told, later = run(y, wrong(y)), run(np.concatenate([empty, y]), np.concatenate([empty, wrong(y)]))[37:]

    np.testing.assert_array_equal(later[:, [0, 1, 3]], told[:, [0, 1, 3]])
    np.testing.assert_array_equal(later[:, 2], told[:, 2] + 37 * PERIOD_S)


def test_a_restart_changes_nothing() -> None:
    y = gappy(noisy(N, 3))
    said, standings = wrong(noisy(N, 3)), Standings.new(horizons(3))
    go_on(standings, y[:150], said[:150])

    again = probation.load(parts.dump(standings))

    np.testing.assert_array_equal(
        go_on(again, y[150:], said[150:], first=150), go_on(standings, y[150:], said[150:], first=150)
    )


@pytest.mark.parametrize("raw", [b"", b"\x80", b"\xc1"], ids=["empty", "no arrays", "no msgpack"])
def test_what_is_no_stored_state_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a stored state"):
        probation.load(raw)


def test_no_row_knows_of_another_and_they_come_and_go() -> None:
    y = gappy(noisy(N, 3))
    said, standings = wrong(noisy(N, 3)), Standings.new(horizons(3)[:2])
    together = run(y, said)
    go_on(standings, y[:100, :2], said[:100, :2])

    standings = parts.join(parts.take(standings, np.array([1])), Standings.new(horizons(3)[2:]))
    told = go_on(standings, y[100:, 1:], said[100:, 1:], first=100)

    np.testing.assert_array_equal(told[..., 0], together[100:, :, 1])


def test_periods_without_a_tick_are_not_scored() -> None:
    y = noisy(N, 1)
    standings = Standings.new(horizons(1))
    go_on(standings, y[:200], wrong(y)[:200])
    scored = int(standings.scored[0])

    standings.take(y[202], y[202], at=0.0, elapsed=3)
    assert standings.scored[0] == scored + 1, "the forecast for this very period was made before the pause"
    standings.take(y[209], y[209], at=0.0, elapsed=7)
    assert standings.scored[0] == scored + 1, "the forecast for this one never was"


def test_memory_does_not_grow() -> None:
    standings = Standings.new(horizons(2))
    before = parts.size_bytes(standings)

    go_on(standings, noisy(N, 2), noisy(N, 2))

    assert parts.size_bytes(standings) == before < 2 * 300


@pytest.mark.parametrize("horizon", [1, 4, 5, 6, 13, 60, 10_000])
def test_a_whole_row_at_once_comes_out_the_same_to_the_bit(horizon: int) -> None:
    y = np.concatenate([np.full((7, 1), np.nan), gappy(noisy(N, 1))])
    said = wrong(np.nan_to_num(y))
    said[50:60] = np.nan
    standings = Standings.new(np.array([horizon]))
    told = go_on(standings, y, said)

    course = probation.replay(y[:, 0], said[:, 0], horizon=horizon)

    np.testing.assert_array_equal(course.on_probation, np.isfinite(told[:, 2, 0]))
    np.testing.assert_array_equal(course.margin, told[:, 3, 0])
    assert course.on_probation.any() == (horizon < 60), (
        "it can be seen, but of the longest, which are scored too seldom"
    )
