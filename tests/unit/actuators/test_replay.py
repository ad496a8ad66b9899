"""Replay: what was recorded comes out again to the byte; what was changed is found, and named."""

import msgspec
import pytest

from actuators.replay import Comparison, compare, replay
from config.autoscaling import AutoscalingPolicy
from config.cluster import ClusterSpec, ScheduleSpec
from config.resolve import governed
from config.tree import BudgetSpec
from streams.cluster import Rules
from streams.fold import Fold
from streams.past import slot_record
from streams.recording import Line
from streams.records.control import Control
from streams.records.decision import DECISION
from streams.records.forecast import Signal
from streams.records.history import SLOT_S, History
from streams.records.record import Record, encode
from streams.topics import DECISIONS, FORECASTS, HISTORY, INSTANCES, MEMBERS, SAMPLES, SHADOW, Topic
from tests.actuator_builders import a_shadow
from tests.builders import a_behavior, a_member, a_policy, a_requests, a_spec, a_tick, an_application, an_instance
from tests.recordings import HEARTBEAT_S, START, WORKER, Recorder, ramp

SPEC = a_spec(policy=a_policy(requests=8.0, down=a_behavior(stabilization_s=15.0)), max_members=12)
SECONDS = 120
DAY_S = 86_400.0
RECORDING = tuple(Recorder(SPEC).run(ramp, seconds=SECONDS))


def compared(recording: tuple[Line, ...], *, spec: ClusterSpec = SPEC) -> tuple[Comparison, ...]:
    """Replay a recording and compare it with itself."""
    return compare(recording, replay(recording, [spec], rules=WORKER, heartbeat_s=HEARTBEAT_S))


def of(topic: Topic) -> list[Line]:
    """Return the lines of a topic."""
    return [line for line in RECORDING if line.topic == topic.name]


def changed(line: Line, old: str, new: str) -> tuple[Line, ...]:
    """Return the recording with one line that says something else."""
    assert old in line.value
    other = msgspec.structs.replace(line, value=line.value.replace(old, new, 1))
    return tuple(other if each is line else each for each in RECORDING)


def test_a_recording_comes_out_again_to_the_byte() -> None:
    forecasts, decisions = compared(RECORDING)

    assert (forecasts.recorded, forecasts.equal, forecasts.missing, forecasts.extra) == (SECONDS, SECONDS, (), ())
    assert decisions.recorded == decisions.equal > 5
    assert (decisions.missing, decisions.extra) == ((), ())


def test_a_recording_with_a_restart_comes_out_again_to_the_byte() -> None:
    recording = tuple(Recorder(SPEC, restart_at=50).run(ramp, seconds=SECONDS))

    assert [(c.recorded - c.equal, c.extra) for c in compared(recording)] == [(0, ()), (0, ())]


def test_what_was_delivered_twice_counts_once() -> None:
    (first, *_), (decision, *_) = of(FORECASTS), of(DECISIONS)
    again = [msgspec.structs.replace(line, offset=1000) for line in (first, decision)]

    assert [c.recorded - c.equal for c in compared((*RECORDING, *again))] == [0, 0]


def test_a_decision_that_was_changed_is_named() -> None:
    line = next(line for line in of(DECISIONS) if '"wanted":3' in line.value)

    _, decisions = compared(changed(line, '"wanted":3', '"wanted":4'))

    assert decisions.missing == (f"partition 0 offset {line.offset}",)
    assert decisions.extra == (f"decision {msgspec.json.decode(line.value)['decision']}",)


def test_a_forecast_that_was_changed_is_named() -> None:
    line = of(FORECASTS)[60]

    forecasts, decisions = compared(changed(line, '"ready":true', '"ready":false'))

    assert (forecasts.missing, len(forecasts.extra)) == (("partition 0 offset 60",), 1)
    assert decisions.recorded == decisions.equal, "decisions are taken from the samples, not from the record"


def test_a_sample_that_was_changed_changes_what_follows() -> None:
    line = next(line for line in of(SAMPLES) if '"in_flight":20.0' in line.value)

    forecasts, decisions = compared(changed(line, '"in_flight":20.0', '"in_flight":90.0'))

    assert forecasts.equal < forecasts.recorded
    assert decisions.equal < decisions.recorded
    assert len(forecasts.missing) == 5, "the first few are named"


