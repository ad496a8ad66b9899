"""The stream worker: a Faust app around :class:`streams.fold.Fold`, one fold per partition that it owns.

Its state is safe because the log can be read again: a checkpoint holds the state at an offset, and what stands
between that offset and the first message that comes in is read again. The same records give the same state.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import faust
import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from streams import checkpoints, facts, history
from streams.cluster import Rules
from streams.faust_app import FETCH, Logged, consume, create_faust_app, own, record_of, records_of
from streams.fold import LAYOUT, Fold
from streams.follow import Follower, read_range
from streams.probation import Turns
from streams.publish import Sender
from streams.records.checkpoint import Checkpoint
from streams.records.forecast import Forecasts
from streams.records.log import Rejected
from streams.records.record import Record
from streams.records.sample import Tick
from streams.shards import Shards
from streams.skew import Episodes
from streams.topics import FORECASTS, INSTANCES, MEMBERS, REJECTED, SAMPLES

ROLE = "worker"
TICK = b'"tick"'
"""Stands in every tick, and in little else."""
REACH_S = 10.0
"""How long a tick may wait for the membership that it names."""

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
    coalesce: bool = True
    """Take all that one fetch brought of a partition as one event; else an event is a message."""


@dataclass
class Shard:
    """One partition: its fold, where it stands, and who follows its membership."""

    fold: Fold
    offset: int
    """Messages below this are in the fold."""
    follower: Follower
    checkpoint_at: float = -math.inf
    turns: Turns = field(default_factory=Turns)
    clocks: Episodes = field(default_factory=Episodes)


def create_app(settings: WorkerSettings, *, now: Callable[[], float]) -> faust.App:
    """Build the worker. ``now`` is the wall clock (s since the Unix epoch): ticks are written by it."""
    app = create_faust_app(
        "pileus-worker",
        broker=settings.broker,
        session_s=settings.session_s,
        fetch_wait_s=settings.fetch_wait_s,
        coalesced={SAMPLES.name} if settings.coalesce else (),
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
        self._shards: Shards[Shard] = Shards(self._open, lambda shard: shard.follower.stop())

    def assign(self, partitions: set[int]) -> None:
        """Begin to own ``partitions``."""
        log.info("partitions assigned", partitions=sorted(partitions))
        self._shards.assign(partitions)

    async def release(self) -> None:
        """Own nothing any more."""
        await self._shards.release()

    async def message(self, event: Any) -> None:
        """Take in the messages of one event, after all before them, and publish what comes of them."""
        event.ack()  # a hint for the next start: what counts is the checkpoint
        partition, records = event.message.partition, records_of(event)
        shard = await self._shards.get(partition)
        if shard is None:
            return  # the partition is another worker's by now, and so is this message
        first = records[0][0]
        if first > shard.offset:
            await self._fill(shard, partition, first)
        await self._take(shard, partition, records)

    async def tick_for_ever(self) -> None:
        """Write a tick into every partition at the end of each period, once its membership is known."""
        period, lateness = self.settings.rules.evaluation_s, self.settings.lateness_s
        while True:
            due = math.floor((self._now() - lateness) / period + 1.0) * period
            await asyncio.sleep(max(0.0, due + lateness - self._now()))
            await asyncio.gather(*(self._tick(due, *each) for each in self._shards.opened.items()))

    async def _tick(self, at: float, partition: int, shard: Shard) -> None:
        """Write one tick. When the broker is away it is left out: a late one would be wrong about the time."""
        tick = Tick(
            at=at,
            members_offset=shard.follower.position(MEMBERS.name, partition),
            instances_offset=shard.follower.position(INSTANCES.name, partition),
        )
        await self._sender.offer(SAMPLES, "tick", tick, partition)

    async def _open(self, partition: int) -> Shard:
        """Restore a partition's state and follow its membership."""
        checkpoint = await checkpoints.newest(self.settings.broker, ROLE, partition, log=SAMPLES)
        fold = _restored(partition, self.settings.rules, checkpoint)
        await history.restore(self.settings.broker, partition, fold)
        follower = Follower(self.settings.broker, _handlers(fold), fetch_wait_s=self.settings.fetch_wait_s)
        try:
            await follower.start()
            await follower.caught_up()
        except BaseException:
            await follower.stop()
            raise
        shard = Shard(fold, 0 if checkpoint is None else checkpoint.offset, follower)
        log.info("partition open", partition=partition, offset=shard.offset, clusters=len(fold.progress.clusters))
        return shard

    async def _fill(self, shard: Shard, partition: int, end: int) -> None:
        """Take in what stands between the checkpoint and the first message that came in."""
        start = shard.offset
        missed = await read_range(self.settings.broker, SAMPLES.name, partition, start=start, end=end)
        for begin in range(0, len(missed), FETCH):
            part = missed[begin : begin + FETCH]
            await self._take(shard, partition, [record_of(record) for record in part])
            await asyncio.sleep(0)
        shard.offset = end
        log.info("read again", partition=partition, start=start, end=end, messages=len(missed))

    async def _take(self, shard: Shard, partition: int, records: Sequence[Logged]) -> None:
        """Feed the fold what it does not have yet, and publish what comes of it.

        The offset goes first: a message that the fold fails on is not fed again.
        """
        fold = shard.fold
        for offset, raw, written_at in records:
            if offset < shard.offset:
                continue
            named = True
            if raw is not None and TICK in raw:
                named = await self._reach(shard, partition, raw, written_at)
                if not self._shards.has(partition, shard):
                    return
            shard.offset = offset + 1
            if published := fold.message(raw, written_at=written_at, named=named):
                await self._publish(shard, partition, published)
                if not self._shards.has(partition, shard):
                    return

    async def _publish(self, shard: Shard, partition: int, made: Sequence[Record]) -> None:
        """Publish what came of a tick, and write down what a restart needs."""
        for record in made:
            if isinstance(record, Forecasts):
                await self._sender.send(FORECASTS, str(partition), record, partition)
                _tell(shard.turns, record)
                _tell_clocks(shard.clocks, record)
            elif isinstance(record, Rejected):
                await self._sender.send(REJECTED, record.topic, record, 0)
        await history.save(self._sender, partition, made)
        await self._checkpoint(shard, partition)

    async def _reach(self, shard: Shard, partition: int, raw: bytes, written_at: float) -> bool:
        """Before a tick that counts, wait for the membership that it names; False when it is not there."""
        tick = shard.fold.peek(raw)
        if tick is None or not shard.fold.is_next(tick, written_at):
            return True
        for topic, offset in ((MEMBERS.name, tick.members_offset), (INSTANCES.name, tick.instances_offset)):
            if not await shard.follower.reached(topic, partition, offset, within_s=REACH_S):
                log.error("a tick names what is not there", topic=topic, partition=partition, offset=offset)
                return False
        return True

    async def _checkpoint(self, shard: Shard, partition: int) -> None:
        """Now and then write the state down: what is lost with the process is so many seconds of its work."""
        now = self._now()
        if 0.0 <= now - shard.checkpoint_at < self.settings.checkpoint_s:
            return
        shard.checkpoint_at = now
        state = shard.fold.snapshot()
        await checkpoints.save(
            self._sender, Checkpoint(role=ROLE, partition=partition, offset=shard.offset, layout=LAYOUT, state=state)
        )


