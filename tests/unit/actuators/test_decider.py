"""The decider: several clusters, what it returns and in what order, and restarts."""

from collections.abc import Sequence

import msgspec
import pytest

from actuators.cluster import Rules
from actuators.decider import Decider
from config.cluster import CalendarSpec, EventSpec, PredictionSpec
from streams.records.action import Result
from streams.records.decision import Decision
from streams.records.instance import Announcement, Deployed, Instance
from streams.records.member import Member, State
from streams.records.record import encode
from tests.actuator_builders import a_backend, a_report, an_outcome, forecasts_of
from tests.builders import a_behavior, a_forecast, a_member, a_policy, a_spec, an_application
from tests.deciding import Shell, launches, terminations

SPEC = a_spec(policy=a_policy(requests=10.0, tolerance=0.0, down=a_behavior(stabilization_s=20.0)))
OTHER = a_spec("shop-db", alias="db", policy=a_policy(requests=10.0, tolerance=0.0))


def test_a_cluster_that_is_declared_is_announced_once() -> None:
    decider = Decider(Rules())

    first = decider.define([an_application(SPEC)], 5.0)

    assert [(e.key, type(e.record)) for e in first] == [("shop-web", Announcement)]
    assert decider.define([an_application(SPEC)], 6.0) == []


def test_a_cluster_is_announced_anew_when_its_load_is_to_be_forecast_otherwise() -> None:
    decider = Decider(Rules())
    decider.define([an_application(SPEC, OTHER)], 5.0)
    other = PredictionSpec(predictor="ensemble", horizon_s=90.0)

    (changed,) = decider.define([an_application(msgspec.structs.replace(SPEC, prediction=other), OTHER)], 6.0)

    assert isinstance(changed.record, Announcement)
    assert (changed.key, changed.record.prediction, changed.record.at) == ("shop-web", other, 6.0)
    assert decider.define([an_application(msgspec.structs.replace(SPEC, prediction=other), OTHER)], 7.0) == []


def test_a_cluster_is_announced_again_when_it_is_to_be_forecast_another_way() -> None:
    calendar = CalendarSpec(events=(EventSpec(name="launch", start=100.0, end=200.0, factor=3.0),))
    changed = msgspec.structs.replace(SPEC, prediction=PredictionSpec(calendar=calendar))
    decider = Decider(Rules())
    decider.define([an_application(SPEC)], 5.0)

    again = decider.define([an_application(changed)], 6.0)

    assert [e.record.prediction.calendar for e in again if isinstance(e.record, Announcement)] == [calendar]
    assert decider.define([an_application(changed)], 7.0) == []


def test_each_cluster_has_its_own_load_and_members() -> None:
    decider = Decider(Rules())
    decider.define([an_application(SPEC, OTHER)], 5.0)

    out = decider.forecasts(forecasts_of(a_forecast(requests=20.0), a_forecast(requests=30.0, cluster="shop-db")))

    assert launches(e.record for e in out) == ["shop-web-1", "shop-web-2", "shop-db-1", "shop-db-2", "shop-db-3"]
    assert [e.key for e in out if isinstance(e.record, Decision)] == ["shop-web", "shop-db"]


def test_what_is_not_declared_is_passed_over() -> None:
    decider = Decider(Rules())
    decider.define([an_application(SPEC)], 5.0)

    out = decider.forecasts(forecasts_of(a_forecast(requests=20.0, cluster="unknown")))

    assert {type(e.record) for e in out} == {Deployed, Instance}
    assert decider.outcome(an_outcome(Result.GONE, "unknown-1", cluster="unknown")) == []
    assert decider.report(a_report(a_backend("unknown-1"), cluster="unknown")) == []


def test_an_older_tick_or_the_same_again_does_nothing() -> None:
    decider = Decider(Rules())
    decider.define([an_application(SPEC)], 5.0)
    decider.forecasts(forecasts_of(a_forecast(requests=20.0), at=100.0))

    assert decider.forecasts(forecasts_of(a_forecast(requests=90.0), at=100.0)) == []
    assert decider.forecasts(forecasts_of(a_forecast(requests=90.0), at=99.0)) == []


def test_a_tick_of_the_past_is_decided_and_not_acted_on() -> None:
    decider = Decider(Rules())
    decider.define([an_application(SPEC)], 5.0)

    out = decider.forecasts(forecasts_of(a_forecast(requests=20.0)), act=False)

    assert [type(e.record) for e in out] == [Decision]


