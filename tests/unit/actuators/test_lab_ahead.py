"""Forecasters know only the past, and say what the stream worker says."""

import math

import numpy as np
import pytest

from actuators.lab.ahead import FORECASTERS, Setting, stepwise
from actuators.lab.course import course, horizon_of, rules_of
from actuators.lab.load import Load
from actuators.lab.world import World
from streams.cluster import Cluster
from streams.records.forecast import Signal
from tests.builders import a_member, a_requests, an_instance
from tests.laboratory import a_day, a_lab_spec, a_load

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


def evaluated(load: Load, *, horizon_s: float) -> list[tuple[bool, str, float | None, float | None, float | None]]:
    """Let the stream worker look at the load of one balancer, tick by tick."""
    rules = rules_of(load.step_s)
    instance = an_instance(default_lead_time_s=horizon_s - load.step_s)
    cluster, found = Cluster(instance), []
    cluster.apply(a_member(at=0.0))
    for i, value in enumerate(load.signals["requests_in_flight"].tolist()):
        at = load.start + (i + 1) * load.step_s
        if not math.isnan(value):
            cluster.take_requests(a_requests(value, at=at, interval_s=load.step_s, count=i))
        signal = cluster.conclude(cluster.measure(at, rules), {}, at, rules).signals[0]
        found.append((signal.ready, signal.why, signal.observed, signal.forecast, signal.upper))
    return found


@pytest.mark.parametrize("gap", [0, 2, 3, 4, 9], ids=lambda n: f"a gap of {n}")
def test_the_laboratory_sees_what_the_stream_worker_sees(gap: int) -> None:
    values = a_day(periods=120)
    values[60 : 60 + gap] = np.nan
    load = a_load(values, start=6000.0)
    horizon_s = 120.0
    seen = course(load, FORECASTERS["kinematic"], predictor="kinematic", horizon_s=horizon_s, most_members=20)
    live = evaluated(load, horizon_s=horizon_s)

    for i, (ready, why, observed, forecast, upper) in enumerate(live):
        mine = seen.signals(i)[0]
        assert (mine.ready, mine.observed) == (ready, observed), i
        assert mine.why == ("" if ready else why)
        assert mine.forecast == (None if forecast is None else pytest.approx(forecast, rel=1e-9)), i
        if upper is not None:
            assert mine.upper == pytest.approx(upper, rel=1e-9)


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
