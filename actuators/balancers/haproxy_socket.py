"""HAProxy's sockets: one question per connection, every answer in a bounded time and of a bounded size."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actuators.ports import BalancerError

TIMEOUT_S = 2.0
"""For the whole of a question (s)."""
MAX_ANSWER = 8 * 1024 * 1024
"""Bytes: about 10,000 members."""
MAX_QUESTION = 8_000
"""Bytes: HAProxy reads a line into a buffer of 16 KiB."""
LONGEST_PATH = 100
"""Bytes of a path that a socket's address can surely hold."""


async def ask(path: Path, *commands: str, timeout_s: float = TIMEOUT_S) -> str:
    """Say commands, in as few lines as they fit in, and return the answers one after another.

    Raises
    ------
    BalancerError
        HAProxy does not answer, or not in time, or says too much.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return "".join([await _say(path, line) for line in _lines(commands)])
    except (OSError, UnicodeDecodeError) as error:
        raise BalancerError(f"haproxy at {path} does not answer: {error!r}") from error


def _lines(commands: tuple[str, ...]) -> Iterator[str]:
    """Yield the commands, joined as far as the buffer allows."""
    line = ""
    for command in commands:
        if line and len(line) + len(command) > MAX_QUESTION:
            yield line
            line = ""
        line = f"{line}; {command}" if line else command
    yield line


async def _say(path: Path, line: str) -> str:
    """Ask on a connection of its own, which HAProxy closes when it has answered."""
    with _reachable(path) as name:
        reader, writer = await asyncio.open_unix_connection(name, limit=MAX_ANSWER)
    try:
        writer.write(f"{line}\n".encode())
        writer.write_eof()  # else the master waits for more
        answer = bytearray()
        while piece := await reader.read(65536):
            answer += piece
            if len(answer) > MAX_ANSWER:
                raise BalancerError(f"haproxy at {path}: an answer of more than {MAX_ANSWER} bytes to '{line[:60]}'")
        return answer.decode()
    finally:
        writer.transport.abort()


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Give a name for a socket that is short enough to be connected to."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listens(path: Path, *, timeout_s: float = 1.0) -> bool:
    """Say whether somebody answers there (blocks for ``timeout_s`` at most)."""
    try:
        with _reachable(path) as name, socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(timeout_s)
            probe.connect(name)
            probe.sendall(b"help\n")
            return bool(probe.recv(1))
    except OSError:
        return False
