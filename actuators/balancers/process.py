"""One balancer process, alone in its directory and on its ports, ended without losing a request."""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from actuators.ports import BalancerError

START_S = 15.0
ASK_EVERY_S = 0.05
STOP_S = 8.0
"""From the signal that asks for an end to SIGKILL (s)."""
KILL_WAIT_S = 5.0
LAST_WORDS = 2000
"""Bytes of the log that an error shows."""


class Daemon:
    """A program of ``kind`` that runs in ``directory`` and listens on ``listeners``.

    The process outlives the one that started it: while it runs, it holds a lock on the directory.
    ``end_by`` is the signal on which it finishes what is open and ends.
    """

    def __init__(self, kind: str, directory: Path, *, listeners: Collection[str], end_by: signal.Signals) -> None:
        self.directory = directory.resolve()
        self._kind = kind
        self._listeners = listeners
        self._end_by = end_by
        self._log = self.directory / f"{kind}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id; 0 before the start."""
        return 0 if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(
        self,
        command: Sequence[str | Path],
        *,
        prepare: Callable[[], None],
        ready: Callable[[], bool],
        environment: Mapping[str, str],
        timeout_s: float = START_S,
    ) -> None:
        """Start it and return when it is ``ready``. ``prepare`` writes its files, once nobody else runs here.

        Raises
        ------
        BalancerError
            One runs here already, an address is taken, it ended, or did not answer in time. Nothing is left running.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self._end_orphans()
        with _locked(self.directory / f"{self._kind}.lock", self._kind) as lock:
            for address in self._listeners:
                _require_free(address, self._kind)
            prepare()
            self._process = self._launch(command, environment, lock.fileno())
            lock.truncate(0)
            lock.write(f"{self.pid}\n")
        try:
            self._wait(ready, timeout_s)
        except BaseException:
            self.kill()
            raise

    def stop(self, *, timeout_s: float = STOP_S) -> None:
        """End it: open requests may end, then SIGKILL after ``timeout_s``. Asking twice is fine."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self._end_by)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._end_orphans()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it; nothing happens when it does not run."""
        if self.alive and self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it and its workers at once."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(KILL_WAIT_S)

    def _end_orphans(self) -> None:
        """End the workers of a master of ours that ended without them: they still hold lock and ports."""
        if self._process is None or self._process.poll() is None:
            return
        until = time.monotonic() + KILL_WAIT_S
        while _held(self.directory / f"{self._kind}.lock") and time.monotonic() < until:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            time.sleep(ASK_EVERY_S)

    def _launch(
        self, command: Sequence[str | Path], environment: Mapping[str, str], lock: int
    ) -> subprocess.Popen[bytes]:
        """Start the process; it inherits the lock."""
        with self._log.open("ab") as log:
            try:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.directory,
                    env=dict(os.environ) | dict(environment),
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            except OSError as error:
                raise BalancerError(f"{self._kind}: cannot start: {error}") from error

    def _wait(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until it is ready."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if not self.alive:
                raise BalancerError(f"{self._kind}: ended at its start: {self._last_words()}")
            if ready():
                return
            time.sleep(ASK_EVERY_S)
        raise BalancerError(
            f"{self._kind}: no answer on {next(iter(self._listeners))} within {timeout_s} s: {self._last_words()}"
        )

    def _last_words(self) -> str:
        """Return the end of the log."""
        return self._log.read_bytes()[-LAST_WORDS:].decode(errors="replace").strip()


class Served:
    """What a balancer's process offers, whichever it is; how it starts is its own."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.directory = daemon.directory

    @property
    def pid(self) -> int:
        """Return the process id (of the master, where there is one); 0 before the start."""
        return self._daemon.pid

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self._daemon.alive

    def stop(self, *, timeout_s: float = STOP_S) -> None:
        """End it: open requests may end, then SIGKILL after ``timeout_s``. Asking twice is fine."""
        self._daemon.stop(timeout_s=timeout_s)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._daemon.kill()


@contextmanager
def _locked(path: Path, kind: str) -> Iterator[TextIO]:
    """Hold the lock of a directory while the process starts; it inherits it and keeps it until it ends."""
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise BalancerError(
                f"{kind}: process {lock.read().strip() or '?'} runs in {path.parent} already"
            ) from error
        yield lock


def _held(path: Path) -> bool:
    """Say whether a process holds the lock."""
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _require_free(address: str, kind: str) -> None:
    """Raise BalancerError when something listens there: it would share the port, and the requests."""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise BalancerError(f"{kind}: {address} cannot be used: {error.strerror}") from error
