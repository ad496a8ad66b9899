"""Where a restart goes on from: the newest checkpoint of a consumer's partition.

A consumer group's committed offset is no more than a hint where to begin to read. What counts is the
offset in the checkpoint: the messages between the two are read again, and the same state results.
"""

import structlog
from aiokafka.structs import ConsumerRecord

from streams.follow import Follower, end_of
from streams.publish import PublishError, Sender
from streams.records.checkpoint import CHECKPOINT, Checkpoint
from streams.topics import CHECKPOINTS, Topic

_log = structlog.get_logger()


async def newest(broker: str, role: str, partition: int, *, log: Topic) -> Checkpoint | None:
    """Return the newest checkpoint of ``role`` for a partition of ``log``, or ``None`` when there is none to use.

    One beyond the end of the log is none: the topic was made anew since.
    """
    found: list[Checkpoint] = []

    def take(record: ConsumerRecord) -> None:
        if record.key == key(role, partition).encode() and record.value:
            found[:] = [CHECKPOINT.decode(record.value)]

    async with Follower(broker, {(CHECKPOINTS.name, partition): take}) as follower:
        await follower.caught_up()
    if not found:
        return None
    end = await end_of(broker, log.name, partition, near=found[0].offset)
    if end < found[0].offset:
        _log.warning("checkpoint beyond the end of its log: not used", topic=log.name, partition=partition, end=end)
        return None
    return found[0]


async def save(sender: Sender, checkpoint: Checkpoint) -> bool:
    """Write a checkpoint down. False: the broker refuses it; a restart then goes on from an older one."""
    try:
        await sender.send(
            CHECKPOINTS, key(checkpoint.role, checkpoint.partition), checkpoint, partition=checkpoint.partition
        )
    except PublishError as error:
        _log.error("checkpoint refused", role=checkpoint.role, partition=checkpoint.partition, error=str(error))
        return False
    return True


def key(role: str, partition: int) -> str:
    """Return the key of a checkpoint."""
    return f"{role}/{partition}"
