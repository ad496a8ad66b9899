"""A program that answers each line with a line, within a time, or is ended."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LONGEST = 4 << 20
"""Bytes of an answer, at most."""
END_S = 5.0
"""From the end of its input until it is killed (s)."""
LAST_S = 0.1
"""From its last word to its end, where it ends by itself (s)."""
CHUNK = 65536


class NoAnswerError(Exception):
    """It ended, or did not answer in time or measure. It does not run any more."""


class Program:
    """One program at a time, in a process group of its own. What it writes to standard error is the agent's."""

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self._command = tuple(command)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._read = b""

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it anew.

        Raises
        ------
        NoAnswerError
            It cannot be started.
        """
        self.end(0.0)
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._directory,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise NoAnswerError(f"cannot start: {error}") from error
        self._read = b""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None  # noqa: S101 - both were asked for
            os.set_blocking(pipe.fileno(), False)

    def ask(self, line: bytes, timeout_s: float) -> bytes:
        """Send a line and return the one that comes back.

        Raises
        ------
        NoAnswerError
            See there.
        """
        try:
            until = time.monotonic() + timeout_s
            self._send(line + b"\n", until)
            return self._receive(until)
        except (OSError, NoAnswerError) as error:
            why = self._ended() or str(error)
            self.end(0.0)
            raise NoAnswerError(why) from error

    def end(self, within_s: float = END_S) -> None:
        """End it: it has so long after the end of its input, then it is killed with all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 - asked for
        assert process.stdout is not None  # noqa: S101 - asked for
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(within_s)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(END_S)
        process.stdout.close()

    def _ended(self) -> str:
        """Say how it ended, if it did."""
        if self._process is None:
            return ""
        try:
            return f"ended with {self._process.wait(LAST_S)}"
        except subprocess.TimeoutExpired:
            return ""

    def _send(self, data: bytes, until: float) -> None:
        pipe = self._process.stdin if self._process else None
        assert pipe is not None  # noqa: S101 - it was started
        while data:
            self._await(pipe.fileno(), select.POLLOUT, until, "does not read")
            with suppress(BlockingIOError):
                data = data[os.write(pipe.fileno(), data[: select.PIPE_BUF]) :]

    def _receive(self, until: float) -> bytes:
        pipe = self._process.stdout if self._process else None
        assert pipe is not None  # noqa: S101 - it was started
        while b"\n" not in self._read:
            if len(self._read) > LONGEST:
                raise NoAnswerError(f"a line of more than {LONGEST} bytes")
            self._await(pipe.fileno(), select.POLLIN, until, "no answer")
            found = os.read(pipe.fileno(), CHUNK)
            if not found:
                raise NoAnswerError("it closed its output")
            self._read += found
        line, _, self._read = self._read.partition(b"\n")
        return line

    def _await(self, pipe: int, event: int, until: float, what: str) -> None:
        waiting = select.poll()
        waiting.register(pipe, event)
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            raise NoAnswerError(f"{what} in time")
