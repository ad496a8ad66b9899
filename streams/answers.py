"""Answer questions about a process over HTTP, in its own event loop: an answer shows that the loop turns.

Read-only (GET and HEAD), a few short questions at once, each with a bound in time and length; the connection ends with
the answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

import structlog

AT_ONCE = 16
"""Connections that are answered at the same time; more are closed."""
WITHIN_S = 2.0
"""How long a question may take to arrive, and its answer to leave."""
LONGEST = 4096
"""Bytes of a question's head at most."""

log = structlog.get_logger()


class ListenError(Exception):
    """The address cannot be listened on; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/plain; charset=utf-8"


NOTHING = Answer(b"no such page\n", HTTPStatus.NOT_FOUND)
NO_WAY = Answer(b"GET and HEAD only\n", HTTPStatus.METHOD_NOT_ALLOWED)
BROKEN = Answer(b"not a request\n", HTTPStatus.BAD_REQUEST)


@asynccontextmanager
async def answering(host: str, port: int, pages: Mapping[str, Callable[[], Answer]]) -> AsyncIterator[int]:
    """Serve ``pages`` by path; yield the port, which the system chooses for 0.

    Raises
    ------
    ListenError
        The address is taken, or is none of this machine.
    """
    server = _Server(pages)
    try:
        listening = await asyncio.start_server(server.connected, host, port, limit=LONGEST)
    except OSError as error:
        raise ListenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    chosen = int(listening.sockets[0].getsockname()[1])
    log.info("health is told", host=host, port=chosen, pages=sorted(pages))
    try:
        yield chosen
    finally:
        listening.close()
        await server.close()


class _Server:
    """Reads questions and writes answers."""

    def __init__(self, pages: Mapping[str, Callable[[], Answer]]) -> None:
        self._pages = pages
        self._open: set[asyncio.Task[None] | None] = set()

    async def close(self) -> None:
        """Hang up on everybody."""
        tasks = [task for task in self._open if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one question."""
        self._open.add(task := asyncio.current_task())
        try:
            if len(self._open) <= AT_ONCE:
                async with asyncio.timeout(WITHIN_S):
                    await self._exchange(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError) as error:  # cancelled: by close, and it ends here
            log.debug("a question was not answered", error=repr(error))
        finally:
            self._open.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read a question and write its answer."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = b""
        method, answer = self._answer(head)
        writer.write(_bytes_of(answer, body=method != b"HEAD"))
        await writer.drain()

    def _answer(self, head: bytes) -> tuple[bytes, Answer]:
        """Return the method and what is answered."""
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):  # noqa: PLR2004 - method, target, version
            return b"", BROKEN
        method, target, _ = words
        if method not in {b"GET", b"HEAD"}:
            return method, NO_WAY
        page = self._pages.get(target.split(b"?", 1)[0].decode(errors="replace"))
        return method, NOTHING if page is None else page()


def _bytes_of(answer: Answer, *, body: bool) -> bytes:
    """Write an answer."""
    status = answer.status
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(answer.body)}",
        *(["Allow: GET, HEAD"] if status is HTTPStatus.METHOD_NOT_ALLOWED else []),
        "Cache-Control: no-store",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + (answer.body if body else b"")
