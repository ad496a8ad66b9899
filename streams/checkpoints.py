"""Where a restart goes on from: the newest checkpoint of a consumer's partition.

A consumer group's committed offset is no more than a hint where to begin to read. What counts is the
offset in the checkpoint: the messages between the two are read again, and the same state results.
"""

import structlog
from aiokafka.structs import ConsumerRecord

from streams.follow import Follower
from streams.publish import PublishError, Sender
from streams.records.checkpoint import CHECKPOINT, Checkpoint
from streams.topics import CHECKPOINTS

log = structlog.get_logger()


async def newest(broker: str, role: str, partition: int) -> Checkpoint | None:
    """Return the newest checkpoint of ``role`` for ``partition``, or ``None`` when there is none."""
    found: list[Checkpoint] = []

    def take(record: ConsumerRecord) -> None:
        if record.key == key(role, partition).encode() and record.value:
            found[:] = [CHECKPOINT.decode(record.value)]

    async with Follower(broker, {(CHECKPOINTS.name, partition): take}) as follower:
        await follower.caught_up()
    return found[0] if found else None


async def save(sender: Sender, checkpoint: Checkpoint) -> bool:
    """Write a checkpoint down. False: the broker refuses it; a restart then goes on from an older one."""
    try:
        await sender.send(
            CHECKPOINTS, key(checkpoint.role, checkpoint.partition), checkpoint, partition=checkpoint.partition
        )
    except PublishError as error:
        log.error("checkpoint refused", role=checkpoint.role, partition=checkpoint.partition, error=str(error))  # noqa: TRY400 - said whole
        return False
    return True


def key(role: str, partition: int) -> str:
    """Return the key of a checkpoint."""
    return f"{role}/{partition}"
