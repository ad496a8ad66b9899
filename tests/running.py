"""``pileus run`` as a process: its parts, and its end."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.pieces import carrying
from tests.waiting import wait_until

UP_S = 60.0
"""Most that the stack may take to come up, or to get anywhere, on a busy machine."""
END_S = 40.0
"""Most that a stop may take: every part, every instance with its grace, balancer and broker."""


class Run:
    """One ``pileus run``."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.state = directory / "state"
        self.report = directory / "report.json"
        self.said = directory / "said"
        command = [sys.executable, "-m", "pileus", "run", "--no-view", "--state", str(self.state)]
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, "--report", str(self.report), *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def part(self, name: str) -> psutil.Process | None:
        """Return the process of one of its parts."""
        for child in psutil.Process(self.process.pid).children():
            try:
                if child.cmdline()[1:4] == ["-m", "pileus", name] and child.status() != psutil.STATUS_ZOMBIE:
                    return child
            except psutil.Error:
                continue
        return None

    def broker(self) -> str:
        """Return the broker's address, once a part knows it."""
        self.until(lambda: self.part("worker"), "the worker starts")
        worker = self.part("worker")
        assert worker is not None
        return worker.environ()["PILEUS_BROKER"]

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that only happens while it runs."""

        def holds() -> object:
            assert self.process.poll() is None, f"it ended: {self.said.read_text()}"
            return condition()

        wait_until(holds, within_s=UP_S, what=what)

    def ends(self, within_s: float) -> int:
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {within_s:g} s: {self.said.read_text()}") from None


@contextmanager
def run(directory: Path, *words: str) -> Iterator[Run]:
    """Start ``pileus run``, and leave nothing of it whatever happens."""
    it = Run(directory, *words)
    try:
        yield it
    finally:
        if it.process.poll() is None:
            it.process.send_signal(signal.SIGTERM)
            try:
                it.process.wait(END_S)
            except subprocess.TimeoutExpired:
                it.process.kill()
        for left in carrying(it.state):
            psutil.Process(int(left.partition(":")[0])).kill()
