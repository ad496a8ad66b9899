"""wrk: its command line, and what it says at its end. It keeps connections open and repeats nothing."""

import re
from dataclasses import dataclass

TIMEOUT_S = 10
"""An answer that takes longer counts as a time-out (s)."""
_REQUESTS = re.compile(r"(\d+) requests in")
_REFUSED = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What wrk counted."""

    requests: int
    refused: int = 0
    """Answers that are neither 2xx nor 3xx."""
    connect: int = 0
    read: int = 0
    write: int = 0
    timeout: int = 0

    @property
    def failed(self) -> int:
        """Return how many requests came to nothing."""
        return self.refused + self.connect + self.read + self.write + self.timeout


def words(url: str, *, seconds: int, connections: int, close: bool = False) -> list[str]:
    """Return the command line; with ``close`` each request has a connection of its own."""
    each = ["-H", "Connection: close"] if close else []
    return ["wrk", *each, "-t", "1", "-c", f"{connections}", "-d", f"{seconds}s", "--timeout", f"{TIMEOUT_S}s", url]


def said(text: str) -> Said:
    """Read what wrk wrote. It writes no line for what did not happen; without a count of requests it failed itself.

    Raises
    ------
    ValueError
        There is no count.
    """
    requests, refused, errors = (pattern.search(text) for pattern in (_REQUESTS, _REFUSED, _ERRORS))
    if requests is None:
        raise ValueError(f"wrk counted nothing: {text!r}")
    connect, read, write, timeout = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    return Said(
        requests=int(requests[1]),
        refused=int(refused[1]) if refused else 0,
        connect=connect,
        read=read,
        write=write,
        timeout=timeout,
    )
