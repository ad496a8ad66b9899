"""Shadows: they decide on the same ticks, remember for themselves, and change nothing that acts."""

import msgspec
import pytest

from actuators.cluster import Rules
from actuators.decider import Decider, Envelope
from actuators.shadows import policy_of
from config.autoscaling import AutoscalingPolicy
from config.cluster import ClusterSpec, PredictionSpec, ScheduleSpec
from config.tree import BudgetSpec
from streams.records.control import CONTROL, Control, Order, Shadow
from streams.records.decision import Code, Decision
from streams.records.instance import Announcement
from streams.records.record import encode
from tests.actuator_builders import a_shadow, forecasts_of
from tests.builders import a_forecast, a_place, a_policy, a_signal, a_spec, an_application
from tests.deciding import Shell

PLACE = a_place(max_members=200)
SPEC = a_spec(max_members=150, policy=a_policy(requests=10.0), partitions=[PLACE])
LOADS = (10.0, 40.0, 80.0, 35.0, None, 20.0, 60.0)


def run(*orders: Order, spec: ClusterSpec = SPEC, loads: tuple[float | None, ...] = LOADS) -> Shell:
    """Return a cluster after some loads, its orders given at the beginning."""
    shell = Shell(spec)
    for order in orders:
        shell.publish(shell.decider.control(order))
    for load in loads:
        shell.tick(load)
        shell.route()
    return shell


def announcements(envelopes: list[Envelope]) -> list[Announcement]:
    return [each.record for each in envelopes if isinstance(each.record, Announcement)]


# --- it cannot act ----------------------------------------------------------------------------------------------------


def test_a_shadow_that_wants_a_hundred_changes_no_action_and_no_member() -> None:
    with_it, without = run(a_shadow(requests=0.8)), run()

    assert max(each.wanted for each in with_it.shadows) == 100
    assert [encode(each) for each in with_it.published] == [encode(each) for each in without.published]


def test_the_decision_in_force_holds_nothing_of_the_shadows_forecast() -> None:
    forecast = msgspec.structs.replace(
        a_forecast(requests=20.0, requests_ahead=30.0, horizon_s=60.0),
        shadow=[a_signal(observed=20.0, forecast=90.0)],
        shadow_horizon_s=300.0,
    )
    shell = run(a_shadow(requests=10.0, prediction={"predictor": "last"}), loads=(20.0,))

    shell.publish(shell.decider.forecasts(forecasts_of(forecast, at=1100.0)))

    mine, other = shell.decisions[-1], shell.shadows[-1]
    assert (mine.wanted, mine.given.forecast.shadow, mine.given.forecast.signals) == (3, [], forecast.signals)
    assert (mine.given.forecast.horizon_s, other.given.forecast.horizon_s) == (60.0, 300.0)
    assert {mine.given.forecast.shadow_horizon_s, other.given.forecast.shadow_horizon_s} == {None}
    assert (other.wanted, other.given.forecast.shadow, other.given.forecast.signals) == (9, [], forecast.shadow)


# --- what it decides --------------------------------------------------------------------------------------------------


def test_the_same_policy_decides_the_same() -> None:
    """It begins with what the policy in force remembers."""
    shell = run(loads=(10.0, 40.0))
    document = a_shadow(requests=10.0, at=1002.5)
    shell.publish(shell.decider.control(document))
    before = len(shell.decisions)
    for load in LOADS * 3:
        shell.tick(load)
        shell.route()

    said = [(each.at, each.wanted, each.before, each.reasons) for each in shell.shadows]
    assert [each.at for each in shell.shadows] == sorted({each.at for each in shell.shadows})
    wanted = {each.at: (each.at, each.wanted, each.before, each.reasons) for each in shell.decisions[before:]}
    assert len(said) > 10
    assert all(wanted[each[0]] == each for each in said if each[0] in wanted)
    assert set(wanted) <= {each[0] for each in said}


def test_it_begins_with_the_number_wanted_and_goes_its_own_way() -> None:
    shell = run(loads=(40.0,))
    shell.publish(shell.decider.control(a_shadow(requests=20.0, at=1001.5)))
    shell.tick(40.0)
    shell.tick(40.0)

    assert [(each.before, each.wanted) for each in shell.shadows] == [(4, 2), (2, 2)]
    assert shell.shadows[0].given.shadow == 1001.5
    assert {each.given.shadow for each in shell.decisions} == {None}


