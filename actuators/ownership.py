"""The partitions of applications that this process decides for: claimed, restored, and written in order."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import structlog
from aiokafka.structs import ConsumerRecord

from actuators.budget import Use
from actuators.cluster import Rules
from actuators.decider import LAYOUT, Decider, Envelope
from actuators.roster import Roster
from config.tree import ApplicationSpec
from streams import checkpoints
from streams.facts import AHEAD_S
from streams.faust_app import Logged, written_at
from streams.follow import Follower, read_parts
from streams.partition import application_key, partition_of
from streams.publish import Sender
from streams.records.action import Action
from streams.records.control import CONTROL as ORDER
from streams.records.control import Order
from streams.records.decision import Decision
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.instance import Announcement, BurstRequest, Deployed, Instance
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Claim, LeadTime, Member
from streams.records.metadata import METADATA as EXPORTED
from streams.records.metadata import Metadata
from streams.records.record import UNREADABLE
from streams.shards import Shards
from streams.topics import (
    ACTIONS,
    CONTROL,
    DECISIONS,
    FORECASTS,
    INSTANCES,
    LEADTIMES,
    MEMBERS,
    METADATA,
    SHADOW,
    Topic,
)

T = TypeVar("T")

ROLE = "decider"
TOGETHER = 200
"""Forecasts that are read again at once: each holds all members of a partition."""
TOPIC_OF: dict[type, Topic] = {
    Member: MEMBERS,
    Action: ACTIONS,
    Decision: DECISIONS,
    Announcement: INSTANCES,
    Instance: INSTANCES,
    Deployed: INSTANCES,
    BurstRequest: INSTANCES,
    Metadata: METADATA,
    LeadTime: LEADTIMES,
}
"""Where each record goes."""

log = structlog.get_logger()


@dataclass
class Owned:
    """One partition: its decider, and the lock that keeps what it publishes in order."""

    decider: Decider
    offset: int
    """Forecasts below this are in the decider's memory."""
    found: dict[str, tuple[str, int]]
    """Cluster and offset of the members found in the log whose cluster is not defined yet."""
    writer: checkpoints.Writer
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def _nothing(_: int) -> Mapping[str, Use]:
    """Say that nothing is used elsewhere."""
    return {}


