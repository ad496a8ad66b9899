"""Read a compacted topic from its beginning and stay with it: how a process learns what is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from streams.records.record import UNREADABLE

POLL_MS = 100
PATIENCE_S = 0.02
"""Pause between looks at a position that has to be reached."""
LOOKS = 20
"""Fetches, of at most ``POLL_MS`` each, after which what a partition does not have is not on its way either."""
RETRY_S = 0.5
STOP_S = 5.0
"""How long a consumer may take to close."""

log = structlog.get_logger()


class Follower:
    """Feeds every record of some partitions to handlers, in order, without a consumer group.

    ``handlers`` maps (topic, partition) to what is called with each record. A handler that fails is told in the
    log, and the record passed over. ``start`` says where to begin other than at the beginning.
    """

    def __init__(
        self,
        broker: str,
        handlers: Mapping[tuple[str, int], Callable[[ConsumerRecord], object]],
        *,
        start: Mapping[tuple[str, int], int] | None = None,
        fetch_wait_s: float = 0.05,
    ) -> None:
        self._broker = broker
        self._handlers = {TopicPartition(*where): handler for where, handler in handlers.items()}
        self._begin = {TopicPartition(*where): offset for where, offset in (start or {}).items()}
        self._positions = {where: self._begin.get(where, 0) for where in self._handlers}
        self._caught_up = asyncio.Event()
        self._stopped = asyncio.Event()
        self._fetch_wait_ms = round(fetch_wait_s * 1000)
        self._looks = 0
        self._task: asyncio.Task[None] | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Connect and begin to read. Tries again while the broker is away."""
        consumer = await self._connected()
        consumer.assign(list(self._handlers))
        if beginning := [where for where in self._handlers if where not in self._begin]:
            await consumer.seek_to_beginning(*beginning)
        for where, offset in self._begin.items():
            consumer.seek(where, offset)
        self._task = asyncio.create_task(self._follow(consumer))

    async def stop(self) -> None:
        """Stop reading; whoever waits is released."""
        self._stopped.set()
        self._caught_up.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await close(self._consumer)
            self._consumer = None

    async def caught_up(self) -> None:
        """Wait until everything that stood in the partitions at the first fetch was handed over, or the end."""
        await self._caught_up.wait()

    def position(self, topic: str, partition: int) -> int:
        """Return the next offset to be read: everything below it was handed over."""
        return self._positions[TopicPartition(topic, partition)]

    async def reached(self, topic: str, partition: int, offset: int, *, within_s: float | None = None) -> bool:
        """Wait until everything below ``offset`` was handed over.

        False: not ``within_s``, or stopped before, or, where that is given, the partition ends before it for long.
        """
        loop, looks = asyncio.get_running_loop(), self._looks
        until = None if within_s is None else loop.time() + within_s
        while self.position(topic, partition) < offset:
            if self._stopped.is_set() or (until is not None and loop.time() > until):
                return False
            if until is not None and self._looks - looks > LOOKS and self._ends_before(topic, partition, offset):
                return False
            await asyncio.sleep(PATIENCE_S)
        return True

    def _ends_before(self, topic: str, partition: int, offset: int) -> bool:
        """Say whether a partition, by the last fetch, ends before an offset."""
        end = None if self._consumer is None else self._consumer.highwater(TopicPartition(topic, partition))
        return end is not None and end < offset

    async def end(self, topic: str, partition: int) -> int:
        """Return where a partition ended at the last fetch, once there was one; 0 when stopped before."""
        while not self._stopped.is_set():
            assert self._consumer is not None  # noqa: S101 - started
            end = self._consumer.highwater(TopicPartition(topic, partition))
            if end is not None:
                return int(end)
            await asyncio.sleep(PATIENCE_S)
        return 0

    async def _connected(self) -> AIOKafkaConsumer:
        """Return a consumer that is connected: a new one for each try, for one that failed cannot be trusted."""
        while True:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._broker,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=self._fetch_wait_ms,
            )
            try:
                await self._consumer.start()
            except (KafkaError, OSError) as error:
                log.warning("cannot follow yet", error=repr(error))
                await close(self._consumer)
                await asyncio.sleep(RETRY_S)
            else:
                return self._consumer

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        """Read for ever; a fault of the broker is waited out."""
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=POLL_MS)
                for where, records in batches.items():
                    for record in records:
                        self._hand_over(where, record)
                await self._look(consumer)
            except (KafkaError, OSError) as error:
                log.warning("cannot read now", error=repr(error))
                await asyncio.sleep(RETRY_S)

    def _hand_over(self, where: TopicPartition, record: ConsumerRecord) -> None:
        """Give one record to its handler."""
        try:
            self._handlers[where](record)
        except UNREADABLE as error:
            at = {"topic": where.topic, "partition": where.partition, "offset": record.offset}
            log.warning("record passed over: it cannot be read", **at, error=str(error))
        except Exception:
            log.exception("record passed over", topic=where.topic, partition=where.partition, offset=record.offset)
        self._positions[where] = record.offset + 1

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """Advance positions over what compaction removed, and see whether the end was reached.

        The end is the fetch's high watermark: it is right on every broker, for an empty partition too.
        """
        self._looks += 1
        done = True
        for where in self._handlers:
            position = await consumer.position(where)
            self._positions[where] = max(self._positions[where], position)
            end = consumer.highwater(where)
            done = done and end is not None and position >= end
        if done:
            self._caught_up.set()


async def read_range(broker: str, topic: str, partition: int, *, start: int, end: int) -> list[ConsumerRecord]:
    """Return the records of a partition in [``start``, ``end``) that the broker still has."""
    return [each async for part in read_parts(broker, topic, partition, start=start, end=end) for each in part]


async def read_parts(
    broker: str, topic: str, partition: int, *, start: int, end: int, most: int | None = None
) -> AsyncIterator[list[ConsumerRecord]]:
    """Yield the same in parts of ``most`` offsets or a little more: a long range does not fit in memory."""
    where = (topic, partition)
    while start < end:
        found: list[ConsumerRecord] = []
        follower = Follower(broker, {where: found.append}, start={where: start})
        async with follower:
            await follower.reached(topic, partition, end if most is None else min(start + most, end))
        yield [record for record in found if start <= record.offset < end]
        start = follower.position(topic, partition)


async def end_of(broker: str, topic: str, partition: int, *, near: int) -> int:
    """Return where a partition ends; ``near`` is where that is expected."""
    where = (topic, partition)
    async with Follower(broker, {where: lambda _: None}, start={where: near}) as follower:
        return await follower.end(topic, partition)


async def close(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer, whatever it says to that. While the broker is away it may end as cancelled, by nobody."""
    closing: asyncio.Future[None] = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({closing}, timeout=STOP_S)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    if closing.cancelled() or (error := closing.exception()) is not None:
        log.warning("a consumer did not close", error="cancelled" if closing.cancelled() else repr(error))
