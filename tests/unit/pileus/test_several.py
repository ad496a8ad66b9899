"""Processes that are looked after: started again when they end, and ended at once, by force when they do not obey."""

import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from pileus.stack import several
from pileus.stack.supervise import CALM_S, LONGEST_PAUSE_S, Part, Supervisor, _pause
from tests.waiting import until, wait_until

STUBBORN = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
OBEDIENT = "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done"
SORE = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"
FORCED = "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done"
WITHIN_S = 20.0


def shell(text: str) -> list[str]:
    return ["sh", "-c", text]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, told: list[str]) -> Supervisor:
    return Supervisor(tmp_path, os.environ, told.append, stop_s=0.5)


async def test_what_ends_is_started_again_and_told(supervisor: Supervisor, told: list[str]) -> None:
    part = supervisor.start("part", shell(OBEDIENT))
    first, log = part.pid, part.log
    assert log is not None
    await until(lambda: log.read_text().count("up") == 1, within_s=WITHIN_S, what="it to be up")
    os.kill(first, signal.SIGKILL)
    await until(lambda: log.read_text().count("up") == 2, within_s=WITHIN_S, what="another one to be up")
    assert part.pid != first

    assert told == [f"part ended with -9 (log: {part.log}), starting it again in 0.2 s"]
    assert await supervisor.stop(["part"]) == {"part": 0}
    assert not part.alive


async def test_what_keeps_ending_is_started_ever_more_slowly(supervisor: Supervisor, told: list[str]) -> None:
    supervisor.start("part", shell("exit 1"))
    await until(lambda: len(told) >= 3, within_s=WITHIN_S, what="three ends")
    await supervisor.stop(["part"])

    assert [each.rpartition(" in ")[2] for each in told[:3]] == ["0.2 s", "0.4 s", "0.8 s"]


def test_the_pause_is_bounded_for_ever() -> None:
    assert [_pause(n) for n in (0, 1, 5, 6, 5000)] == [0.2, 0.4, 6.4, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


@pytest.mark.parametrize(("lived_s", "restarts"), [(CALM_S + 1, 0), (CALM_S - 1, 4)], ids=["calm", "not yet calm"])
def test_a_part_that_lived_long_starts_with_the_shortest_pause(
    supervisor: Supervisor, lived_s: float, restarts: int
) -> None:
    part = Part("part", ["false"], {}, None, restarts=4, started_at=100.0)
    supervisor._look_after(part, 100.0 + lived_s)
    assert part.restarts == restarts


def test_a_part_that_cannot_be_started_is_told_and_tried_again(supervisor: Supervisor, told: list[str]) -> None:
    part = Part("part", ["/nowhere/at/all"], {}, None)
    for now in (100.0, 101.0, 102.0, 103.0):
        supervisor._look_after(part, now)
    assert [each[:24] for each in told] == ["part ended with None, st", "part cannot be started: "] * 2


async def test_what_does_not_obey_is_killed_with_what_it_started(supervisor: Supervisor, told: list[str]) -> None:
    part = supervisor.start("part", shell(f"sleep 60 & {STUBBORN}"))
    assert part.log is not None
    log = part.log
    await until(lambda: "deaf" in log.read_text(), within_s=WITHIN_S, what="it is deaf")
    family = [psutil.Process(part.pid), *psutil.Process(part.pid).children()]

    assert await supervisor.stop(["part"]) == {"part": -9}
    await until(lambda: not any(map(_runs, family)), within_s=WITHIN_S, what="none is left")


@pytest.mark.parametrize(
    ("scripts", "code"),
    [
        pytest.param([OBEDIENT, OBEDIENT], 0, id="all obey"),
        pytest.param([OBEDIENT, "echo up; exec sleep 60"], 0, id="one is ended by the signal itself"),
        pytest.param([STUBBORN, OBEDIENT], 3, id="one has to be killed"),
        pytest.param([FORCED, STUBBORN], 3, id="one ends itself by force"),
        pytest.param([OBEDIENT, SORE], 1, id="one fails"),
        pytest.param([STUBBORN, SORE], 1, id="one fails, one has to be killed"),
    ],
)
def test_the_exit_code_says_how_the_worst_ended(
    scripts: list[str], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _stopped(scripts, capfd) == code


def test_they_are_ended_beside_each_other(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The first waits for what the second does only when it is told to end."""
    word = tmp_path / "word"
    first = f"trap 'while [ ! -e {word} ]; do sleep 0.02; done; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    second = f"trap 'touch {word}; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    assert _stopped([first, second], capfd, stop_s=10.0) == 0


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _stopped(scripts: list[str], capfd: pytest.CaptureFixture[str], *, stop_s: float = 0.5) -> int:
    """Run scripts until each has said a word, then send SIGTERM to ourselves; return the exit code."""
    said = ""

    def all_up() -> bool:
        nonlocal said
        said += capfd.readouterr().out
        return len(said.split()) >= len(scripts)

    def end() -> None:
        try:
            wait_until(all_up, within_s=WITHIN_S, what="all are up")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        commands = {str(number): shell(each) for number, each in enumerate(scripts)}
        return several.run(commands, os.environ, list[str]().append, stop_s=stop_s)
    finally:
        thread.join(WITHIN_S)
