"""The client and the sample application, each as it is run, over real connections."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import aiohttp
import msgspec
import pytest

from pileus.load.drive import Client
from pileus.load.load import Load
from pileus.load.result import RESULT, Result, Second
from pileus.load.send import session
from tests.brokers import free_port
from tests.waiting import until, wait_until

BOUND_S = 30.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Answer = Callable[[int], bytes | None]
"""What a server says to the n-th request of a connection (from 0); None closes the connection."""


class Server:
    """A server that says exactly what a test wants, and counts what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked = 0
        self.url = ""
        self._answer = answer

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        n = 0
        try:
            while await self._request(reader):
                self.asked += 1
                if (said := self._answer(n)) is None:
                    break
                writer.write(said)
                await writer.drain()
                n += 1
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bool:
        try:
            return bool(await reader.readuntil(b"\r\n\r\n"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return False


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    server = Server(answer)
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    async with listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        yield server


def a_client(url: str, *, peak_per_s: float = 50.0, duration_s: float = 0.5, timeout_s: float = 5.0) -> Client:
    load = Load(shape=lambda _: 1.0, duration_s=duration_s, description="constant")
    return Client(url=url, load=load, peak_per_s=peak_per_s, timeout_s=timeout_s)


async def result_of(client: Client, stop: asyncio.Event | None = None) -> Result:
    seconds: list[Second] = []
    async with asyncio.timeout(BOUND_S):
        result = await client.run(stop=stop or asyncio.Event(), emit=seconds.append, now=lambda: 0.0)
    assert result.sent == result.answered + result.failed
    assert result.seconds == seconds
    return result


async def test_every_request_is_answered_over_connections_kept_alive() -> None:
    async with serving(lambda _: OK) as server:
        result = await result_of(a_client(server.url))

    assert result.sent == server.asked > 0
    assert (result.answered, result.failed_by_kind) == (result.sent, {})
    assert result.seconds[-1].in_flight == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "status-503", id="unavailable"),
        pytest.param(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "status-404", id="not found"),
        pytest.param(None, "reset", id="closed without an answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "timeout", id="never completed"),
        pytest.param(b"nonsense\r\n\r\n", "protocol", id="not HTTP"),
    ],
)
async def test_a_failure_is_counted_by_kind_and_sent_once(answer: bytes | None, kind: str) -> None:
    async with serving(lambda _: answer) as server:
        result = await result_of(a_client(server.url, timeout_s=1.0))

    assert (result.answered, result.failed_by_kind) == (0, {kind: server.asked})
    assert result.sent == server.asked > 0
    assert result.latency_p50_s is None


async def test_nobody_listens() -> None:
    result = await result_of(a_client(f"http://127.0.0.1:{free_port()}/"))

    assert result.failed_by_kind == {"connect": result.sent}
    assert result.sent > 0


async def test_a_request_on_a_reused_connection_that_breaks_is_not_sent_again() -> None:
    async with serving(lambda n: OK if n == 0 else None) as server, session() as http:
        async with http.get(server.url) as answer:
            await answer.read()
        with pytest.raises(aiohttp.ClientError):
            await http.get(server.url)

        assert server.asked == 2


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with serving(lambda _: moved) as server:
        result = await result_of(a_client(server.url))

    assert result.answered == result.sent == server.asked > 0


async def test_stop_waits_for_what_is_in_flight() -> None:
    stop = asyncio.Event()
    async with serving(lambda _: b"") as server:
        client = a_client(server.url, duration_s=60.0, timeout_s=0.5)
        running = asyncio.create_task(result_of(client, stop))
        await until(lambda: server.asked > 3, within_s=BOUND_S, what="requests arrive")
        stop.set()
        result = await running

    assert result.failed_by_kind == {"timeout": result.sent}


async def test_cancelled_it_abandons_what_is_in_flight_and_still_has_a_result() -> None:
    async with serving(lambda _: b"") as server:
        client = a_client(server.url, duration_s=60.0, timeout_s=60.0)
        running = asyncio.create_task(result_of(client))
        await until(lambda: server.asked > 3, within_s=BOUND_S, what="requests arrive")
        running.cancel()
        result = await running

    assert result.failed_by_kind == {"abandoned": result.sent}


# --- as programs -----------------------------------------------------------------------------------------------------


