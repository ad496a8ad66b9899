"""``pileus run``: real requests through a real balancer, while parts of it are killed or it is told to stop."""

import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pileus.cli import main
from pileus.stack.broker import answers
from streams.records.action import OUTCOME, Result
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Member, State
from streams.topics import DECISIONS, MEMBERS, OUTCOMES
from tests.pieces import Reader, carrying
from tests.running import END_S, Run, run
from tests.waiting import wait_until

TOPICS = (MEMBERS, OUTCOMES, DECISIONS)
PARTITIONS = 4


def kill(it: Run, name: str) -> None:
    """Kill a part as a crash would, and wait until another one runs in its place."""
    victim = it.part(name)
    assert victim is not None
    victim.kill()
    wait_until(
        lambda: (part := it.part(name)) is not None and part.pid != victim.pid, within_s=20, what=f"another {name}"
    )


def test_no_request_fails_while_actuators_and_worker_are_killed(tmp_path: Path) -> None:
    load = ("--load", "steps", "--period", "16", "--peak", "75", "--duration", "60")
    recording = tmp_path / "recording.jsonl"
    with run(tmp_path, *load, "--record", str(recording)) as it:
        with Reader(broker := it.broker(), TOPICS, PARTITIONS) as reader:
            it.until(lambda: set(_members(reader)) - {"shop-web-1"}, "a launch")
            kill(it, "actuate")
            it.until(lambda: list(_members(reader).values()).count(State.ACTIVE) >= 3, "the peak: three members serve")
            kill(it, "worker")
            decided = len(reader.look().of(DECISIONS))
            it.until(lambda: len(reader.look().of(DECISIONS)) > decided, "decisions go on")
            it.until(lambda: reader.look() and (it.state / "client.json").exists(), "the load's end")
            launched = _instances(reader)
        code = it.ends(END_S)

    report = msgspec.json.decode(it.report.read_bytes())
    assert code == 0, it.said.read_text()
    assert report["requests"]["failed"] == 0
    assert report["requests"]["sent"] > 500
    assert report["members"]["max"] >= 3
    assert all(len(instances) == 1 for instances in launched.values())
    assert not carrying(it.state)
    assert not answers(broker)
    assert main(["replay", str(recording)]) == 0  # what was killed decided as if it had not been


def _members(reader: Reader) -> dict[str, State]:
    """Return the state of each member."""
    return {m.member: m.state for m in reader.look().records(MEMBERS, MEMBER) if isinstance(m, Member)}


def _instances(reader: Reader) -> dict[str, set[str]]:
    """Return the instances that each member was launched as."""
    found: dict[str, set[str]] = {}
    for outcome in reader.look().records(OUTCOMES, OUTCOME):
        if outcome.result is Result.RUNNING:
            found.setdefault(outcome.member, set()).add(outcome.instance)
    return found


MOMENTS: list[Callable[[Run], object]] = [
    lambda it: it.state.exists(),
    lambda it: it.part("lb-agent"),
    lambda it: (it.state / "local" / "living").exists() and any((it.state / "local" / "living").iterdir()),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=["before its broker runs", "as parts start", "as a member starts"])
def test_ctrl_c_while_it_comes_up_ends_it_soon_with_nothing_left(
    tmp_path: Path, moment: Callable[[Run], object]
) -> None:
    with run(tmp_path) as it:
        it.until(lambda: moment(it), "the moment")
        it.process.send_signal(signal.SIGINT)

        assert it.ends(END_S) == 0, it.said.read_text()
        assert not carrying(it.state)
