import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from actuators.clouds.local import LocalCloud
from actuators.ports import Instance, InvalidRequestError, OutOfCapacityError, TransientCloudError
from streams.records.action import Launch
from tests.clouds import SERVER, a_place, a_script, carriers, free_ports
from tests.waiting import until

SLEEP = a_script("import signal; signal.pause()")
STUBBORN = a_script(
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Path]:
    state = tmp_path / "cloud"
    yield state
    assert await LocalCloud(state).destroy_all(grace_s=0.5) == {}


def pid_of(instance: Instance) -> int:
    return int(instance.instance.removeprefix("process-"))


async def until_logged(path: Path, text: str) -> str:
    await until(lambda: path.exists() and text in path.read_text(), within_s=20, what=f"{text!r} in {path.name}")
    return path.read_text()


# --- launch ----------------------------------------------------------------------------------------------------------


async def test_an_instance_sees_its_variables_and_little_else(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_PILEUS", "1")
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    command = a_script("import os; print(repr(sorted(os.environ.items())), 'end', flush=True)")
    cloud = LocalCloud(state)

    instance = await cloud.launch(a_place(), Launch(command=command, environment={"COLOR": "red", "PORT": "1"}))

    text = await until_logged(cloud.log("shop-web-1"), "end")
    seen = dict(eval(text.removesuffix(" end\n")))  # noqa: S307 - our own repr
    expected = {
        "COLOR": "red",
        "HOST": "127.0.0.1",
        "LANG": "C.UTF-8",
        "PILEUS_APPLICATION": "shop",
        "PILEUS_CLUSTER": "shop-web",
        "PILEUS_EXPORTS": str(cloud.exports("shop-web-1")),
        "PILEUS_MEMBER": "shop-web-1",
        "PILEUS_METADATA": str(cloud.metadata("shop-web-1")),
        "PILEUS_STATE": str(state),
        "PILEUS_TENANT": "default",
        "PORT": str(instance.port),
        "PYTHONUTF8": "1",
    }
    inherited = {k for k in os.environ if k in {"PATH", "HOME", "VIRTUAL_ENV", "LC_CTYPE"} or k.startswith("PYTHON")}
    assert {k: v for k, v in seen.items() if k not in inherited - expected.keys()} == expected


async def test_an_instance_leads_a_session_of_its_own_and_has_no_signal_ignored(state: Path) -> None:
    command = a_script(
        "import os, _signal; print(os.getsid(0) == os.getpid(), [l.split()[1] for l in open('/proc/self/status') "
        "if l.startswith('SigBlk')], 'end', flush=True)"
    )
    cloud = LocalCloud(state)

    await cloud.launch(a_place(), Launch(command=command))

    assert await until_logged(cloud.log("shop-web-1"), "end") == f"True ['{0:016x}'] end\n"


async def test_standard_output_and_error_go_to_one_log(state: Path) -> None:
    cloud = LocalCloud(state)
    command = a_script("import os; os.write(1, b'out\\n'); os.write(2, b'err\\n')")

    await cloud.launch(a_place(), Launch(command=command))

    assert await until_logged(cloud.log("shop-web-1"), "err") == "out\nerr\n"


async def test_the_placeholders_stand_for_our_interpreter_and_the_port(state: Path) -> None:
    [port] = free_ports(1)

    instance = await LocalCloud(state).launch(a_place(), Launch(command=SERVER, ports=[port]))

    assert instance.port == port
    await until(lambda: _accepts(port), within_s=20, what=f"a listener on {port}")


@pytest.mark.parametrize(
    ("launch", "said"),
    [
        pytest.param(Launch(), "command is empty", id="no command"),
        pytest.param(Launch(command=["no-such-program"]), "no-such-program.*No such file", id="no such program"),
        pytest.param(Launch(command=["/"]), "Permission denied", id="not a program"),
        pytest.param(Launch(command=["sh", "a\0b"]), "null", id="NUL in an argument"),
        pytest.param(Launch(command=["sh"], environment={"A=B": "c"}), "illegal", id="equals sign in a name"),
        pytest.param(Launch(command=["sh", "x" * 3_000_000]), "too long", id="too long a command"),
        pytest.param(Launch(command=["sh"], ports=[0]), "0 is no port", id="port 0"),
        pytest.param(Launch(command=["sh"], ports=[8000, 65536]), "65536 is no port", id="port too high"),
    ],
)
async def test_what_can_never_run_is_refused_as_invalid(state: Path, launch: Launch, said: str) -> None:
    cloud = LocalCloud(state)

    with pytest.raises(InvalidRequestError, match=said):
        await cloud.launch(a_place(), launch)

    assert await cloud.instances() == {}
    await until(lambda: carriers(state) == [], within_s=20, what="the end of the process that tried")


async def test_a_command_that_cannot_run_gives_its_port_back(state: Path) -> None:
    cloud, [port] = LocalCloud(state), free_ports(1)
    with pytest.raises(InvalidRequestError):
        await cloud.launch(a_place("shop-web-1"), Launch(command=["no-such-program"], ports=[port]))

    assert (await cloud.launch(a_place("shop-web-2"), Launch(command=SERVER, ports=[port]))).port == port


async def test_a_process_that_ends_at_once_is_not_an_instance(state: Path) -> None:
    cloud = LocalCloud(state)
    launched = await cloud.launch(a_place(), Launch(command=["true"]))
    await until(lambda: not _alive(pid_of(launched)), within_s=20, what="the end of 'true'")

    assert await cloud.instances() == {}


async def test_a_port_is_not_used_again_at_once(state: Path) -> None:
    cloud, ports = LocalCloud(state), sorted(free_ports(3))
    used = []
    for i in range(6):
        used.append((await cloud.launch(a_place(f"shop-web-{i}"), Launch(command=SERVER, ports=ports))).port)
        await cloud.terminate(f"shop-web-{i}", 5.0)

    assert used == ports * 2


async def test_a_port_that_somebody_else_listens_on_is_left_alone(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        launch = Launch(command=SERVER, ports=[taken])

        with pytest.raises(OutOfCapacityError, match=f"all 1 ports of {taken}..{taken} are taken, 0 by instances"):
            await LocalCloud(state).launch(a_place(), launch)


# --- terminate -------------------------------------------------------------------------------------------------------


async def test_an_instance_may_end_in_its_own_way(state: Path) -> None:
    polite = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit()))\n"
        "print('up', flush=True)\nsignal.pause()"
    )
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=a_script(polite)))
    await until_logged(cloud.log("shop-web-1"), "up")

    await cloud.terminate("shop-web-1", 30.0)

    assert cloud.log("shop-web-1").read_text() == "up\nbye\n"


