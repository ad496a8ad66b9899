"""The requests of a cluster with several balancers: summed, and unknown rather than too small."""

import pytest

from streams import cluster as cluster_module
from streams.records.forecast import Signal
from tests.builders import a_requests
from tests.folding import a_fold, feed, forecast, play, refused, requests, signal, tick

REQUESTS = Signal.REQUESTS_IN_FLIGHT


def test_a_silent_balancer_makes_the_total_unknown_until_it_is_dropped() -> None:
    samples = [*requests("lb-1", begin=900, end=1080), *requests("lb-2", begin=900, end=1000, in_flight=5.0)]
    ticks = (1000.0, 1015.0, 1020.0, 1060.0, 1065.0)
    seen = [
        (at, signal(of, REQUESTS).observed, signal(of, REQUESTS).why, of.count is None)
        for at, of in zip(ticks, play(a_fold(), samples, ticks=ticks), strict=True)
    ]

    assert seen == [
        (1000.0, 15.0, "", False),
        (1015.0, 15.0, "", False),
        (1020.0, None, "Stale", True),
        (1060.0, None, "Stale", True),
        (1065.0, 10.0, "", False),
    ]


def test_when_all_balancers_are_silent_none_is_dropped() -> None:
    fold = a_fold()
    feed(fold, *requests("lb-1", begin=900, end=1000), *requests("lb-2", begin=900, end=1000))
    tick(fold, 1000.0)

    for at in (1200.0, 2000.0):
        of = forecast(fold, at)
        assert (signal(of, REQUESTS).ready, signal(of, REQUESTS).why, of.count) == (False, "Stale", None)


def test_a_balancer_that_joins_had_nothing_before() -> None:
    """A second balancer takes half of the load: the total stays as it was."""
    fold = a_fold()
    feed(fold, *requests("lb-1", begin=900, end=960, in_flight=10.0))
    feed(fold, *requests("lb-1", begin=960, end=1000, in_flight=5.0))
    feed(fold, *requests("lb-2", begin=960, end=1000, in_flight=5.0))

    of = signal(forecast(fold, 1000.0), REQUESTS)

    assert [of.observed, of.forecast, of.lower, of.upper] == pytest.approx([10.0] * 4)


def test_what_was_known_before_a_balancer_joined_stays_known() -> None:
    fold = a_fold()
    feed(fold, *requests("lb-1", begin=900, end=1000), *requests("lb-2", begin=990, end=1000, in_flight=0.0))

    of = signal(forecast(fold, 1000.0), REQUESTS)

    assert (of.observed, of.predictor) == (10.0, "kinematic")


@pytest.mark.parametrize("every", [4.0, 5.0, 7.0, 10.0, 15.0])
@pytest.mark.parametrize("phase", [0.0, 1.7, 3.4])
def test_a_balancer_with_a_beat_of_its_own_adds_nothing_and_hides_nothing(every: float, phase: float) -> None:
    samples = [
        *requests("lb-1", begin=500, end=1000),
        *requests("lb-2", begin=1000 - phase - 40 * every, end=1000 - phase, every=every),
    ]

    *_, last = play(a_fold(), samples, ticks=range(400, 1001, 20))
    of = signal(last, REQUESTS)

    assert [of.observed, of.forecast, of.lower, of.upper] == pytest.approx([20.0] * 4)


def test_what_a_balancer_did_not_say_is_unknown_for_that_time() -> None:
    """A balancer was silent from 930 to 970, longer than a value holds; the other one alone is not the total."""
    fold = a_fold()
    feed(fold, *requests("lb-1", begin=900, end=1000))
    feed(fold, *requests("lb-2", begin=900, end=930), *requests("lb-2", begin=970, end=1000))

    of = signal(forecast(fold, 1000.0), REQUESTS)

    assert [of.observed, of.forecast, of.lower, of.upper] == pytest.approx([20.0] * 4)


def test_a_balancer_silent_as_the_window_begins_is_no_balancer_that_joins() -> None:
    """The window begins at 880; from 850 to 900 a balancer was silent. Its coming back is no growth."""
    samples = [
        *requests("lb-1", begin=700, end=1000),
        *requests("lb-2", begin=700, end=850),
        *requests("lb-2", begin=900, end=1000),
    ]

    *_, last = play(a_fold(), samples, ticks=range(700, 1001, 10))
    of = signal(last, REQUESTS)

    assert [of.observed, of.forecast, of.lower, of.upper] == pytest.approx([20.0] * 4)


def test_counts_are_summed_and_the_newest_interval_counts() -> None:
    fold = a_fold()
    feed(fold, a_requests(at=999.0, count=70), a_requests(at=994.0, count=60))
    feed(fold, a_requests(at=998.0, count=5, balancer="lb-2"))

    assert forecast(fold, 1000.0).count == 75


def test_there_is_a_bound_to_the_balancers_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "BALANCERS", 3)
    fold = a_fold()
    feed(fold, *(a_requests(at=999.0, balancer=f"lb-{i}") for i in range(5)))

    assert refused(fold, 1000.0) == {"Overload": 2}
    assert len(fold.progress.clusters["shop-web"].balancers) == 3
