"""The faults of Stratos' autoscaler that the stream worker must not inherit, by their numbers in its fault list."""

import math
import threading
from collections.abc import Callable

import msgspec
import pytest

from streams.records.forecast import Signal
from streams.records.member import State
from tests.builders import a_health, a_member, a_requests, an_instance
from tests.folding import Timed, a_fold, feed, forecast, play, serving, signal, tick

REQUESTS, LOAD, MEMORY = Signal.REQUESTS_IN_FLIGHT, Signal.LOAD_AVERAGE, Signal.MEMORY_CONSUMPTION


def test_f1_the_horizon_is_in_seconds_not_one_second() -> None:
    """Level 50, 0.5 per second, 0.01 per second^2: after 60 s 98, where Stratos (t = 1) said 50.505."""
    fold = a_fold(instances=[an_instance(default_lead_time_s=55.0)])
    middles = [900.0 + 5.0 * i + 2.5 for i in range(20)]
    load = [50.0 + 0.5 * (t - 1000.0) + 0.005 * (t - 1000.0) ** 2 for t in middles]
    feed(fold, *(a_requests(y, at=t + 2.5) for t, y in zip(middles, load, strict=True)))

    of = forecast(fold, 1000.0)

    assert of.horizon_s == 60.0
    assert signal(of, REQUESTS).forecast == pytest.approx(98.0, rel=1e-6)


@pytest.mark.parametrize("order", [lambda i: i, lambda i: 3 - i], ids=["a to d", "d to a"])
def test_f2_a_difference_between_members_is_no_change_in_time(order: Callable[[int], int]) -> None:
    """Four steady members with very different loads, whatever the order in which they report."""
    names = [f"shop-web-{i}" for i in range(4)]
    fold = a_fold(members=serving(*names))
    for period in range(20):
        for i in range(4):
            feed(fold, a_health(names[i], at=900.0 + 5 * period + 1.0 + order(i) / 10.0, load=10.0 + 80.0 * (i % 2)))

    of = signal(forecast(fold, 1000.0), LOAD)

    assert of.motion is not None
    assert [of.motion.slope, of.motion.curvature] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert of.forecast == pytest.approx(200.0)


def test_f3_a_sample_counts_when_it_was_measured_not_when_it_arrived() -> None:
    """All at once, backwards and twice after a hiccup of the network, or one by one in time: the same."""
    samples = [a_health(at=902.5 + 5 * i, load=10.0 + i) for i in range(20)]
    in_time, late = a_fold(members=serving("shop-web-1")), a_fold(members=serving("shop-web-1"))
    feed(in_time, *samples)
    feed(late, *reversed(samples), *samples[::3])

    motions = [signal(forecast(fold, 1000.0), LOAD).motion for fold in (in_time, late)]

    assert motions[0] == motions[1]
    assert motions[0] is not None
    assert motions[0].slope == pytest.approx(0.2)


@pytest.mark.parametrize("seconds", [20.0, 60.0, 600.0, 86_400.0])
def test_f5_a_value_that_is_old_expires(seconds: float) -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, *(a_health(at=950.0 + i) for i in range(50)), *(a_requests(at=950.0 + 5 * i) for i in range(11)))
    before = forecast(fold, 1000.0)
    after = forecast(fold, 1000.0 + seconds)

    assert [s.ready for s in before.signals] == [True, True, True]
    assert [(s.ready, s.observed, s.forecast) for s in after.signals] == [(False, None, None)] * 3
    assert [m.load_average for m in after.own.each()] == [None]


def test_f6_level_and_derivatives_are_of_the_same_cluster() -> None:
    """Two clusters in one network partition: the growth of one says nothing about the other."""
    fold = a_fold(instances=[an_instance(), an_instance("shop-db")])
    for i in range(20):
        feed(fold, a_requests(10.0, at=905.0 + 5 * i), a_requests(10.0 + 5 * i, at=905.0 + 5 * i, cluster="shop-db"))

    db, web = (signal(of, REQUESTS) for of in tick(fold, 1000.0).clusters)

    assert [web.forecast, db.forecast] == pytest.approx([10.0, 10.0 + 97.5 + 60.0])


