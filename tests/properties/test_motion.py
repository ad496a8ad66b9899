"""What must hold for every window: exactness on quadratics, and how a motion follows its units."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from predictors import kinematic
from predictors.motion import Floats, Motion, estimate_motion

steps = st.lists(st.floats(0.05, 20.0), min_size=3, max_size=40)
coefficients = st.floats(-100.0, 100.0)
values = st.lists(st.floats(0.0, 1e6), min_size=3, max_size=40)
normal = st.lists(st.just(0.0) | st.floats(1e-200, 1e6), min_size=3, max_size=40)
"""None so small that what is made of it loses bits."""
horizons = st.floats(0.0, 1800.0)


def times(spacing: list[float]) -> Floats:
    """Return times that end now, with these steps between them."""
    t: Floats = np.cumsum(spacing) - sum(spacing)
    return t


def motion_of(t: Floats, y: Floats) -> Motion:
    motion = estimate_motion(t, y)
    assert motion is not None
    return motion


@given(spacing=steps, level=coefficients, slope=coefficients, curvature=coefficients, data=st.data())
def test_the_motion_of_an_exact_quadratic_is_exact(
    spacing: list[float], level: float, slope: float, curvature: float, data: st.DataObject
) -> None:
    t = times(spacing)
    y = level + slope * t + 0.5 * curvature * t * t
    gaps = data.draw(st.sets(st.integers(0, t.size - 1), max_size=t.size - 3))
    y[list(gaps)] = np.nan
    known = np.isfinite(y)
    begin, end = t[known][0], t[known][-1]
    size, length, middle = np.nanmax(np.abs(y)), (end - begin) / 2.0, (end + begin) / 2.0
    assume(np.diff(t[known]).min() > 0.02 * length)

    motion = motion_of(t, y)
    error = 1e-9 * max(size, 1e-9)

    # Compared at the window's middle, where no error is multiplied by a distance that the window does not cover.
    assert motion.after(middle) == pytest.approx(level + slope * middle + 0.5 * curvature * middle**2, abs=1e2 * error)
    assert motion.slope + motion.curvature * middle == pytest.approx(
        slope + curvature * middle, abs=1e2 * error / length
    )
    assert motion.curvature == pytest.approx(curvature, abs=1e4 * error / length**2)


@given(spacing=steps, y=values, shift=st.floats(-1e4, 1e4))
def test_shifting_time_moves_along_the_parabola_and_nothing_else(
    spacing: list[float], y: list[float], shift: float
) -> None:
    n = min(len(spacing), len(y))
    t, signal = times(spacing[:n]), np.array(y[:n])
    assume(np.diff(t).min() > 0.02 * (t[-1] - t[0]))
    here, there = motion_of(t, signal), motion_of(t + shift, signal)
    scale = signal.max() / (t[-1] - t[0]) ** 2 + 1e-9

    assert there.curvature == pytest.approx(here.curvature, abs=1e-6 * scale)
    assert there.after(shift) == pytest.approx(here.level, abs=1e-6 * (1.0 + signal.max()) * (1.0 + shift**2 * 1e-3))


@given(spacing=steps, y=normal, power=st.integers(-20, 20))
def test_scaling_a_signal_scales_its_motion(spacing: list[float], y: list[float], power: int) -> None:
    """A power of two scales without rounding, so that it must hold to the bit."""
    n = min(len(spacing), len(y))
    t, signal, factor = times(spacing[:n]), np.array(y[:n]), 2.0**power
    plain, scaled = motion_of(t, signal), motion_of(t, signal * factor)

    assert scaled == Motion(plain.level * factor, plain.slope * factor, plain.curvature * factor)


@given(spacing=steps, y=normal, power=st.integers(-10, 10))
def test_a_slower_clock_divides_the_derivatives(spacing: list[float], y: list[float], power: int) -> None:
    n = min(len(spacing), len(y))
    t, signal, factor = times(spacing[:n]), np.array(y[:n]), 2.0**power
    plain, slow = motion_of(t, signal), motion_of(t * factor, signal)

    assert slow == Motion(plain.level, plain.slope / factor, plain.curvature / factor / factor)


@given(y=values, horizon_s=horizons, ceiling=st.floats(1.0, 1e6))
def test_a_forecast_is_the_motion_at_the_horizon_within_its_bounds(
    y: list[float], horizon_s: float, ceiling: float
) -> None:
    t = 5.0 * np.arange(-len(y), 0.0)
    (prediction,) = kinematic.predict(t, np.array([y]), horizon_s=horizon_s, ceiling=np.array([ceiling]))

    if prediction is None:
        assert len(y) < kinematic.ENOUGH
        return
    assert prediction.value == min(max(prediction.motion.after(horizon_s), 0.0), ceiling)
    assert 0.0 <= prediction.lower <= prediction.value <= prediction.upper <= ceiling