def test_a_decision_that_is_missing_in_the_recording_is_extra() -> None:
    gone = of(DECISIONS)[3]

    _, decisions = compared(tuple(line for line in RECORDING if line is not gone))

    assert (decisions.recorded, decisions.equal) == (len(of(DECISIONS)) - 1, len(of(DECISIONS)) - 1)
    assert decisions.extra == (f"decision {msgspec.json.decode(gone.value)['decision']}",)


def test_a_recording_that_ends_before_its_decisions_does_is_whole() -> None:
    last = of(DECISIONS)[-1]

    _, decisions = compared(tuple(line for line in RECORDING if line is not last))

    assert (decisions.missing, decisions.extra) == ((), ())


def test_another_policy_gives_other_decisions_and_the_same_forecasts() -> None:
    forecasts, decisions = compared(RECORDING, spec=a_spec(policy=a_policy(requests=4.0), max_members=12))

    assert forecasts.equal == forecasts.recorded
    assert decisions.equal < decisions.recorded


def test_a_line_that_cannot_be_read_is_an_error_of_the_recording() -> None:
    broken = Line(topic="pileus.history", partition=0, offset=99, at=0.0, value="{")

    with pytest.raises(ValueError, match="truncated"):
        compared((*RECORDING, broken))


@pytest.mark.parametrize("topic", ["pileus.members", "pileus.instances", "pileus.samples"])
def test_a_record_that_the_worker_refused_is_refused_again(topic: str) -> None:
    broken = Line(topic=topic, partition=0, offset=10**6, at=0.0, value="{")

    forecasts, decisions = compared((*RECORDING, broken))

    assert [(each.missing, each.extra) for each in (forecasts, decisions)] == [((), ()), ((), ())]


# --- what came from beside the forecasts ------------------------------------------------------------------------------


def test_a_recording_with_pauses_comes_out_again_to_the_byte() -> None:
    """Nobody replays the orders: each decision holds what it was given."""
    recorder = Recorder(SPEC)
    for at, until in ((20.0, 45.0), (60.0, 500.0)):
        pause = Control(
            tenant="default",
            application="shop",
            paused=True,
            owner="alice",
            reason="migration",
            at=START + at,
            until=START + until,
        )
        recorder.decider.control(pause)
        recorder.run(ramp, seconds=45)
    recording = tuple(recorder.lines)

    paused = [line for line in recording if line.topic == DECISIONS.name and '"Paused"' in line.value]

    assert len(paused) >= 2
    assert [(c.recorded - c.equal, c.extra) for c in compared(recording)] == [(0, ()), (0, ())]


def test_a_recording_of_a_cluster_with_a_budget_comes_out_again_to_the_byte() -> None:
    recording = tuple(Recorder(SPEC, budget=BudgetSpec(members=4)).run(ramp, seconds=SECONDS))

    capped = [line for line in recording if line.topic == DECISIONS.name and '"Budget"' in line.value]

    assert any('"code":"Budget"' in line.value for line in capped)
    assert [(c.recorded - c.equal, c.extra) for c in compared(recording)] == [(0, ()), (0, ())]


def test_a_recording_of_a_cluster_with_a_schedule_comes_out_again_to_the_byte() -> None:
    """A minute after the recording begins (02:46:40 UTC) eight members are the least, for a minute."""
    schedule = ScheduleSpec(start="48 2 * * *", end="49 2 * * *", timezone="UTC", min_members=8, max_members=20)
    spec = msgspec.structs.replace(SPEC, schedules=(schedule,))
    recording = tuple(Recorder(spec).run(lambda _: 10.0, seconds=200))

    wanted = [DECISION.decode(line.value).wanted for line in recording if line.topic == DECISIONS.name]

    assert (wanted[0], max(wanted), wanted[-1]) == (2, 8, 2)
    assert [(c.recorded - c.equal, c.extra) for c in compared(recording, spec=spec)] == [(0, ()), (0, ())]


# --- shadows ----------------------------------------------------------------------------------------------------------


def with_shadows(*, restart_at: int | None = None) -> tuple[Line, ...]:
    """Return a recording with a shadow, another in its place, the end of that, and one more after it."""
    recorder = Recorder(SPEC, restart_at=restart_at)
    recorder.run(ramp, seconds=10)
    recorder.order(a_shadow(requests=5.0, at=recorder.at))
    recorder.run(ramp, seconds=60)
    recorder.order(a_shadow(requests=12.0, at=recorder.at, tolerance=0.0))
    recorder.run(ramp, seconds=40)
    recorder.order(a_shadow(at=recorder.at, ends=True))
    recorder.run(ramp, seconds=40)
    recorder.order(a_shadow(requests=3.0, at=recorder.at))
    recorder.run(ramp, seconds=40)
    return tuple(recorder.lines)


