"""Ask the application whether it is well: one connection, one answer, one bounded time."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

STATUS = re.compile(rb"HTTP/\d(?:\.\d)? ([1-5]\d\d)\b")
HEAD_BYTES = 256
"""A status line stands within these."""
TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question. ``path`` empty: it suffices that the port accepts a connection."""

    host: str
    port: int
    path: str = ""
    timeout_s: float = TIMEOUT_S
    """For the whole: connection, request and status line (s)."""

    def ask(self, clock: Callable[[], float] = time.monotonic) -> bool:
        """Return True when it answered in time, over HTTP with 2xx or 3xx. Never raises for a bad answer."""
        until = clock() + self.timeout_s
        try:
            with socket.create_connection((self.host, self.port), timeout=self.timeout_s) as connection:
                return not self.path or self._healthy(connection, lambda: until - clock())
        except (OSError, UnicodeError):
            return False

    def question(self) -> bytes:
        """Return what is asked over HTTP/1.1."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        head = f"GET {self.path} HTTP/1.1\r\nHost: {host}:{self.port}\r\nUser-Agent: pileus-agent\r\n"
        return f"{head}Connection: close\r\n\r\n".encode()

    @staticmethod
    def well(answer: bytes) -> bool:
        """Say whether a status line is 2xx or 3xx."""
        status = STATUS.match(answer)
        return status is not None and status[1][:1] in {b"2", b"3"}

    def _healthy(self, connection: socket.socket, left_s: Callable[[], float]) -> bool:
        """Ask over HTTP and read the status line."""
        connection.sendall(self.question())
        answer = b""
        while b"\n" not in answer and len(answer) < HEAD_BYTES and (left := left_s()) > 0:
            connection.settimeout(left)
            part = connection.recv(HEAD_BYTES)
            if not part:
                break
            answer += part
        return self.well(answer)


def parse_probe(text: str, *, address: str, timeout_s: float = TIMEOUT_S) -> Probe | None:
    """Read ``tcp``, ``http:/path`` or empty (``None``: no probe), to be asked at ``HOST:PORT``.

    Raises
    ------
    ValueError
        Neither of these, or the address is not one.
    """
    if not text:
        return None
    kind, _, path = text.partition(":")
    if text != "tcp" and not (
        kind == "http" and path.startswith("/") and path.isascii() and path.isprintable() and " " not in path
    ):
        raise ValueError(f"probe '{text}': must be 'tcp', 'http:/PATH' or empty")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - ports
        raise ValueError(f"address '{address}': must be HOST:PORT, port in 1..65535")
    return Probe(host=host.strip("[]"), port=int(port), path=path, timeout_s=timeout_s)
