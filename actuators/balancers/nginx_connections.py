"""Which TCP connections nginx's workers hold: the kernel knows what open-source nginx does not tell.

Connections to members are never kept, so each one is a request in flight; those of a worker that a reload has
replaced count too.
"""

import os
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from actuators.ports import BalancerError

PROC = Path("/proc")
MASTER, EXITING = b"nginx: master process", b"nginx: worker process is shutting down"
WORKER = b"nginx: worker process"
TIMEOUT_S = 2.0

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY, DONE, ERROR = 20, 3, 2
REQUEST, DUMP = 0x1, 0x300
LISTENING = 10
TIME_WAIT = 6
ALL_STATES_BUT_TIME_WAIT = 0xFFF & ~(1 << TIME_WAIT)
HEADER = struct.Struct("=IHHII")
QUESTION = struct.Struct("=BBBBI48x")
ANSWER = struct.Struct("=BBBBHH16s16sIIIIIIII")
"""``inet_diag_msg``: family, state, timer, retransmissions; ports (network order), addresses, interface, cookie; then
expiry, queues, user, inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One socket of this machine."""

    inode: int
    listening: bool
    local_port: int
    remote: tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker and what it holds."""

    pid: int
    exiting: bool
    """A reload has replaced it: it takes no new connection and ends with its last one."""
    connections: tuple[Connection, ...]

    def may_choose(self, listeners: Collection[int]) -> bool:
        """Say whether a client of a replaced worker may still begin a request; ``listeners`` are the clients' ports."""
        if any(each.listening for each in self.connections):
            return True
        clients = sum(each.local_port in listeners for each in self.connections)
        return clients > len(self.connections) - clients

    def open_to(self, address: tuple[str, int]) -> int:
        """Return how many requests it has open on a member."""
        return sum(each.remote == address and not each.listening for each in self.connections)


def master_of(directory: Path, pid_file: str) -> int:
    """Return the process id of the nginx that runs in ``directory``.

    Raises
    ------
    BalancerError
        None does.
    """
    try:
        pid = int((directory / pid_file).read_text())
        ours = (PROC / str(pid) / "cwd").resolve() == directory.resolve()
        if ours and (PROC / str(pid) / "cmdline").read_bytes().startswith(MASTER):
            return pid
    except (OSError, ValueError) as error:
        raise BalancerError(f"nginx in {directory} does not answer: {error!r}") from error
    raise BalancerError(f"nginx in {directory} does not answer: process {pid} is another one")


def workers_of(master: int) -> list[Worker]:
    """Return the workers of an nginx (blocks for ``TIMEOUT_S`` at most).

    Raises
    ------
    BalancerError
        The kernel does not tell.
    """
    try:
        pids = (PROC / str(master) / "task" / str(master) / "children").read_text().split()
        found = [(int(pid), title, _inodes(pid)) for pid in pids if (title := _title(pid)).startswith(WORKER)]
        table = {each.inode: each for family in (socket.AF_INET, socket.AF_INET6) for each in _table(family)}
    except OSError as error:
        raise BalancerError(f"nginx with process {master} does not answer: {error!r}") from error
    return [
        Worker(
            pid=pid,
            exiting=title.startswith(EXITING),
            connections=tuple(table[inode] for inode in sorted(inodes) if inode in table),
        )
        for pid, title, inodes in found
    ]


def _title(pid: str) -> bytes:
    """Return what a process says that it is; empty when it has ended."""
    try:
        return (PROC / pid / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _inodes(pid: str) -> set[int]:
    """Return the inodes of the sockets that a process holds."""
    found = set()
    try:
        for file in os.scandir(PROC / pid / "fd"):
            try:
                kind, _, inode = str(Path(file.path).readlink()).partition(":[")
            except (FileNotFoundError, ProcessLookupError):
                continue  # closed meanwhile
            if kind == "socket":
                found.add(int(inode.rstrip("]")))
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return found


def _table(family: int) -> Iterator[Connection]:
    """Ask the kernel for its TCP sockets, those that only wait for their port to be forgotten left out."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(TIMEOUT_S)
        question = QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, ALL_STATES_BUT_TIME_WAIT)
        length = HEADER.size + len(question)
        kernel.send(HEADER.pack(length, SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, 1, 0) + question)
        while True:
            for kind, body in _messages(kernel.recv(1 << 18)):
                if kind == DONE:
                    return
                if kind == ERROR:
                    raise OSError(-struct.unpack_from("=i", body)[0], "the kernel does not tell its sockets")
                yield read_connection(body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split what one read of a netlink socket has given."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, at)
        yield kind, data[at + HEADER.size : at + length]
        at += (max(length, HEADER.size) + 3) & ~3


def read_connection(body: bytes) -> Connection:
    """Read one ``inet_diag_msg``."""
    family, state, _, _, local, remote, _, address, *_, inode = ANSWER.unpack_from(body)
    host = socket.inet_ntop(family, address[: 4 if family == socket.AF_INET else 16])
    return Connection(
        inode=inode,
        listening=state == LISTENING,
        local_port=socket.ntohs(local),
        remote=(host.removeprefix("::ffff:"), socket.ntohs(remote)),
    )
