"""Quantiles: exact of a list, within half a percent in bounded memory."""

import numpy as np
import pytest

from pileus.load.quantiles import Histogram, quantile


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        pytest.param([], 0.5, None, id="none of no values"),
        pytest.param([3.0], 0.99, 3.0, id="one value is every quantile"),
        pytest.param([4.0, 1.0, 3.0, 2.0], 0.5, 2.0, id="the lower middle of an even number"),
        pytest.param([float(i) for i in range(1, 101)], 0.99, 99.0, id="p99 of a hundred is the second greatest"),
        pytest.param([1.0, 2.0], 1.0, 2.0, id="the whole is the greatest"),
    ],
)
def test_a_quantile_is_the_nearest_rank(values: list[float], q: float, expected: float | None) -> None:
    assert quantile(values, q) == expected


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_a_histogram_agrees_with_the_exact_quantile(q: float) -> None:
    values = np.random.default_rng(1).lognormal(-2.0, 1.0, 5000).tolist()
    histogram = Histogram()
    for v in values:
        histogram.add(v)

    assert histogram.quantile(q) == pytest.approx(quantile(values, q), rel=0.006)
    assert (histogram.count, histogram.greatest) == (5000, max(values))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(-1.0, 0.0, id="negative counts as nothing"),
        pytest.param(0.0, 0.0, id="nothing"),
        pytest.param(1e9, 1e9, id="beyond the last bin it is still not more than the greatest"),
    ],
)
def test_a_histogram_takes_any_value(value: float, expected: float) -> None:
    histogram = Histogram()
    histogram.add(value)
    found = histogram.quantile(0.5)

    assert found is not None
    assert found <= expected
    assert histogram.greatest == expected


def test_a_histogram_of_nothing_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None