@pytest.mark.parametrize("balancers", [1, 2, 5])
def test_f7_balancers_of_one_cluster_are_summed_not_averaged(balancers: int) -> None:
    fold = a_fold()
    for i in range(20):
        feed(fold, *(a_requests(10.0, at=905.0 + 5 * i, balancer=f"lb-{b}", count=7) for b in range(balancers)))

    of = forecast(fold, 1000.0)

    assert (signal(of, REQUESTS).observed, of.count) == (10.0 * balancers, 7 * balancers)


def test_f8_the_second_derivative_of_a_members_memory_counts() -> None:
    fold = a_fold(members=serving("shop-web-1"), instances=[an_instance(default_lead_time_s=10.0)])
    for i in range(20):
        t = 902.5 + 5 * i - 1000.0
        feed(fold, a_health(at=1000.0 + t, load=0.0, memory=40.0 + 0.004 * (t + 100.0) ** 2))

    of = forecast(fold, 1000.0)
    ahead = 40.0 + 0.004 * 115.0**2

    assert next(of.own.each()).memory_consumption == pytest.approx(ahead, rel=1e-6)
    assert signal(of, MEMORY).forecast == pytest.approx(ahead, rel=1e-6)


@pytest.mark.parametrize("pending", [0, 1, 10])
def test_f10_a_member_that_is_only_asked_for_does_not_dilute_the_load(pending: int) -> None:
    asked = [a_member(f"shop-web-9{i}", state=State.CREATED) for i in range(pending)]
    fold = a_fold(members=[*serving("shop-web-1", "shop-web-2"), *asked])
    for i in range(20):
        feed(fold, *(a_health(f"shop-web-{m}", at=902.5 + 5 * i, load=80.0) for m in (1, 2)))

    of = forecast(fold, 1000.0)

    assert (of.serving, of.starting) == (2, pending)
    assert [signal(of, LOAD).observed, signal(of, LOAD).forecast] == pytest.approx([160.0, 160.0])


def test_f7_and_f2_together_the_ripple_of_two_balancers_is_no_trend() -> None:
    """Two balancers that swing against each other: their sum is steady, and so is the forecast."""
    swings: list[Timed] = []
    for i in range(40):
        swing = 4.0 * math.sin(i)
        swings += [a_requests(10.0 + s * swing, at=805.0 + 5 * i, balancer=f"lb{s:+d}") for s in (1, -1)]

    *_, of = play(a_fold(), swings, ticks=[900.0, 950.0, 1000.0])

    assert [signal(of, REQUESTS).forecast, signal(of, REQUESTS).upper] == pytest.approx([20.0, 20.0])


def test_f17_a_load_that_nobody_serves_is_a_number_and_what_nobody_measures_is_none() -> None:
    """Stratos split the requests by active members: of none it made NaN."""
    fold = a_fold(members=[a_member(state=State.CREATED)])
    feed(fold, *(a_requests(30.0, at=905.0 + 5 * i) for i in range(20)))

    of = forecast(fold, 1000.0)

    assert (of.serving, of.starting) == (0, 1)
    assert signal(of, REQUESTS).observed == 30.0
    assert signal(of, REQUESTS).forecast == pytest.approx(30.0)
    assert [(s.ready, s.observed, s.forecast) for s in of.signals[1:]] == [(False, None, None)] * 2


def test_f14_clusters_take_no_threads_and_none_waits_for_another() -> None:
    """Stratos slept in one of 50 threads for each cluster: above 50 the others starved, and ended ones kept theirs."""
    clusters, threads = [f"shop-{i:03}" for i in range(120)], threading.active_count()
    fold = a_fold(instances=[an_instance(name) for name in clusters])
    for i in range(3):
        at = 1000.0 + 5.0 * i
        feed(fold, *(a_requests(10.0, at=at, cluster=name) for name in clusters))

        of = tick(fold, at).clusters

        assert [each.cluster for each in of] == clusters
        assert [signal(each, REQUESTS).observed for each in of] == [10.0] * 120
    for offset, name in enumerate(clusters[1:], start=200):
        fold.instance(offset, msgspec.structs.replace(an_instance(name), state="Terminated"))
    assert [each.cluster for each in tick(fold, 1015.0).clusters] == clusters[:1]
    assert len(fold.store.rows) == 1
    assert threading.active_count() == threads
