from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from predictors.registry import PREDICTORS, Predictor
from predictors.season import Season
from predictors.series import DAY_S, Bools, Floats, Forecast, Rows
from predictors.skill import Cell, coverage, forecasts, geometric_mean, last_values, mean_error, pinball, score, scored
from tests.forecasting import noisy


def a_cell(values: Floats, *, name: str = "a", step_s: float = 60.0, horizon_s: float = 120.0) -> Cell:
    return Cell(name, horizon_s, step_s, values, DAY_S)


RAMP = a_cell(np.arange(10.0))


def test_the_last_seventy_percent_is_scored_where_origin_and_target_are_there() -> None:
    values = np.arange(20.0)
    values[10] = np.nan

    assert scored(a_cell(values)).tolist() == [6, 7, 9, 11, 12, 13, 14, 15, 16, 17]


def test_the_error_of_a_ramp_is_its_rise_over_the_horizon() -> None:
    assert mean_error(RAMP, last_values(RAMP)) == 2.0


@pytest.mark.parametrize(
    ("line", "loss", "share"),
    [(0.0, 0.9, 0.0), (2.0, 0.0, 1.0), (12.0, 1.0, 1.0)],
    ids=["one too low costs 0.9", "exact", "ten too high costs 1"],
)
def test_the_loss_of_a_line(line: float, loss: float, share: float) -> None:
    cell = a_cell(np.ones(10) * (1.0 if line == 0.0 else 2.0))

    assert pinball(cell, np.full(10, line)) == pytest.approx(loss)
    assert coverage(cell, np.full(10, line)) == share


def test_a_gap_keeps_the_last_value() -> None:
    np.testing.assert_array_equal(last_values(a_cell(np.array([np.nan, 3.0, np.nan, 4.0]))), [np.nan, 3.0, 3.0, 4.0])


def test_cells_of_several_lengths_are_forecast_as_each_alone() -> None:
    cells = [
        a_cell(noisy(150)[:, 0], name="short"),
        a_cell(noisy(400, seed=8)[:, 0], name="long", horizon_s=300.0),
        a_cell(noisy(220, seed=9)[:, 0], name="other", step_s=300.0, horizon_s=900.0),
    ]

    together = forecasts(PREDICTORS["ensemble"], cells)

    for cell, lines in zip(cells, together, strict=True):
        (alone,) = forecasts(PREDICTORS["ensemble"], [cell])
        np.testing.assert_array_equal(lines.point, alone.point)
        np.testing.assert_array_equal(lines.upper, alone.upper)


class Stepped:
    """A predictor of which nothing is known but that it steps."""

    def __init__(self, predictor: Predictor) -> None:
        self._of = predictor

    def new(self, rows: Rows, *, longest: int | None = None) -> Any:
        return self._of.new(rows, longest=longest)

    def step(self, state: Any, y: Floats, *, learn: Bools | None = None) -> Forecast:
        return self._of.step(state, y, learn=learn)

    def seasons(self, state: Any) -> Sequence[tuple[Season, int]]:
        return self._of.seasons(state)


def test_windows_looked_at_beforehand_say_what_steps_say() -> None:
    values = noisy(300)[:, 0]
    values[:7] = values[60:64] = values[100:160] = np.nan
    values[200] = np.inf
    cells = [
        a_cell(values, horizon_s=900.0),
        a_cell(values[:250], horizon_s=300.0, step_s=300.0),
        a_cell(values[:90], horizon_s=60.0, step_s=10.0),
    ]
    kinematic = PREDICTORS["kinematic"]

    for one, two in zip(forecasts(kinematic, cells), forecasts(Stepped(kinematic), cells), strict=True):
        assert np.array_equal(one.point, two.point, equal_nan=True)
        assert np.array_equal(one.upper, two.upper, equal_nan=True)


def test_the_future_plays_no_part() -> None:
    values = noisy(300)[:, 0]
    other = values.copy()
    other[200:] = 0.0

    (told,), (different,) = (forecasts(PREDICTORS["ensemble"], [a_cell(each)]) for each in (values, other))

    np.testing.assert_array_equal(told.point[:200], different.point[:200])
    assert (told.point[210:] != different.point[210:]).all()


def test_the_last_value_is_as_good_as_itself() -> None:
    (skill,) = score(PREDICTORS["last"], [a_cell(noisy(600)[:, 0])], name="last")

    assert (skill.name, skill.horizon_s, skill.predictor, skill.n) == ("a", 120.0, "last", 418)
    assert skill.relmae == 1.0
    assert skill.relpinball90 == pytest.approx(1.0, abs=0.1)


def test_a_constant_cannot_be_scored() -> None:
    (skill,) = score(PREDICTORS["last"], [a_cell(np.full(50, 3.0))], name="last")

    assert np.isnan(skill.relmae)


def test_the_geometric_mean_leaves_out_what_is_none() -> None:
    assert geometric_mean([2.0, 8.0, float("nan")]) == pytest.approx(4.0)
    assert np.isnan(geometric_mean([]))
