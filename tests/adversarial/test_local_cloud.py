"""The local cloud under SIGKILL, races, stalls, recycled pids and damaged files: nothing twice, others untouched."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from actuators.clouds import local_process
from actuators.clouds.local import LocalCloud
from actuators.ports import Instance, InvalidRequestError, TransientCloudError
from streams.records.action import Launch
from tests.clouds import a_place, a_script, carriers
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SLEEP = a_script("import signal; signal.pause()")
COUNT = a_script("import os, signal; os.write(1, b'ran\\n'); signal.pause()")
"""Writes a line each time that it runs: the log tells how often."""

ACTUATOR = """
import asyncio, os, signal, sys
from pathlib import Path
from actuators.clouds import local, local_claim, local_process
from actuators.clouds.local import LocalCloud
from streams.records.action import Launch
from tests.clouds import a_place
from tests.adversarial.test_local_cloud import COUNT

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def stall():
    script = Path(sys.argv[1]).with_name("stall.py")
    script.write_text(
        "import os, runpy, signal\\nos.kill(os.getpid(), signal.SIGSTOP)\\n"
        f"runpy.run_path({{local_claim.__file__!r}}, run_name='__main__')"
    )
    local_claim.__file__ = str(script)
    local_process.executed = die

cloud = LocalCloud(Path(sys.argv[1]))
{fault}
asyncio.run({call})
"""
LAUNCH = "cloud.launch(a_place(), Launch(command=COUNT))"


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Path]:
    state = tmp_path / "cloud"
    yield state
    for pid in carriers(state):
        os.kill(pid, signal.SIGCONT)
    assert await LocalCloud(state).destroy_all(grace_s=0.5) == {}
    assert carriers(state) == []


@pytest.fixture
def bystander() -> Iterator[psutil.Popen]:
    """A process that is not ours and leads a session of its own, as instances do."""
    process = psutil.Popen([sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"], start_new_session=True)
    yield process
    process.kill()
    process.wait(timeout=20)


def run_actuator(state: Path, *, fault: str = "", call: str = LAUNCH) -> int:
    """Run another actuator on ``state`` until it ends or is killed by ``fault``."""
    code = ACTUATOR.format(fault=fault, call=call)
    return subprocess.run([sys.executable, "-c", code, str(state)], check=False, cwd=ROOT, timeout=60).returncode


# --- killed at any point ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("local_process.start = die", id="after the intent"),
        pytest.param("local_process.executed = die", id="after the process was started, before anything was recorded"),
        pytest.param("stall()", id="after the process was started, which then stalls"),
        pytest.param("local._instance = die", id="after the instance came up, before the answer"),
    ],
)
async def test_an_actuator_killed_while_it_launches_leaves_one_instance(state: Path, fault: str) -> None:
    assert run_actuator(state, fault=fault) == -signal.SIGKILL

    cloud = LocalCloud(state)
    launched = await cloud.launch(a_place(), Launch(command=COUNT))
    if "stall" in fault:
        await _wake(state)

    await until(lambda: len(carriers(state)) == 1, within_s=20, what="one process")
    await until(lambda: "ran" in cloud.log("shop-web-1").read_text(), within_s=20, what="the command")
    assert carriers(state) == [pid_of((await cloud.instances())["shop-web-1"])]
    assert (await cloud.instances()) == {"shop-web-1": launched}
    assert cloud.log("shop-web-1").read_text() == "ran\n"


async def test_an_instance_that_nobody_recorded_is_found_without_launching_again(state: Path) -> None:
    run_actuator(state, fault="local_process.executed = die")

    cloud = LocalCloud(state)
    await until(lambda: "ran" in cloud.log("shop-web-1").read_text(), within_s=20, what="the command")

    assert [pid_of(found) for found in (await cloud.instances()).values()] == carriers(state)
    assert len(carriers(state)) == 1


async def test_a_launch_that_stalled_does_not_come_up_after_its_member_was_terminated(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_actuator(state, fault="stall()")
    stalled = carriers(state)
    cloud = LocalCloud(state)
    with monkeypatch.context() as patch:  # strays are killed as well; here the claim alone must hold the command back
        patch.setattr(local_process, "kill_strays", lambda _token: 0)
        await cloud.terminate("shop-web-1", 0.1)
    assert carriers(state) == stalled

    await _wake(state)

    await until(lambda: carriers(state) == [], within_s=20, what="the end of the stalled process")
    assert "ran" not in cloud.log("shop-web-1").read_text()


async def test_an_actuator_killed_while_it_terminates_is_continued_by_the_next(state: Path) -> None:
    cloud = LocalCloud(state)
    launched = await cloud.launch(a_place(), Launch(command=SLEEP))
    killed = run_actuator(state, fault="local_process.signal_groups = die", call='cloud.terminate("shop-web-1", 9.0)')

    assert killed == -signal.SIGKILL
    assert await LocalCloud(state).instances() == {"shop-web-1": launched}
    await LocalCloud(state).terminate("shop-web-1", 5.0)
    assert carriers(state) == []


async def test_an_actuator_killed_between_the_last_signal_and_the_tombstone_leaves_no_ghost(state: Path) -> None:
    await LocalCloud(state).launch(a_place(), Launch(command=SLEEP))
    killed = run_actuator(state, fault="cloud._state.finish = die", call='cloud.terminate("shop-web-1", 9.0)')

    assert killed == -signal.SIGKILL
    assert await LocalCloud(state).instances() == {}
    assert os.listdir(state / "ending") == []  # noqa: PTH208
    with pytest.raises(InvalidRequestError, match="never used again"):
        await LocalCloud(state).launch(a_place(), Launch(command=SLEEP))


async def test_actuators_that_race_for_one_member_start_it_once(state: Path) -> None:
    clouds = [LocalCloud(state) for _ in range(4)]
    race = asyncio.to_thread(run_actuator, state)

    raced, *launched = await asyncio.gather(race, *(c.launch(a_place(), Launch(command=COUNT)) for c in clouds * 3))

    assert raced == 0
    assert len({instance.instance for instance in launched if isinstance(instance, Instance)}) == 1
    await until(lambda: len(carriers(state)) == 1, within_s=20, what="one process")
    await until(lambda: clouds[0].log("shop-web-1").read_text() == "ran\n", within_s=20, what="one run of the command")


async def test_actuators_that_race_for_many_members_give_each_port_once(state: Path) -> None:
    clouds = [LocalCloud(state) for _ in range(3)]

    launches = (clouds[i % 3].launch(a_place(f"shop-web-{i}"), Launch(command=SLEEP)) for i in range(12))
    launched = await asyncio.gather(*launches)

    assert len({instance.port for instance in launched}) == 12


async def test_a_launch_and_a_terminate_at_once_leave_nothing(state: Path) -> None:
    cloud = LocalCloud(state)
    for i in range(5):
        launch = cloud.launch(a_place(f"shop-web-{i}"), Launch(command=SLEEP))
        await asyncio.gather(launch, cloud.terminate(f"shop-web-{i}", 5.0), return_exceptions=True)
        await cloud.terminate(f"shop-web-{i}", 5.0)

    assert await cloud.instances() == {}
    await until(lambda: all(not carriers(state, f"shop-web-{i}") for i in range(5)), within_s=20, what="no process")


# --- processes of others ---------------------------------------------------------------------------------------------


async def test_a_recycled_pid_is_neither_an_instance_nor_signalled(state: Path, bystander: psutil.Popen) -> None:
    cloud = LocalCloud(state)
    await _crash(state, await cloud.launch(a_place(), Launch(command=SLEEP)))
    (state / "living" / "shop-web-1" / "claim").write_text(str(bystander.pid))

    assert await cloud.instances() == {}
    await cloud.terminate("shop-web-1", 0.0)
    await cloud.destroy_all(grace_s=0.0)

    assert bystander.poll() is None


async def test_an_instance_of_another_state_folder_is_not_touched(state: Path, tmp_path: Path) -> None:
    ours, theirs = LocalCloud(state), LocalCloud(tmp_path / "theirs")
    await _crash(state, await ours.launch(a_place(), Launch(command=SLEEP)))
    other = await theirs.launch(a_place(), Launch(command=SLEEP))
    (state / "living" / "shop-web-1" / "claim").write_text(str(pid_of(other)))

    await ours.instances()
    await ours.destroy_all(grace_s=0.0)

    assert await theirs.instances() == {"shop-web-1": other}
    assert await theirs.destroy_all(grace_s=0.5) == {}


@pytest.mark.parametrize("claim", ["", "0", "1", "-1", "own", "group", "text", "9" * 40, "99999999"])
async def test_a_damaged_claim_signals_nobody(state: Path, claim: str) -> None:
    cloud = LocalCloud(state)
    await _crash(state, await cloud.launch(a_place(), Launch(command=SLEEP)))
    number = {"own": str(os.getpid()), "group": str(os.getpgrp())}.get(claim, claim)
    (state / "living" / "shop-web-1" / "claim").write_text(number)

    assert await cloud.instances() == {}
    await cloud.terminate("shop-web-1", 0.0)

    assert await cloud.destroy_all(grace_s=0.0) == {}


async def test_an_instance_that_overwrites_its_environment_is_known_and_ended_all_the_same(state: Path) -> None:
    forget = (
        "import ctypes, signal\n"
        "words = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
        "places = ctypes.cast(words, ctypes.POINTER(ctypes.c_void_p))\n"
        "found = [(places[i], len(words[i])) for i in range(next(i for i in range(999) if not words[i]))]\n"
        "[ctypes.memset(place, 0, length) for place, length in found]\n"
        "print('blank', flush=True)\nsignal.pause()"
    )
    cloud = LocalCloud(state)
    launched = await cloud.launch(a_place(), Launch(command=["{python}", "-I", "-c", forget]))
    await until(lambda: "blank" in cloud.log("shop-web-1").read_text(), within_s=20, what="a blank environment")
    assert psutil.Process(pid_of(launched)).environ() == {}

    assert await LocalCloud(state).instances() == {"shop-web-1": launched}
    await LocalCloud(state).terminate("shop-web-1", 5.0)

    assert not psutil.pid_exists(pid_of(launched))


async def test_a_blank_process_that_is_older_than_the_claim_is_not_ours(state: Path, tmp_path: Path) -> None:
    blank = psutil.Popen(
        [sys.executable, "-I", "-S", "-c", "input()"], env={}, stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        claim = tmp_path / "claim"
        claim.write_text(str(blank.pid))
        token = {"PILEUS_STATE": str(state)}
        os.utime(claim, (0, blank.create_time() + 1))
        near = local_process.read_claim(claim)
        os.utime(claim, (0, blank.create_time() + local_process.CLAIM_DELAY_S + 60))
        far = local_process.read_claim(claim)
        assert near is not None
        assert far is not None

        assert (local_process.lives(near, token), local_process.lives(far, token)) == (True, False)
    finally:
        blank.communicate(timeout=20)


# --- damaged state ---------------------------------------------------------------------------------------------------


async def test_an_instance_whose_intent_is_damaged_can_still_be_ended(state: Path) -> None:
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=SLEEP))
    (state / "living" / "shop-web-1" / "launch.json").write_text("{")

    with pytest.raises(InvalidRequestError, match="damaged"):
        await cloud.launch(a_place(), Launch(command=SLEEP))
    await cloud.terminate("shop-web-1", 5.0)

    assert carriers(state) == []


async def test_an_intent_that_lies_about_its_member_is_not_believed(state: Path) -> None:
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=SLEEP))
    path = state / "living" / "shop-web-1" / "launch.json"
    intent = msgspec.json.decode(path.read_bytes())
    intent["where"]["member"] = "../../elsewhere"
    path.write_bytes(msgspec.json.encode(intent))

    assert await cloud.instances() == {}


async def test_a_state_that_cannot_be_read_is_unknown_and_not_none(state: Path) -> None:
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=SLEEP))
    claim = state / "living" / "shop-web-1" / "claim"
    kept = claim.rename(claim.with_name("kept"))
    claim.mkdir()

    with pytest.raises(TransientCloudError):
        await cloud.instances()

    claim.rmdir()
    kept.rename(claim)
    assert list(await cloud.instances()) == ["shop-web-1"]


def pid_of(instance: Instance) -> int:
    return int(instance.instance.removeprefix("process-"))


async def _crash(state: Path, instance: Instance) -> None:
    os.kill(pid_of(instance), signal.SIGKILL)
    await until(lambda: carriers(state) == [], within_s=20, what="the crash")


async def _wake(state: Path) -> None:
    """Let the process that stalls before its claim go on."""
    await until(lambda: _stopped(state), within_s=20, what="a process that stalls")
    for pid in _stopped(state):
        os.kill(pid, signal.SIGCONT)


def _stopped(state: Path) -> list[int]:
    return [pid for pid in carriers(state) if psutil.Process(pid).status() == psutil.STATUS_STOPPED]
