"""What a tick makes of a cluster's windows, looked at through the fold that owns it."""

import pytest

from streams.cluster import Rules
from streams.records.forecast import Signal
from streams.records.member import State
from tests.builders import a_health, a_member, a_requests, an_instance
from tests.folding import RULES, a_fold, feed, forecast, health, play, refused, requests, serving, signal, tick

REQUESTS, LOAD, MEMORY = Signal.REQUESTS_IN_FLIGHT, Signal.LOAD_AVERAGE, Signal.MEMORY_CONSUMPTION


# --- members ---------------------------------------------------------------------------------------------------------


def test_a_total_is_the_sum_over_the_members_that_serve() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    feed(fold, *health("shop-web-1", begin=950, end=1000, load=30.0))
    feed(fold, *health("shop-web-2", begin=950, end=1000, load=70.0))

    of = forecast(fold, 1000.0)

    assert (of.serving, of.known, of.starting) == (2, 2, 0)
    assert [signal(of, which).observed for which in Signal] == [None, 100.0, 100.0]
    assert signal(of, LOAD).forecast == pytest.approx(100.0)


def test_members_without_a_sample_are_scaled_from_those_with_one() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2", "shop-web-3"))
    feed(fold, *health("shop-web-1", begin=950, end=1000, load=30.0))
    feed(fold, *health("shop-web-2", begin=950, end=1000, load=50.0))

    of = forecast(fold, 1000.0)

    assert (of.serving, of.known, signal(of, LOAD).observed) == (3, 2, 120.0)


def test_a_member_that_joins_does_not_dilute_what_is_known() -> None:
    """Two members carry 100 percent; a third comes: the total stays, and nothing is extrapolated from its coming."""
    members = [*serving("shop-web-1", "shop-web-2"), *serving("shop-web-3", since=975.0)]
    fold = a_fold(members=members)
    for name in ("shop-web-1", "shop-web-2"):
        feed(fold, *health(name, begin=900, end=975, load=60.0), *health(name, begin=975, end=1000, load=40.0))
    feed(fold, *health("shop-web-3", begin=975, end=1000, load=40.0))

    of = signal(forecast(fold, 1000.0), LOAD)

    assert (of.observed, of.upper) == (120.0, of.forecast)
    assert of.forecast == pytest.approx(120.0)
    assert of.motion is not None
    assert of.motion.slope == pytest.approx(0.0, abs=1e-9)


def test_a_member_that_starts_does_not_count_before_it_serves() -> None:
    members = [*serving("shop-web-1"), a_member("shop-web-2", state=State.STARTING)]
    fold = a_fold(members=members)
    feed(fold, *health("shop-web-1", begin=950, end=1000, load=30.0))
    feed(fold, *health("shop-web-2", begin=950, end=1000, load=0.0))

    of = forecast(fold, 1000.0)

    assert (of.serving, of.starting, signal(of, LOAD).observed) == (1, 1, 30.0)


def test_what_a_member_carries_while_it_drains_leaves_the_total() -> None:
    members = serving("shop-web-1", "shop-web-2")
    leaving = a_member("shop-web-2", state=State.DRAINING, at=990.0)
    fold = a_fold(members=[*members, leaving])
    for name in ("shop-web-1", "shop-web-2"):
        feed(fold, *health(name, begin=950, end=1000, load=30.0))

    of = forecast(fold, 1000.0)

    assert (of.serving, signal(of, LOAD).observed) == (1, 30.0)
    assert of.own.member == ["shop-web-1"]


def test_a_value_holds_between_two_samples() -> None:
    """Samples every 15 s, a period of 5 s, members that report in turn: the total must not jump between them."""
    rules = Rules(sample_interval_s=15.0, evaluation_s=5.0, window_s=100.0)
    fold = a_fold(members=serving("shop-web-1", "shop-web-2", "shop-web-3"), rules=rules)
    samples = [
        a_health(f"shop-web-{i}", at=at + 1.0, load=i * 20.0)
        for i in range(1, 4)
        for at in range(600 + 5 * i, 1000, 15)
    ]

    *_, of = play(fold, samples, ticks=range(650, 1001, 50))
    judged = signal(of, LOAD)

    assert (of.known, judged.observed) == (3, 120.0)
    assert [judged.forecast, judged.lower, judged.upper] == pytest.approx([120.0] * 3)


