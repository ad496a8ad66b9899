"""The parts of Pileus as processes against a real broker, and a hand on the topics: start, kill, write, read."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import msgspec
import psutil
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from config.settings import Settings, to_environment
from streams.records.record import Record, encode
from streams.topics import Topic
from tests.waiting import wait_until

START_S = 60.0
"""Most that a part may take until it works, on a busy machine."""
END_S = 20.0


def fast(broker: str, state: Path, **changes: Any) -> Settings:
    """Return settings for tests: everything once a second, two partitions, a session of 3 s."""
    settings = Settings(
        broker=broker,
        partitions=2,
        sample_interval_s=0.5,
        evaluation_s=1.0,
        window_s=20.0,
        fault_s=30.0,
        checkpoint_s=2.0,
        session_s=3.0,
        resend_s=2.0,
        state_dir=str(state),
    )
    return msgspec.structs.replace(settings, **changes)


class Piece:
    """One ``pileus`` command as a process, its words in a log."""

    def __init__(self, name: str, settings: Settings, directory: Path, *options: str, label: str = "") -> None:
        self.name = name
        self._options = options
        self.log = directory / f"{label or name}.log"
        self._environment = dict(os.environ) | to_environment(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._read_from = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "Piece":
        self.log.touch()
        self._read_from = self.log.stat().st_size
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pileus", self.name, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        return self

    def said(self) -> str:
        """Return what it wrote since it was started last."""
        with self.log.open("rb") as file:
            file.seek(self._read_from)
            return file.read().decode(errors="replace")

    def _has_said(self, text: str, times: int) -> bool:
        if self.said().count(text) >= times:
            return True
        assert self.alive(), "it ended"
        return False

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(END_S)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code; kill it when it does not obey."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode

    def says(self, text: str, *, times: int = 1, within_s: float = START_S) -> None:
        """Wait until it has written ``text`` so often since it was started last."""
        try:
            wait_until(lambda: self._has_said(text, times), within_s=within_s, what=f"{text!r} {times} times")
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}; it said:\n{self.said()[-3000:]}") from None


@contextmanager
def running(*pieces: Piece) -> Iterator[None]:
    """Start pieces, and end them whatever happens."""
    try:
        for piece in pieces:
            piece.start()
        yield
    finally:
        for piece in pieces:
            piece.stop()


class Hand:
    """Writes to topics and reads them, as any Kafka client can."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self._producer = KafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=0, enable_idempotence=False)

    def write(self, topic: Topic, partition: int, *records: Record | bytes, key: str = "") -> list[int]:
        """Write records and return their offsets."""
        values = [record if isinstance(record, bytes) else encode(record) for record in records]
        sent = [self._producer.send(topic.name, value, key=key.encode(), partition=partition) for value in values]
        return [each.get(10).offset for each in sent]

    def close(self) -> None:
        self._producer.close(timeout=5)


class Reader:
    """Everything in some topics, from the beginning: ask again and there is more."""

    def __init__(self, broker: str, topics: Iterable[Topic], partitions: int) -> None:
        where = [TopicPartition(t.name, p) for t in topics for p in range(t.partitions or partitions)]
        self.messages: dict[tuple[str, int], list[Any]] = {(w.topic, w.partition): [] for w in where}
        self._consumer = KafkaConsumer(
            bootstrap_servers=broker, enable_auto_commit=False, fetch_max_wait_ms=50, auto_offset_reset="earliest"
        )
        self._consumer.assign(where)
        self._consumer.seek_to_beginning()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def look(self) -> "Reader":
        """Read what came since."""
        for where, messages in self._consumer.poll(timeout_ms=50, max_records=5000).items():
            self.messages[where.topic, where.partition] += messages
        return self

    def drained(self) -> "Reader":
        """Read until nothing is left."""
        wait_until(lambda: self.look()._at_end(), within_s=30, what="the end of the topics")
        return self

    def of(self, topic: Topic, partition: int | None = None) -> list[Any]:
        """Return the messages of a topic, or of one of its partitions, in the order of each log."""
        found = sorted((w, messages) for w, messages in self.messages.items() if w[0] == topic.name)
        return [m for (_, p), messages in found if partition in {None, p} for m in messages]

    def records(self, topic: Topic, decoder: msgspec.json.Decoder[Any], partition: int | None = None) -> list[Any]:
        """Return what stands in a topic, decoded; what cannot be decoded is left out."""
        found = []
        for message in self.of(topic, partition):
            with suppress(ValueError):
                found.append(decoder.decode(message.value or b""))
        return found

    def close(self) -> None:
        self._consumer.close()

    def _at_end(self) -> bool:
        where = self._consumer.assignment()
        ends = {w: self._consumer.highwater(w) for w in where}
        return all(end is not None and self._consumer.position(w) >= end for w, end in ends.items())


def carrying(folder: Path) -> list[str]:
    """Return every process alive that was started for ``folder``: its command, environment or directory names it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in words):
                found.append(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
        except (psutil.Error, OSError):
            continue
    return found
