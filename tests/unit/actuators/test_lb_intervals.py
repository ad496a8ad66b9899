"""The mean of an interval, and a count that never falls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actuators.lb_intervals import Intervals, Mean, Total


def means(looks: list[tuple[float, float]], *, interval_s: float = 1.0) -> list[Mean]:
    intervals = Intervals(interval_s)
    return [mean for at, value in looks if (mean := intervals.look(value, at)) is not None]


def every(step: float, start: float, end: float, value: float) -> list[tuple[float, float]]:
    return [(start + i * step, value) for i in range(round((end - start) / step) + 1)]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([(10.0, 1.0)], [], id="one look is no interval"),
        pytest.param(every(0.25, 10.0, 11.0, 4.0), [Mean(11.0, 4.0)], id="a steady number is its mean"),
        pytest.param(
            [*every(0.25, 10.0, 10.5, 2.0), *every(0.25, 10.75, 11.0, 6.0)], [Mean(11.0, 4.0)], id="weighted by time"
        ),
        pytest.param(
            [*every(0.25, 10.0, 10.75, 0.0), (11.25, 8.0), (11.5, 0.0), (11.75, 0.0), (12.0, 0.0)],
            [Mean(11.0, 2.0), Mean(12.0, 2.0)],
            id="a look beyond the end counts for both intervals, each with its share",
        ),
        pytest.param(every(0.25, 10.75, 11.0, 4.0), [], id="less than half known: no sample"),
        pytest.param(
            [*every(0.25, 10.0, 10.5, 4.0), (11.25, 9.0)], [Mean(11.0, 4.0)], id="a gap says nothing about its time"
        ),
        pytest.param(
            [*every(0.25, 10.0, 10.75, 4.0), (15.5, 9.0), (15.75, 1.0), (16.0, 1.0)],
            [Mean(11.0, 4.0), Mean(16.0, 1.0)],
            id="intervals that nobody looked at have no sample",
        ),
        pytest.param(
            [*every(0.25, 10.0, 10.75, 4.0), (5.0, 1.0), (5.25, 3.0), (5.5, 3.0), (5.75, 3.0), (6.0, 3.0)],
            [Mean(6.0, 3.0)],
            id="a clock that goes back begins anew",
        ),
    ],
)
def test_intervals(looks: list[tuple[float, float]], expected: list[Mean]) -> None:
    assert means(looks) == expected


@given(
    steps=st.lists(st.floats(0.01, 0.5), min_size=20, max_size=200),
    start=st.floats(0, 1e9),
    interval_s=st.sampled_from([0.5, 1.0, 5.0]),
)
def test_every_interval_that_was_looked_at_has_one_sample_on_the_grid(
    steps: list[float], start: float, interval_s: float
) -> None:
    looks, at = [], start
    for step in steps:
        at += step
        looks.append((at, 3.0))

    found = means(looks, interval_s=interval_s)

    assert all(mean.value == pytest.approx(3.0) for mean in found)
    assert all(mean.at == round(mean.at / interval_s) * interval_s for mean in found)
    ends = [mean.at for mean in found]
    assert ends == sorted(set(ends))
    assert len(found) >= (at - start) // interval_s - 2


@pytest.mark.parametrize("interval_s", [0.0, -1.0, 0.49, float("nan"), float("inf")])
def test_an_interval_too_short_to_be_looked_at_is_refused(interval_s: float) -> None:
    with pytest.raises(ValueError, match=r"must be at least 0\.5 s"):
        Intervals(interval_s)


def test_a_count_goes_on_when_the_balancer_begins_at_zero() -> None:
    total = Total()

    assert [total.of(count) for count in (5, 7, 0, 2, 2, 1)] == [5, 7, 7, 9, 9, 10]