@pytest.mark.parametrize("restart_at", [None, 40], ids=["one decider", "a restart amid a shadow"])
def test_the_decisions_of_shadows_come_out_again_to_the_byte(restart_at: int | None) -> None:
    recording = with_shadows(restart_at=restart_at)

    forecasts, decisions, shadows = compared(recording)

    assert forecasts.equal == forecasts.recorded
    assert decisions.equal == decisions.recorded
    assert (shadows.kind, shadows.missing, shadows.extra) == ("shadows", (), ())
    assert shadows.equal == shadows.recorded > 20


def test_a_promotion_amid_a_recording_comes_out_again() -> None:
    recorder = Recorder(SPEC)
    recorder.run(ramp, seconds=10)
    order = a_shadow(requests=5.0, at=recorder.at)
    recorder.order(order)
    recorder.run(ramp, seconds=60)
    recorder.order(a_shadow(at=recorder.at, ends=True))
    promoted = governed(SPEC, AutoscalingPolicy.model_validate(order.document))
    recorder.declare(an_application(promoted))
    recorder.run(ramp, seconds=60)

    found = compare(recorder.lines, replay(recorder.lines, rules=WORKER, heartbeat_s=HEARTBEAT_S))

    assert [(each.kind, each.missing, each.extra) for each in found] == [
        (kind, (), ()) for kind in ("forecasts", "decisions", "shadows")
    ]
    assert found[1].recorded > 10


def test_a_decision_of_a_shadow_that_was_changed_is_named() -> None:
    recording = with_shadows()
    line = [line for line in recording if line.topic == SHADOW.name][5]
    other = msgspec.structs.replace(line, value=line.value.replace('"wanted":', '"wanted":1', 1))

    shadows = compared(tuple(other if each is line else each for each in recording))[2]

    assert shadows.equal == shadows.recorded - 1
    assert shadows.missing == (f"partition 0 offset {line.offset}",)


def test_a_recording_comes_out_again_with_the_history_that_its_worker_began_with() -> None:
    recording = _with_history(told=True)
    without = [line for line in recording if line.topic != HISTORY.name]

    again, ignorant = (
        compare(lines, replay(lines, [], rules=SEASONAL, heartbeat_s=HEARTBEAT_S))[0] for lines in (recording, without)
    )

    assert (again.recorded, again.equal, again.extra) == (60, 60, ())
    assert ignorant.equal < 60


def test_a_recording_of_a_worker_without_history_may_hold_what_it_wrote() -> None:
    recording = _with_history(told=False)

    forecasts, _ = compare(recording, replay(recording, [], rules=SEASONAL, heartbeat_s=HEARTBEAT_S))

    assert sum(line.topic == HISTORY.name for line in recording) == 12
    assert (forecasts.recorded, forecasts.equal, forecasts.extra) == (60, 60, ())


SEASONAL = Rules(sample_interval_s=60.0, evaluation_s=60.0, window_s=300.0, predictor="seasonal")


def _with_history(*, told: bool) -> list[Line]:
    """Record an hour of a worker that reads two days of history at its start, or none."""
    start, lines, fold = 3 * DAY_S, list[Line](), Fold(0, SEASONAL)

    def write(topic: Topic, record: Record) -> int:
        offset = sum(line.topic == topic.name for line in lines)
        lines.append(
            Line(
                topic=topic.name,
                partition=0,
                offset=offset,
                at=getattr(record, "at", start),
                value=encode(record).decode(),
            )
        )
        return offset

    instance, member = an_instance(), a_member(at=0.0)
    fold.instance(write(INSTANCES, instance), instance)
    fold.member(write(MEMBERS, member), member)
    for number in range(int(DAY_S // SLOT_S), int(start // SLOT_S)) if told else ():
        slot = slot_record(instance, Signal.REQUESTS_IN_FLIGHT, (number, float(number % 288), 1.0))
        write(HISTORY, slot)
        fold.remember(slot)
    for minute in range(60):
        at = start + 60.0 * (minute + 1)
        for sample in (a_requests(minute / 5.0, at=at, interval_s=60.0, count=minute), a_tick(at)):
            write(SAMPLES, sample)
            for record in fold.message(encode(sample)):
                write(HISTORY if isinstance(record, History) else FORECASTS, record)
    return lines
