"""The decisions in ``pileus.decisions`` and ``pileus.shadow``, found from the end backwards."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka.structs import ConsumerRecord
from kafka.errors import KafkaError

from config.cluster import ClusterSpec
from streams.admin import TopicError, count_partitions
from streams.follow import Follower, end_of, read_range
from streams.partition import application_key, partition_of
from streams.records.decision import DECISION, Decision
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.instance import Announcement
from streams.records.record import UNREADABLE
from streams.topics import DECISIONS, INSTANCES, Topic

T = TypeVar("T")

WITHIN_S = 30.0
"""How long reading the topics may take."""
BEFORE_S = 600.0
"""How long before a time it is looked for the decision that held then: several heartbeats."""
FIRST, FACTOR = 2_000, 8
"""Records that are looked at first, and how many times as many each time after."""


class DecisionsError(Exception):
    """The broker cannot be reached, has no such topics, or did not answer in time: try again later."""


def read_clusters(broker: str, *, within_s: float = WITHIN_S) -> dict[str, Announcement]:
    """Return every cluster that there is, by its id.

    Raises
    ------
    DecisionsError
        They could not be read to their end ``within_s``.
    """

    async def read(partitions: int) -> dict[str, Announcement]:
        found: dict[str, Announcement] = {}

        def note(record: ConsumerRecord) -> None:
            if record.value and isinstance(each := INSTANCE.decode(record.value), Announcement):
                found[each.cluster] = each

        async with Follower(broker, {(INSTANCES.name, p): note for p in range(partitions)}) as follower:
            await follower.caught_up()
        return found

    return _within(broker, INSTANCES, read, within_s)


def read_decision(
    broker: str, cluster: Announcement, *, until: float, within_s: float = WITHIN_S
) -> tuple[Decision | None, Decision | None]:
    """Return a cluster's last decision until a time (s since the Unix epoch), and the first one after it.

    Raises
    ------
    DecisionsError
        They could not be read ``within_s``.
    """

    async def read(partitions: int) -> tuple[Decision | None, Decision | None]:
        partition = partition_of(application_key(cluster.tenant, cluster.application), partitions)
        end = await end_of(broker, DECISIONS.name, partition, near=0)
        later, count = None, FIRST
        while end > 0:
            start = max(0, end - count)
            last, first = await _search(broker, partition, range(start, end), cluster.cluster, until=until)
            later = first or later
            if last is not None or start == 0:
                return last, later
            end, count = start, count * FACTOR
        return None, later

    return _within(broker, DECISIONS, read, within_s)


def read_since(
    broker: str, topic: Topic, clusters: Iterable[ClusterSpec], *, since: float, within_s: float = WITHIN_S
) -> dict[str, list[Decision]]:
    """Return the decisions of clusters since a time (s since the Unix epoch), oldest first, and the last one before it.

    Each once. A cluster without any is not in it.

    Raises
    ------
    DecisionsError
        They could not be read ``within_s``.
    """
    asked = list(clusters)

    async def read(partitions: int) -> dict[str, list[Decision]]:
        found: dict[str, dict[float, Decision]] = {}
        for partition in {partition_of(application_key(c.tenant, c.application), partitions) for c in asked}:
            for decision in await _backwards(broker, topic, partition, {c.cluster for c in asked}, since=since):
                found.setdefault(decision.cluster, {})[decision.at] = decision
        return {cluster: _since([each[at] for at in sorted(each)], since) for cluster, each in found.items()}

    return _within(broker, topic, read, within_s)


def _since(decisions: list[Decision], since: float) -> list[Decision]:
    """Return the decisions from the last one on that is not after ``since``."""
    before = sum(each.at <= since for each in decisions)
    return decisions[max(before - 1, 0) :]


async def _backwards(
    broker: str, topic: Topic, partition: int, clusters: AbstractSet[str], *, since: float
) -> list[Decision]:
    """Return the decisions of clusters in one partition, back to some before ``since``."""
    end, count, found = await end_of(broker, topic.name, partition, near=0), FIRST, list[Decision]()
    while end > 0:
        start = max(0, end - count)
        records = await read_range(broker, topic.name, partition, start=start, end=end)
        mine = [each for each in records if (each.key or b"").decode(errors="replace") in clusters]
        for record in mine:
            with suppress(*UNREADABLE):  # nobody can compare it
                found.append(DECISION.decode(record.value or b""))
        if records and records[0].timestamp / 1000.0 < since - BEFORE_S:
            break
        end, count = start, count * FACTOR
    return found


async def _search(
    broker: str, partition: int, offsets: range, cluster: str, *, until: float
) -> tuple[Decision | None, Decision | None]:
    """Return the last decision of a cluster until a time in a range of offsets, and the first one after that time."""
    last: Decision | None = None
    first: Decision | None = None

    def note(record: ConsumerRecord) -> None:
        nonlocal last, first
        if record.offset not in offsets or record.key != cluster.encode():
            return
        try:
            decision = DECISION.decode(record.value or b"")
        except UNREADABLE:
            return  # the one before it is told
        if decision.at <= until:
            last = decision
        elif first is None:
            first = decision

    where = (DECISIONS.name, partition)
    async with Follower(broker, {where: note}, start={where: offsets.start}) as follower:
        await follower.reached(*where, offsets.stop)
    return last, first


def _within(broker: str, topic: Topic, read: Callable[[int], Coroutine[Any, Any, T]], within_s: float) -> T:
    """Read a topic within a bound."""
    try:
        return asyncio.run(asyncio.wait_for(read(count_partitions(broker, topic)), within_s))
    except TimeoutError as error:
        raise DecisionsError(f"{topic.name} at {broker} not read within {within_s:g} s") from error
    except (KafkaError, TopicError, OSError) as error:
        raise DecisionsError(f"{topic.name} at {broker} cannot be read: {error}") from error
