"""The feed on real brokers."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from dashboards.applications import applications
from dashboards.feed import Feed
from dashboards.live import Live
from dashboards.model import Model
from dashboards.status import Status
from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.records.record import encode
from tests import story
from tests.unit.dashboards import deployed
from tests.waiting import until

BOUND_S = 60.0
PARTS = (
    deployed.a_deployed(),
    deployed.a_starting(why="web waits for db"),
    deployed.a_cluster("gone"),
    deployed.a_cluster("gone", state="Terminated"),
    deployed.a_waiting("web", "db"),
)
"""An application that starts, and a cluster that is no more."""


@pytest.fixture
async def feed(fresh_broker: Broker) -> AsyncIterator[Feed]:
    feed = Feed(Model(), Status(fresh_broker.address), Live(), time.time)
    task = asyncio.create_task(feed.run())
    yield feed
    task.cancel()
    await asyncio.wait([task])


async def write(address: str, *messages: tuple[str, bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    for topic, value in messages:
        await producer.send_and_wait(topic, value, key=b"key", partition=0)
    await producer.stop()


async def test_topics_appear_records_arrive_and_the_broker_goes(feed: Feed, fresh_broker: Broker) -> None:
    await until(lambda: feed.status.caught_up, within_s=BOUND_S, what="whole without any topic")
    await asyncio.to_thread(create_topics, fresh_broker.address, partitions=2, replication=1)
    now = time.time()
    await write(
        fresh_broker.address,
        ("pileus.members", encode(story.a_member())),
        ("pileus.forecasts", encode(story.a_forecast(now))),
        ("pileus.decisions", encode(story.a_decision(now))),
        ("pileus.logs", b"{broken"),
        *(("pileus.instances", encode(each)) for each in PARTS),
    )

    await until(
        lambda: len(feed.model.topics) == 5 and len(feed.model.instances) == 2,
        within_s=BOUND_S,
        what="the records are read",
    )
    assert (list(feed.model.members), list(feed.model.clusters)) == (["shop-web-1"], ["shop-web"])
    assert feed.model.topics["pileus.logs"].bad == 1
    assert applications(feed.model)[0].why == "web waits for db"
    assert list(feed.model.declared) == [("default", "erp")]
    await until(lambda: set(feed.status.lag.values()) == {0}, within_s=BOUND_S, what="nothing is left to read")

    late = Feed(Model(), Status(fresh_broker.address), Live(), time.time)
    task = asyncio.create_task(late.run())
    await until(lambda: late.status.caught_up, within_s=BOUND_S, what="one that starts later is whole too")
    assert (late.model.members, late.model.clusters) == (feed.model.members, feed.model.clusters)
    assert (late.model.instances, late.model.declared) == (feed.model.instances, feed.model.declared)
    task.cancel()

    await asyncio.to_thread(fresh_broker.stop)
    await until(lambda: not feed.status.reachable, within_s=BOUND_S, what="the broker is seen to be away")
    assert list(feed.model.members) == ["shop-web-1"]
    await asyncio.wait([task])
