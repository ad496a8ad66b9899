"""Caddy's admin API: one kept connection, every answer in a bounded time.

Not the standard library's client: it blocks, so it needs a thread, and waking one twenty times a second with
headers read as a mail's was half of what the agent cost.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence

from actuators.ports import BalancerError

TIMEOUT_S = 2.0
"""For all the answers to a question (s)."""
MAX_ANSWER = 16 * 1024 * 1024
"""Largest answer that is read (bytes)."""
OK = 200


class Admin:
    """Asks one Caddy, one question after the other; who asks the same before its turn gets the same answer."""

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._connection: tuple[StreamReader, StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._asking: dict[tuple[str, ...], asyncio.Task[list[str]]] = {}

    async def get(self, *paths: str) -> list[str]:
        """Return the bodies at ``paths``, asked in this order, and not before this call.

        Raises
        ------
        BalancerError
            No answer in time, or another one than 200.
        """
        asking = self._asking.get(paths)
        if asking is None:
            asking = self._asking[paths] = asyncio.create_task(self._get_all(paths))
            asking.add_done_callback(lambda done: done.cancelled() or done.exception())  # its askers may be gone
        try:
            return await asyncio.shield(asking)
        except (OSError, EOFError, ValueError) as error:
            raise BalancerError(f"caddy at {self.address} does not answer: {error!r}") from error

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection[1].transport.abort()

    async def _get_all(self, paths: tuple[str, ...]) -> list[str]:
        """Ask on the kept connection; when Caddy has closed it meanwhile, once more on a new one."""
        async with self._turn:
            del self._asking[paths]  # what is asked from here on is another question
            kept = self._connection is not None
            try:
                return await self._ask(paths)
            except (ConnectionError, EOFError):
                if not kept:
                    raise
            return await self._ask(paths)

    async def _ask(self, paths: Sequence[str]) -> list[str]:
        """Ask all at once, they are answered in order; after a failure the next ones get a new connection."""
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = self._connection = self._connection or await self._connect()
                writer.write("".join(f"GET {path} HTTP/1.1\r\nHost: {self.address}\r\n\r\n" for path in paths).encode())
                return [await self._body(reader, path) for path in paths]
        except BaseException:
            self.close()
            raise

    async def _body(self, reader: StreamReader, path: str) -> str:
        """Read the answer at ``path``."""
        status, body = await _answer(reader)
        if status != OK:
            raise BalancerError(f"caddy at {self.address}: {path} answered {status}: {body[:200]}")
        return body

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        """Open a connection."""
        host, _, port = self.address.rpartition(":")
        return await asyncio.open_connection(host, int(port))


async def _answer(reader: StreamReader) -> tuple[int, str]:
    """Read one answer: its status and its body.

    Raises
    ------
    EOFError, ValueError
        It ends too early, or is no HTTP.
    """
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("http/1.") or not rest[:3].isdigit():
        raise ValueError(f"no HTTP: {first[:80]}")
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    if headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(_length(headers.get("content-length", ""), base=10))
    return int(rest[:3]), body.decode()


async def _chunks(reader: StreamReader) -> bytes:
    """Read a body that comes in pieces, each with its length before it."""
    body = bytearray()
    while length := _length((await reader.readuntil(b"\r\n")).decode("latin-1").partition(";")[0], base=16):
        body += await reader.readexactly(length)
        await reader.readexactly(2)
        _length(str(len(body)), base=10)
    await reader.readexactly(2)
    return bytes(body)


def _length(text: str, *, base: int) -> int:
    """Read a length (bytes).

    Raises
    ------
    ValueError
        It is none, or above ``MAX_ANSWER``.
    """
    if not 0 <= (length := int(text, base)) <= MAX_ANSWER:
        raise ValueError(f"an answer of {length} bytes, must have at most {MAX_ANSWER}")
    return length
