"""Server-sent events: every page that is open gets what changes, and a slow one gets told to load anew."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

HEARTBEAT_S = 10.0
"""A comment is sent this often when nothing changes, so that a lost connection is noticed."""
QUEUE = 256
"""Events that wait for one page at most."""
PAGES = 64
"""Pages that may listen at once."""
RETRY_MS = 2_000
RESET = b"event: reset\ndata: {}\n\n"
"""Everything may have changed: load it anew."""


class FullError(Exception):
    """As many pages listen as may."""


class Live:
    """Hands every event to every page. Bounded: publishing never waits."""

    def __init__(self, *, queue: int = QUEUE, pages: int = PAGES) -> None:
        self._queue, self._pages = queue, pages
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many pages listen."""
        return len(self._listeners)

    def publish(self, name: str, data: bytes) -> None:
        """Send one event; ``data`` is JSON in one line."""
        self._send(b"event: %s\ndata: %s\n\n" % (name.encode(), data))

    def reset(self) -> None:
        """Tell every page to load everything anew."""
        self._send(RESET)

    def close(self) -> None:
        """End every stream, those to come included: the server stops."""
        self._closed = True
        for queue in self._listeners:
            _clear(queue)
            queue.put_nowait(None)

    def open(self) -> asyncio.Queue[bytes | None]:
        """Start listening.

        Raises
        ------
        FullError
            Too many pages listen already.
        """
        if len(self._listeners) >= self._pages:
            raise FullError(f"{self._pages} pages listen already, no more are served")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(self._queue)
        if self._closed:
            queue.put_nowait(None)
        self._listeners.add(queue)
        return queue

    async def stream(
        self,
        queue: asyncio.Queue[bytes | None],
        *,
        gone: Callable[[], Awaitable[bool]],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> AsyncIterator[bytes]:
        """Yield the events of one page until it is ``gone`` or the server stops."""
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            while not await gone():
                try:
                    event = await asyncio.wait_for(queue.get(), heartbeat_s)
                except TimeoutError:
                    event = b": still here\n\n"
                if event is None:
                    return
                yield event
        finally:
            self._listeners.discard(queue)

    def _send(self, event: bytes) -> None:
        """Queue an event for every page; a page that is too slow loses its queue and loads anew."""
        for queue in self._listeners:
            if queue.full():
                _clear(queue)
                event_or_reset = RESET
            else:
                event_or_reset = event
            queue.put_nowait(event_or_reset)


def _clear(queue: asyncio.Queue[bytes | None]) -> None:
    """Empty a queue."""
    while not queue.empty():
        queue.get_nowait()