@pytest.mark.parametrize("grace_s", [0.1, 0.0, -1.0, float("nan")])
async def test_an_instance_that_will_not_end_is_killed(state: Path, grace_s: float) -> None:
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=STUBBORN))
    await until_logged(cloud.log("shop-web-1"), "up")

    await cloud.terminate("shop-web-1", grace_s)

    assert carriers(state) == []


@pytest.mark.parametrize("how", ["", "os.setsid()"], ids=["in its group", "in a session of its own"])
async def test_what_an_instance_started_ends_with_it(state: Path, how: str) -> None:
    parent = f"import os, signal\nif os.fork() == 0:\n  {how}\n  print('up', flush=True)\nsignal.pause()"
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=["{python}", "-c", parent]))
    await until_logged(cloud.log("shop-web-1"), "up")
    assert len(carriers(state)) == 2

    await cloud.terminate("shop-web-1", 5.0)

    assert carriers(state) == []


async def test_an_ended_instance_leaves_no_zombie(state: Path) -> None:
    cloud = LocalCloud(state)
    ended = await cloud.launch(a_place("shop-web-1"), Launch(command=SLEEP))
    crashed = await cloud.launch(a_place("shop-web-2"), Launch(command=SLEEP))

    await cloud.terminate("shop-web-1", 5.0)
    os.kill(pid_of(crashed), signal.SIGKILL)
    await until(lambda: not _alive(pid_of(crashed)), within_s=20, what="the crash")
    await cloud.instances()

    assert not psutil.pid_exists(pid_of(ended))
    assert not psutil.pid_exists(pid_of(crashed))


async def test_destroying_ends_everything_and_says_what_is_left(state: Path) -> None:
    cloud = LocalCloud(state, agent=lambda _instance, _launch: [*_ours(SLEEP)])
    for i in range(3):
        await cloud.launch(a_place(f"shop-web-{i}"), Launch(command=SLEEP))

    assert await cloud.destroy_all(grace_s=5.0) == {}
    assert [carriers(state, f"shop-web-{i}") for i in range(3)] == [[], [], []]


# --- state -----------------------------------------------------------------------------------------------------------


async def test_lost_state_is_unknown_and_not_none(state: Path) -> None:
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=SLEEP))
    kept = state.with_name("elsewhere")
    state.rename(kept)

    with pytest.raises(TransientCloudError, match=str(state)):
        await cloud.instances()
    with pytest.raises(TransientCloudError, match=str(state)):
        await cloud.launch(a_place("shop-web-2"), Launch(command=SLEEP))
    with pytest.raises(TransientCloudError, match=str(state)):
        await cloud.terminate("shop-web-1", 1.0)

    shutil.move(kept, state)
    assert list(await cloud.instances()) == ["shop-web-1"]


