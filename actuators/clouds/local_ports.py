"""Which port of this machine the next instance gets: free, and the one that has rested longest."""

import contextlib
import socket
from collections.abc import Collection, Sequence
from pathlib import Path

from actuators.ports import InvalidRequestError, OutOfCapacityError

HOST = "127.0.0.1"
"""Where instances on this machine serve."""
HIGHEST = 65535


def choose_port(ports: Sequence[int], *, taken: Collection[int], used: Path) -> int:
    """Return a port out of ``ports`` that no instance has and nobody listens on.

    The least recently used comes first, so that a late request never meets the next tenant of its
    port. ``used`` holds an empty file per port, last touched when the port was used. With no
    ``ports`` the kernel chooses.

    Raises
    ------
    OutOfCapacityError
        Every port is taken.
    InvalidRequestError
        A port is none (1..65535).
    """
    if not ports:
        return next(port for port in iter(lambda: _bind(0), None) if port not in taken)
    if wrong := [port for port in ports if not 1 <= port <= HIGHEST]:
        raise InvalidRequestError(f"ports: {wrong[0]} is no port, must be in 1..{HIGHEST}")
    for port in sorted(set(ports) - set(taken), key=lambda port: (_last_used(used, port), port)):
        with contextlib.suppress(OSError):
            return _bind(port)
    mine = len(set(ports) & set(taken))
    raise OutOfCapacityError(
        f"all {len(set(ports))} ports of {min(ports)}..{max(ports)} are taken, {mine} by instances"
    )


def touch_port(used: Path, port: int) -> None:
    """Note that ``port`` was used just now."""
    (used / str(port)).touch()


def _last_used(used: Path, port: int) -> int:
    try:
        return (used / str(port)).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _bind(port: int) -> int:
    """Bind and let go again; connections in TIME_WAIT do not count, a listener does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return int(probe.getsockname()[1])
