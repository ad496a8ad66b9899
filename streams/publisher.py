"""Publish records from a program that must never wait for Kafka.

``publish`` puts a record into a bounded buffer and returns; one thread delivers. While the broker is
away the oldest records are dropped and counted; when it is back, delivery goes on by itself. Each topic
waits in a lane of its own: neither a flood of log lines nor a topic that does not exist holds up samples.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.partition import partition_of
from streams.records.record import Record, encode
from streams.topics import Topic

LIMIT = 10_000
"""Records that may wait per topic."""
LIMIT_BYTES = 8 * 1024 * 1024
"""Bytes that may wait per topic."""
RECORD_BYTES = 900_000
"""A larger record is dropped at once: Kafka's usual bound is 1 MB for a whole batch."""
BATCH = 500
"""Records of one topic that are under way at a time."""
PAUSE_S = 0.1
"""Rest of a topic after its first failure (s); doubles with each further one."""
MAX_PAUSE_S = 2.0


class RefusedError(Exception):
    """Kafka will never take this message: drop it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One record as Kafka gets it."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class Producer(Protocol):
    """A connection that delivers. Used by one thread; ``close`` may come from another."""

    def deliver(self, messages: Sequence[Message]) -> Sequence[Exception | None]:
        """Send and wait, for a bounded time. One answer per message, in order: ``None`` is acknowledged.

        :class:`RefusedError` means never; any other error means that the message should be sent again.
        """
        ...

    def close(self) -> None:
        """Let go of the connection at once; what is under way fails."""
        ...


def _ignore(_text: str) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class _Lane:
    """What waits for one topic."""

    waiting: deque[Message] = field(default_factory=deque)
    size: int = 0
    """Bytes of the values that wait."""
    pause_s: float = 0.0
    rest_until: float = 0.0
    error: str = ""

    def trim(self, limit: int, limit_bytes: int) -> int:
        """Drop the oldest until the bounds hold; return how many went."""
        before = len(self.waiting)
        while len(self.waiting) > limit or self.size > limit_bytes:
            self.size -= len(self.waiting.popleft().value)
        return before - len(self.waiting)

    def take(self) -> list[Message]:
        """Take out the oldest, at most ``BATCH``."""
        batch = [self.waiting.popleft() for _ in range(min(BATCH, len(self.waiting)))]
        self.size -= sum(len(message.value) for message in batch)
        return batch

    def give_back(self, batch: Sequence[Message]) -> None:
        """Put messages that failed back where they stood."""
        self.waiting.extendleft(reversed(batch))
        self.size += sum(len(message.value) for message in batch)


class Publisher:
    """Deliver records in the background, in the order of their publication, at least once.

    ``connect`` opens a connection (:func:`streams.producer.connect`) or raises; it is called from the
    background thread, again after each failure. ``partitions`` is that of the per-application topics.
    ``on_change`` hears ``""`` when delivery works again and the reason when it stops working.
    At most ``limit`` records (``limit_bytes`` bytes) wait per topic, and ``BATCH`` are under way.
    """

    def __init__(
        self,
        connect: Callable[[], Producer],
        *,
        partitions: int,
        limit: int = LIMIT,
        limit_bytes: int = LIMIT_BYTES,
        on_change: Callable[[str], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._partitions = partitions
        self._limit, self._limit_bytes = limit, limit_bytes
        self._on_change = on_change
        self._clock = clock
        self._changed = threading.Condition()
        self._lanes: dict[str, _Lane] = {}
        self._producer: Producer | None = None
        self._under_way = 0
        self._sent = 0
        self._dropped = 0
        self._closing = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    @property
    def sent(self) -> int:
        """Records that Kafka acknowledged."""
        with self._changed:
            return self._sent

    @property
    def dropped(self) -> int:
        """Records given up: the oldest of a full buffer, too large, refused, or left at the end."""
        with self._changed:
            return self._dropped

    @property
    def pending(self) -> int:
        """Records that wait or are under way. Published = sent + dropped + pending, always."""
        with self._changed:
            return self._under_way + sum(len(lane.waiting) for lane in self._lanes.values())

    @property
    def error(self) -> str:
        """Why delivery does not work; empty while it does."""
        with self._changed:
            return self._error()

    def publish(self, topic: Topic, record: Record | bytes, *, key: bytes, owner: bytes | None = None) -> None:
        """Put ``record``, or one that is written already, into the buffer. Never waits, nor raises for what Kafka does.

        ``owner`` decides the partition when that is not ``key`` (:func:`streams.partition.application_key`).
        """
        partition = partition_of(owner or key, topic.partitions or self._partitions)
        message = Message(topic.name, partition, key, record if isinstance(record, bytes) else encode(record))
        with self._changed:
            if self._closing or len(message.value) > RECORD_BYTES:
                self._dropped += 1
                return
            lane = self._lanes.setdefault(topic.name, _Lane())
            lane.waiting.append(message)
            lane.size += len(message.value)
            self._dropped += lane.trim(self._limit, self._limit_bytes)
            self._changed.notify()

    def close(self, timeout_s: float = 1.0) -> None:
        """Deliver what waits for at most ``timeout_s`` seconds, then let go. What is left counts as dropped."""
        with self._changed:
            self._closing = True
            for lane in self._lanes.values():
                lane.rest_until = 0.0
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            self._over = True
            self._dropped += self._under_way + sum(len(lane.waiting) for lane in self._lanes.values())
            self._under_way = 0
            self._lanes.clear()
            self._changed.notify()
            producer = self._producer
        if producer is not None:
            producer.close()

    def _run(self) -> None:
        """Deliver until closed."""
        while self._wait():
            try:
                self._producer = self._producer or self._connect()
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a client library raises
                self._rest(error)
                continue
            lanes = self._take()
            batch = [message for messages in lanes.values() for message in messages]
            answers: Sequence[Exception | None]
            try:
                answers = self._producer.deliver(batch)
            except Exception as error:  # noqa: BLE001 - as above
                answers = [error] * len(batch)
            self._settle(lanes, answers)
        self._disconnect()

    def _wait(self) -> bool:
        """Wait until a lane is ready; return False when there is nothing more to do."""
        with self._changed:
            while not self._over:
                waiting = [lane for lane in self._lanes.values() if lane.waiting]
                if self._closing and not waiting:
                    return False
                first = min((lane.rest_until for lane in waiting), default=None)
                if first is not None and first <= self._clock():
                    return True
                self._changed.wait(None if first is None else first - self._clock())
            return False

    def _take(self) -> dict[str, list[Message]]:
        """Take a batch out of every lane that is ready."""
        with self._changed:
            now = self._clock()
            ready = {name: lane.take() for name, lane in self._lanes.items() if lane.waiting and lane.rest_until <= now}
            self._under_way = sum(len(batch) for batch in ready.values())
            return ready

    def _rest(self, error: Exception) -> None:
        """No connection: let every lane that is ready rest, and say why."""
        with self._changed:
            before = self._error()
            for lane in self._lanes.values():
                if lane.waiting and lane.rest_until <= self._clock():
                    self._fail(lane, error)
        self._tell(before)

    def _settle(self, lanes: dict[str, list[Message]], answers: Sequence[Exception | None]) -> None:
        """Count what arrived, put back what failed, and let go of a connection that delivered nothing."""
        left = iter(answers)
        delivered = False
        with self._changed:
            if self._over:
                return
            before = self._error()
            for name, batch in lanes.items():
                delivered |= self._settle_lane(self._lanes[name], [(message, next(left)) for message in batch])
            self._under_way = 0
        if not delivered:
            self._disconnect()
        self._tell(before)

    def _settle_lane(self, lane: _Lane, answered: list[tuple[Message, Exception | None]]) -> bool:
        """Do so for one lane; return whether the broker answered for any of it."""
        failed = [(m, error) for m, error in answered if error is not None and not isinstance(error, RefusedError)]
        refused = sum(isinstance(error, RefusedError) for _, error in answered)
        self._dropped += refused
        self._sent += len(answered) - refused - len(failed)
        lane.give_back([message for message, _ in failed])
        self._dropped += lane.trim(self._limit, self._limit_bytes)
        if failed:
            self._fail(lane, failed[0][1])
        else:
            lane.pause_s, lane.rest_until, lane.error = 0.0, 0.0, ""
        return len(failed) < len(answered)

    def _fail(self, lane: _Lane, error: Exception) -> None:
        """Let a lane rest, longer after each failure; the last moments before the end are not waited away."""
        lane.error = str(error) or type(error).__name__
        lane.pause_s = PAUSE_S if self._closing else min(max(2 * lane.pause_s, PAUSE_S), MAX_PAUSE_S)
        lane.rest_until = self._clock() + lane.pause_s

    def _disconnect(self) -> None:
        """Let go of the connection; the next delivery opens another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close()

    def _error(self) -> str:
        """Return the first lane's error."""
        return next((lane.error for lane in self._lanes.values() if lane.error), "")

    def _tell(self, before: str) -> None:
        """Call ``on_change`` when delivery began to fail or to work."""
        after = self.error
        if bool(after) != bool(before):
            self._on_change(after)