def test_a_decision_is_repeated_once_a_minute() -> None:
    shell = Shell(SPEC)
    shell.serve(10.0)
    shell.ticks(9.0, times=3)
    shell.decisions.clear()

    shell.ticks(9.0, times=180)

    assert [b.at - a.at for a, b in zip(shell.decisions, shell.decisions[1:], strict=False)] == [60.0, 60.0]


def drive(shell: Shell, loads: Sequence[float], *, serving: int = 3) -> list[bytes]:
    """Feed a load per second on members that stay as they are, and return what was decided."""
    before = len(shell.decisions)
    for load in loads:
        shell.at += 1.0
        forecast = forecasts_of(a_forecast(requests=load, serving=serving), at=shell.at)
        shell.publish(shell.decider.forecasts(forecast, act=False))
    return [encode(decision) for decision in shell.decisions[before:]]


def test_after_a_restart_the_decisions_equal_those_of_an_unbroken_run() -> None:
    loads = [10.0 + (i * i * 7) % 60 for i in range(120)]
    unbroken = drive(Shell(SPEC), loads)

    for cut in (1, 40, 77):
        first = Shell(SPEC)
        before = drive(first, loads[:cut])
        second = Shell(SPEC, snapshot=first.decider.snapshot(), at=first.at)
        assert before + drive(second, loads[cut:]) == unbroken


@pytest.mark.parametrize("written", range(4))
def test_killed_before_its_first_checkpoint_it_decides_the_same_again(written: int) -> None:
    first = Shell(SPEC)
    first.tick(31.0)
    members = [each for each in first.log if each.state is State.CREATED]

    second = Shell(SPEC, log=members[:written])
    drive(second, [31.0], serving=0)

    assert len(members) == 4
    assert list(map(encode, second.decisions)) == list(map(encode, first.decisions))
    assert sorted(launches(second.tick(31.0))) == [f"shop-web-{i}" for i in range(1, 5)]


def test_a_snapshot_keeps_the_memory_of_clusters_that_are_not_declared_yet() -> None:
    first = Shell(SPEC)
    drive(first, [40.0])
    second = Decider(Rules())
    second.restore(first.decider.snapshot())
    third = Decider(Rules())
    third.restore(second.snapshot())
    third.define([an_application(SPEC)], 1002.0)

    assert third.clusters["shop-web"].judge.remembered.memory.wanted == 4
    assert third.at == first.decider.at


def test_after_a_restart_no_name_is_used_again() -> None:
    log = [a_member("shop-web-7", state=State.TERMINATED), a_member("shop-web-3")]
    shell = Shell(SPEC, log=log)

    assert launches(shell.tick(20.0)) == ["shop-web-8"]


def test_an_intent_without_an_action_is_acted_on_after_a_restart() -> None:
    log = [a_member("shop-web-1", state=State.CREATED, at=1000.0, port=0)]

    assert launches(Shell(SPEC, log=log).tick(10.0)) == ["shop-web-1"]


def test_a_terminate_without_an_answer_is_sent_again_after_a_restart() -> None:
    log = [a_member("shop-web-1"), a_member("shop-web-2", state=State.TERMINATING, at=999.0)]

    assert terminations(Shell(SPEC, log=log).tick(10.0)) == ["shop-web-2"]


def test_without_a_memory_nobody_is_removed_at_once() -> None:
    """The checkpoint is lost, and the worker does not know the members yet."""
    log = [a_member(f"shop-web-{i}") for i in range(1, 6)]
    shell = Shell(SPEC, log=log)

    out = shell.publish(shell.decider.forecasts(forecasts_of(a_forecast(requests=10.0, serving=0), at=1001.0)))

    assert [m for m in out if isinstance(m, Member)] == []
    assert shell.decisions[-1].wanted == 5


def test_members_known_before_their_cluster_is_declared_are_kept() -> None:
    decider = Decider(Rules())
    decider.recall(a_member("shop-web-4", port=0))
    decider.define([an_application(SPEC)], 5.0)
    out = decider.forecasts(forecasts_of(a_forecast(requests=20.0)))

    assert launches(e.record for e in out) == ["shop-web-5"]


def test_a_changed_definition_counts_from_the_next_tick() -> None:
    shell = Shell(SPEC)
    shell.serve(10.0)
    shell.publish(shell.decider.define([an_application(a_spec(policy=SPEC.policy, min_members=4))], shell.at))

    assert launches(shell.tick(10.0)) == ["shop-web-2", "shop-web-3", "shop-web-4"]