async def test_looking_does_not_go_through_all_processes(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = LocalCloud(state)
    await cloud.launch(a_place(), Launch(command=SLEEP))

    with monkeypatch.context() as patch:
        patch.setattr(psutil, "pids", _forbidden)
        patch.setattr(psutil, "process_iter", _forbidden)
        assert list(await cloud.instances()) == ["shop-web-1"]


async def test_what_is_stored_is_for_our_eyes_only(state: Path) -> None:
    await LocalCloud(state).launch(a_place(), Launch(command=SLEEP, environment={"PASSWORD": "secret"}))

    assert {path.stat().st_mode & 0o077 for path in state.iterdir() if path.is_dir()} == {0}


# --- agents ----------------------------------------------------------------------------------------------------------


def an_agent(instance: Instance, launch: Launch) -> list[str]:
    """Say what the agent was told, and stay."""
    code = f"print({instance.port}, {launch.health!r}, flush=True); import signal; signal.pause()"
    return _ours(a_script(code))


async def test_an_agent_stands_beside_each_instance_and_ends_with_it(state: Path) -> None:
    cloud = LocalCloud(state, agent=an_agent)

    instance = await cloud.launch(a_place(), Launch(command=SLEEP, health="tcp"))

    assert await until_logged(_agent_log(state), "\n") == f"{instance.port} tcp\n"
    assert len(carriers(state)) == 2
    await cloud.terminate("shop-web-1", 5.0)
    assert carriers(state) == []


async def test_an_agent_ends_with_an_instance_that_crashes(state: Path) -> None:
    cloud = LocalCloud(state, agent=an_agent)
    instance = await cloud.launch(a_place(), Launch(command=SLEEP))
    await until(lambda: len(carriers(state)) == 2, within_s=20, what="instance and agent")

    os.kill(pid_of(instance), signal.SIGKILL)
    await until(lambda: not _alive(pid_of(instance)), within_s=20, what="the crash")

    assert await cloud.instances() == {}
    assert carriers(state) == []


async def test_an_agent_that_dies_is_started_again_ever_more_slowly(state: Path) -> None:
    clock, cloud = Clock(), None
    started: list[float] = []

    def agent(_instance: Instance, _launch: Launch) -> list[str]:
        started.append(clock.at - 1000.0)
        return ["true"]

    cloud = LocalCloud(state, agent=agent, clock=clock)
    instance = await cloud.launch(a_place(), Launch(command=SLEEP))
    for _ in range(100):
        await until(lambda: carriers(state) == [pid_of(instance)], within_s=20, what="the end of the agent")
        clock.at += 0.5
        await cloud.instances()

    assert started == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0]
    assert len(list((state / "living" / "shop-web-1").glob("agent-*"))) <= 2


async def test_an_agent_that_lived_long_is_started_again_at_once(state: Path) -> None:
    clock = Clock()
    cloud = LocalCloud(state, agent=an_agent, clock=clock)
    instance = await cloud.launch(a_place(), Launch(command=SLEEP))
    await until(lambda: len(carriers(state)) == 2, within_s=20, what="instance and agent")
    clock.at += 3600.0
    [agent] = set(carriers(state)) - {pid_of(instance)}

    os.kill(agent, signal.SIGKILL)
    await until(lambda: not _alive(agent), within_s=20, what="the end of the agent")
    await cloud.instances()

    await until(lambda: len(carriers(state)) == 2, within_s=20, what="another agent")
    assert agent not in carriers(state)


async def test_a_living_agent_is_found_again_and_not_doubled(state: Path) -> None:
    await LocalCloud(state, agent=an_agent).launch(a_place(), Launch(command=SLEEP))
    await until_logged(_agent_log(state), "\n")
    before = carriers(state)

    await LocalCloud(state, agent=an_agent).instances()

    assert len(before) == 2
    assert carriers(state) == before


@pytest.mark.parametrize("command", [["no-such-program"], ["a\0b"]], ids=["no such program", "NUL in the name"])
async def test_an_agent_that_cannot_run_does_not_hinder_the_instance(state: Path, command: list[str]) -> None:
    cloud = LocalCloud(state, agent=lambda _instance, _launch: command)

    launched = await cloud.launch(a_place(), Launch(command=SLEEP))

    assert await cloud.instances() == {"shop-web-1": launched}


def _ours(command: list[str]) -> list[str]:
    """Fill in the interpreter, which the cloud does for instances only."""
    return [word.replace("{python}", shutil.which("python3") or "python3") for word in command]


def _agent_log(state: Path) -> Path:
    return state / "logs" / "shop-web-1.agent.log"


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _forbidden(*_: object, **__: object) -> Callable[[], None]:
    raise AssertionError("looks at all processes")
