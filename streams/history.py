"""``pileus.history``: written when slots are over, read when a partition is opened."""

import asyncio
from collections.abc import Sequence

import structlog
from aiokafka.structs import ConsumerRecord

from streams.fold import Fold
from streams.follow import Follower
from streams.past import Forgotten
from streams.publish import PublishError, Sender
from streams.records.history import HISTORY as SLOT
from streams.records.history import History, key
from streams.records.record import Record
from streams.topics import HISTORY

AT_ONCE = 500
"""Records that are on their way to the broker at a time."""

_log = structlog.get_logger()


async def restore(broker: str, partition: int, fold: Fold) -> None:
    """Let a fold remember the history of its partition, before it is fed."""
    count = 0

    def take(record: ConsumerRecord) -> None:
        nonlocal count
        count += 1
        if record.value:
            fold.remember(SLOT.decode(record.value))
        else:
            fold.unremember((record.key or b"").decode())

    async with Follower(broker, {(HISTORY.name, partition): take}) as follower:
        await follower.caught_up()
    _log.info("history read", partition=partition, records=count)


async def save(sender: Sender, partition: int, made: Sequence[Record]) -> None:
    """Write down the slots that are over, and clear the keys that are forgotten; the broker has them on return."""
    new: list[tuple[str, History | None]] = []
    new += [(name, None) for each in made if isinstance(each, Forgotten) for name in each.keys]
    new += [(key(each.cluster, each.signal, each.slot), each) for each in made if isinstance(each, History)]
    try:
        for i in range(0, len(new), AT_ONCE):
            some = new[i : i + AT_ONCE]
            await asyncio.gather(*(sender.send(HISTORY, name, record, partition) for name, record in some))
    except PublishError as error:
        _log.error("history refused", partition=partition, error=str(error))
