"""The stream worker: a Faust app around :class:`streams.fold.Fold`, one fold per partition that it owns.

Its state is safe because nothing is acknowledged before a checkpoint covers it: after a crash the
log is read again from there, and the same records give the same state.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import faust
import structlog
from aiokafka.structs import ConsumerRecord

from streams import checkpoints
from streams.cluster import Rules
from streams.faust_app import Sender, consume, create_faust_app, own
from streams.fold import LAYOUT, Fold
from streams.follow import Follower
from streams.records.checkpoint import Checkpoint
from streams.records.forecast import Forecasts
from streams.records.member import INSTANCES as INSTANCE
from streams.records.member import MEMBERS as MEMBER
from streams.records.sample import Tick
from streams.topics import CHECKPOINTS, FORECASTS, INSTANCES, MEMBERS, REJECTED, SAMPLES

ROLE = "worker"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What the worker's shell goes by (s)."""

    broker: str
    rules: Rules
    lateness_s: float = 0.2
    """How long after a period's end its tick is written: samples under way may still come."""
    checkpoint_s: float = 5.0
    session_s: float = 6.0
    fetch_wait_s: float = 0.05


@dataclass
class Shard:
    """One partition: its fold, where it stands, and what is not acknowledged yet."""

    fold: Fold
    offset: int
    """Messages below this are in the fold already."""
    follower: Follower
    held: list[Any] = field(default_factory=list)
    checkpoint_at: float = -math.inf


def create_app(settings: WorkerSettings, *, now: Callable[[], float]) -> faust.App:
    """Build the worker. ``now`` is the wall clock (s since the Unix epoch): ticks are written by it."""
    app = create_faust_app(
        "pileus-worker", broker=settings.broker, session_s=settings.session_s, fetch_wait_s=settings.fetch_wait_s
    )
    worker = Worker(settings, Sender(app), now)
    consume(app, SAMPLES, worker.message)
    own(app, lambda tps: worker.assign({tp.partition for tp in tps if tp.topic == SAMPLES.name}), worker.release)
    app.task(worker.tick_for_ever)
    return app


class Worker:
    """The partitions that this process owns."""

    def __init__(self, settings: WorkerSettings, sender: Sender, now: Callable[[], float]) -> None:
        self.settings = settings
        self._sender = sender
        self._now = now
        self._shards: dict[int, Shard] = {}
        self._opening: dict[int, asyncio.Task[Shard]] = {}

    def assign(self, partitions: set[int]) -> None:
        """Begin to own ``partitions``."""
        log.info("partitions assigned", partitions=sorted(partitions))
        for partition in partitions:
            self._opening[partition] = asyncio.create_task(self._open(partition))

    async def release(self) -> None:
        """Own nothing any more: what is not acknowledged is read again by the next owner."""
        tasks, self._opening = list(self._opening.values()), {}
        shards, self._shards = list(self._shards.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(shard.follower.stop() for shard in shards), return_exceptions=True)

    async def message(self, event: Any) -> None:
        """Take in one message and publish what comes of it."""
        message = event.message
        opening = self._opening.get(message.partition)
        if opening is None:
            return  # the partition is another worker's by now, and so is this message
        shard = await opening
        shard.held.append(event)
        if message.offset < shard.offset:
            return
        await self._reach(shard, message.partition, event.value)
        records = shard.fold.message(event.value)
        shard.offset = message.offset + 1
        for record in records:
            if isinstance(record, Forecasts):
                await self._sender.send(FORECASTS, str(message.partition), record, message.partition)
                await self._checkpoint(shard, message.partition, record.at)
            else:
                await self._sender.send(REJECTED, SAMPLES.name, record, 0)

    async def tick_for_ever(self) -> None:
        """Write a tick into every partition at the end of each period, once its membership is known."""
        period, lateness = self.settings.rules.evaluation_s, self.settings.lateness_s
        while True:
            due = math.floor((self._now() - lateness) / period + 1.0) * period
            await asyncio.sleep(max(0.0, due + lateness - self._now()))
            for partition, shard in list(self._shards.items()):
                tick = Tick(
                    at=due,
                    members_offset=shard.follower.position(MEMBERS.name, partition),
                    instances_offset=shard.follower.position(INSTANCES.name, partition),
                )
                await self._sender.send(SAMPLES, "tick", tick, partition)

    async def _open(self, partition: int) -> Shard:
        """Restore a partition's state and follow its membership."""
        checkpoint = await checkpoints.newest(self.settings.broker, ROLE, partition, layout=LAYOUT)
        fold = Fold(partition, self.settings.rules)
        if checkpoint is not None:
            fold.restore(checkpoint.state)
        follower = Follower(
            self.settings.broker,
            {
                (MEMBERS.name, partition): lambda r: _hand_over(r, MEMBER.decode, fold.member),
                (INSTANCES.name, partition): lambda r: _hand_over(r, INSTANCE.decode, fold.instance),
            },
            fetch_wait_s=self.settings.fetch_wait_s,
        )
        await follower.start()
        await follower.caught_up()
        shard = Shard(fold, 0 if checkpoint is None else checkpoint.offset, follower)
        self._shards[partition] = shard
        log.info("partition open", partition=partition, offset=shard.offset, clusters=len(fold.progress.clusters))
        return shard

    async def _reach(self, shard: Shard, partition: int, raw: bytes | None) -> None:
        """Before a tick, wait for the membership that it names."""
        if raw is None or b'"tick"' not in raw:
            return
        tick = shard.fold.peek(raw)
        if tick is not None:
            await shard.follower.reached(MEMBERS.name, partition, tick.members_offset)
            await shard.follower.reached(INSTANCES.name, partition, tick.instances_offset)

    async def _checkpoint(self, shard: Shard, partition: int, at: float) -> None:
        """Now and then write the state down, and acknowledge what it covers."""
        if at - shard.checkpoint_at < self.settings.checkpoint_s:
            return
        shard.checkpoint_at = at
        record = Checkpoint(
            role=ROLE, partition=partition, offset=shard.offset, layout=LAYOUT, state=shard.fold.snapshot()
        )
        await self._sender.send(CHECKPOINTS, checkpoints.key(ROLE, partition), record, partition)
        held, shard.held = shard.held, []
        for event in held:
            event.ack()


def _hand_over(record: ConsumerRecord, decode: Callable[[bytes], Any], take: Callable[[int, Any], None]) -> None:
    """Decode a record of the membership; one that cannot be read is told and passed over."""
    if not record.value:
        return
    try:
        take(record.offset, decode(record.value))
    except ValueError:
        log.exception("unreadable record", topic=record.topic, offset=record.offset)