@pytest.mark.parametrize(
    ("newest", "ready", "why"),
    [
        pytest.param(999.0, True, "", id="a fresh sample"),
        pytest.param(985.0, True, "", id="as old as may be: three intervals"),
        pytest.param(984.9, False, "Stale", id="older"),
        pytest.param(920.0, False, "Stale", id="much older"),
        pytest.param(870.0, False, "NoSample", id="nothing within the window"),
        pytest.param(None, False, "NoSample", id="never a sample"),
    ],
)
def test_missing_is_unknown_never_zero(*, newest: float | None, ready: bool, why: str) -> None:
    fold = a_fold(members=serving("shop-web-1"))
    tick(fold, 860.0)
    if newest is not None:
        feed(fold, *(a_health(at=newest - 5.0 * i) for i in range(8)))

    of = forecast(fold, 1000.0)
    judged = signal(of, LOAD)

    assert (judged.ready, judged.why) == (ready, why)
    assert (judged.observed, judged.forecast) == ((40.0, pytest.approx(40.0)) if ready else (None, None))
    assert judged.age_s == (None if why == "NoSample" else pytest.approx(1000.0 - (newest or 0.0)))


def test_without_members_nothing_is_known() -> None:
    of = forecast(a_fold(), 1000.0)

    assert (of.serving, of.known, of.own.member, of.faults) == (0, 0, [], [])
    assert [(s.ready, s.why) for s in of.signals] == [(False, "NoSample")] * 3


def test_a_fresh_sample_does_not_renew_an_old_total() -> None:
    """The only member left 30 s ago; its successor has reported, but not served in any complete period."""
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, *health("shop-web-1", begin=900, end=970))
    tick(fold, 970.0)
    fold.member(1, a_member("shop-web-1", state=State.TERMINATED, at=970.0))
    fold.member(2, a_member("shop-web-2", at=999.0))
    feed(fold, a_health("shop-web-2", at=998.0))

    of = signal(forecast(fold, 1000.0), LOAD)

    assert (of.ready, of.why, of.age_s) == (False, "Stale", 30.0)


def test_few_samples_give_the_last_value() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, a_health(at=992.0, load=10.0), a_health(at=997.0, load=30.0))

    of = signal(forecast(fold, 1000.0), LOAD)

    assert (of.ready, of.why, of.observed, of.forecast, of.predictor) == (True, "TooFewSamples", 30.0, 30.0, "last")
    assert of.motion is None


def test_a_total_of_memory_never_exceeds_all_that_the_members_have() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    for i in range(20):
        for name in ("shop-web-1", "shop-web-2"):
            feed(fold, a_health(name, at=902.5 + 5 * i, load=50.0 + 2.5 * i, memory=50.0 + 2.5 * i))

    of = forecast(fold, 1000.0)

    assert (signal(of, MEMORY).forecast, signal(of, MEMORY).upper) == (200.0, 200.0)
    assert (signal(of, LOAD).forecast or 0.0) > 200.0


def test_a_member_has_a_forecast_of_its_own() -> None:
    members = [*serving("shop-web-1", "shop-web-2", "shop-web-3"), a_member("shop-web-4", state=State.CREATED)]
    fold = a_fold(members=members)
    for i in range(20):
        feed(fold, a_health("shop-web-1", at=902.5 + 5 * i, load=10.0 + i, memory=80.0 + i, healthy=True))
    feed(fold, a_health("shop-web-2", at=998.0, load=7.0, memory=None, healthy=False))
    feed(fold, *health("shop-web-3", begin=900, end=980))

    one, two, three, four = forecast(fold, 1000.0).own.each()

    assert [one.load_average, one.memory_consumption, one.age_s] == pytest.approx([41.5, 100.0, 2.5])
    assert (two.load_average, two.memory_consumption, two.age_s, two.healthy) == (7.0, None, 2.0, False)
    assert (three.load_average, three.memory_consumption, three.age_s) == (None, None, 22.5)
    assert (four.member, four.load_average, four.age_s) == ("shop-web-4", None, None)


def test_a_probe_that_is_stale_says_nothing() -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, a_health(at=980.0, healthy=True), a_health(at=998.0))

    (member,) = forecast(fold, 1000.0).own.each()

    assert (member.healthy, member.age_s) == (None, 2.0)


# --- horizon and window ----------------------------------------------------------------------------------------------


def test_the_horizon_follows_the_measured_lead_times() -> None:
    fold = a_fold(instances=[an_instance(default_lead_time_s=100.0)])
    at_first = forecast(fold, 1000.0).horizon_s
    for i in range(3):
        since = {State.CREATED.value: 1000.0, State.ACTIVE.value: 1018.0}
        fold.member(i, a_member(f"shop-web-{i}", at=1018.0, since=since))

    assert (at_first, forecast(fold, 1020.0).horizon_s) == (120.0, 30.0)


