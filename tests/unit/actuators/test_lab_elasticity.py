"""The SPEC measures, by hand."""

import math

import numpy as np
import pytest

from actuators.lab.elasticity import Elasticity, elasticity, merged, speed_up

NONE = Elasticity(theta_u=3.29, theta_o=3.06, tau_u=57.95, tau_o=57.05, instability=0.0)
LSTM_1 = Elasticity(theta_u=0.48, theta_o=4.28, tau_u=15.85, tau_o=89.10, instability=0.0)
ANN_5 = Elasticity(theta_u=5.07, theta_o=1.42, tau_u=76.50, tau_o=32.55, instability=0.0)
"""Rows of a published table (Imdoukh 2019, WorldCup98)."""


def scored(demand: list[float], supply: list[float], *, edges: list[float] | None = None) -> Elasticity:
    bounds = np.arange(len(demand) + 1.0) if edges is None else np.array(edges)
    return elasticity(bounds, np.array(demand), np.array(supply), step_s=1.0)


@pytest.mark.parametrize(
    ("demand", "supply", "expected"),
    [
        pytest.param([4, 4, 4, 4], [4, 4, 4, 4], (0, 0, 0, 0), id="an ideal scaler"),
        pytest.param([4, 4, 4, 4], [3, 4, 4, 4], (6.25, 0, 25, 0), id="a quarter lacks for a quarter of the time"),
        pytest.param([4, 4, 4, 4], [6, 4, 4, 4], (0, 12.5, 0, 25), id="half too many for a quarter of the time"),
        pytest.param([2, 4], [4, 2], (25, 50, 50, 50), id="the same two members weigh more where fewer are needed"),
        pytest.param([10, 10], [0, 20], (50, 50, 50, 50), id="nothing serves, then twice as many"),
        pytest.param([0, 0], [1, 1], (0, 100, 0, 100), id="without demand a member is one too many"),
    ],
)
def test_accuracy_and_share_of_time(demand: list[float], supply: list[float], expected: tuple[float, ...]) -> None:
    made = scored(demand, supply)

    assert (made.theta_u, made.theta_o, made.tau_u, made.tau_o) == pytest.approx(expected)


def test_every_stretch_weighs_as_long_as_it_lasts() -> None:
    made = scored([4, 4], [2, 4], edges=[0.0, 1.0, 10.0])

    assert (made.theta_u, made.tau_u) == pytest.approx((5.0, 10.0))


def test_what_nobody_knows_is_not_scored() -> None:
    made = scored([4, math.nan, 4], [2, 0, 4])

    assert (made.theta_u, made.tau_u, made.theta_o) == pytest.approx((25.0, 50.0, 0.0))
    assert math.isnan(scored([math.nan], [1]).theta_u)


@pytest.mark.parametrize(
    ("demand", "supply", "percent"),
    [
        pytest.param([1, 2, 3], [4, 5, 6], 0.0, id="both grow"),
        pytest.param([1, 2, 3], [4, 4, 4], 100.0, id="supply stays where demand grows"),
        pytest.param([1, 2, 1], [1, 2, 3], 50.0, id="supply grows where demand falls counts once, not twice"),
        pytest.param([5, 5, 5, 5, 5], [1, 1, 1, 2, 2], 25.0, id="supply moves alone"),
    ],
)
def test_instability_is_the_share_of_time_in_which_they_move_differently(
    demand: list[float], supply: list[float], percent: float
) -> None:
    assert scored(demand, supply).instability == pytest.approx(percent)


@pytest.mark.parametrize(
    ("mine", "other", "speed"),
    [
        pytest.param(LSTM_1, NONE, 1.84, id="LSTM-1 over no scaling"),
        pytest.param(ANN_5, NONE, 1.17, id="ANN-5 over no scaling"),
        pytest.param(NONE, NONE, 1.0, id="itself"),
    ],
)
def test_the_elastic_speed_up_of_published_rows(mine: Elasticity, other: Elasticity, speed: float) -> None:
    assert speed_up(mine, other) == pytest.approx(speed, abs=0.005)


def test_there_is_no_speed_up_where_only_one_is_ideal() -> None:
    ideal = Elasticity(theta_u=0.0, theta_o=1.0, tau_u=0.0, tau_o=1.0, instability=0.0)
    short = Elasticity(theta_u=1.0, theta_o=1.0, tau_u=1.0, tau_o=1.0, instability=0.0)

    assert speed_up(ideal, short) is None
    assert speed_up(ideal, ideal) == 1.0


def test_steps_are_laid_on_common_edges() -> None:
    edges, (first, second) = merged(
        (np.array([0.0, 2.0]), np.array([1.0, 2.0])), (np.array([0.0, 3.0]), np.array([7.0, 8.0])), begin=1.0, end=4.0
    )

    assert (edges.tolist(), first.tolist(), second.tolist()) == ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 2.0], [7.0, 7.0, 8.0])