def test_it_counts_from_the_time_at_which_it_was_ordered() -> None:
    """Ticks that are read again after a restart, from before the order, are not its."""
    shell = run(a_shadow(at=1003.0))

    assert min(each.at for each in shell.shadows) == 1003.0


def test_it_waits_until_the_policy_in_force_has_decided() -> None:
    shell = run(a_shadow(), loads=(10.0, 10.0))

    assert [each.at for each in shell.shadows] == [1002.0]


def test_pause_and_budget_hold_for_both() -> None:
    pause = Control(tenant="default", application="shop", paused=True, owner="bob", reason="x", at=1002.0, until=2000.0)
    paused = run(a_shadow(), pause, loads=(10.0, 10.0, 90.0)).shadows[-1]
    decider = Decider(Rules())
    decider.control(a_shadow())
    decider.define([an_application(SPEC, budget=BudgetSpec(members=4))], 1000.0)
    told = [
        each.record
        for i, load in enumerate((10.0, 90.0))
        for each in decider.forecasts(forecasts_of(a_forecast(requests=load), at=1001.0 + i))
        if each.aside
    ]

    assert paused.reasons[-1].code is Code.PAUSED
    assert [each.wanted for each in told if isinstance(each, Decision)] == [4]


def test_schedules_are_those_of_its_policy() -> None:
    """02:46 UTC is the time; the policy in force has at least 8 until noon, the shadow at least 3."""
    mine = ScheduleSpec(start="0 0 * * *", end="0 12 * * *", timezone="UTC", min_members=8, max_members=None)
    other = {"start": "0 0 * * *", "end": "0 12 * * *", "timezone": "UTC", "minMembers": 3}
    spec = msgspec.structs.replace(SPEC, schedules=(mine,))
    shell = Shell(spec, at=10_000.0)
    shell.decider.control(a_shadow(at=10_000.0, schedules=[other]))
    shell.ticks(1.0, times=3)

    assert (shell.decisions[-1].wanted, shell.shadows[-1].wanted) == (8, 3)


# --- how it ends ------------------------------------------------------------------------------------------------------


def silent(shell: Shell) -> bool:
    """Say whether no shadow decides any more."""
    ticks = [forecasts_of(a_forecast(requests=10.0), at=shell.at + seconds) for seconds in (100.0, 200.0, 300.0)]
    return not any(each.aside for tick in ticks for each in shell.decider.forecasts(tick))


def test_it_ends_when_that_is_ordered() -> None:
    shell = run(a_shadow())
    assert not silent(shell)
    shell.decider.control(a_shadow(at=1005.0, ends=True))
    shell.at += 300.0
    assert silent(shell)

    shell.decider.control(a_shadow(at=1004.0))
    shell.at += 300.0
    assert silent(shell), "an order that comes late does not begin it again"


@pytest.mark.parametrize(
    "specs",
    [
        pytest.param([], id="its application is undeployed"),
        pytest.param([an_application(a_spec(policy=a_policy(policy="quick")))], id="its cluster takes another policy"),
        pytest.param([an_application(a_spec("shop-api", alias="api"))], id="its cluster is declared no more"),
    ],
)
def test_it_ends_with_its_cluster(specs: list[object]) -> None:
    shell = run(a_shadow(clusters=("shop-web",)))
    shell.publish(shell.decider.define(specs, shell.at))  # type: ignore[arg-type]

    assert silent(shell)


def test_another_one_in_its_place_begins_anew() -> None:
    shell = run(a_shadow(requests=2.0), loads=(40.0, 40.0, 40.0))
    shell.decider.control(a_shadow(requests=20.0, at=1003.0))
    shell.tick(40.0)

    assert (shell.shadows[-2].wanted, shell.shadows[-1].before, shell.shadows[-1].wanted) == (20, 4, 2)


def test_a_change_of_the_application_is_no_end() -> None:
    shell = run(a_shadow(requests=1.0), loads=(40.0, 40.0))
    shell.decider.define([an_application(msgspec.structs.replace(SPEC, max_members=30))], shell.at)
    shell.tick(40.0)

    assert (shell.shadows[-2].wanted, shell.shadows[-1].before, shell.shadows[-1].wanted) == (40, 40, 30)


