"""Following a topic on real brokers: from the beginning or from an offset, over what fails, until stopped."""

import asyncio
import hashlib
import zlib
from collections.abc import Iterator, Mapping

import pytest
from aiokafka.structs import ConsumerRecord
from kafka.admin import KafkaAdminClient, NewTopic

from pileus.stack.broker import Broker
from streams import checkpoints
from streams.admin import create_topics
from streams.follow import Follower, read_parts, read_range
from streams.records.checkpoint import Block, Checkpoint, Part
from streams.records.record import encode
from streams.topics import CHECKPOINTS, Topic
from tests.brokers import free_port
from tests.pieces import Hand

WITHIN_S = 30.0


@pytest.fixture
def hand(broker: Broker) -> Iterator[Hand]:
    made = Hand(broker.address)
    yield made
    made.close()


def make_topic(broker: Broker, name: str) -> Topic:
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    admin.create_topics([NewTopic(name, 1, 1)], raise_errors=False)
    admin.wait_for_topics([name])
    admin.close()
    return Topic(name, "any", "any")


async def test_everything_is_handed_over_in_order_and_what_a_handler_fails_on_is_passed_over(
    broker: Broker, hand: Hand
) -> None:
    topic, seen = make_topic(broker, "follow.order"), list[bytes]()
    hand.write(topic, 0, b"1", b"bad", b"3")

    def take(record: ConsumerRecord) -> None:
        if record.value == b"bad":
            raise ValueError(record.value)
        seen.append(record.value)

    async with Follower(broker.address, {(topic.name, 0): take}) as follower:
        await asyncio.wait_for(follower.caught_up(), WITHIN_S)
        assert (seen, follower.position(topic.name, 0)) == ([b"1", b"3"], 3)

        hand.write(topic, 0, b"4")
        assert await follower.reached(topic.name, 0, 4, within_s=WITHIN_S)
        assert seen == [b"1", b"3", b"4"]
        assert not await follower.reached(topic.name, 0, 5, within_s=0.1)


async def test_an_empty_topic_is_caught_up_with(broker: Broker) -> None:
    topic = make_topic(broker, "follow.empty")

    async with Follower(broker.address, {(topic.name, 0): print}) as follower:
        await asyncio.wait_for(follower.caught_up(), WITHIN_S)


async def test_a_range_is_read_as_it_stands(broker: Broker, hand: Hand) -> None:
    topic = make_topic(broker, "follow.range")
    hand.write(topic, 0, *(str(n).encode() for n in range(9)))

    found = await asyncio.wait_for(read_range(broker.address, topic.name, 0, start=2, end=5), WITHIN_S)

    assert [(record.offset, record.value) for record in found] == [(2, b"2"), (3, b"3"), (4, b"4")]


async def test_who_waits_is_released_when_a_follower_stops(broker: Broker) -> None:
    topic = make_topic(broker, "follow.stop")
    async with Follower(broker.address, {(topic.name, 0): print}) as follower:
        waiting = asyncio.create_task(follower.reached(topic.name, 0, 100))
        await asyncio.wait_for(follower.caught_up(), WITHIN_S)

    assert await asyncio.wait_for(waiting, WITHIN_S) is False


async def test_a_follower_waits_for_a_broker_and_may_be_cancelled() -> None:
    follower = Follower(f"127.0.0.1:{free_port()}", {("none", 0): print})

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(follower.start(), 1.0)
    await follower.stop()


async def test_the_newest_whole_checkpoint_counts_unless_its_log_was_made_anew(broker: Broker, hand: Hand) -> None:
    create_topics(broker.address, partitions=1, replication=1, topics=[CHECKPOINTS])
    log = make_topic(broker, "follow.log")
    hand.write(log, 0, *[b"message"] * 30)
    raw, other = b"block", b"other"
    digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
    block = Block("rows", 0, len(zlib.compress(raw)), digest)

    def head(role: str, offset: int, *blocks: Block) -> Checkpoint:
        return Checkpoint(role=role, partition=0, offset=offset, layout=1, state=b"state", blocks=blocks)

    async def newest(role: str) -> tuple[int, Mapping[str, bytes] | None]:
        reading = checkpoints.newest(broker.address, role, 0, log=log, layout=1)
        found = await asyncio.wait_for(reading, WITHIN_S)
        return found.offset, found.sections

    assert await newest("worker") == (0, None)
    hand.write(CHECKPOINTS, 0, head("worker", 10), key="worker/0")
    hand.write(CHECKPOINTS, 0, Part(raw=zlib.compress(raw)), key="worker/0/a/0")
    hand.write(CHECKPOINTS, 0, head("worker", 20, block), key="worker/0/a")
    hand.write(CHECKPOINTS, 0, Part(raw=zlib.compress(other)), key="worker/0/b/0")
    hand.write(CHECKPOINTS, 0, head("worker", 25, block), key="worker/0/b")
    hand.write(CHECKPOINTS, 0, b"no checkpoint", key="worker/0/c")
    hand.write(CHECKPOINTS, 0, head("decider", 30), encode(head("decider", 30))[:-9], key="decider/0")
    hand.write(CHECKPOINTS, 0, head("lost", 31), key="lost/0")

    assert [await newest(role) for role in ("worker", "decider", "lost")] == [(20, {"rows": raw}), (0, None), (0, None)]


@pytest.mark.parametrize("most", [1, 4, 100])
async def test_a_long_range_is_read_in_parts(broker: Broker, hand: Hand, most: int) -> None:
    topic = make_topic(broker, f"follow.parts.{most}")
    hand.write(topic, 0, *(str(n).encode() for n in range(12)))

    parts = [p async for p in read_parts(broker.address, topic.name, 0, start=2, end=9, most=most)]

    assert [int(record.value) for part in parts for record in part] == list(range(2, 9))
