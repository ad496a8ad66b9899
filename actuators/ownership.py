"""The partitions of applications that this process decides for: claimed, restored, and written in order."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka.structs import ConsumerRecord

from actuators.cluster import Rules
from actuators.decider import LAYOUT, Decider, Envelope
from config.cluster import ClusterSpec
from streams import checkpoints
from streams.faust_app import Sender
from streams.follow import Follower
from streams.partition import application_key, partition_of
from streams.records.action import Action
from streams.records.checkpoint import Checkpoint
from streams.records.decision import Decision
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Claim, ClusterInstance, LeadTime, Member
from streams.topics import ACTIONS, CHECKPOINTS, DECISIONS, INSTANCES, LEADTIMES, MEMBERS, Topic

ROLE = "decider"
TOPIC_OF: dict[type, Topic] = {
    Member: MEMBERS,
    Action: ACTIONS,
    Decision: DECISIONS,
    ClusterInstance: INSTANCES,
    LeadTime: LEADTIMES,
}
"""Where each record goes."""

log = structlog.get_logger()


@dataclass
class Owned:
    """One partition: its decider, and the lock that keeps what it publishes in order."""

    decider: Decider
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    held: list[Any] = field(default_factory=list)
    offset: int = 0
    """Forecasts below this are in the decider's memory already."""
    checkpoint_at: float = -math.inf


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
        owner: str,
        now: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._partitions = partitions
        self._rules = rules
        self._sender = sender
        self._checkpoint_s = checkpoint_s
        self._owner = owner
        self._now = now
        self._specs: Sequence[ClusterSpec] = ()
        self._opening: dict[int, asyncio.Task[Owned]] = {}

    def assign(self, partitions: set[int]) -> None:
        """Begin to decide for ``partitions``."""
        log.info("partitions assigned", partitions=sorted(partitions))
        for partition in partitions:
            self._opening[partition] = asyncio.create_task(self._open(partition))

    async def release(self) -> None:
        """Decide for nothing any more."""
        tasks, self._opening = list(self._opening.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def define(self, specs: Sequence[ClusterSpec]) -> None:
        """Take in the clusters that are declared now."""
        self._specs = specs
        for partition, opening in list(self._opening.items()):
            owned = await opening
            async with owned.lock:
                await self._publish(owned, partition, owned.decider.define(self._mine(partition), self._now()))

    async def handle(self, partition: int, step: Callable[[Decider], list[Envelope]]) -> Owned | None:
        """Let the partition's decider take a step and publish what it returns. ``None``: not ours any more."""
        opening = self._opening.get(partition)
        if opening is None:
            return None
        owned = await opening
        async with owned.lock:
            await self._publish(owned, partition, step(owned.decider))
        return owned

    async def forecasts(self, event: Any, step: Callable[[Decider], list[Envelope]]) -> None:
        """Take a step on a tick, and acknowledge it once a checkpoint covers it."""
        message = event.message
        owned = await self.handle(message.partition, step)
        if owned is None:
            return
        owned.held.append(event)
        owned.offset = max(owned.offset, message.offset + 1)
        if owned.decider.at - owned.checkpoint_at < self._checkpoint_s:
            return
        owned.checkpoint_at = owned.decider.at
        record = Checkpoint(
            role=ROLE,
            partition=message.partition,
            offset=owned.offset,
            layout=LAYOUT,
            state=owned.decider.snapshot(),
        )
        held, owned.held = owned.held, []
        await self._sender.send(CHECKPOINTS, checkpoints.key(ROLE, message.partition), record, message.partition)
        for done in held:
            done.ack()

    async def _open(self, partition: int) -> Owned:
        """Claim a partition, then learn its members: what an older decider writes from now on does not count."""
        claim = Claim(partition=partition, owner=self._owner, at=self._now())
        epoch = await self._sender.send(MEMBERS, f"claim/{partition}", claim, partition)
        decider = Decider(self._rules, epoch)
        checkpoint = await checkpoints.newest(self._broker, ROLE, partition, layout=LAYOUT)
        if checkpoint is not None:
            decider.restore(checkpoint.state)
        offsets: dict[str, tuple[str, int]] = {}

        def take(record: ConsumerRecord) -> None:
            if not record.value or record.offset >= epoch:
                return
            member = MEMBER.decode(record.value)
            if isinstance(member, Member):
                decider.recall(member)
                offsets[member.member] = (member.cluster, record.offset)

        follower = Follower(self._broker, {(MEMBERS.name, partition): take})
        await follower.start()
        await follower.reached(MEMBERS.name, partition, epoch + 1)
        await follower.stop()
        owned = Owned(decider)
        await self._publish(owned, partition, decider.define(self._mine(partition), self._now()))
        for member, (cluster, offset) in offsets.items():
            decider.written(member, cluster, offset)
        log.info("partition open", partition=partition, epoch=epoch, members=len(offsets))
        return owned

    def _mine(self, partition: int) -> list[ClusterSpec]:
        """Return the clusters of the applications that belong to a partition."""
        return [
            spec
            for spec in self._specs
            if partition_of(application_key(spec.tenant, spec.application), self._partitions) == partition
        ]

    async def _publish(self, owned: Owned, partition: int, envelopes: Sequence[Envelope]) -> None:
        """Publish in order, each record only after the broker has the one before it."""
        for envelope in envelopes:
            record = envelope.record
            topic = TOPIC_OF[type(record)]
            where = partition if topic is not ACTIONS else partition_of(envelope.key.encode(), self._partitions)
            offset = await self._sender.send(topic, envelope.key, record, where)
            if isinstance(record, Member):
                owned.decider.written(record.member, record.cluster, offset)
