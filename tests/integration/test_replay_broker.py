"""``pileus replay`` straight from the broker: the whole of it, or the ticks of a time range."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pileus.cli import main
from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.recording import Line
from streams.records.decision import DECISION
from streams.topics import DECISIONS, FORECASTS, TOPICS
from tests.brokers import free_port
from tests.builders import a_behavior, a_policy, a_spec, an_application
from tests.pieces import Hand
from tests.recordings import HEARTBEAT_S, START, WORKER, Recorder, ramp

SETTINGS = f"""\
partitions = 2
heartbeat_s = {HEARTBEAT_S}
sample_interval_s = {WORKER.sample_interval_s}
evaluation_s = {WORKER.evaluation_s}
window_s = {WORKER.window_s}
fault_s = {WORKER.fault_s}
horizon_grid_s = {list(WORKER.horizon_grid_s)}
predictor = "{WORKER.predictor}"
"""
SECONDS = 120
Replay = Callable[..., tuple[int, str, str]]


def recorded() -> list[Line]:
    """Record a course of two minutes; in the middle of it the threshold becomes half."""
    spec, stricter = (a_spec(policy=a_policy(requests=n, down=a_behavior(stabilization_s=15.0))) for n in (8.0, 4.0))
    recorder = Recorder(spec)
    recorder.run(ramp, seconds=SECONDS // 2)
    recorder.declare(an_application(stricter))
    return recorder.run(ramp, seconds=SECONDS // 2)


RECORDING = recorded()


def equal(count: int) -> str:
    """Return what is said of decisions that all come out again."""
    return f"decisions  {count} recorded, {count} equal to the byte\n"


@pytest.fixture
def replay(fresh_broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Replay:
    """Each kind of broker in turn, with the course in its topics."""
    (tmp_path / "settings.toml").write_text(SETTINGS)
    create_topics(fresh_broker.address, partitions=2, replication=1)
    hand, topics = Hand(fresh_broker.address), {topic.name: topic for topic in TOPICS}
    for line in RECORDING:
        (offset,) = hand.write(topics[line.topic], 0, line.value.encode(), key=line.key)
        assert offset == line.offset
    hand.close()

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["replay", "--settings", str(tmp_path / "settings.toml"), "--broker", fresh_broker.address, *words])
        return code, *capsys.readouterr()

    return run


def decisions(*, since: float = 0.0, until: float = SECONDS + 1.0) -> int:
    """Count the recorded decisions of a range (s from the beginning)."""
    ticks = [DECISION.decode(line.value).at - START for line in RECORDING if line.topic == DECISIONS.name]
    return sum(since <= at < until for at in ticks)


def test_the_topics_are_replayed_as_a_recording_is_and_the_ticks_of_a_time_range(replay: Replay) -> None:
    """The change of the threshold lies within the range; times are ISO, or seconds since the Unix epoch."""
    count = sum(line.topic == FORECASTS.name for line in RECORDING)
    lines = [f"forecasts  {count} recorded, {count} equal to the byte\n", equal(decisions())]
    middle = decisions(since=45.0, until=100.0)

    assert replay() == (0, "".join(lines), "")
    assert 5 < middle < decisions()
    assert replay("--since", "1970-01-01T02:47:25Z", "--until", str(START + 100.0)) == (0, equal(middle), "")
    assert replay("--until", str(START + 30.0)) == (0, equal(decisions(until=30.0)), "")
    code, said, error = replay("--since", "1h")
    assert (code, said) == (2, "")
    assert "no decision since 20" in error


def test_where_no_broker_answers_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"

    assert main(["replay", "--broker", address]) == 2
    assert capsys.readouterr().err == f"pileus replay: {address}: no Kafka answers\n"