def test_the_horizon_shrinks_with_hysteresis() -> None:
    """A need of 27 s would fit into 30, but not well: coming from 120 it is 60."""
    fold = a_fold(instances=[an_instance(default_lead_time_s=100.0)])
    tick(fold, 1000.0)
    since = {State.CREATED.value: 1000.0, State.ACTIVE.value: 1022.0}
    fold.member(0, a_member(at=1022.0, since=since))

    assert [forecast(fold, at).horizon_s for at in (1025.0, 1030.0)] == [60.0, 60.0]


@pytest.mark.parametrize(
    ("rules", "horizon_s", "window_s"),
    [
        pytest.param(Rules(), 60.0, 300.0, id="as configured"),
        pytest.param(Rules(), 600.0, 1200.0, id="twice as far back as ahead"),
        pytest.param(Rules(window_s=20.0, sample_interval_s=1.0), 5.0, 20.0, id="a short one"),
        pytest.param(Rules(window_s=60.0, sample_interval_s=15.0), 15.0, 300.0, id="at least twenty samples"),
    ],
)
def test_a_window_is_long_enough_for_its_horizon(rules: Rules, horizon_s: float, window_s: float) -> None:
    assert rules.window(horizon_s) == window_s


def test_a_longer_window_takes_older_samples() -> None:
    fold = a_fold(instances=[an_instance(default_lead_time_s=250.0)], members=serving("shop-web-1"))
    tick(fold, 995.0)
    feed(fold, a_health(at=500.0))

    assert refused(fold, 1000.0) == {}
    assert forecast(fold, 1001.0).horizon_s == 300.0


# --- nothing grows ---------------------------------------------------------------------------------------------------


def test_what_no_later_tick_needs_is_forgotten() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    feed(fold, *health("shop-web-1", begin=900, end=1000), *health("shop-web-2", begin=900, end=1000))
    feed(fold, *requests("lb-1", begin=900, end=1000), *requests("lb-2", begin=900, end=1000))
    tick(fold, 1000.0)
    fold.member(2, a_member("shop-web-2", state=State.TERMINATED, at=1000.0))
    feed(fold, a_requests(at=1300.0))
    tick(fold, 1300.0)

    of = fold.progress.clusters["shop-web"]

    assert (sorted(fold.store.rows["shop-web"]), sorted(of.balancers), sorted(of.membership.served)) == (
        ["shop-web-1"],
        ["lb-1"],
        ["shop-web-1"],
    )
    assert (fold.store.buckets, len(of.balancers["lb-1"].in_flight.times)) == ({}, 1)


def test_the_state_does_not_grow_with_time() -> None:
    fold = a_fold(members=serving("shop-web-0"))
    sizes = []
    for i in range(400):
        at = 1000.0 + 5.0 * i
        left = a_member(f"shop-web-{i}", state=State.TERMINATED, at=at)
        fold.member(2 * i + 1, left)
        fold.member(2 * i + 2, a_member(f"shop-web-{i + 1}", at=at))
        feed(fold, a_health(f"shop-web-{i}", at=at - 1.0), a_requests(at=at))
        tick(fold, at)
        of = fold.progress.clusters["shop-web"]
        sizes.append(
            (
                len(fold.store.rows["shop-web"]),
                len(fold.store.buckets),
                len(of.membership.served),
                len(of.balancers["lb-1"].in_flight.times),
            )
        )

    assert sizes[399] == sizes[199] == sizes[60]


def test_a_cluster_that_ended_is_forgotten() -> None:
    fold = a_fold(instances=[an_instance(), an_instance("shop-db")])
    before = [each.cluster for each in tick(fold, 1000.0).clusters]
    ended = an_instance("shop-db")
    fold.instance(2, type(ended)(**{**{f: getattr(ended, f) for f in ended.__struct_fields__}, "state": "Terminated"}))

    assert (before, [each.cluster for each in tick(fold, 1005.0).clusters]) == (["shop-db", "shop-web"], ["shop-web"])


def test_the_defaults_are_those_of_the_settings() -> None:
    assert (RULES.stale_s, RULES.stale_periods, RULES.sample_periods) == (15.0, 3, 1)
    assert Rules(sample_interval_s=15.0).sample_periods == 3
    assert Rules(sample_interval_s=1.0).sample_periods == 1
