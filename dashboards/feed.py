"""The feed: reads the topics into the read model, without a consumer group, for as long as the dashboard runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from dashboards.events import events
from dashboards.fold import DECODERS, Change, take
from dashboards.live import Live
from dashboards.model import Model
from dashboards.status import Status
from streams.topics import LEADTIMES, LOGS, TOPICS

MINUTE_S = 60.0
BACK_S: Mapping[str, float] = {LOGS.name: 2 * MINUTE_S, LEADTIMES.name: 24 * 60 * MINUTE_S}
"""How far back a topic that is not compacted is read (s), where it is not :data:`USUAL_S`."""
USUAL_S = 15 * MINUTE_S
LOOK_S = 2.0
"""How often topics that appeared are looked for, and whether the broker still answers."""
ANSWER_S = 5.0
"""How long the broker may take to answer."""
MISSES = 3
"""Looks in a row without an answer after which the broker is away: one node may restart."""
CATCH_UP_S = 20.0
"""How long the pages wait for the model to be whole."""
CLOSE_S = 0.5
"""How long the clients may take to close."""
POLL_S = 0.1
"""How long a fetch waits for records."""
BATCH = 500
"""Records folded in before the pages get their turn."""
RETRY_S = (0.5, 1.0, 2.0, 5.0)
"""Pause before the next attempt to connect; the last one repeats."""

log = structlog.get_logger("pileus.dashboard")

Connection = contextlib.AbstractAsyncContextManager[tuple[AIOKafkaConsumer, AIOKafkaAdminClient]]


@contextlib.asynccontextmanager
async def connected(broker: str) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaAdminClient]]:
    """Yield a consumer and an admin client that are connected; end both whatever happens."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=int(POLL_S * 1000),
        request_timeout_ms=int(ANSWER_S * 1000),
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=broker, request_timeout_ms=int(ANSWER_S * 1000))
    try:
        async with asyncio.timeout(2 * ANSWER_S):
            await consumer.start()
            await admin.start()
        yield consumer, admin
    finally:
        await _ended(consumer.stop(), admin.close())


async def _ended(*closing: Coroutine[Any, Any, None]) -> None:
    """Let the clients end; one that takes too long or fails in it is left behind."""
    done, late = await asyncio.wait([asyncio.ensure_future(each) for each in closing], timeout=CLOSE_S)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.exception()