def _tell(turns: Turns, record: Forecasts) -> None:
    """Log whose probation begins or ends. A start of the worker tells all that are on it."""
    for (cluster, signal, predictor), score in turns.take(record):
        said = {"cluster": cluster, "signal": signal, "predictor": predictor, "relmae": round(score.relmae, 3)}
        if score.since is not None:
            log.warning("predictor on probation: the last value counts", **said, since=score.since)
        else:
            log.info("predictor counts again", **said)


def _tell_clocks(episodes: Episodes, record: Forecasts) -> None:
    """Log whose clock is wrong, and whose is right again: once each."""
    wrong, right = episodes.take(record)
    for (cluster, member), each in wrong.items():
        said = {"cluster": cluster, "member": member, "seconds": round(each.seconds, 1), "since": each.since}
        log.warning("the clock of a member is wrong: its load is not known", **said)
    for cluster, member in right:
        log.info("the clock of a member is right again, or it is silent", cluster=cluster, member=member)


def _restored(partition: int, rules: Rules, checkpoint: Checkpoint | None) -> Fold:
    """Return the fold as the checkpoint has it; an empty one when the checkpoint is of another layout or damaged."""
    fold = Fold(partition, rules)
    if checkpoint is None:
        return fold
    if checkpoint.layout != LAYOUT:
        log.warning("checkpoint of another layout: windows fill anew", partition=partition, layout=checkpoint.layout)
        return fold
    try:
        fold.restore(checkpoint.state)
    except msgspec.DecodeError as error:
        log.error("checkpoint damaged: windows fill anew", partition=partition, error=str(error))  # noqa: TRY400 - said whole
    return fold


def _handlers(fold: Fold) -> dict[tuple[str, int], Callable[[ConsumerRecord], None]]:
    """Return what feeds a fold its membership. A record of no value only clears a key: nothing to take in."""

    def member(record: ConsumerRecord) -> None:
        if record.value:
            fold.member(record.offset, facts.member(record.value))

    def instance(record: ConsumerRecord) -> None:
        if record.value:
            fold.instance(record.offset, facts.instance(record.value))

    return {(MEMBERS.name, fold.partition): member, (INSTANCES.name, fold.partition): instance}
