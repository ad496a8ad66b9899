"""Scores by hand, and the last value with headroom at equal cost."""

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from actuators.lab.equal import Tried, with_headroom
from actuators.lab.report import fitted, run
from actuators.lab.score import demand_of
from actuators.lab.sweep import Knobs, Point, best, frontier, grid, turned
from actuators.lab.world import World
from tests.laboratory import a_day, a_lab_spec, a_load, a_trial


def test_a_step_of_load_scored_by_hand() -> None:
    """2 members serve; 4 are needed from 300 s on and serve from 480 s on; 600 s in all."""
    load = a_load([20.0] * 5 + [40.0] * 5)
    scores = run(a_trial(load, world=World(boot_s=(120.0,)))).scores

    assert scores.elasticity.theta_u == pytest.approx(100.0 * 180.0 * 0.5 / 600.0)
    assert scores.elasticity.tau_u == pytest.approx(30.0)
    assert (scores.elasticity.theta_o, scores.elasticity.tau_o) == (0.0, 0.0)
    assert scores.slo_minutes == pytest.approx(3.0)
    assert scores.lost_load == pytest.approx(100.0 * 180.0 * 20.0 / (300.0 * 20.0 + 300.0 * 40.0))
    assert scores.member_hours == pytest.approx((2 * 600.0 + 2 * 240.0) / 3600.0)
    assert (scores.starts, scores.stops, scores.changes) == (2, 0, 1)
    assert scores.starts_per_hour == pytest.approx(12.0)
    assert scores.cost is None


def test_what_is_skipped_is_not_scored() -> None:
    load = a_load([20.0] * 5 + [40.0] * 5)
    scores = run(a_trial(load, world=World(boot_s=(120.0,)), skip_s=480.0)).scores

    assert (scores.slo_minutes, scores.starts) == (0.0, 0)
    assert scores.hours == pytest.approx(120.0 / 3600.0)


def test_cost_is_member_hours_at_the_price_of_the_place() -> None:
    spec = a_lab_spec()
    priced = tuple(replace(each, price_per_hour=0.5) for each in spec.partitions)
    scores = run(a_trial(spec=msgspec.structs.replace(spec, partitions=priced))).scores

    assert scores.cost == pytest.approx(scores.member_hours * 0.5)


def test_low_confidence_is_counted() -> None:
    load = a_load([10.0, math.nan, 10.0, 10.0], saturated=[False, False, True, True])
    scores = run(a_trial(load)).scores

    assert (scores.unknown_minutes, scores.saturated_minutes) == (1.0, 2.0)


def test_demand_takes_the_factor_that_needs_most_and_never_less_than_one() -> None:
    load = a_load([0.0, 25.0, 25.0], more={"memory_consumption": [0.0, 10.0, math.nan]})
    need = demand_of(load, {"requests_in_flight": 10.0, "memory_consumption": 2.0})

    assert need.tolist()[:2] == [1.0, 5.0]
    assert math.isnan(need[2])


def test_the_last_value_is_its_own_baseline() -> None:
    outcome = run(a_trial(a_load(a_day())))

    assert outcome.baseline is not None
    assert (outcome.baseline.headroom, outcome.baseline.loop) == (0.0, outcome.loop)


def test_the_baseline_costs_what_the_policy_costs() -> None:
    outcome = run(a_trial(a_load(a_day(periods=2880)), predictor="kinematic"))

    assert outcome.baseline is not None
    assert outcome.baseline.loop is not outcome.loop
    assert outcome.baseline.loop.spec.policy.forecast == "Disabled"
    assert outcome.baseline.scores.price == pytest.approx(outcome.scores.price, rel=0.01)


def test_headroom_fills_members_less() -> None:
    assert with_headroom(a_lab_spec(requests=12.0), 0.2).policy.thresholds == {
        "requests_in_flight": pytest.approx(10.0)
    }


def test_thresholds_of_what_was_not_measured_are_left_out() -> None:
    spec = a_lab_spec(memory=70.0)

    assert fitted(spec, a_load()).policy.thresholds == {"requests_in_flight": 10.0}
    with pytest.raises(ValueError, match="has thresholds for memory_consumption, the load 'load' has"):
        fitted(a_lab_spec(requests=None, memory=70.0), a_load())


def test_the_grid_begins_with_the_policy_as_it_is() -> None:
    made = grid({"headroom": [0.0, 0.2], "forecast": ["Enabled", "Disabled"]})

    assert made[0] == Knobs()
    assert len(made) == 5
    assert str(made[-1]) == "headroom 0.2, forecast Disabled"
    assert str(made[0]) == "as it is"


def test_turning_every_knob() -> None:
    knobs = Knobs(headroom=0.25, down=60.0, up=30.0, tolerance=0.2, forecast="Disabled")
    policy = turned(a_lab_spec(), knobs).policy

    assert policy.thresholds == {"requests_in_flight": 8.0}
    assert (policy.down.stabilization_s, policy.up.stabilization_s) == (60.0, 30.0)
    assert (policy.tolerance, policy.forecast) == (0.2, "Disabled")


def a_point(price: float, shortage: float, starts: float = 1.0) -> Point:
    return Point(Knobs(headroom=price), price, shortage, starts)


def test_the_frontier_holds_what_none_betters() -> None:
    points = [a_point(10, 5), a_point(9, 6), a_point(11, 5), a_point(8, 7), a_point(12, 1), a_point(13, 2)]

    assert [(p.price, p.shortage) for p in frontier(points)] == [(8, 7), (9, 6), (10, 5), (12, 1)]


@pytest.mark.parametrize(
    ("goal", "starts", "price"),
    [
        pytest.param("slo", math.inf, 9.0, id="the least shortage for no more money"),
        pytest.param("cost", math.inf, 9.0, id="the cheapest for no more shortage"),
        pytest.param("slo", 1.0, 10.0, id="itself when the better one starts too much"),
    ],
)
def test_the_best_point(goal: str, starts: float, price: float) -> None:
    points = [a_point(10, 5), a_point(9, 4, starts=3.0), a_point(12, 1), a_point(8, 7)]

    assert best(points, goal=goal, starts_per_hour=starts).price == price


def test_skill_is_told_of_each_factor() -> None:
    load = a_load(a_day(), more={"memory_consumption": a_day(seed=3)})
    outcome = run(a_trial(load, spec=a_lab_spec(memory=70.0), predictor="kinematic"), baseline=False)

    assert [each.signal for each in outcome.skills] == ["requests_in_flight", "memory_consumption"]
    assert all(np.isfinite(each.relmae) for each in outcome.skills)
    assert outcome.baseline is None


def test_searches_that_share_what_they_tried_find_the_same() -> None:
    sure = [a_lab_spec(quantile=each) for each in (0.5, 0.75, 0.9)]
    load = a_load(a_day(periods=2000, noise=0.2))
    each = [run(a_trial(load, spec=spec, predictor="kinematic")).baseline for spec in sure]
    tried: Tried = {}
    shared = [run(a_trial(load, spec=spec, predictor="kinematic"), tried=tried).baseline for spec in sure]

    assert all(one is not None and two is not None for one, two in zip(each, shared, strict=True))
    assert [(b.headroom, b.scores) for b in shared if b] == [(b.headroom, b.scores) for b in each if b]
    assert len({b.headroom for b in each if b}) == len(sure)
