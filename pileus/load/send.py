"""Sends requests when they are due, whatever the answers do (open loop), and never sends one twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import aiohttp

from pileus.load.quantiles import Histogram

FIRST_FAILING_STATUS = 400


class Counters:
    """What became of the requests so far."""

    def __init__(self) -> None:
        self.sent = 0
        self.answered = 0
        self.failed_by_kind: Counter[str] = Counter()
        self.latency = Histogram()
        """From due to answered, of answered requests (s)."""
        self.lateness = Histogram()
        """From due to sent (s)."""

    @property
    def failed(self) -> int:
        """Return the number of requests that failed."""
        return self.failed_by_kind.total()

    @property
    def in_flight(self) -> int:
        """Return the number of requests that are neither answered nor failed."""
        return self.sent - self.answered - self.failed


async def open_loop(
    due: Iterable[float],
    send: Callable[[float], Coroutine[Any, Any, None]],
    *,
    stop: asyncio.Event,
    counters: Counters,
) -> None:
    """Start ``send(due)`` at each due time (s from now) until ``stop``; return when all of them have ended.

    ``send`` gets the due time in the loop's clock. A late request is sent at once, and how late is counted.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.TaskGroup() as group:
        for t in due:
            if await stopped(stop, until=start + t):
                break
            counters.sent += 1
            counters.lateness.add(loop.time() - start - t)
            group.create_task(send(start + t))


async def stopped(stop: asyncio.Event, *, until: float) -> bool:
    """Wait for ``stop``, until ``until`` (loop's clock) at most; say whether it is set."""
    try:
        async with asyncio.timeout_at(until):
            await stop.wait()
    except TimeoutError:
        return stop.is_set()
    return True


class ConnectionLostError(aiohttp.ClientError):
    """The connection broke before the answer: an error that aiohttp does not answer by sending again."""


async def never_again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a request whose connection broke (middleware).

    aiohttp sends an idempotent request once more when it catches ``ClientOSError`` or
    ``ServerDisconnectedError`` (``ClientSession._request``): a failure would be hidden.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never connected: aiohttp raises it as it is
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLostError(str(error)) from error


def session() -> aiohttp.ClientSession:
    """Open a session with connections kept alive, as many as are needed, and nothing done twice."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # no queue in the client
        timeout=aiohttp.ClientTimeout(total=None),  # each request has its own deadline
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        middlewares=(never_again,),
    )


class Sender:
    """Sends one GET at a time it is told, and counts what becomes of it."""

    def __init__(self, http: aiohttp.ClientSession, url: str, *, timeout_s: float, counters: Counters) -> None:
        self._http = http
        self._url = url
        self._timeout_s = timeout_s
        self._counters = counters

    async def send(self, due: float) -> None:
        """Send a request due at ``due`` (loop's clock), with ``timeout_s`` from then; only cancellation gets out."""
        try:
            kind = await self._kind(due)
        except asyncio.CancelledError:
            self._counters.failed_by_kind["abandoned"] += 1
            raise
        if kind:
            self._counters.failed_by_kind[kind] += 1
            return
        self._counters.answered += 1
        self._counters.latency.add(asyncio.get_running_loop().time() - due)

    async def _kind(self, due: float) -> str:
        """Return how the request failed; empty when it was answered."""
        try:
            async with (
                asyncio.timeout_at(due + self._timeout_s),
                self._http.get(self._url, allow_redirects=False) as answer,
            ):
                async for _ in answer.content.iter_any():
                    pass  # to the end, kept nowhere
                return f"status-{answer.status}" if answer.status >= FIRST_FAILING_STATUS else ""
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return kind_of(error)


def kind_of(error: Exception) -> str:
    """Return the kind of a failure, by what the connection did."""
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorError():
            return "connect"
        case aiohttp.ClientPayloadError():
            return "truncated"
        case ConnectionLostError() | aiohttp.ServerDisconnectedError() | OSError():
            return "reset"
        case _:
            return "protocol"
