"""Read a compacted topic from its beginning and stay with it: how a process learns what is."""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

POLL_MS = 100
PATIENCE_S = 0.02
"""Pause between looks at a position that has to be reached."""

log = structlog.get_logger()


class Follower:
    """Feeds every record of some partitions to handlers, in order, without a consumer group.

    ``handlers`` maps (topic, partition) to what is called with each record. A handler must not fail: it decides
    itself what to do with a record that it cannot read.
    """

    def __init__(
        self,
        broker: str,
        handlers: Mapping[tuple[str, int], Callable[[ConsumerRecord], None]],
        *,
        fetch_wait_s: float = 0.05,
    ) -> None:
        self._handlers = {TopicPartition(*where): handler for where, handler in handlers.items()}
        self._positions = dict.fromkeys(self._handlers, 0)
        self._caught_up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=broker,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=round(fetch_wait_s * 1000),
        )

    async def start(self) -> None:
        """Connect and begin to read. Retries while the broker is away."""
        while True:
            try:
                await self._consumer.start()
                break
            except (KafkaError, ConnectionError) as error:
                log.warning("cannot follow yet", error=repr(error))
                await asyncio.sleep(0.5)
        self._consumer.assign(list(self._handlers))
        await self._consumer.seek_to_beginning(*self._handlers)
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def caught_up(self) -> None:
        """Wait until everything that stood in the partitions at the first fetch was handed over."""
        await self._caught_up.wait()

    def position(self, topic: str, partition: int) -> int:
        """Return the next offset to be read: everything below it was handed over."""
        return self._positions[TopicPartition(topic, partition)]

    async def reached(self, topic: str, partition: int, offset: int) -> None:
        """Wait until everything below ``offset`` was handed over."""
        while self.position(topic, partition) < offset:  # noqa: ASYNC110 - many may wait for many offsets
            await asyncio.sleep(PATIENCE_S)

    async def _follow(self) -> None:
        """Read for ever; a fault of the broker is waited out."""
        while True:
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS)
            except (KafkaError, ConnectionError) as error:
                log.warning("cannot read now", error=repr(error))
                await asyncio.sleep(0.5)
                continue
            for where, records in batches.items():
                for record in records:
                    self._handlers[where](record)
                    self._positions[where] = record.offset + 1
            await self._look()

    async def _look(self) -> None:
        """Advance positions over what compaction removed, and see whether the end was reached.

        The end is the fetch's high watermark: it is right on every broker, for an empty partition too.
        """
        done = True
        for where in self._handlers:
            position = await self._consumer.position(where)
            self._positions[where] = max(self._positions[where], position)
            end = self._consumer.highwater(where)
            done = done and end is not None and position >= end
        if done:
            self._caught_up.set()
