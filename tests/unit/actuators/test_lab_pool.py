"""Several loads together."""

import math

import pytest

from actuators.lab.pool import pooled


def test_one_ratio_with_an_interval_around_it() -> None:
    made = pooled(["a", "b", "c"], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0])

    assert (made.loads, made.ratio, made.low, made.high, made.worse) == (3, 0.5, 0.5, 0.5, ())


def test_a_load_that_goes_the_other_way_widens_the_interval() -> None:
    made = pooled(["a", "b", "c", "d"], [1.0, 1.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0])

    assert made.ratio == pytest.approx(6.0 / 8.0)
    assert made.low < 0.75 < made.high
    assert made.worse == ("d",)


def test_a_small_loss_is_none() -> None:
    assert pooled(["a"], [1.09], [1.0]).worse == ()
    assert pooled(["a"], [1.11], [1.0]).worse == ("a",)


def test_without_any_shortage_there_is_no_difference() -> None:
    assert pooled(["a"], [0.0], [0.0]).ratio == 1.0
    assert math.isinf(pooled(["a"], [1.0], [0.0]).ratio)


def test_it_comes_out_the_same_every_time() -> None:
    rows = (["a", "b", "c"], [1.0, 3.0, 2.0], [2.0, 2.0, 2.0])

    assert pooled(*rows) == pooled(*rows)
