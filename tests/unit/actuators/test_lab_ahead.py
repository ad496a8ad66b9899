"""Forecasters know only the past, and say what the stream worker says."""

import dataclasses
import math

import msgspec
import numpy as np
import pytest

from actuators.lab.ahead import FORECASTERS, Floats, Setting, stepwise
from actuators.lab.course import course, horizon_of, rules_of
from actuators.lab.load import Load
from actuators.lab.report import course_of
from actuators.lab.world import World
from config.cluster import PredictionSpec
from streams.records.forecast import Signal, SignalForecast
from tests.builders import a_member, a_requests, an_instance
from tests.folding import a_fold, feed, forecast
from tests.laboratory import a_day, a_lab_spec, a_load, a_trial

SETTING = Setting(step_s=60.0, horizon_s=300.0, window_s=1200.0, ceiling=math.inf)
SPEC = a_lab_spec(most=20)


@pytest.mark.parametrize("name", list(FORECASTERS))
def test_what_comes_later_changes_nothing(name: str) -> None:
    values = a_day(periods=600)
    values[100:110] = np.nan
    other = values.copy()
    other[400:] = 7.0
    one, two = FORECASTERS[name](values, SETTING), FORECASTERS[name](other, SETTING)

    for left, right in ((one.point, two.point), (one.lower, two.lower), (one.upper, two.upper)):
        assert np.array_equal(left[:400], right[:400], equal_nan=True)
        assert left.shape == values.shape


@pytest.mark.parametrize("name", list(FORECASTERS))
def test_where_something_is_observed_something_is_foretold(name: str) -> None:
    values = a_day(periods=300)
    ahead = FORECASTERS[name](values, SETTING)

    assert np.isfinite(ahead.point).all()
    assert (ahead.point >= 0.0).all()


def evaluated(load: Load, *, horizon_s: float, predictor: str = "kinematic") -> list[SignalForecast]:
    """Let the stream worker look at the load of one balancer, tick by tick."""
    prediction = PredictionSpec(predictor=predictor, horizon_s=horizon_s)
    instance = an_instance(prediction=prediction)
    fold = a_fold(members=[a_member(at=0.0)], instances=[instance], rules=rules_of(load.step_s))
    found = []
    for i, value in enumerate(load.signals["requests_in_flight"].tolist()):
        at = load.start + (i + 1) * load.step_s
        if not math.isnan(value):
            feed(fold, a_requests(value, at=at, interval_s=load.step_s, count=i))
        found.append(forecast(fold, at).signals[0])
    return found


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("seasonal", 20.0 + 30.0 * (np.arange(400) // 60 % 2), id="of the one that speaks before it"),
        pytest.param("stratos-4.1", 50.0 + 20.0 * np.sin(np.arange(400.0) / 40.0), id="its own"),
    ],
)
def test_a_predictor_that_goes_step_by_step_is_on_probation_as_live(name: str, values: Floats) -> None:
    load = a_load(values, start=6000.0, step_s=10.0)
    seen = course(load, FORECASTERS[name], predictor=name, horizon_s=250.0, most_members=20)

    live = evaluated(load, horizon_s=250.0, predictor=name)

    mine = [seen.signals(i)[0] for i in range(load.periods)]
    assert [each.forecast for each in mine] == pytest.approx([each.forecast for each in live], rel=1e-9)
    assert any(each.score is not None and each.score.since is not None for each in live)


def test_a_policy_says_how_far_ahead_the_laboratory_looks() -> None:
    prediction = PredictionSpec(horizon_s=90.0, window_s=1200.0)
    trial = a_trial(a_load(a_day(periods=60)), spec=msgspec.structs.replace(SPEC, prediction=prediction))

    assert course_of(trial).horizon_s == 90.0
    assert course_of(dataclasses.replace(trial, horizon_s=300.0)).horizon_s == 300.0


@pytest.mark.parametrize("gap", [0, 2, 3, 4, 9], ids=lambda n: f"a gap of {n}")
def test_the_laboratory_sees_what_the_stream_worker_sees(gap: int) -> None:
    values = a_day(periods=360)
    values[60 : 60 + gap] = np.nan
    load = a_load(values, start=6000.0)
    horizon_s = 120.0
    seen = course(load, FORECASTERS["kinematic"], predictor="kinematic", horizon_s=horizon_s, most_members=20)
    live = evaluated(load, horizon_s=horizon_s)

    assert {each.predictor for each in live[120:]} == {"kinematic", "last"}, "probation begins, and ends"
    for i, said in enumerate(live):
        mine = seen.signals(i)[0]
        assert (mine.ready, mine.observed) == (said.ready, said.observed), i
        assert mine.why == ("" if said.ready else said.why)
        for here, there in ((mine.forecast, said.forecast), (mine.lower, said.lower), (mine.upper, said.upper)):
            assert here == (None if there is None else pytest.approx(there, rel=1e-9)), i


def test_signals_that_nobody_measured_are_not_ready() -> None:
    seen = course(a_load(), FORECASTERS["last"], predictor="last", horizon_s=60.0, most_members=9)

    assert [(each.signal, each.ready) for each in seen.signals(0)] == [(s, i == 0) for i, s in enumerate(Signal)]


def test_the_horizon_follows_from_the_lead_times() -> None:
    assert horizon_of(World(boot_s=(180.0,)), 15.0) == 300.0
    assert horizon_of(World(boot_s=(20.0,)), 5.0) == 30.0


def test_a_predictor_that_goes_step_by_step_fits_the_seam() -> None:
    class Double:
        def step(self, value: float) -> tuple[float, float, float]:
            return 2.0 * value, value, 3.0 * value

    ahead = stepwise(lambda _: Double())(np.array([1.0, 2.0]), SETTING)

    assert (ahead.point.tolist(), ahead.lower.tolist(), ahead.upper.tolist()) == ([2.0, 4.0], [1.0, 2.0], [3.0, 6.0])
