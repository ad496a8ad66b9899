import numpy as np
import pytest

from predictors.motion import Floats
from predictors.support import supported

T = np.arange(-20.0, 0.0, dtype=np.float64) + 0.5


def believed(y: Floats, change: float, *, noise: float, horizon_s: float = 15.0) -> float:
    (result,) = supported(T, y[None], np.array([change]), noise=np.array([noise]), horizon_s=horizon_s)
    return float(result)


FELL = np.r_[np.linspace(40.0, 4.0, 10), np.full(10, 4.0)]
RISING = np.linspace(4.0, 42.0, 20)
"""2 per second."""


@pytest.mark.parametrize(
    ("y", "change", "noise", "expected"),
    [
        pytest.param(FELL, 70.0, 0.0, 70.0, id="an exact parabola is believed whole"),
        pytest.param(FELL, 70.0, 5.0, 0.0, id="a rise that the newest half does not announce is not believed"),
        pytest.param(RISING, 28.0, 5.0, 28.0, id="a ramp goes on"),
        pytest.param(RISING, 300.0, 5.0, 30.0, id="no more than the range, in proportion to the horizon"),
        pytest.param(RISING, -30.0, 5.0, 0.0, id="not against the newest half"),
        pytest.param(-RISING, -300.0, 5.0, -30.0, id="falling likewise"),
        pytest.param(np.full(20, 7.0), 3.0, 0.0, 3.0, id="a constant window with no noise"),
        pytest.param(RISING, 300.0, 0.95, 30.0 + 270.0 * 0.75, id="half of the noise that is too much: three quarters"),
    ],
)
def test_how_much_change_is_believed(y: Floats, change: float, noise: float, expected: float) -> None:
    assert believed(y, change, noise=noise) == pytest.approx(expected)


def test_gaps_are_left_out() -> None:
    y = RISING.copy()
    y[[3, 12, 17]] = np.nan

    assert believed(y, 300.0, noise=5.0) == pytest.approx(30.0)


def test_an_empty_newest_half_announces_nothing() -> None:
    y = RISING.copy()
    y[10:] = np.nan

    assert believed(y, 30.0, noise=5.0) == 0.0
