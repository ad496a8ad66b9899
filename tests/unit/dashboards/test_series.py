"""Observed and forecast side by side."""

import pytest

from dashboards.model import Level, Point
from dashboards.series import Row, align

X = "requests_in_flight"


def a_point(at: float, *, observed: float | None = 1.0, forecast: float | None = None, horizon_s: float = 2.0) -> Point:
    return Point(at, horizon_s, 1, 0, {X: Level(observed, forecast, None, None)})


def forecasts(rows: list[Row]) -> list[tuple[float, float | None]]:
    return [(row.t, row.forecast) for row in rows]


def test_no_tick_no_row() -> None:
    assert align([], steps=[(0.0, 3)], signal=X) == []


def test_a_forecast_stands_where_it_was_for() -> None:
    points = [a_point(float(t), forecast=100.0 + t) for t in range(4)]

    rows = align(points, steps=[], signal=X)

    assert forecasts(rows) == [(0, None), (1, None), (2, 100), (3, 101), (4, 102), (5, 103)]
    assert [row.observed for row in rows] == [1, 1, 1, 1, None, None]


@pytest.mark.parametrize(
    ("shift", "found"),
    [
        pytest.param(0.05, 100.0, id="a little late"),
        pytest.param(-0.05, 100.0, id="a little early"),
        pytest.param(0.45, 100.0, id="almost half a tick late"),
    ],
)
def test_ticks_need_not_be_exact(shift: float, found: float) -> None:
    points = [a_point(0.0, forecast=100.0), a_point(1.0), a_point(2.0 + shift), a_point(3.0), a_point(4.0)]

    assert align(points, steps=[], signal=X)[2].forecast == found


def test_after_a_gap_no_old_forecast_fills_in() -> None:
    points = [a_point(0.0, forecast=100.0), a_point(1.0, forecast=101.0), a_point(2.0, forecast=102.0), a_point(60.0)]

    assert align(points, steps=[], signal=X)[3].forecast is None


def test_when_the_horizon_shrinks_the_later_forecast_counts() -> None:
    points = [a_point(0.0, forecast=1.0, horizon_s=10.0), a_point(1.0, forecast=2.0, horizon_s=3.0)]

    assert forecasts(align(points, steps=[], signal=X))[2:] == [(4.0, 2.0)]


def test_when_the_horizon_grows_there_is_a_gap_and_no_guess() -> None:
    points = [a_point(float(t), forecast=float(t), horizon_s=1.0 if t < 2 else 3.0) for t in range(7)]

    assert [f for _, f in forecasts(align(points, steps=[], signal=X))] == [None, 0, 1, None, None, 2, 3, 4, 5, 6]


def test_points_in_any_order_and_twice_give_the_same_rows() -> None:
    points = [a_point(float(t), forecast=float(t)) for t in range(5)]

    assert align([*points[::-1], points[2]], steps=[], signal=X) == align(points, steps=[], signal=X)


def test_wanted_is_unknown_before_the_first_decision_and_then_a_step() -> None:
    rows = align([a_point(float(t)) for t in range(4)], steps=[(1.0, 3), (3.0, 5)], signal=X)

    assert [row.wanted for row in rows[:4]] == [None, 3, 3, 5]


def test_a_signal_that_is_not_measured_is_unknown_never_zero() -> None:
    rows = align([a_point(1.0)], steps=[], signal="load_average")

    assert (rows[0].observed, rows[0].forecast) == (None, None)


def test_an_unknown_load_is_a_gap() -> None:
    rows = align([a_point(1.0, observed=None), a_point(2.0)], steps=[], signal=X)

    assert [row.observed for row in rows[:2]] == [None, 1.0]
