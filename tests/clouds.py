"""What tests of clouds share: a place for a member, free ports, small programs, and who carries a member's token."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil

from actuators.ports import Where

LISTEN = "import socket, signal; s = socket.create_server(('127.0.0.1', {port})); signal.pause()"
SERVER = ["{python}", "-I", "-S", "-c", LISTEN]
"""The smallest program that takes its port and stays."""

HTTPD = ["httpd", "-f", "-p", "{port}", "-h", "/www"]
"""The same in a container of busybox."""


def a_place(member: str = "shop-web-1", *, partition: str = "p1") -> Where:
    return Where(
        tenant="default",
        application="shop",
        cluster="shop-web",
        member=member,
        network_partition="here",
        partition=partition,
    )


def a_script(code: str) -> list[str]:
    return ["{python}", "-I", "-S", "-c", code]


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def carriers(state: Path, member: str = "shop-web-1") -> list[int]:
    """Return the pid of every process alive that was started for ``member`` in ``state``."""
    return [process.pid for process in _alive() if _is_of(process, state, member)]


def _alive() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def _is_of(process: psutil.Process, state: Path, member: str) -> bool:
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return False
    return (environment.get("PILEUS_STATE"), environment.get("PILEUS_MEMBER")) == (str(state.resolve()), member)
