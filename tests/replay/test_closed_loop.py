"""What forecasts are worth on recorded loads: shortage beside the last value with headroom at equal cost.

Two small loads, so that it takes seconds; docs/laboratory.md has the table of all, and the command that makes it.
"""

from pathlib import Path

import pytest

from actuators.lab.ahead import FORECASTERS, Ahead, Floats, Setting
from pileus.lab.answers import Together, told
from pileus.lab.asked import Asked, trials_of
from pileus.lab.examine import Job, examined

CELLS = ("ec2_ac20cd", "ec2_5f5533")
"""Two weeks in steps of five minutes."""
POLICY = Path(__file__).parents[2] / "config/definitions/default/autoscaling-policy.yaml"


def together(shared: Path, predictor: str, *quantiles: float) -> list[Together]:
    """Replay the default policy on the loads, members taking three minutes to serve; pool, quantile by quantile."""
    asked = Asked(
        load="",
        policies=[str(POLICY)],
        predictors=[predictor],
        quantiles=list(quantiles),
        boot_s=180.0,
        mean_members=20.0,
        skip_s=86_400.0,
    )
    found = trials_of(asked, [shared / "traces/cells" / f"{cell}.csv.gz" for cell in CELLS])
    answers = examined([Job(trial=trial) for trial in found], processes=1)
    for result in (answer.result for answer in answers):
        assert result.beside is not None
        assert result.beside.figures.member_hours == pytest.approx(result.figures.member_hours, rel=0.01)
    return told(answers).pooled


def test_at_equal_cost_the_ensemble_loses_less_than_headroom(shared: Path) -> None:
    middle, sure = together(shared, "ensemble", 0.5, 0.75)

    for made in (middle, sure):
        assert made.theta_u_ratio is not None
        assert made.theta_u_ratio <= 0.9
        assert made.worse == []


def test_headroom_in_disguise_wins_nothing(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def a_tenth_more(values: Floats, setting: Setting) -> Ahead:
        return Ahead(1.1 * values, values, 1.1 * values)

    monkeypatch.setitem(FORECASTERS, "headroom", a_tenth_more)
    (made,) = together(shared, "headroom", 0.5)

    assert made.theta_u_ratio == pytest.approx(1.0, abs=0.05)


def test_a_forecast_of_noise_loses(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def up_now_and_then(values: Floats, setting: Setting) -> Ahead:
        wrong = values.copy()
        wrong[::7] *= 1.3
        return Ahead(wrong, values, wrong)

    monkeypatch.setitem(FORECASTERS, "noise", up_now_and_then)
    (made,) = together(shared, "noise", 0.5)

    assert made.theta_u_ratio is not None
    assert made.theta_u_ratio > 1.0
