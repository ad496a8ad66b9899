"""Ask many applications at once whether they are well, in one thread: who does not answer holds up nobody."""

import errno
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from streams.agent.probe import HEAD_BYTES, Probe

WIDTH = 128
"""Probes under way at a time: a process has a thousand descriptors or more."""
UNDER_WAY = {0, errno.EINPROGRESS, errno.EWOULDBLOCK}
"""What the kernel says of a connection that is made or being made."""

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Asked:
    """One probe under way."""

    probe: Probe
    connection: socket.socket
    until: float
    sent: bool = False
    heard: bytes = b""

    def begins(self) -> bool:
        """Open the connection, without waiting for it; say whether that may succeed."""
        try:
            return self.connection.connect_ex((self.probe.host, self.probe.port)) in UNDER_WAY
        except OSError:  # no address
            return False

    def go_on(self) -> bool | None:
        """Do what can be done without waiting; return the answer once it is known."""
        try:
            if not self.sent:
                return self._connected()
            part = self.connection.recv(HEAD_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return False
        self.heard += part
        over = not part or b"\n" in self.heard or len(self.heard) >= HEAD_BYTES
        return self.probe.well(self.heard) if over else None

    def _connected(self) -> bool | None:
        """Say what a connection is worth that was made or refused; ask on it."""
        if self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return False
        if not self.probe.path:
            return True
        question = self.probe.question()
        self.sent = self.connection.send(question) == len(question)  # a few hundred bytes: they fit
        return None if self.sent else False


def ask_all(
    probes: Mapping[K, Probe], *, within_s: float, clock: Callable[[], float] = time.monotonic
) -> dict[K, bool]:
    """Return for each who was asked whether it answered in its own time; all of it takes ``within_s`` at most.

    They are asked in this order, ``WIDTH`` at a time. Who cannot be asked in time is not in the answer: that
    is neither well nor ill. Hosts must be addresses: a name would be looked up, and wait.

    Raises
    ------
    OSError
        This process has no descriptors left.
    """
    end = clock() + within_s
    waiting, found = deque(probes.items()), dict[K, bool]()
    with selectors.DefaultSelector() as selector, ExitStack() as connections:
        while waiting or selector.get_map():
            now = clock()
            while waiting and len(selector.get_map()) < WIDTH and now + waiting[0][1].timeout_s <= end:
                key, probe = waiting.popleft()
                asked = _Asked(probe, connections.enter_context(_socket(probe)), now + probe.timeout_s)
                if asked.begins():
                    selector.register(asked.connection, selectors.EVENT_WRITE, (key, asked))
                else:
                    found[key] = False
            under_way: list[tuple[K, _Asked]] = [each.data for each in selector.get_map().values()]
            if not under_way:
                break  # all are answered, or the others have no time left
            first = min(asked.until for _, asked in under_way)
            answers = {each.data[0]: each.data[1].go_on() for each, _ in selector.select(max(first - now, 0.0))}
            now = clock()
            for key, asked in under_way:
                well = answers.get(key)
                if well is None and asked.until > now:
                    if asked.sent:
                        selector.modify(asked.connection, selectors.EVENT_READ, (key, asked))
                    continue
                found[key] = bool(well)
                selector.unregister(asked.connection)
                asked.connection.close()
    return found


def _socket(probe: Probe) -> socket.socket:
    """Return a socket that never waits."""
    connection = socket.socket(socket.AF_INET6 if ":" in probe.host else socket.AF_INET)
    connection.settimeout(0.0)
    return connection
