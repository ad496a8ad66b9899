"""One run: a broker, a stream, workers that are ended again and again, and the comparison at the end."""

import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from config.settings import Settings
from pileus.stack.broker import Broker
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics
from streams.topics import FORECASTS
from tests.brokers import free_port, start_kafka
from tests.chaos.fleet import Fleet
from tests.chaos.stream import Stream
from tests.chaos.unbroken import TOPICS, Alike, compare
from tests.pieces import Reader, fast
from tests.waiting import wait_until

RESUME_S = 60.0
"""Most that a take-over may take on a busy machine."""
PERIOD_S = 0.5
KILL_SHARE = 0.7
"""How many of the ends are SIGKILL; the others are SIGTERM."""


@dataclass
class Rig:
    """A broker with a steady stream of samples, and the settings of its workers."""

    settings: Settings
    directory: Path
    reader: Reader
    stream: Stream

    def fleet(self, size: int) -> Fleet:
        return Fleet(self.settings, self.directory, size)

    def published(self) -> list[int]:
        """Return how many forecasts stand in each partition."""
        self.reader.look()
        return [len(self.reader.of(FORECASTS, p)) for p in range(self.settings.partitions)]

    def resumes(self, *, records: int = 3) -> float:
        """Wait until every partition has new forecasts; return how long it took (s)."""
        before, began = self.published(), time.monotonic()
        wait_until(
            lambda: all(now >= n + records for now, n in zip(self.published(), before, strict=True)),
            within_s=RESUME_S,
            what="new forecasts in every partition",
        )
        return time.monotonic() - began

    def settle(self) -> None:
        """End the stream, and wait until every sample was evaluated."""
        self.stream.end()
        self.resumes()

    def compare(self) -> list[Alike]:
        """Compare what was published with an unbroken fold."""
        assert not self.stream.lost, f"{self.stream.lost} messages never reached the broker"
        return compare(self.reader, self.settings, self.stream.sent)


@contextmanager
def rig_on(broker: Broker, directory: Path, *, partitions: int = 4, **changes: float) -> Iterator[Rig]:
    """Make the topics, and let the stream flow. ``changes`` of the settings for tests."""
    given = {"evaluation_s": PERIOD_S, "checkpoint_s": 1.0} | changes
    settings = fast(broker.address, directory, partitions=partitions, **given)
    create_topics(settings.broker, partitions=partitions, replication=1)
    with Reader(settings.broker, TOPICS, partitions) as reader, Stream(settings.broker, partitions) as stream:
        yield Rig(settings, directory, reader, stream)


def start(kind: str, directory: Path) -> Broker:
    """Start a broker of this kind, empty."""
    return start_kafka(directory) if kind == "kafka" else start_tansu(free_port(), directory=directory)


@dataclass
class Ended:
    """What was done to the workers."""

    by: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    """Exit codes after SIGTERM."""
    resumed_s: list[float] = field(default_factory=list)
    """How long it took, after some ends, until all partitions had three more forecasts (s)."""


def storm(rig: Rig, *, kills: int, workers: int, seed: int, tell: Callable[[str], None] = lambda _: None) -> Ended:
    """End workers at random moments, so often; start each again. Half of the ends wait for all partitions to go on.

    The others come at any moment: while partitions move, state is restored, or what was missed is read again.
    """
    chance, ended, pause = np.random.default_rng(seed), Ended(), threading.Event()
    with rig.fleet(workers) as fleet:
        rig.resumes()
        while ended.by.total() < kills:
            some = chance.permutation(workers)[: 1 + int(chance.random() < 0.2)]  # now and then two at once
            for number in map(int, some):
                how = signal.SIGKILL if chance.random() < KILL_SHARE else signal.SIGTERM
                fleet.end(number, how)
                ended.by[how.name] += 1
            pause.wait(float(chance.random()))
            for number in map(int, some):
                fleet.start(number)
            if chance.random() < 0.5:
                ended.resumed_s.append(rig.resumes(records=1 + int(chance.integers(4))))
            pause.wait(3.0 * float(chance.random()))  # any moment
            tell(f"{ended.by.total()} of {kills} ended, {sum(rig.published())} forecasts")
        rig.resumes()
        rig.settle()
        fleet.stop()
        ended.codes = fleet.codes
    return ended


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