class App:
    """The sample application, as a process."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.port = free_port()
        self.log = folder / "app.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pileus.sample_app"],
                env={**os.environ, "PORT": str(self.port), **environ},
                stdout=out,
            )
        wait_until(lambda: "serving on" in self.said(), within_s=BOUND_S, what="the application serves")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def said(self) -> str:
        return self.log.read_text()

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(BOUND_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(BOUND_S)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    running = App(tmp_path, SERVICE_S="0.2", SLOTS="2")
    yield running
    running.stop()


async def status(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as answer:
        await answer.read()
        return answer.status


async def test_the_application_finishes_what_is_in_flight_and_says_503_meanwhile(app: App) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(BOUND_S):
        assert await status(http, f"{app.url}health") == 200
        waiting = [asyncio.create_task(status(http, app.url)) for _ in range(8)]
        await until(lambda: any(t.done() for t in waiting), within_s=BOUND_S, what="the first answer")
        assert await status(http, f"{app.url}health") == 200  # beside two full slots and a queue
        app.process.send_signal(signal.SIGTERM)
        await until(lambda: "stopping" in app.said(), within_s=BOUND_S, what="the signal is seen")

        assert await status(http, f"{app.url}health") == 503
        assert await asyncio.gather(*waiting) == [200] * 8
        assert await asyncio.to_thread(app.process.wait, BOUND_S) == 0
    assert "stopped with 0 requests in flight" in app.said()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({"SLOTS": "0"}, "SLOTS = 0: must be in [1, 100000]", id="no slot"),
        pytest.param({"SERVICE_S": "long"}, "SERVICE_S = 'long': must be a number", id="a word"),
    ],
)
def test_the_application_refuses_wrong_settings(environ: dict[str, str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pileus.sample_app"],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )

    assert ended.returncode == 2
    assert said in ended.stdout


def client_process(
    url: str, out: Path, *options: str, stdout: IO[str] | int = subprocess.PIPE
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pileus.load.client", "--url", url, "--load", "steps", "--out", str(out), *options]
    return subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True)


def test_the_client_as_a_program_tells_each_second_and_writes_its_result(app: App, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    with client_process(app.url, out, "--duration", "2", "--period", "2", "--peak-per-s", "8") as client:
        said, _ = client.communicate(timeout=BOUND_S)
    result = RESULT.decode(out.read_bytes())
    seconds = [msgspec.json.decode(text, type=Second) for text in said.splitlines()]

    assert client.returncode == 0
    assert result.failed_by_kind == {}
    assert result.answered == result.sent > 0
    assert result.seconds == seconds
    assert len(seconds) >= 2
    assert result.ended_at > result.started_at
    assert [p.name for p in tmp_path.iterdir() if "result" in p.name] == ["result.json"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_client_with_its_result(app: App, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "result.json"
    with client_process(app.url, out) as client:
        assert client.stdout is not None
        first = json.loads(client.stdout.readline())
        client.send_signal(number)
        client.communicate(timeout=BOUND_S)
    result = RESULT.decode(out.read_bytes())

    assert client.returncode == 0
    assert result.sent >= first["sent"]
    assert result.sent == result.answered


def test_the_client_stops_when_nobody_reads_it(app: App, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    with client_process(app.url, out) as client:
        assert client.stdout is not None
        assert client.stderr is not None
        client.stdout.readline()
        client.stdout.close()
        client.wait(BOUND_S)

        assert client.stderr.read() == ""
    assert client.returncode == 0
    assert RESULT.decode(out.read_bytes()).failed == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--load", "spiral"], "no file 'spiral'", id="an unknown load"),
        pytest.param(["--peak-per-s", "0"], "peak = 0.0: must be a positive number", id="no peak"),
        pytest.param(["--duration", "nan"], "duration = nan: must be", id="a duration that is no number"),
        pytest.param(["--from", "noon"], "'noon' is not an RFC 3339 time", id="a time that is none"),
    ],
)
def test_the_client_refuses_what_it_cannot_do(tmp_path: Path, options: list[str], said: str) -> None:
    with client_process("http://127.0.0.1:9/", tmp_path / "result.json", *options) as client:
        _, errors = client.communicate(timeout=BOUND_S)

    assert client.returncode == 2
    assert said in errors
    assert not (tmp_path / "result.json").exists()