class Ownership:
    """Opens a decider per partition and publishes what it returns."""

    def __init__(
        self,
        *,
        broker: str,
        partitions: int,
        rules: Rules,
        sender: Sender,
        checkpoint_s: float,
        session_s: float,
        owner: str,
        now: Callable[[], float],
        elsewhere: Callable[[int], Mapping[str, Use]] = _nothing,
    ) -> None:
        self._elsewhere = elsewhere
        """What tenants with a quota use outside one partition."""
        self._broker = broker
        self._partitions = partitions
        self._rules = rules
        self._sender = sender
        self._checkpoint_s = checkpoint_s
        self._session_s = session_s
        self._owner = owner
        self._now = now
        self._specs: Sequence[ApplicationSpec] = ()
        self._defined = asyncio.Event()
        self._shards: Shards[Owned] = Shards(self._open, _close)

    def assign(self, partitions: set[int]) -> None:
        """Begin to decide for ``partitions``."""
        log.info("partitions assigned", partitions=sorted(partitions))
        self._shards.assign(partitions)

    async def release(self) -> None:
        """Decide for nothing any more."""
        await self._shards.release()

    async def define(self, specs: Sequence[ApplicationSpec]) -> None:
        """Take in the applications that are declared now. Nothing is decided before the first time."""
        self._specs = specs
        self._defined.set()
        for partition in self._shards.partitions:
            if (owned := await self._shards.get(partition)) is not None:
                async with owned.lock:
                    await self._define(owned, partition)

    async def handle(self, partition: int, step: Callable[[Decider], list[Envelope]]) -> None:
        """Let the partition's decider take a step and publish what it returns; nothing when it is not ours any more."""
        owned = await self._shards.get(partition)
        if owned is None:
            return
        async with owned.lock:
            await self._publish(owned, partition, step(owned.decider))

    async def order(self, partition: int, order: Order) -> None:
        """Hand an order to its decider, and keep what the next tick makes of it.

        A tick that is read again is decided by the definitions of then: a pause would hold another number.
        """
        await self.handle(partition, lambda decider: decider.control(order))
        if (owned := self._shards.opened.get(partition)) is not None:
            owned.writer.hasten()

    async def forecasts(self, partition: int, logged: Logged, *, newest: bool) -> None:
        """Decide on one tick, after all before it. Only the newest is acted on: the others lie in the past."""
        offset = logged.offset
        owned = await self._shards.get(partition)
        if owned is None or offset < owned.offset:
            return
        async with owned.lock:
            if offset > owned.offset:
                await self._fill(owned, partition, offset)
            owned.offset = offset + 1
            await self._tick(owned, partition, logged, act=newest and self._shards.has(partition, owned))
            await self._checkpoint(owned)

    async def guard(self, epochs: Mapping[int, int]) -> None:
        """Claim again, for ever, what a later claim took from us although it stays ours.

        A process that was suspended may write its claim after ours. It loses the partition within
        ``session_s``; after that the partition's owner by the group needs the highest claim.
        """
        before: dict[int, Owned] = {}
        while True:
            await asyncio.sleep(self._session_s)
            lost = {p: o for p, o in self._shards.opened.items() if epochs.get(p, 0) > o.decider.epoch}
            for partition, owned in lost.items():
                if before.get(partition) is owned:
                    log.warning("another claim stands over ours: claiming again", partition=partition)
                    await self._shards.reopen(partition)
            before = lost

    async def _open(self, partition: int) -> Owned:
        """Claim a partition, then learn its members: what an older decider writes from now on does not count."""
        await self._defined.wait()
        claim = Claim(partition=partition, owner=self._owner, at=self._now())
        epoch = await self._sender.send(MEMBERS, f"claim/{partition}", claim, partition)
        decider = Decider(self._rules, epoch)
        checkpoint = await checkpoints.newest(self._broker, ROLE, partition, log=FORECASTS, layout=LAYOUT)
        offset = _restore(decider, partition, checkpoint)
        writer = checkpoints.Writer(self._sender, role=ROLE, partition=partition, layout=LAYOUT, found=checkpoint)
        found = await self._members(partition, epoch, decider)
        owned = Owned(decider, offset, found, writer)
        log.info("partition claimed", partition=partition, epoch=epoch, offset=owned.offset, members=len(found))
        await self._define(owned, partition)
        log.info("partition open", partition=partition)
        return owned

    async def _members(self, partition: int, epoch: int, decider: Decider) -> dict[str, tuple[str, int]]:
        """Recall the members in the log below our claim, and return where; instances, metadata and pauses too."""
        roster, offsets = Roster(), dict[str, int]()

        def take(record: ConsumerRecord) -> None:
            if record.value and record.offset < epoch:
                known = MEMBER.decode(record.value)
                roster.apply(known, partition=partition, offset=record.offset)
                if isinstance(known, Member) and roster.members.get(known.member) is known:
                    offsets[known.member] = record.offset

        handlers: dict[tuple[str, int], Callable[[ConsumerRecord], object]] = {
            (MEMBERS.name, partition): take,
            (INSTANCES.name, partition): _reading(INSTANCE, decider.recall_instance),
            (METADATA.name, partition): _reading(EXPORTED, decider.metadata),
            (CONTROL.name, partition): _reading(ORDER, decider.control),
        }
        async with Follower(self._broker, handlers) as follower:
            await follower.reached(MEMBERS.name, partition, epoch + 1)
            await follower.caught_up()
        for member in roster.members.values():
            decider.recall(member)
        return {name: (member.cluster, offsets[name]) for name, member in roster.members.items()}

    async def _define(self, owned: Owned, partition: int) -> None:
        """Tell the decider what is declared, and where the members stand that it knows from the log."""
        mine = [
            spec
            for spec in self._specs
            if partition_of(application_key(spec.tenant, spec.application), self._partitions) == partition
        ]
        envelopes = owned.decider.define(mine, self._now())
        for member, (cluster, offset) in list(owned.found.items()):
            if cluster in owned.decider.clusters:
                owned.decider.written(member, cluster, offset)
                del owned.found[member]
        await self._publish(owned, partition, envelopes)

    async def _fill(self, owned: Owned, partition: int, end: int) -> None:
        """Decide again on the ticks between the checkpoint and the first one that came in."""
        start = owned.offset
        ticks = 0
        async for missed in read_parts(self._broker, FORECASTS.name, partition, start=start, end=end, most=TOGETHER):
            for record in missed:
                owned.offset = record.offset + 1
                await self._tick(owned, partition, record, act=False)
            ticks += len(missed)
        log.info("read again", partition=partition, start=start, end=end, ticks=ticks)

    async def _tick(self, owned: Owned, partition: int, logged: Logged, *, act: bool) -> None:
        """Decide on one tick. One that is far ahead of the moment at which it was written is of no clock."""
        offset, at = logged.offset, written_at(logged)
        try:
            record = FORECAST.decode(logged.value or b"")
        except UNREADABLE as error:
            log.warning("unreadable forecasts", partition=partition, offset=offset, error=str(error))
            return
        if record.at > at + AHEAD_S:
            log.warning("forecasts of the future", partition=partition, offset=offset, at=record.at, written_at=at)
            return
        owned.decider.elsewhere(self._elsewhere(partition))
        await self._publish(owned, partition, owned.decider.forecasts(record, act=act))

    async def _checkpoint(self, owned: Owned) -> None:
        """Now and then write down what the decider remembers."""
        at = owned.decider.at
        if owned.writer.due(at, least_s=self._checkpoint_s, of=len(self._shards.partitions)):
            await owned.writer.save(owned.offset, owned.decider.sections(), at)

    async def _publish(self, owned: Owned, partition: int, envelopes: Sequence[Envelope]) -> None:
        """Publish in order, each record only after the broker has the one before it."""
        for envelope in envelopes:
            record = envelope.record
            topic = SHADOW if envelope.aside else TOPIC_OF[type(record)]
            where = partition if topic is not ACTIONS else partition_of(envelope.key.encode(), self._partitions)
            offset = await self._sender.send(topic, envelope.key, record, where)
            if isinstance(record, Member):
                owned.decider.written(record.member, record.cluster, offset)


def _reading(decoder: msgspec.json.Decoder[T], take: Callable[[T], object]) -> Callable[[ConsumerRecord], None]:
    """Return a handler that takes in the records of one topic."""

    def handler(record: ConsumerRecord) -> None:
        if record.value:
            take(decoder.decode(record.value))

    return handler


async def _close(_: Owned) -> None:
    """Close a partition: there is nothing to close."""


def _restore(decider: Decider, partition: int, checkpoint: checkpoints.Found) -> int:
    """Give the decider its memory back and return its offset: 0 without a checkpoint that can be used."""
    if checkpoint.sections is not None:
        try:
            decider.rebuild(checkpoint.sections)
        except msgspec.DecodeError as error:
            log.error("checkpoint damaged: memory begins anew", partition=partition, error=str(error))  # noqa: TRY400 - said whole
        else:
            return checkpoint.offset
    return 0
