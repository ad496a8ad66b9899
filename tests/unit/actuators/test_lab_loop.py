"""The closed loop: the short cut says what the judge says, and the numbers are those that one reckons by hand."""

import dataclasses
import math

import msgspec
import numpy as np
import pytest

from actuators.judge import Judge
from actuators.lab.loop import ClosedLoop, DisagreementError
from actuators.lab.quiet import Quiet
from actuators.lab.report import Trial, closed_loop, course_of
from actuators.lab.world import World
from config.cluster import ClusterSpec, FallbackSpec, FlapSpec, ScheduleSpec
from streams.records.decision import Code, Decision
from streams.records.forecast import ClusterForecast
from tests.laboratory import a_day, a_lab_spec, a_load, a_trial


def both(trial: Trial) -> tuple[ClosedLoop, ClosedLoop]:
    """Replay with the short cut, and tick by tick."""
    seen = course_of(trial)
    quick = ClosedLoop(trial.spec, seen, trial.world).run()
    return quick, ClosedLoop(trial.spec, seen, trial.world, exact=True).run()


NOISY = a_load(a_day(noise=0.6))
BOTH = a_load(a_day(), more={"memory_consumption": a_day(seed=2) * 20})
CASES = {
    "a day at 15 s": a_trial(a_load(a_day(), step_s=15.0)),
    "with a forecast": a_trial(a_load(a_day()), predictor="kinematic"),
    "held at the maximum": a_trial(a_load(a_day(mean=900.0))),
    "held at the minimum": a_trial(a_load(a_day(mean=5.0))),
    "much noise, both windows": a_trial(NOISY, spec=a_lab_spec(up_s=180.0, down_s=60.0)),
    "no window, no tolerance": a_trial(NOISY, spec=a_lab_spec(down_s=0.0, tolerance=0.0)),
    "a forecast that does not count": a_trial(NOISY, spec=a_lab_spec(forecast="ForecastOnly"), predictor="kinematic"),
    "members that fail": a_trial(NOISY, world=World(boot_s=(30.0, 90.0, 400.0), lifetime_h=2.0)),
    "three partitions": a_trial(NOISY, spec=a_lab_spec(victim="oldest", partitions=3, most=12)),
    "a flap budget": a_trial(NOISY, spec=a_lab_spec(flap=FlapSpec(starts=3, window_s=1800.0), down_s=60.0)),
    "two factors": a_trial(BOTH, spec=a_lab_spec(memory=70.0)),
}


@pytest.mark.parametrize("trial", list(CASES.values()), ids=list(CASES))
def test_the_short_cut_changes_nothing(trial: Trial) -> None:
    quick, exact = both(trial)

    assert quick.changes
    assert quick.changes == exact.changes
    assert quick.fleet.supply == exact.fleet.supply
    assert quick.fleet.all_lives() == exact.fleet.all_lives()


@pytest.mark.parametrize("fallback", [None, FallbackSpec(failure_threshold=3, replicas=30, behavior="static")])
def test_the_short_cut_changes_nothing_with_gaps(fallback: FallbackSpec | None) -> None:
    values = a_day(periods=400)
    for at, length in ((50, 2), (100, 6), (200, 40), (250, 5), (390, 10)):
        values[at : at + length] = np.nan
    quick, exact = both(a_trial(a_load(values), spec=msgspec.structs.replace(a_lab_spec(), fallback=fallback)))

    assert quick.changes == exact.changes
    assert quick.fleet.supply == exact.fleet.supply


def test_during_a_gap_nobody_is_removed() -> None:
    values = np.array([100.0] * 60 + [math.nan] * 60 + [100.0] * 10)
    trial = a_trial(a_load(values))
    quick, _ = both(trial)

    assert quick.changes == []


def test_the_judge_is_asked_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()
    decide = Judge.decide

    def counted(self: Judge, spec: ClusterSpec, forecast: ClusterForecast, at: float) -> tuple[Decision, bool]:
        asked.append(1)
        return decide(self, spec, forecast, at)

    monkeypatch.setattr(Judge, "decide", counted)
    trial = a_trial(a_load(a_day(periods=5760), step_s=15.0))
    ClosedLoop(trial.spec, course_of(trial), trial.world).run()

    assert len(asked) < 1000


def test_a_judge_that_does_not_agree_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    decide = Judge.decide

    def other(self: Judge, spec: ClusterSpec, forecast: ClusterForecast, at: float) -> tuple[Decision, bool]:
        decision, tell = decide(self, spec, forecast, at)
        memory = msgspec.structs.replace(self.remembered.memory, wanted=decision.wanted + 1)
        self.remembered = msgspec.structs.replace(self.remembered, memory=memory)
        return msgspec.structs.replace(decision, wanted=decision.wanted + 1), tell

    monkeypatch.setattr(Judge, "decide", other)
    trial = a_trial(a_load([10.0] * 200))

    with pytest.raises(DisagreementError, match="held, the judge says"):
        ClosedLoop(trial.spec, course_of(trial), trial.world).run()


def test_what_the_judge_disagreed_with_is_replayed_tick_by_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = a_trial(NOISY)
    seen = course_of(trial)
    exact = ClosedLoop(trial.spec, seen, trial.world, exact=True).run()
    monkeypatch.setattr(Quiet, "_hold", lambda *_: True)

    assert closed_loop(trial.spec, seen, trial.world).changes == exact.changes


def test_a_schedule_is_asked_of_the_judge_on_every_tick() -> None:
    schedule = ScheduleSpec(start="0 8 * * *", end="0 9 * * *", timezone="UTC", min_members=3, max_members=None)

    assert not Quiet.fits(msgspec.structs.replace(a_lab_spec(), schedules=(schedule,)))
    assert Quiet.fits(a_lab_spec())


def test_a_step_of_load_by_hand() -> None:
    """10 a member, 60 s ticks, 120 s to boot: seen at the end of its first period, served two periods later."""
    trial = a_trial(a_load([20.0] * 5 + [40.0] * 5), world=World(boot_s=(120.0,)))
    quick, _ = both(trial)

    assert [(c.at, c.before, c.wanted, c.why[0][0]) for c in quick.changes] == [(360.0, 2, 4, Code.DEMAND)]
    assert quick.fleet.supply == [(0.0, 2), (480.0, 4)]


def test_every_tick_can_be_watched() -> None:
    trial = a_trial(a_load([20.0] * 5 + [40.0] * 5))
    seen, decisions = course_of(trial), list[tuple[int, Decision]]()
    loop = ClosedLoop(trial.spec, seen, trial.world, watch=lambda i, each: decisions.append((i, each))).run()

    assert [i for i, _ in decisions] == list(range(10))
    assert [each.wanted for _, each in decisions][-1] == loop.changes[-1].wanted
    assert dataclasses.asdict(loop.changes[0])["wanted"] == 4
