"""What holds of every replay: cut anywhere it goes on as one; time shifts nothing; more capacity never hurts."""

import pickle
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actuators.lab.elasticity import elasticity
from actuators.lab.loop import ClosedLoop
from actuators.lab.report import Trial, course_of, run
from actuators.lab.world import World
from tests.laboratory import a_lab_spec, a_load, a_trial

VALUES = st.lists(st.floats(0.0, 400.0) | st.just(float("nan")), min_size=10, max_size=120).filter(
    lambda values: any(value == value for value in values)  # noqa: PLR0124 - NaN
)
SHIFTS = st.integers(0, 20_000).map(lambda steps: steps * 60.0)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    """Draw a load, a policy and a world."""
    spec = a_lab_spec(
        tolerance=draw(st.sampled_from([0.0, 0.1, 0.3])),
        quantile=draw(st.sampled_from([0.5, 0.75, 0.9])),
        up_s=draw(st.sampled_from([0.0, 120.0])),
        down_s=draw(st.sampled_from([0.0, 120.0, 600.0])),
        least=draw(st.integers(1, 3)),
        most=draw(st.integers(5, 30)),
    )
    world = World(boot_s=draw(st.sampled_from([(0.0,), (180.0,), (30.0, 90.0, 500.0)])), lifetime_h=draw(LIFETIMES))
    return a_trial(a_load(draw(VALUES)), spec=spec, world=world, predictor=draw(st.sampled_from(["last", "kinematic"])))


LIFETIMES = st.sampled_from([float("inf"), 0.5])


def result(loop: ClosedLoop) -> tuple[object, ...]:
    return loop.changes, loop.fleet.supply, loop.fleet.all_lives()


@given(trials(), st.integers(0, 120))
def test_merging_two_replays_at_any_cut_equals_one(trial: Trial, cut: int) -> None:
    seen = course_of(trial)
    whole = ClosedLoop(trial.spec, seen, trial.world).run()
    first = ClosedLoop(trial.spec, seen, trial.world).run(cut)
    second: ClosedLoop = pickle.loads(pickle.dumps(first))  # noqa: S301 - our own: nothing is forgotten in between

    assert result(second.run()) == result(whole)


@given(trials())
def test_the_short_cut_equals_the_judge_on_every_tick(trial: Trial) -> None:
    seen = course_of(trial)

    assert result(ClosedLoop(trial.spec, seen, trial.world).run()) == result(
        ClosedLoop(trial.spec, seen, trial.world, exact=True).run()
    )


@given(trials(), SHIFTS)
def test_time_shifts_nothing_else(trial: Trial, shift: float) -> None:
    later = a_trial(
        a_load(trial.load.signals["requests_in_flight"], start=shift),
        spec=trial.spec,
        world=World(boot_s=trial.world.boot_s),
        predictor=trial.predictor,
    )
    now = a_trial(trial.load, spec=trial.spec, world=World(boot_s=trial.world.boot_s), predictor=trial.predictor)
    one, two = run(now, baseline=False), run(later, baseline=False)

    assert [(c.at + shift, c.before, c.wanted) for c in one.loop.changes] == [
        (c.at, c.before, c.wanted) for c in two.loop.changes
    ]
    assert asdict(two.scores.elasticity) == pytest.approx(asdict(one.scores.elasticity), nan_ok=True)
    assert (two.scores.starts, two.scores.stops) == (one.scores.starts, one.scores.stops)
    assert two.scores.member_hours == pytest.approx(one.scores.member_hours)


@given(trials(), st.floats(1.0, 5.0))
def test_members_that_carry_more_never_leave_more_short(trial: Trial, factor: float) -> None:
    capacity = trial.spec.policy.thresholds["requests_in_flight"]
    seen = course_of(trial)
    weak = run(trial, seen=seen, baseline=False).scores.elasticity
    strong = run(
        a_trial(trial.load, spec=trial.spec, world=trial.world, capacity=capacity * factor), seen=seen, baseline=False
    ).scores.elasticity

    assert strong.theta_u <= weak.theta_u + 1e-9 or np.isnan(weak.theta_u)
    assert strong.tau_u <= weak.tau_u + 1e-9 or np.isnan(weak.tau_u)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=40))
def test_more_supply_never_worsens_theta_u(rows: list[tuple[int, int, int]]) -> None:
    demand, supply, more = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    edges = np.arange(len(rows) + 1.0)
    few = elasticity(edges, demand, supply, step_s=1.0)
    many = elasticity(edges, demand, supply + more, step_s=1.0)

    assert many.theta_u <= few.theta_u + 1e-9
    assert many.theta_o >= few.theta_o - 1e-9


@given(trials())
def test_the_number_wanted_never_leaves_its_bounds(trial: Trial) -> None:
    loop = run(trial, baseline=False).loop

    assert all(trial.spec.least_members <= c.wanted <= trial.spec.most_members for c in loop.changes)
    assert all(0 <= members <= trial.spec.most_members for _, members in loop.fleet.supply)
