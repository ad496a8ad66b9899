"""A window is what a brute-force recomputation over all samples says, for any order of arrival."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.totals import hold_gaps
from streams.window import Grid, Series, hold

moments = st.one_of(st.integers(0, 400).map(lambda i: i / 4.0), st.floats(0.0, 100.0))
samples = st.lists(st.tuples(moments, st.floats(0.0, 1e9)), max_size=60)
grids = st.builds(Grid, first=st.integers(-3, 20), n=st.integers(1, 30), width=st.sampled_from([0.25, 1.0, 3.0, 5.0]))


def a_series(of: list[tuple[float, float]]) -> Series:
    series = Series()
    for at, value in of:
        series.insert(at, value)
    return series


def brute_force(of: list[tuple[float, float]], grid: Grid) -> list[float]:
    """Average what stays of the samples over each period, without any of the window's code."""
    stays: dict[float, float] = {}
    for at, value in of:
        stays[at] = max(value, stays.get(at, 0.0))
    means = []
    for k in range(grid.first, grid.first + grid.n):
        inside = [stays[at] for at in sorted(stays) if math.floor(at / grid.width) == k]
        total = 0.0
        for value in inside:
            total += value
        means.append(total / len(inside) if inside else math.nan)
    return means


@given(data=st.data(), of=samples, grid=grids)
def test_means_equal_a_recomputation_for_any_order_of_arrival(
    data: st.DataObject, of: list[tuple[float, float]], grid: Grid
) -> None:
    arrived = data.draw(st.permutations(of + of[: len(of) // 3]))

    assert np.array_equal(grid.means([a_series(arrived)])[0], brute_force(of, grid), equal_nan=True)


@given(data=st.data(), of=samples, grid=grids)
def test_forgetting_what_is_before_the_grid_changes_nothing(
    data: st.DataObject, of: list[tuple[float, float]], grid: Grid
) -> None:
    arrived, cut = data.draw(st.permutations(of)), data.draw(st.integers(0, len(of)))
    series = a_series(arrived[:cut])
    series.forget(grid.start)
    for at, value in arrived[cut:]:
        series.insert(at, value)
    series.forget(grid.start)

    assert np.array_equal(grid.means([series])[0], brute_force(of, grid), equal_nan=True)
    assert all(at >= grid.start for at in series.times)


@given(many=st.lists(samples, max_size=5), grid=grids)
def test_series_do_not_touch_each_other(many: list[list[tuple[float, float]]], grid: Grid) -> None:
    together = grid.means([a_series(of) for of in many])

    assert together.shape == (len(many), grid.n)
    assert all(
        np.array_equal(row, brute_force(of, grid), equal_nan=True) for row, of in zip(together, many, strict=True)
    )


@given(values=st.lists(st.one_of(st.just(math.nan), st.floats(0.0, 10.0)), min_size=1), periods=st.integers(0, 8))
def test_a_gap_holds_the_value_before_it_for_some_periods(values: list[float], periods: int) -> None:
    held = hold(np.array([values]), periods)[0]

    for i, value in enumerate(held):
        before = [v for v in values[max(0, i - periods) : i + 1] if not math.isnan(v)]
        assert math.isnan(value) if not before else value == before[-1]


@given(of=samples, grid=grids, periods=st.integers(0, 5))
def test_filled_is_held_from_before_the_grid(of: list[tuple[float, float]], grid: Grid, periods: int) -> None:
    longer = brute_force(of, grid.longer(periods))

    filled = grid.filled([a_series(of)], periods)

    assert np.array_equal(filled, hold(np.array([longer]), periods)[:, periods:], equal_nan=True)


@given(k=st.integers(1, 2**34), width=st.sampled_from([0.1, 0.2, 0.3, 0.5, 1.0, 5.0, 7.7, 60.0]))
def test_a_tick_at_the_end_of_a_period_ends_the_grid_there(k: int, width: float) -> None:
    assert Grid.ending(k * width, width=width, span=10 * width) == Grid(k - 10, 10, width)


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.lists(
            st.lists(st.sampled_from([math.nan, 0.0, 1.5, 7.0]), min_size=n, max_size=n), min_size=1, max_size=8
        )
    ),
    st.integers(0, 5),
)
def test_gaps_of_many_are_held_as_those_of_each(rows: list[list[float]], periods: int) -> None:
    each = np.array(rows)

    np.testing.assert_array_equal(hold_gaps(np.array(each.T, order="C"), periods), hold(each, periods).T)