def test_only_the_clusters_that_are_named_have_it() -> None:
    assert run(a_shadow(clusters=("shop-web",))).shadows
    assert not run(a_shadow(clusters=("shop-api",))).shadows


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="an empty document"),
        pytest.param({"id": "x", "loadThresholds": {"requestsInFlight": {"threshold": -1}}}, id="a wrong threshold"),
        pytest.param({"kind": "tenant", "tenantDomain": "acme.org"}, id="another kind"),
        pytest.param({"kind": 7}, id="no kind at all"),
    ],
)
def test_what_is_no_policy_decides_nothing(document: dict[str, object]) -> None:
    order = msgspec.structs.replace(a_shadow(), document=document)

    assert run(order).shadows == []
    assert isinstance(policy_of(order), tuple)
    assert policy_of(order)


def test_what_is_a_policy_is_one() -> None:
    assert isinstance(policy_of(a_shadow()), AutoscalingPolicy)
    assert policy_of(a_shadow(ends=True)) == ()


# --- restarts ---------------------------------------------------------------------------------------------------------


def test_what_it_remembers_outlives_a_restart() -> None:
    order = a_shadow(requests=5.0, behavior={"scaleDown": {"stabilizationWindowSeconds": 300}})
    one = run(order, loads=(20.0, 20.0, 20.0, 10.0))
    two = Shell(SPEC, log=one.log, snapshot=one.decider.snapshot(), at=one.at, orders=[order])
    for shell in (one, two):
        shell.shadows.clear()
        for load in (10.0, 10.0, 70.0, 10.0):
            shell.tick(load, seconds=61.0)
            shell.route()

    assert [encode(each) for each in one.shadows] == [encode(each) for each in two.shadows]
    assert [each.wanted for each in two.shadows][:2] == [4, 4], "held at what was recommended before the restart"


def test_a_checkpoint_from_before_there_were_shadows_can_be_used() -> None:
    one = run()
    whole = msgspec.msgpack.decode(one.decider.snapshot())
    del whole["shadows"]
    two = Shell(SPEC, log=one.log, snapshot=msgspec.msgpack.encode(whole), at=one.at)

    assert two.cluster.judge.remembered == one.cluster.judge.remembered


# --- how its load is forecast -----------------------------------------------------------------------------------------


def test_its_prediction_is_announced_where_it_differs() -> None:
    decider, specs = Decider(Rules()), [an_application(SPEC)]
    (first,) = announcements(decider.define(specs, 1000.0))
    same = announcements(decider.control(a_shadow(at=1001.0)))
    other = announcements(decider.control(a_shadow(at=1002.0, prediction={"predictor": "last", "horizon": 60})))
    again = announcements(decider.define(specs, 1003.0))
    (ended,) = announcements(decider.control(a_shadow(at=1004.0, ends=True)))

    assert (first.shadow, same, again, ended.shadow) == (None, [], [], None)
    assert [each.shadow for each in other] == [PredictionSpec(predictor="last", horizon_s=60.0)]


def test_after_a_restart_it_is_announced_at_once() -> None:
    decider = Decider(Rules())
    decider.control(a_shadow(prediction={"predictor": "last"}))

    (first,) = announcements(decider.define([an_application(SPEC)], 1000.0))

    assert first.shadow == PredictionSpec(predictor="last")


# --- the order --------------------------------------------------------------------------------------------------------


def test_orders_of_both_kinds_read_back_equal() -> None:
    pause = Control(tenant="default", paused=False, owner="alice", at=1.0)
    for order in (pause, a_shadow(), a_shadow(ends=True, clusters=("a", "b"))):
        assert CONTROL.decode(encode(order)) == order


def test_its_key_is_never_that_of_a_pause() -> None:
    key = Shadow(tenant="default", policy="web", document=None, owner="alice", at=1.0).scope

    assert key == "autoscalingPolicy/default/web/shadow"
    assert key.count("/") > Control(
        tenant="a", application="b", cluster="c", paused=True, owner="x", at=1.0
    ).scope.count("/")
