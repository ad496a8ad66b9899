"""The stream worker: a Faust app around :class:`streams.fold.Fold`, one fold per partition that it owns.

Its state is safe because the log can be read again: a checkpoint holds the state at an offset, and what stands
between that offset and the first message that comes in is read again. The same records give the same state.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import faust
import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from streams import checkpoints, facts, history
from streams.cluster import Rules
from streams.faust_app import FETCH, Logged, consume, create_faust_app, end_of_fetch, own, records_of, written_at
from streams.fold import LAYOUT, TICK, Fold
from streams.follow import Follower, read_parts
from streams.gauges import Gauges, Standing
from streams.heap import give_back
from streams.lag import GROUP
from streams.pace import Pace
from streams.probation import Turns
from streams.publish import Sender
from streams.records.forecast import Forecasts
from streams.records.log import Rejected
from streams.records.record import Record
from streams.records.sample import Tick
from streams.shards import Shards
from streams.skew import Episodes
from streams.topics import FORECASTS, INSTANCES, MEMBERS, REJECTED, SAMPLES

ROLE = "worker"
AGAIN = 10_000
"""Messages that are read again at once."""
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
    max_lag_s: float = 10.0
    """A partition whose oldest message is older is behind: the worker says so, and is not ready."""


@dataclass
class Shard:
    """One partition: its fold, where it stands, and who follows its membership."""

    fold: Fold
    offset: int
    """Messages below this are in the fold."""
    follower: Follower
    writer: checkpoints.Writer
    standing: int | None = None
    """Offset that the fold stands at, all that came of it published; ``None`` while that is under way."""
    checkpoint_at: float = -math.inf
    checkpoint_bytes: int = 0
    """What the newest checkpoint wrote; 0: there is none of this process."""
    turns: Turns = field(default_factory=Turns)
    clocks: Episodes = field(default_factory=Episodes)
    pace: Pace = field(default_factory=Pace)


def create_app(settings: WorkerSettings, *, now: Callable[[], float], gauges: Gauges | None = None) -> faust.App:
    """Build the worker. ``now`` is the wall clock (s since the Unix epoch): ticks are written by it.

    ``gauges`` are what it counts itself in.
    """
    app = create_faust_app(
        GROUP,
        broker=settings.broker,
        session_s=settings.session_s,
        fetch_wait_s=settings.fetch_wait_s,
        coalesced={SAMPLES.name} if settings.coalesce else (),
    )
    gauges = gauges or Gauges(ingest="coalesced" if settings.coalesce else "events")
    worker = Worker(settings, Sender(app), now, gauges, partial(end_of_fetch, app, SAMPLES.name))
    consume(app, SAMPLES, worker.message)
    own(app, lambda tps: worker.assign({tp.partition for tp in tps if tp.topic == SAMPLES.name}), worker.release)
    app.task(worker.tick_for_ever)
    app.task(worker.save_for_ever)
    return app


class Worker:
    """The partitions that this process owns."""

    def __init__(
        self,
        settings: WorkerSettings,
        sender: Sender,
        now: Callable[[], float],
        gauges: Gauges,
        end: Callable[[int], int | None],
    ) -> None:
        self.settings = settings
        self._sender = sender
        self._now = now
        self._gauges = gauges
        self._end = end
        self._assigned = False
        self._shards: Shards[Shard] = Shards(self._open, lambda shard: shard.follower.stop())
        self._stands = asyncio.Event()
        gauges.watch(self)

    def assign(self, partitions: set[int]) -> None:
        """Begin to own ``partitions``."""
        log.info("partitions assigned", partitions=sorted(partitions))
        self._assigned = True
        self._shards.assign(partitions)

    async def release(self) -> None:
        """Own nothing any more."""
        self._assigned = False
        await self._shards.release()

    async def message(self, event: Any) -> None:
        """Take in the messages of one event, after all before them, and publish what comes of them."""
        try:
            await self._message(event.message.partition, records_of(event))
        finally:
            event.ack()  # a hint for the next start, and others' measure of the lag: what counts is the checkpoint

    async def _message(self, partition: int, records: Sequence[Logged]) -> None:
        """Take in messages, after all before them."""
        shard = await self._shards.get(partition)
        if shard is None:
            return  # the partition is another worker's by now, and so is this message
        first = records[0].offset
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
            asyncio.get_running_loop().call_later(period / 2.0, give_back)  # what comes of the ticks is out by then

    def standings(self) -> list[Standing]:
        """Return how each open partition stands now."""
        return [self._standing(*each) for each in sorted(self._shards.opened.items())]

    def unready(self) -> list[str]:
        """Say what keeps the worker from being ready; empty when nothing does."""
        if not self._assigned:
            return ["Kafka has not said yet which partitions are its own"]
        most, standings = self.settings.max_lag_s, self.standings()
        opening = sorted(set(self._shards.partitions) - {standing.partition for standing in standings})
        said = [f"partition {partition}: its state is being restored" for partition in opening]
        return said + [
            f"partition {s.partition}: {s.lag} messages and {s.lag_s:.0f} s behind, at most {most:g} s are allowed"
            for s in standings
            if s.lag_s is not None and s.lag_s > most
        ]

    def dead(self) -> list[str]:
        """Say why the worker should be started anew; empty when it should not."""
        return [
            f"partition {partition}: {shard.pace.unread} ticks were written, and nothing was read since"
            for partition, shard in sorted(self._shards.opened.items())
            if shard.pace.stuck(self._now())
        ]

    def _standing(self, partition: int, shard: Shard) -> Standing:
        """Return how a partition stands."""
        end, now = self._end(partition), self._now()
        lag = None if end is None else max(0, end - shard.offset)
        clusters = shard.fold.progress.clusters
        return Standing(
            partition=partition,
            lag=lag,
            lag_s=shard.pace.lag_s(lag, now),
            clusters=len(clusters),
            members=sum(map(len, shard.fold.store.rows.values())),
            checkpoint_age_s=max(0.0, now - shard.checkpoint_at) if shard.checkpoint_bytes else None,
            checkpoint_bytes=shard.checkpoint_bytes,
            ages=shard.fold.ages,
        )

    def _tell_lag(self, partition: int, shard: Shard) -> None:
        """Say when a partition falls behind, and when it has caught up."""
        standing = self._standing(partition, shard)
        behind = standing.lag_s is not None and standing.lag_s > self.settings.max_lag_s
        if behind is not shard.pace.told:
            tell = log.warning if behind else log.info
            tell("behind" if behind else "caught up", partition=partition, messages=standing.lag, lag_s=standing.lag_s)
        shard.pace.told = behind

    async def _tick(self, at: float, partition: int, shard: Shard) -> None:
        """Write one tick. When the broker is away it is left out: a late one would be wrong about the time.

        So it is while the one before is still to be read (:mod:`streams.pace`).
        """
        self._tell_lag(partition, shard)
        if not shard.pace.may_tick(shard.offset, self._now()):
            self._gauges.left_out.labels(partition).inc()
            return
        tick = Tick(
            at=at,
            members_offset=shard.follower.position(MEMBERS.name, partition),
            instances_offset=shard.follower.position(INSTANCES.name, partition),
        )
        offset = await self._sender.offer(SAMPLES, "tick", tick, partition)
        if offset is not None:
            shard.pace.tick(offset)

    async def _open(self, partition: int) -> Shard:
        """Restore a partition's state and follow its membership."""
        found = await checkpoints.newest(self.settings.broker, ROLE, partition, log=SAMPLES, layout=LAYOUT)
        fold, offset = _restored(partition, self.settings.rules, found)
        writer = checkpoints.Writer(self._sender, role=ROLE, partition=partition, layout=LAYOUT, found=found)
        await history.restore(self.settings.broker, partition, fold)
        follower = Follower(self.settings.broker, _handlers(fold), fetch_wait_s=self.settings.fetch_wait_s)
        try:
            await follower.start()
            await follower.caught_up()
        except BaseException:
            await follower.stop()
            raise
        shard = Shard(fold, offset, follower, writer)
        log.info("partition open", partition=partition, offset=shard.offset, clusters=len(fold.progress.clusters))
        return shard

    async def _fill(self, shard: Shard, partition: int, end: int) -> None:
        """Take in what stands between the checkpoint and the first message that came in."""
        start, messages = shard.offset, 0
        async for missed in read_parts(self.settings.broker, SAMPLES.name, partition, start=start, end=end, most=AGAIN):
            messages += len(missed)
            for begin in range(0, len(missed), FETCH):
                await self._take(shard, partition, missed[begin : begin + FETCH])
                await asyncio.sleep(0)
        shard.offset = end
        log.info("read again", partition=partition, start=start, end=end, messages=messages)

    async def _take(self, shard: Shard, partition: int, records: Sequence[Logged]) -> None:
        """Feed the fold what it does not have yet, and publish what comes of it.

        The offset goes first: a message that the fold fails on is not fed again.
        """
        fold, waiting = shard.fold, list[bytes]()
        for record in records if records[0].offset >= shard.offset else _from(records, shard.offset):
            raw = record.value
            if raw is None or TICK not in raw:
                waiting.append(raw or b"")
                continue
            fold.hold(waiting)
            waiting, shard.offset = [], record.offset
            at = written_at(record)
            named = await self._reach(shard, partition, raw, at)
            if not self._shards.has(partition, shard):
                return
            shard.offset = record.offset + 1
            if published := self._evaluated(fold, raw, at, named=named):
                await self._publish(shard, partition, published)
                if not self._shards.has(partition, shard):
                    return
        fold.hold(waiting)
        newest = records[-1]
        shard.offset = max(shard.offset, newest.offset + 1)
        if newest.timestamp > 0:
            shard.pace.heard = written_at(newest)
        self._gauges.messages.labels(partition).inc(len(records))

    def _evaluated(self, fold: Fold, raw: bytes, at: float, *, named: bool) -> list[Record]:
        """Return what comes of a tick."""
        begun = self._now()
        published = fold.message(raw, written_at=at, named=named)
        if published:
            self._gauges.evaluation.observe(max(0.0, self._now() - begun))
        return published

    async def _publish(self, shard: Shard, partition: int, made: Sequence[Record]) -> None:
        """Publish what came of a tick, all at once; from then on its state may be written down."""
        shard.standing = None
        forecasts = (self._foretell(shard, partition, each) for each in made if isinstance(each, Forecasts))
        refusals = (self._refuse(each) for each in made if isinstance(each, Rejected))
        await asyncio.gather(*forecasts, *refusals)
        await history.save(self._sender, partition, made)
        shard.standing = shard.offset
        self._stands.set()

    async def _foretell(self, shard: Shard, partition: int, record: Forecasts) -> None:
        """Publish forecasts."""
        await self._sender.send(FORECASTS, str(partition), record, partition)
        self._gauges.samples.labels(partition).inc(record.samples)
        self._gauges.delay.observe(max(0.0, self._now() - record.at - self.settings.lateness_s))
        _tell(shard.turns, record)
        _tell_clocks(shard.clocks, record)

    async def _refuse(self, record: Rejected) -> None:
        """Publish what could not be used."""
        await self._sender.send(REJECTED, record.topic, record, 0)
        self._gauges.rejected.labels(record.topic, record.reason).inc(record.count)

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

    async def save_for_ever(self) -> None:
        """Now and then write the state of each partition down, one after the other, while their folds go on.

        Between two ticks a fold stands as the last one left it: what came since is not in it.
        """
        while True:
            await self._stands.wait()
            self._stands.clear()
            await self.save()

    async def save(self) -> None:
        """Write the state of each partition down whose turn it is."""
        opened = self._shards.opened
        for shard in opened.values():
            due = shard.writer.due(self._now(), least_s=self.settings.checkpoint_s, of=len(opened))
            if due and shard.standing is not None:
                began = self._now()
                if (cost := await shard.writer.save(shard.standing, shard.fold.sections(), began)) is not None:
                    shard.checkpoint_at, shard.checkpoint_bytes = began, cost.bytes


def _from(records: Iterable[Logged], offset: int) -> list[Logged]:
    """Return the records that are not below an offset."""
    return [record for record in records if record.offset >= offset]


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


def _restored(partition: int, rules: Rules, found: checkpoints.Found) -> tuple[Fold, int]:
    """Return the fold as the checkpoint has it, and its offset; an empty one at 0 without a checkpoint to use."""
    fold = Fold(partition, rules)
    if found.sections is not None:
        try:
            fold.rebuild(found.sections)
        except msgspec.DecodeError as error:
            log.error("checkpoint damaged: the log is read again", partition=partition, error=str(error))  # noqa: TRY400 - said whole
        else:
            return fold, found.offset
    return fold, 0


def _handlers(fold: Fold) -> dict[tuple[str, int], Callable[[ConsumerRecord], None]]:
    """Return what feeds a fold its membership. A record of no value only clears a key: nothing to take in."""

    def member(record: ConsumerRecord) -> None:
        if record.value:
            fold.member(record.offset, facts.member(record.value))

    def instance(record: ConsumerRecord) -> None:
        if record.value:
            fold.instance(record.offset, facts.instance(record.value))

    return {(MEMBERS.name, fold.partition): member, (INSTANCES.name, fold.partition): instance}
