"""One broker process: started, asked until it answers, stopped with everything it started."""

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ASK_EVERY_S = 0.05
KILL_WAIT_S = 5.0
METADATA, VERSION, CORRELATION = 3, 4, 1
NO_TOPICS = struct.pack(">ib", 0, 0)
"""Body of a Metadata request: an empty list of topics, none to be created."""


class BrokerError(RuntimeError):
    """A broker could not be started; the message says which, where and why."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker of our own, alone in its process group."""

    name: str
    address: str
    """``127.0.0.1:PORT``."""
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Return the process id, which is the process group too."""
        return self.process.pid

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return int(self.address.rpartition(":")[2])

    def stop(self, *, grace_s: float = 10.0) -> None:
        """End the broker: SIGTERM, ``grace_s`` to obey, then SIGKILL to its group. Asking twice is fine."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the broker at once, as a crash would."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(KILL_WAIT_S)


def launch(
    name: str, command: Sequence[str], *, port: int, directory: Path, environment: Mapping[str, str], timeout_s: float
) -> Broker:
    """Start a broker that will listen on 127.0.0.1, and return when it answers.

    Raises
    ------
    BrokerError
        The port is taken, the program is missing, it ended, or it did not answer within ``timeout_s``.
        Nothing is left running.
    """
    require_free(port, name=name)
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / f"{name}.log"
    with log.open("ab") as out:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise BrokerError(f"{name}: cannot start {command[0]}: {error}") from error
    broker = Broker(name, f"127.0.0.1:{port}", process, log)
    try:
        _wait_for_answer(broker, timeout_s=timeout_s)
    except BaseException:
        broker.kill()
        raise
    return broker


def require_free(port: int, *, name: str) -> None:
    """Raise :class:`BrokerError` when something listens on the port: its answers would be taken for the broker's."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BrokerError(f"{name}: port {port} on 127.0.0.1 cannot be used: {error.strerror}") from error


def answers(address: str, *, timeout_s: float = 1.0) -> bool:
    """Return whether a Kafka broker answers there and knows at least one broker (an open port is not enough)."""
    host, _, port = address.rpartition(":")
    header = struct.pack(">hhih6s", METADATA, VERSION, CORRELATION, 6, b"pileus")
    try:
        with socket.create_connection((host, int(port)), timeout_s) as connection, connection.makefile("rb") as answer:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(header + NO_TOPICS)) + header + NO_TOPICS)
            _size, correlation, _throttle_ms, brokers = struct.unpack(">4i", answer.read(16))
            return bool(correlation == CORRELATION and brokers > 0)
    except (OSError, ValueError, struct.error):
        return False


def _wait_for_answer(broker: Broker, *, timeout_s: float) -> None:
    """Ask until the broker answers; raise with the end of its log when it ends or stays silent."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if broker.process.poll() is not None:
            raise BrokerError(
                f"{broker.name}: ended with {broker.process.returncode} at its start; {_last_words(broker)}"
            )
        if answers(broker.address):
            return
        time.sleep(ASK_EVERY_S)
    raise BrokerError(f"{broker.name}: no answer on {broker.address} within {timeout_s:g} s; {_last_words(broker)}")


def _last_words(broker: Broker, *, lines: int = 8) -> str:
    """Return the end of the broker's log, for an error message."""
    said = broker.log.read_text(errors="replace").splitlines()[-lines:]
    return f"its log {broker.log} ends:\n" + "\n".join(said) if said else f"its log {broker.log} is empty"