@dataclass(slots=True)
class Feed:
    """Keeps one model in step with one broker. A connection starts with an empty model and reads what it needs."""

    model: Model
    status: Status
    live: Live
    clock: Callable[[], float]
    """Seconds since the Unix epoch."""
    connect: Callable[[str], Connection] = connected
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    """Next offset to be read."""
    patience: float = 0.0
    """When a model that is not whole is shown all the same (loop time)."""

    async def run(self) -> None:
        """Follow the topics until cancelled; whatever the broker does, come back."""
        failures = 0
        while True:
            before = self.status.connections
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001 - whatever the client or the broker does: note it, come back
                failures = 1 if self.status.connections > before else failures + 1
                self._down(error)
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S)) - 1])

    def _down(self, error: Exception) -> None:
        """Note that the broker is away, once for each time that it goes."""
        said = str(error) or type(error).__name__
        if self.status.reachable or self.status.since is None:
            log.warning("broker away", broker=self.status.broker, error=said)
        self.status.down(self.clock(), said)
        self.live.reset()

    async def _follow(self) -> None:
        """Connect, read everything that is needed, and go on reading until the connection fails."""
        async with self.connect(self.status.broker) as (consumer, admin):
            self.model.clear()
            self.positions.clear()
            self.status.up(self.clock())
            log.info("broker answers", broker=self.status.broker)
            clock, look, misses = asyncio.get_running_loop().time, 0.0, 0
            self.patience = clock() + CATCH_UP_S
            while True:
                if clock() >= look:
                    misses = 0 if await self._look(consumer, admin, last=misses + 1 >= MISSES) else misses + 1
                    look = clock() + (LOOK_S / 4 if misses else LOOK_S)
                if self.positions:
                    await self._read(consumer)
                else:
                    await self._wait()

    async def _wait(self) -> None:
        """Wait for the first topic: with none there is nothing to catch up with."""
        self._caught_up()
        await asyncio.sleep(POLL_S)

    async def _look(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, *, last: bool) -> bool:
        """Assign the partitions that appeared since; ``False`` without an answer, which the ``last`` try raises."""
        try:
            async with asyncio.timeout(ANSWER_S):
                described = await admin.describe_topics()
        except (KafkaError, OSError, TimeoutError):
            if last:
                raise
            return False
        found = {t["topic"]: [p["partition"] for p in t["partitions"]] for t in described if t["topic"] in DECODERS}
        self.status.partitions = {topic: len(partitions) for topic, partitions in found.items()}
        every = {TopicPartition(topic, p) for topic, partitions in found.items() for p in partitions}
        if new := sorted(every - set(self.positions)):
            async with asyncio.timeout(2 * ANSWER_S):
                await self._assign(consumer, new)
        return True

    async def _assign(self, consumer: AIOKafkaConsumer, new: Sequence[TopicPartition]) -> None:
        """Add partitions, each from where the model needs it."""
        consumer.assign([*self.positions, *new])
        self.positions |= await self._starts(consumer, new)
        for partition, offset in self.positions.items():
            consumer.seek(partition, offset)

    async def _starts(self, consumer: AIOKafkaConsumer, new: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Say where to begin: compacted topics at their beginning, the others some time back."""
        compacted = {t.name for t in TOPICS if t.compacted}
        starts: dict[TopicPartition, int] = await consumer.beginning_offsets(list(new))
        since = {p: int((self.clock() - BACK_S.get(p.topic, USUAL_S)) * 1000) for p in new if p.topic not in compacted}
        try:
            found: dict[TopicPartition, Any] = await consumer.offsets_for_times(since) if since else {}
            ends: dict[TopicPartition, int] = await consumer.end_offsets(list(since)) if since else {}
        except KafkaError as error:
            log.info("broker finds no offsets by time, reading from the beginning", error=str(error))
            return starts
        for partition in since:
            at = found.get(partition)
            starts[partition] = max(starts[partition], at.offset if at else ends[partition])
        return starts

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        """Fold in one batch and tell the pages."""
        got = await consumer.getmany(timeout_ms=int(POLL_S * 1000), max_records=BATCH)
        changes: list[Change] = []
        for partition, messages in got.items():
            for m in messages:
                changes += take(
                    self.model, m.topic, key=m.key or b"", value=m.value, written_at=max(m.timestamp, 0) / 1000
                )
            self.positions[partition] = messages[-1].offset + 1
        self._measure_lag(consumer)
        if self.status.caught_up:
            self._tell(changes)
        elif not got and (self._whole(consumer) or asyncio.get_running_loop().time() > self.patience):
            self._caught_up()

    def _whole(self, consumer: AIOKafkaConsumer) -> bool:
        """Return whether every partition has been read up to the high watermark that its last fetch named."""
        marks = {p: consumer.highwater(p) for p in self.positions}
        return all(mark is not None and self.positions[p] >= mark for p, mark in marks.items())

    def _measure_lag(self, consumer: AIOKafkaConsumer) -> None:
        """Sum up what is left to read, from the high watermarks of the fetches (the broker's end offsets may lie)."""
        lag: dict[str, int] = {}
        for partition, position in self.positions.items():
            if (mark := consumer.highwater(partition)) is not None:
                lag[partition.topic] = lag.get(partition.topic, 0) + max(0, mark - position)
        self.status.lag = lag

    def _caught_up(self) -> None:
        """Note that the model is whole, and let the pages load it."""
        if not self.status.caught_up:
            self.status.caught_up = True
            self.live.reset()

    def _tell(self, changes: Iterable[Change]) -> None:
        """Send what changed to the open pages."""
        if self.live.listeners:
            for name, view in events(self.model, changes, now=self.clock()):
                self.live.publish(name, view.model_dump_json().encode())
