import re
from dataclasses import astuple

import numpy as np
import pytest

from predictors.motion import Floats, Motion, estimate_motion, fit_parabolas

T = np.array([-20.0, -17.5, -11.0, -6.0, -5.5, -1.0, 0.0])
EVEN = np.linspace(-297.5, -2.5, 60)


def quadratic(t: Floats, *, level: float, slope: float, curvature: float) -> Floats:
    y: Floats = level + slope * t + 0.5 * curvature * t * t
    return y


def numbers(motion: Motion | None) -> tuple[float, ...]:
    assert motion is not None
    return astuple(motion)


@pytest.mark.parametrize(
    "t",
    [
        pytest.param(EVEN, id="even spacing"),
        pytest.param(T, id="uneven spacing"),
        pytest.param(T[[0, 3, 6]], id="three samples"),
        pytest.param(EVEN + 1e6, id="far from now"),
    ],
)
def test_the_motion_of_a_quadratic_is_its_derivatives(t: Floats) -> None:
    motion = estimate_motion(t, quadratic(t, level=50.0, slope=0.5, curvature=0.01))

    assert motion is not None
    assert motion.slope == pytest.approx(0.5, rel=1e-9, abs=1e-9 * 0.01 * abs(t).max())
    assert motion.curvature == pytest.approx(0.01, rel=1e-9)
    assert motion.after(60.0) == pytest.approx(98.0, rel=1e-9, abs=1e-9 * 0.01 * abs(t).max() ** 2)


def test_a_gap_is_left_out_and_says_nothing() -> None:
    y = quadratic(T, level=5.0, slope=-1.0, curvature=0.2)
    y[[0, 2, 6]] = np.nan

    assert estimate_motion(T, y) == estimate_motion(T[[1, 3, 4, 5]], y[[1, 3, 4, 5]])
    assert numbers(estimate_motion(T, y)) == pytest.approx((5.0, -1.0, 0.2))


@pytest.mark.parametrize("known", [0, 1, 2])
def test_fewer_than_three_samples_have_no_motion(known: int) -> None:
    y = np.full(T.size, np.nan)
    y[:known] = 1.0

    assert estimate_motion(T, y) is None


def test_a_later_now_moves_along_the_parabola() -> None:
    y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0])
    early, late = estimate_motion(T, y), estimate_motion(T - 10.0, y)

    assert early is not None
    assert late is not None
    assert late.level == pytest.approx(early.after(10.0))
    assert late.slope == pytest.approx(early.slope + 10.0 * early.curvature)
    assert late.curvature == pytest.approx(early.curvature)


def test_the_least_squares_fit_is_numpys() -> None:
    y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0])
    c, b, a = np.polynomial.polynomial.polyfit(T, y, 2)

    assert numbers(estimate_motion(T, y)) == pytest.approx((c, b, 2.0 * a))


def test_noise_and_deviation_are_those_of_regression() -> None:
    y = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0])
    design = np.vander(T, 3, increasing=True)
    rest = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    noise = np.sqrt(rest @ rest / (T.size - 3))
    x = np.array([1.0, 8.0, 64.0])
    expected = noise * np.sqrt(1.0 + x @ np.linalg.inv(design.T @ design) @ x)

    fitted = fit_parabolas(T, y[None])

    assert fitted.noise == pytest.approx([noise])
    assert fitted.deviations(8.0) == pytest.approx([expected])


def test_three_samples_say_nothing_of_their_noise() -> None:
    fitted = fit_parabolas(T[:3], np.array([[0.1, 0.7, 0.3], [1e9, 3.3, 7e8]]))

    assert fitted.noise.tolist() == [0.0, 0.0]


def test_windows_do_not_touch_each_other() -> None:
    rows = np.array([[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0], [np.nan, 6.0, 5.0, 3.0, np.nan, 5.0, 8.0], T, T * T])

    together = fit_parabolas(T, rows).motions()

    assert together == [estimate_motion(T, row) for row in rows]


@pytest.mark.parametrize(
    ("t", "y", "said"),
    [
        pytest.param(T, np.zeros((1, 6)), "got (7,) and (1, 6)", id="shapes that differ"),
        pytest.param(T, np.zeros((1, 1, 7)), "got (7,) and (1, 1, 7)", id="too many dimensions"),
        pytest.param(np.zeros((1, 3)), np.zeros((1, 3)), "got (1, 3) and (1, 3)", id="times of many windows"),
        pytest.param(np.array([0.0, 1.0, np.nan]), np.zeros((1, 3)), "finite", id="a time that is none"),
        pytest.param(np.array([0.0, 1.0, 1.0]), np.zeros((1, 3)), "increasing", id="a time twice"),
        pytest.param(np.array([2.0, 1.0, 3.0]), np.zeros((1, 3)), "increasing", id="times out of order"),
        pytest.param(T, np.vstack([T, np.full(7, np.nan)]), "at least 3 values in each window, got 0", id="no values"),
    ],
)
def test_what_is_no_window_is_refused(t: Floats, y: Floats, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        fit_parabolas(t, y)


def test_a_single_window_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="need times"):
        estimate_motion(T, T[1:])
