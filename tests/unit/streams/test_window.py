import math

import numpy as np
import pytest

from streams import window
from streams.window import BalancerWindow, Floats, Grid, Series, hold
from tests.builders import a_requests

NAN = math.nan


def same(left: Floats, right: list[list[float]]) -> bool:
    return np.array_equal(left, np.array(right), equal_nan=True)


def a_series(*samples: tuple[float, float]) -> Series:
    series = Series()
    for at, value in samples:
        series.insert(at, value)
    return series


@pytest.mark.parametrize(
    ("samples", "times", "values"),
    [
        pytest.param([(1.0, 5.0), (2.0, 6.0)], [1.0, 2.0], [5.0, 6.0], id="in order"),
        pytest.param([(2.0, 6.0), (1.0, 5.0)], [1.0, 2.0], [5.0, 6.0], id="out of order"),
        pytest.param([(1.0, 5.0), (1.0, 6.0)], [1.0], [6.0], id="a duplicate: the larger stays"),
        pytest.param([(1.0, 6.0), (1.0, 5.0)], [1.0], [6.0], id="a duplicate: the larger stays, whichever came first"),
        pytest.param([(1.0, 6.0), (2.0, 0.0), (1.0, 6.0)], [1.0, 2.0], [6.0, 0.0], id="a late duplicate"),
    ],
)
def test_a_sample_finds_its_place(samples: list[tuple[float, float]], times: list[float], values: list[float]) -> None:
    series = a_series(*samples)

    assert (series.times, series.values) == (times, values)


def test_a_duplicate_is_told() -> None:
    series = Series()

    assert [series.insert(at, 1.0) for at in (5.0, 7.0, 5.0, 6.0, 7.0)] == [True, True, False, True, False]


@pytest.mark.parametrize(("before", "left"), [(0.0, 3), (2.0, 2), (2.5, 1), (9.0, 0)])
def test_what_is_older_is_forgotten(before: float, left: int) -> None:
    series = a_series((1.0, 1.0), (2.0, 2.0), (3.0, 3.0))
    series.forget(before)

    assert (len(series.times), len(series.values)) == (left, left)


@pytest.mark.parametrize(("at", "newest"), [(0.5, None), (1.0, 1.0), (2.9, 2.0), (99.0, 3.0)])
def test_the_newest_sample_is_not_from_the_future(at: float, newest: float | None) -> None:
    assert a_series((1.0, 1.0), (2.0, 2.0), (3.0, 3.0)).newest(at) == newest


def test_a_series_has_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST", 2)
    series = a_series((1.0, 1.0))
    full = [series.full, series.insert(2.0, 1.0) and series.full]

    assert full == [False, True]


@pytest.mark.parametrize(
    ("at", "width", "span", "first", "n"),
    [
        pytest.param(1000.0, 5.0, 20.0, 196, 4, id="a tick at the end of a period"),
        pytest.param(1004.9, 5.0, 20.0, 196, 4, id="a period that has not ended does not count"),
        pytest.param(1005.0, 5.0, 20.0, 197, 4, id="the next one"),
        pytest.param(1000.0, 5.0, 1.0, 199, 1, id="at least one period"),
        pytest.param(
            12_728_071_518 * 0.1, 0.1, 1.0, 12_728_071_508, 10, id="the quotient comes out a little too small"
        ),
        pytest.param(8_126_600_015 * 1.1, 1.1, 11.0, 8_126_600_005, 10, id="for another width too"),
    ],
)
def test_a_grid_ends_at_the_tick(at: float, width: float, span: float, first: int, n: int) -> None:
    assert Grid.ending(at, width=width, span=span) == Grid(first, n, width)


def test_a_tick_at_every_period_gets_a_grid_that_moves_by_one() -> None:
    ticks = [math.floor(1_700_000_000.05 / 0.1) + i for i in range(1000)]

    assert [Grid.ending(k * 0.1, width=0.1, span=1.0).first for k in ticks] == [k - 10 for k in ticks]


def test_periods_have_their_place_relative_to_the_tick() -> None:
    grid = Grid.ending(1002.0, width=5.0, span=15.0)

    assert (grid.start, grid.longer(2).start) == (985.0, 975.0)
    assert grid.middles(1002.0).tolist() == [-14.5, -9.5, -4.5]


def test_means_are_taken_period_by_period() -> None:
    grid = Grid(2, 3, 5.0)
    one = a_series((9.9, 100.0), (10.0, 1.0), (14.9, 3.0), (20.0, 7.0), (25.0, 100.0))

    assert same(grid.means([one, Series(), a_series((16.0, 4.0))]), [[2.0, NAN, 7.0], [NAN] * 3, [NAN, 4.0, NAN]])


def test_no_series_make_no_rows() -> None:
    assert Grid(2, 3, 5.0).means([]).shape == (0, 3)
    assert Grid(2, 3, 5.0).filled([], 2).shape == (0, 3)


@pytest.mark.parametrize(
    ("periods", "held"),
    [
        pytest.param(0, [NAN, 1.0, NAN, NAN, NAN, 2.0, NAN], id="nothing is held"),
        pytest.param(1, [NAN, 1.0, 1.0, NAN, NAN, 2.0, 2.0], id="for one period"),
        pytest.param(9, [NAN, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0], id="until the next value"),
    ],
)
def test_a_gap_takes_the_value_before_it(periods: int, held: list[float]) -> None:
    rows = np.array([[NAN, 1.0, NAN, NAN, NAN, 2.0, NAN], [NAN] * 7])

    assert same(hold(rows, periods), [held, [NAN] * 7])


def test_a_gap_at_the_beginning_takes_the_value_before_the_grid() -> None:
    series = a_series((10.0, 1.0), (26.0, 2.0))

    assert same(Grid(4, 3, 5.0).filled([series], 2), [[1.0, 2.0, 2.0]])
    assert same(Grid(4, 3, 5.0).filled([series], 1), [[NAN, 2.0, 2.0]])


# --- what a balancer said --------------------------------------------------------------------------------------------


def test_a_balancer_says_its_mean_at_the_middle_of_the_interval() -> None:
    balancer = BalancerWindow()
    new = [balancer.take(a_requests(8.0, at=at, interval_s=4.0, count=int(at))) for at in (20.0, 20.0, 16.0)]

    assert (new, balancer.in_flight.times) == ([True, False, True], [14.0, 18.0])
    assert (balancer.since, balancer.newest, balancer.count) == (12.0, 20.0, 20)
