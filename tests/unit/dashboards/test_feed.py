"""The feed, on a broker made of two lists: where it begins, what it survives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, UnsupportedVersionError
from aiokafka.structs import OffsetAndTimestamp

from dashboards.feed import Feed
from dashboards.live import RESET, Live
from dashboards.model import Model
from dashboards.status import Status
from streams.records.record import encode
from tests import story
from tests.waiting import until

NOW = 10_000.0


@dataclass
class Message:
    topic: str
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass
class Broker:
    """Both clients of a broker that holds its records in a list per partition."""

    logs: dict[TopicPartition, list[Message]] = field(default_factory=dict)
    faults: list[Exception | None] = field(default_factory=list)
    """What the next connections, and then the next looks, end with."""
    knows_times: bool = True
    refused: Exception | None = None
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    sought: dict[TopicPartition, int] = field(default_factory=dict)
    connections: list[float] = field(default_factory=list)

    def write(self, topic: str, value: bytes | None, *, key: bytes = b"", at: float = NOW, partition: int = 0) -> None:
        log = self.logs.setdefault(TopicPartition(topic, partition), [])
        log.append(Message(topic, len(log), int(at * 1000), key, value))

    @contextlib.asynccontextmanager
    async def connect(self, _: str) -> AsyncIterator[tuple[Any, Any]]:
        self.connections.append(asyncio.get_running_loop().time())
        if self.refused:
            raise self.refused
        self.positions.clear()
        yield self, self

    async def describe_topics(self) -> list[dict[str, Any]]:
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        topics: dict[str, list[dict[str, int]]] = {}
        for partition in self.logs:
            topics.setdefault(partition.topic, []).append({"partition": partition.partition})
        return [{"topic": topic, "partitions": partitions} for topic, partitions in topics.items()]

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.positions = dict.fromkeys(partitions, -1)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = self.sought[partition] = offset

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {p: len(self.logs[p]) for p in partitions}

    async def offsets_for_times(
        self, times: dict[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        if not self.knows_times:
            raise UnsupportedVersionError("no offsets by time")
        found = {p: [m for m in self.logs[p] if m.timestamp >= at] for p, at in times.items()}
        return {p: OffsetAndTimestamp(ms[0].offset, ms[0].timestamp) if ms else None for p, ms in found.items()}

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Message]]:
        got = {p: self.logs[p][at : at + max_records] for p, at in self.positions.items()}
        got = {p: messages for p, messages in got.items() if messages}
        for partition, messages in got.items():
            self.positions[partition] += len(messages)
        if not got:
            await asyncio.sleep(timeout_ms / 1000)
        return got

    def highwater(self, partition: TopicPartition) -> int:
        return len(self.logs[partition])


@contextlib.asynccontextmanager
async def following(broker: Broker) -> AsyncIterator[Feed]:
    feed = Feed(Model(), Status("kafka:9092"), Live(), lambda: NOW, broker.connect)
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


pytestmark = pytest.mark.looptime


async def caught_up(feed: Feed) -> None:
    await until(lambda: feed.status.caught_up, within_s=60, what="the model is whole")


async def test_it_reads_what_there_is_and_then_is_whole() -> None:
    broker = Broker()
    broker.write("pileus.members", encode(story.a_member()), key=b"shop-web-1")
    for i in range(1200):
        broker.write("pileus.forecasts", encode(story.a_forecast(NOW - 600 + i / 2)), partition=i % 3)

    async with following(broker) as feed:
        await caught_up(feed)

        assert list(feed.model.members) == ["shop-web-1"]
        assert feed.model.topics["pileus.forecasts"].records == 1200
        assert feed.status.lag == {"pileus.members": 0, "pileus.forecasts": 0}
        assert feed.status.partitions == {"pileus.members": 1, "pileus.forecasts": 3}


@pytest.mark.parametrize(
    ("topic", "ages_s", "start"),
    [
        pytest.param("pileus.members", [90_000, 10], 0, id="a compacted topic from its beginning"),
        pytest.param("pileus.forecasts", [3600, 901, 899, 10], 2, id="forecasts from 15 minutes back"),
        pytest.param("pileus.logs", [3600, 121, 119], 2, id="logs from 2 minutes back"),
        pytest.param("pileus.leadtimes", [90_000, 80_000, 3600], 1, id="lead times from a day back"),
        pytest.param("pileus.decisions", [90_000, 3600], 2, id="from the end when nothing is that young"),
    ],
)
async def test_where_a_topic_is_begun(topic: str, ages_s: list[float], start: int) -> None:
    broker = Broker()
    for age in ages_s:
        broker.write(topic, None, at=NOW - age)

    async with following(broker) as feed:
        await caught_up(feed)

    assert broker.sought == {TopicPartition(topic, 0): start}


async def test_a_broker_that_finds_no_offsets_by_time_is_read_from_the_beginning() -> None:
    broker = Broker(knows_times=False)
    broker.write("pileus.forecasts", encode(story.a_forecast()), at=NOW - 9000)

    async with following(broker) as feed:
        await caught_up(feed)

        assert "shop-web" in feed.model.clusters


async def test_topics_that_appear_later_are_read_and_the_others_go_on_where_they_were() -> None:
    broker = Broker()
    async with following(broker) as feed:
        await caught_up(feed)
        broker.write("pileus.members", encode(story.a_member()), key=b"shop-web-1")
        await until(lambda: feed.model.members, within_s=60, what="the first topic is read")
        broker.write("pileus.logs", encode(story.a_log()))
        await until(lambda: feed.model.logs, within_s=60, what="the second topic is read")

        assert feed.model.topics["pileus.members"].records == 1


async def test_what_is_not_ours_is_not_read() -> None:
    broker = Broker()
    broker.write("payments", b"secret")

    async with following(broker) as feed:
        await caught_up(feed)

        assert (feed.model.topics, broker.sought) == ({}, {})


async def test_while_the_broker_is_away_it_tries_again_ever_more_slowly_but_for_ever() -> None:
    broker = Broker(refused=KafkaConnectionError("nobody there"))
    async with following(broker) as feed:
        await until(lambda: len(broker.connections) == 7, within_s=600, what="seven attempts")

        assert (feed.status.reachable, feed.status.since) == (False, NOW)
        assert "nobody there" in feed.status.error
    pauses = [b - a for a, b in zip(broker.connections, broker.connections[1:], strict=False)]
    assert pauses == pytest.approx([0.5, 1, 2, 5, 5, 5])


async def test_a_broker_that_comes_back_is_read_anew() -> None:
    broker = Broker()
    broker.write("pileus.members", encode(story.a_member()), key=b"shop-web-1")
    async with following(broker) as feed:
        await caught_up(feed)
        broker.faults = [KafkaConnectionError("gone")] * 3
        await until(lambda: not feed.status.reachable, within_s=60, what="seen to be away")
        assert list(feed.model.members) == ["shop-web-1"], "what was known last stays in sight"

        broker.logs.clear()
        broker.write("pileus.members", encode(story.a_member("shop-web-2")), key=b"shop-web-2")
        await caught_up(feed)

        assert list(feed.model.members) == ["shop-web-2"]
        assert feed.status.connections == 2


async def test_one_answer_missed_is_not_yet_a_broker_away() -> None:
    broker = Broker(faults=[None, KafkaConnectionError("one node restarts"), None])
    async with following(broker) as feed:
        await until(lambda: not broker.faults, within_s=60, what="three looks")

        assert (feed.status.reachable, feed.status.connections) == (True, 1)


async def test_a_fault_that_nobody_foresaw_ends_the_connection_and_not_the_feed() -> None:
    broker = Broker(faults=[None, IndexError("in the client")])
    async with following(broker) as feed:
        await until(lambda: feed.status.connections == 2, within_s=60, what="a second connection")
        await caught_up(feed)

        assert feed.status.reachable


async def test_a_bad_record_is_counted_and_passed_over() -> None:
    broker = Broker()
    broker.write("pileus.members", b"{broken")
    broker.write("pileus.members", encode(story.a_member()), key=b"shop-web-1")

    async with following(broker) as feed:
        await caught_up(feed)

        assert (feed.model.topics["pileus.members"].bad, list(feed.model.members)) == (1, ["shop-web-1"])


async def test_pages_are_told_to_load_once_the_model_is_whole_and_then_what_changes() -> None:
    broker = Broker()
    broker.write("pileus.members", encode(story.a_member()), key=b"shop-web-1")
    async with following(broker) as feed:
        page = feed.live.open()
        await caught_up(feed)
        broker.write("pileus.members", encode(story.a_member("shop-web-2")), key=b"shop-web-2")

        assert await page.get() == RESET
        assert (await page.get() or b"").startswith(b'event: member\ndata: {"member":"shop-web-2"')
