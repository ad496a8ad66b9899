"""Some workers of one group, and what may happen to them."""

import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from config.settings import Settings
from tests.pieces import Piece

ORDERLY = {0, 3, -signal.SIGTERM}
"""Exit codes after SIGTERM: 0; 3, Faust did not stop in its time and the process ended itself; the signal's, it came
before the worker listened to it."""


@dataclass
class Fleet:
    """Workers that run all the time, but for what is done to them here."""

    settings: Settings
    directory: Path
    size: int
    codes: Counter[int] = field(default_factory=Counter)
    """How workers ended that were asked to."""

    def __post_init__(self) -> None:
        self.workers = [Piece("worker", self.settings, self.directory, label=f"worker-{i}") for i in range(self.size)]

    def __enter__(self) -> Self:
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.kill()

    def end(self, number: int, how: signal.Signals) -> None:
        """End a worker that must still be alive: nobody but we may end one."""
        worker = self.workers[number]
        assert worker.alive(), f"worker {number} ended by itself:\n{worker.said()[-3000:]}"
        if how is signal.SIGKILL:
            worker.kill()
            return
        code = worker.stop(how)
        self.codes[code] += 1
        assert code in ORDERLY, f"worker {number} ended with {code}:\n{worker.said()[-3000:]}"

    def start(self, number: int) -> None:
        """Start a worker that was ended."""
        self.workers[number].start()

    def join(self, number: int) -> None:
        """Start a worker that was ended, and wait until it has partitions."""
        self.start(number)
        self.workers[number].says("partition open")

    def stop(self) -> None:
        """End all in order."""
        for number, worker in enumerate(self.workers):
            if worker.alive():
                self.end(number, signal.SIGTERM)
