"""A balancer that is silent, talks too much, is old, or is not there costs an error in a bounded time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actuators.balancers import haproxy_socket
from actuators.balancers.haproxy_socket import ask, listens
from actuators.balancers.nginx_connections import Connection, Worker, master_of
from actuators.balancers.nginx_reload import Reloads
from actuators.balancers.nginx_status import ask_revision
from actuators.balancers.program import find_program, require_version
from actuators.ports import BalancerError

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def saying(answer: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        await writer.drain()
        writer.close()

    return talk


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def at_socket(path: Path, talk: Talk):  # type: ignore[no-untyped-def]
    talks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.ensure_future(talk(reader, writer)))
        await asyncio.wait(talks)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    yield
    for each in talks:
        each.cancel()
    server.close()
    await asyncio.wait_for(server.wait_closed(), 5.0)
    await asyncio.gather(*talks, return_exceptions=True)
    await asyncio.sleep(0)


async def test_an_answer_is_read_to_its_end_also_at_a_path_too_long_for_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.chdir(deep)
    async with at_socket(Path("s"), saying(b"well\n" * 50_000)):
        assert await ask(deep / "s", "show info") == "well\n" * 50_000


async def test_a_silent_haproxy_is_given_up(tmp_path: Path) -> None:
    async with at_socket(tmp_path / "s", silence):
        with pytest.raises(BalancerError, match="does not answer: TimeoutError"):
            await ask(tmp_path / "s", "show info", timeout_s=0.05)
        assert not await asyncio.to_thread(listens, tmp_path / "s", timeout_s=0.05)


async def test_an_answer_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haproxy_socket, "MAX_ANSWER", 1000)
    async with at_socket(tmp_path / "s", saying(b"x" * 5000)):
        with pytest.raises(BalancerError, match="an answer of more than 1000 bytes"):
            await ask(tmp_path / "s", "show info")


async def test_many_commands_are_said_in_lines_that_fit_the_buffer() -> None:
    commands = tuple(f"add server shop/web-{i} " + "x" * 90 for i in range(300))

    lines = list(haproxy_socket._lines(commands))
    assert "; ".join(lines) == "; ".join(commands)
    assert max(map(len, lines)) < 16_000


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"", "does not tell the revision", id="nothing"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\n\r\n", "does not tell the revision of web", id="no such cluster"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"9" * 9000, "does not tell the revision", id="without end"),
    ],
)
async def test_what_is_no_revision_is_an_error(answer: bytes, error: str) -> None:
    server = await asyncio.start_server(saying(answer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(BalancerError, match=error):
        await ask_revision(f"127.0.0.1:{port}", "web")
    server.close()
    await server.wait_closed()
    with pytest.raises(BalancerError, match="does not answer"):
        await ask_revision(f"127.0.0.1:{port}", "web")


@pytest.mark.looptime
async def test_a_hundred_changes_in_a_second_are_three_reloads() -> None:
    calls: list[float] = []
    loop = asyncio.get_running_loop()
    reloads = Reloads(lambda: calls.append(loop.time()), every_s=0.5)
    began = loop.time()
    for _ in range(100):
        reloads.request()
        await asyncio.sleep(0.01)
    await asyncio.sleep(10)

    assert [at - began for at in calls] == pytest.approx([0.0, 0.5, 1.0])
    assert reloads.count == 3


@pytest.mark.looptime
async def test_a_reload_that_fails_is_not_held_to_be_done() -> None:
    def fails() -> None:
        raise BalancerError("gone")

    reloads = Reloads(fails)
    with pytest.raises(BalancerError, match="gone"):
        reloads.request()
    with pytest.raises(BalancerError, match="gone"):
        reloads.request()
    assert reloads.count == 0


def a_socket(local: int, remote: int = 0, *, listening: bool = False) -> Connection:
    return Connection(inode=1, listening=listening, local_port=local, remote=("127.0.0.1", remote))


@pytest.mark.parametrize(
    ("connections", "may"),
    [
        pytest.param([], False, id="nothing left"),
        pytest.param([a_socket(80, listening=True)], True, id="it still listens"),
        pytest.param([a_socket(80, 5000)], True, id="a client that has not asked yet"),
        pytest.param([a_socket(80, 5000), a_socket(6000, 9001)], False, id="its client is with a member"),
        pytest.param([a_socket(80, 5000), a_socket(80, 5001), a_socket(6000, 9001)], True, id="one of two is"),
    ],
)
def test_whether_a_replaced_worker_may_still_choose(connections: list[Connection], may: object) -> None:
    worker = Worker(pid=1, exiting=True, connections=tuple(connections))

    assert worker.may_choose({80}) is may
    assert worker.open_to(("127.0.0.1", 9001)) == sum(each.remote[1] == 9001 for each in connections)


@pytest.mark.parametrize("said", [None, "", "99999999", "1"], ids=["no file", "empty", "no process", "another process"])
def test_an_nginx_that_is_not_there_does_not_answer(tmp_path: Path, said: str | None) -> None:
    if said is not None:
        (tmp_path / "nginx.pid").write_text(said)

    with pytest.raises(BalancerError, match="does not answer"):
        master_of(tmp_path, "nginx.pid")


@pytest.mark.parametrize(
    ("prints", "error"),
    [
        pytest.param("HAProxy version 2.6.12-1 2026/10/17", "", id="new enough"),
        pytest.param("nginx version: nginx/3.0.1", "", id="another major"),
        pytest.param("HA-Proxy version 1.8.4 2018/02/08", "is 1.8, needs 2.6 or later", id="too old"),
        pytest.param("hello", "does not say its version", id="another program"),
    ],
)
def test_the_version_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prints: str, error: str) -> None:
    program = tmp_path / "balancer"
    program.write_text(f"#!/bin/sh\necho '{prints}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    if not error:
        assert require_version("balancer", (2, 6)) == program
        return
    with pytest.raises(BalancerError, match=error):
        require_version("balancer", (2, 6))


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(BalancerError, match="no-such: not installed"):
        find_program("no-such")
