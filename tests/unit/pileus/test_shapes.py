"""Generated loads: their formulas, their bounds, and who is refused."""

import math

import pytest

from pileus.load.choose import choose
from pileus.load.load import LoadError
from pileus.load.shapes import SHAPES, generated


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_stays_within_0_and_1_and_reaches_1(name: str) -> None:
    load = generated(name, period_s=100.0)
    values = [load.at(t / 10) for t in range(1000)]

    assert 0.0 < min(values) < 0.3
    assert max(values) == pytest.approx(1.0)
    assert max(values) <= 1.0


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        pytest.param("flash-crowd", 0.0, 0.15, id="flash-crowd begins calm"),
        pytest.param("flash-crowd", 0.2499, 0.15, id="flash-crowd gives no warning"),
        pytest.param("flash-crowd", 0.275, 0.575, id="flash-crowd is half way up in the middle of its rise"),
        pytest.param("flash-crowd", 0.40, 1.0, id="flash-crowd stays"),
        pytest.param("flash-crowd", 0.53, 0.15 + 0.85 / math.e, id="flash-crowd leaves exponentially"),
        pytest.param("ramp", 0.25, 0.55, id="ramp is straight up"),
        pytest.param("ramp", 0.75, 0.55, id="ramp is straight down"),
        pytest.param("day", 0.0, 0.1, id="day begins at night"),
        pytest.param("day", 0.5, 1.0, id="day is full at noon"),
        pytest.param("steps", 0.0, 0.25, id="steps begin on the first step"),
        pytest.param("steps", 0.3, 0.75, id="steps go up"),
        pytest.param("steps", 0.99, 0.25, id="steps come down"),
    ],
)
def test_a_shape_is_its_formula(name: str, x: float, expected: float) -> None:
    assert SHAPES[name](x) == pytest.approx(expected)
    assert generated(name, period_s=60.0, speed=2.0).at(30.0 * x) == pytest.approx(expected)
    assert generated(name, period_s=60.0).at(60.0 * (x + 3)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("period_s", "speed", "said"),
    [
        pytest.param(0.0, 1.0, "period = 0.0: must be a positive number", id="no period"),
        pytest.param(60.0, -1.0, "speed = -1.0: must be a positive number", id="backwards"),
        pytest.param(math.inf, 1.0, "period = inf", id="never ending period"),
        pytest.param(60.0, math.nan, "speed = nan", id="speed that is no number"),
    ],
)
def test_a_shape_needs_a_positive_period_and_speed(period_s: float, speed: float, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        generated("ramp", period_s=period_s, speed=speed)


def test_nothing_is_requested_before_the_start() -> None:
    assert generated("steps").at(-0.1) == 0.0


@pytest.mark.parametrize(
    ("what", "column", "said"),
    [
        pytest.param("spiral", None, "no file 'spiral', and no generated load", id="neither a file nor a shape"),
        pytest.param("ramp", "cpu", "'ramp' is generated", id="a shape has no columns"),
    ],
)
def test_what_cannot_be_chosen_is_said(what: str, column: str | None, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        choose(what, column=column)


def test_a_shape_is_chosen_by_name() -> None:
    assert choose("day", period_s=10.0).at(5.0) == pytest.approx(1.0)
