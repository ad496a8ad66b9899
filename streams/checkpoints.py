"""Where a restart goes on from: the newest checkpoint of a consumer's partition."""

from aiokafka.structs import ConsumerRecord

from streams.follow import Follower
from streams.records.checkpoint import CHECKPOINT, Checkpoint
from streams.topics import CHECKPOINTS


async def newest(broker: str, role: str, partition: int, *, layout: int) -> Checkpoint | None:
    """Return the newest checkpoint of ``role`` for ``partition``, or ``None`` when there is none to use.

    One of another layout is none: the state is then built anew from the log.
    """
    found: list[Checkpoint] = []

    def take(record: ConsumerRecord) -> None:
        if record.key == key(role, partition).encode() and record.value:
            found[:] = [CHECKPOINT.decode(record.value)]

    follower = Follower(broker, {(CHECKPOINTS.name, partition): take})
    await follower.start()
    await follower.caught_up()
    await follower.stop()
    return found[0] if found and found[0].layout == layout else None


def key(role: str, partition: int) -> str:
    """Return the key of a checkpoint."""
    return f"{role}/{partition}"
