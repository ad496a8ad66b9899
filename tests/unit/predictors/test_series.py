import numpy as np
import pytest

from predictors.series import rows


def test_horizon_and_season_are_rounded_to_steps() -> None:
    made = rows(3, step_s=[60.0, 60.0, 300.0], horizon_s=[60.0, 100.0, 60.0])

    assert made.horizon.tolist() == [1, 2, 1]
    assert made.period.tolist() == [1440, 1440, 288]
    assert made.m == 3


@pytest.mark.parametrize(
    ("step_s", "horizon_s", "said"),
    [
        pytest.param(0.0, 60.0, "step_s must be positive and finite, got 0.0", id="no step"),
        pytest.param(60.0, np.nan, "horizon_s must be positive and finite, got nan", id="no horizon"),
        pytest.param([60.0, np.inf], 60.0, "step_s must be positive and finite, got inf", id="an endless step"),
        pytest.param(10.0, 660.0, "at most 64 steps, got 66", id="a horizon that is too far"),
    ],
)
def test_what_cannot_be_is_refused(step_s: float, horizon_s: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rows(2, step_s=step_s, horizon_s=horizon_s)
