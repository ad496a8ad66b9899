import pytest

from predictors.horizon import horizon, lead_time

GRID = (15.0, 30.0, 60.0, 120.0, 300.0)


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param([], None, id="unknown before the first"),
        pytest.param([42.0], 42.0, id="one is all there is"),
        pytest.param([1.0, 90.0, *[10.0] * 7], 90.0, id="nine: their maximum"),
        pytest.param([90.0, *[10.0] * 9], 10.0, id="ten: the 90th percentile, an outlier does not count"),
        pytest.param([90.0, 80.0, *[10.0] * 8], 80.0, id="ten with two slow ones"),
        pytest.param([float(i) for i in range(100, 0, -1)], 90.0, id="a hundred in any order"),
    ],
)
def test_the_lead_time(observed: list[float], expected: float | None) -> None:
    assert lead_time(observed) == expected


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param({}, 60.0, id="nothing measured: the default, 30 s, plus a period"),
        pytest.param({"a": []}, 60.0, id="a partition without a measurement counts for nothing"),
        pytest.param({"a": [7.0]}, 15.0, id="rounded up to the grid"),
        pytest.param({"a": [10.0]}, 15.0, id="exactly a step of the grid"),
        pytest.param({"a": [10.1]}, 30.0, id="a little over a step"),
        pytest.param({"a": [7.0], "b": [100.0], "c": [20.0]}, 120.0, id="the slowest partition counts"),
        pytest.param({"a": [9999.0]}, 300.0, id="never longer than the grid"),
    ],
)
def test_the_horizon_is_the_lead_time_and_a_period_on_the_grid(
    observed: dict[str, list[float]], expected: float
) -> None:
    assert horizon(observed, default_s=30.0, period_s=5.0, grid_s=GRID, before_s=None) == expected


@pytest.mark.parametrize(
    ("before", "lead", "expected"),
    [
        pytest.param(30.0, 26.0, 60.0, id="grows at once"),
        pytest.param(60.0, 55.0, 60.0, id="stays"),
        pytest.param(60.0, 19.1, 60.0, id="24.1 s is too near to 30 to shrink"),
        pytest.param(60.0, 19.0, 30.0, id="24 s fits well into 30"),
        pytest.param(300.0, 19.0, 30.0, id="shrinks over several steps at once"),
        pytest.param(300.0, 24.0, 60.0, id="29 s: not to 30 but to 60"),
        pytest.param(15.0, 9.9, 15.0, id="the shortest step stays"),
        pytest.param(45.0, 24.0, 45.0, id="a horizon that has left the grid never grows when it should shrink"),
    ],
)
def test_it_shrinks_with_hysteresis(before: float, lead: float, expected: float) -> None:
    assert horizon({"a": [lead]}, default_s=30.0, period_s=5.0, grid_s=GRID, before_s=before) == expected
