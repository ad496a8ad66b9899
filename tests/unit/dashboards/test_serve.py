"""The dashboard as a process: it listens, streams and ends."""

import asyncio
import os
import re
import signal
import socket
import sys

import pytest

from dashboards.serve import LOCAL, ListenError, listen, names
from tests.brokers import free_port

COMMAND = [sys.executable, "-c", "import sys; from pileus.cli import main; sys.exit(main())", "dashboard"]
BOUND_S = 60.0


async def started(*options: str) -> tuple[asyncio.subprocess.Process, int]:
    """Start the command on a free port, with a broker that is not there, and return the port that it named."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "--port", "0", "--broker", f"127.0.0.1:{free_port()}", *options, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    async with asyncio.timeout(BOUND_S):
        async for line in process.stderr:
            if found := re.search(rb"http://127\.0\.0\.1:(\d+)/", line):
                return process, int(found[1])
    raise AssertionError("it ended before it listened")


async def ask(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_asked_to_however_many_pages_are_open(number: signal.Signals) -> None:
    process, port = await started()
    try:
        pages = [await ask(port, "/events") for _ in range(3)]
        async with asyncio.timeout(BOUND_S):
            for reader, _ in pages:
                await reader.readuntil(b"retry: 2000")
            process.send_signal(number)
            assert await process.wait() == 0
            for reader, writer in pages:
                assert b"Traceback" not in await reader.read()
                writer.close()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_without_a_broker_the_page_is_served_and_says_so() -> None:
    process, port = await started()
    try:
        async with asyncio.timeout(BOUND_S):
            said = b""
            while b'"reachable":false' not in said or b"does not answer" not in said:
                reader, writer = await ask(port, "/api/health")
                said = await reader.readuntil(b'"overflow"')
                writer.close()
        assert b'"status":"unreachable"' in said
    finally:
        process.terminate()
        await process.wait()


async def test_an_address_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "--port", str(port), stderr=asyncio.subprocess.PIPE, env=dict(os.environ)
        )
        _, said = await asyncio.wait_for(process.communicate(), BOUND_S)

    assert process.returncode == 1
    assert f"pileus dashboard: cannot listen on 127.0.0.1:{port}: ".encode() in said


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ListenError, match=f"port = {port}: must be 0 to 65535"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("127.0.0.1", (*LOCAL, "127.0.0.1", "proxy.example"), id="loopback: local names and those allowed"),
        pytest.param("localhost", (*LOCAL, "localhost", "proxy.example"), id="loopback by its name"),
        pytest.param("::1", (*LOCAL, "::1", "proxy.example"), id="loopback of version 6"),
        pytest.param("0.0.0.0", ("*",), id="every address: any name"),
        pytest.param("node-7", ("*",), id="another machine's name: any name"),
    ],
)
def test_names_that_pages_may_be_asked_by(host: str, expected: tuple[str, ...]) -> None:
    assert names(host, ["proxy.example"]) == expected
