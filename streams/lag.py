"""How far the workers are behind, seen from outside: where each log ends against what the group has taken in.

A worker commits what it has taken in, so this is what any Kafka tool shows, but for the end: it comes from a fetch,
for Tansu's answer to the question for the latest offset is too low.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.follow import close
from streams.topics import SAMPLES

GROUP = "pileus-worker"
"""The workers' consumer group."""
WAIT_MS = 100


@dataclass(frozen=True, slots=True)
class Lag:
    """What of one partition of ``pileus.samples`` waits for a worker."""

    partition: int
    messages: int
    """That are not known to be taken in; commits come half a second late."""
    seconds: float
    """For how long the oldest of them waits, by the time in the message; 0 when there is none."""


async def lags(broker: str, partitions: Iterable[int], *, now: float, within_s: float) -> list[Lag]:
    """Return how far the workers are behind in each partition, at ``now`` (s since the Unix epoch).

    Raises
    ------
    KafkaError, TimeoutError
        The broker does not say within ``within_s``.
    """
    places = [TopicPartition(SAMPLES.name, partition) for partition in partitions]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker,
        group_id=GROUP,  # to ask for its offsets; nobody joins who assigns by hand
        enable_auto_commit=False,
        fetch_max_wait_ms=WAIT_MS,
        max_partition_fetch_bytes=1024,  # the first record is enough
    )
    try:
        async with asyncio.timeout(within_s):
            await consumer.start()
            consumer.assign(places)
            return [await _lag(consumer, place, now=now) for place in places]
    finally:
        await close(consumer)


async def _lag(consumer: AIOKafkaConsumer, place: TopicPartition, *, now: float) -> Lag:
    """Return how far the group is behind in one partition."""
    done = await consumer.committed(place) or 0
    consumer.seek(place, done)
    while True:
        records = (await consumer.getmany(place, timeout_ms=WAIT_MS, max_records=1)).get(place)
        if records:
            seconds = max(0.0, now - records[0].timestamp / 1000.0)
            return Lag(place.partition, max(1, consumer.highwater(place) - done), seconds)
        end = consumer.highwater(place)
        if end is not None and end <= done:
            return Lag(place.partition, 0, 0.0)
