"""Probation, whatever the loads, the gaps and the forecasts are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from predictors import parts, probation
from predictors.probation import BETTER, ENOUGH, WORSE, Standings

values = st.one_of(st.just(float("nan")), st.just(0.0), st.floats(0.0, 1e9), st.integers(0, 20).map(float))
rows = st.lists(st.tuples(values, values), min_size=1, max_size=120)


@given(row=rows, horizon=st.integers(1, 30))
def test_a_row_at_once_and_step_by_step_are_the_same(row: list[tuple[float, float]], horizon: int) -> None:
    value, forecast = np.array(row).T
    standings, on, margin = Standings.new(np.array([horizon])), [], []
    for one, said in row:
        standings.take(np.array([one]), np.array([said]), at=1.0)
        on.append(bool(standings.on_probation[0]))
        margin.append(float(standings.margin[0]))

    course = probation.replay(value, forecast, horizon=horizon)

    assert course.on_probation.tolist() == on
    assert course.margin.tolist() == margin


@given(row=rows, horizon=st.integers(1, 10))
def test_it_begins_and_ends_where_the_bounds_say(row: list[tuple[float, float]], horizon: int) -> None:
    standings, before = Standings.new(np.array([horizon])), False
    for one, said in row:
        standings.take(np.array([one]), np.array([said]), at=1.0)
        on, ratio, scored = bool(standings.on_probation[0]), standings.relmae[0], standings.scored[0]
        if on and not before:
            assert scored >= ENOUGH
            assert ratio > WORSE
        if before and not on:
            assert ratio < BETTER
        before = on


@given(row=rows, cut=st.integers(0, 119))
def test_a_cut_anywhere_changes_nothing(row: list[tuple[float, float]], cut: int) -> None:
    one, other = Standings.new(np.array([4])), Standings.new(np.array([4]))
    for i, (value, said) in enumerate(row):
        if i == cut:
            other = probation.load(parts.dump(other))
        for each in (one, other):
            each.take(np.array([value]), np.array([said]), at=float(i))

    np.testing.assert_array_equal([one.relmae, one.since, one.margin], [other.relmae, other.since, other.margin])
