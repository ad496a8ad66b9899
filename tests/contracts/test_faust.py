"""What is assumed of Faust and aiokafka beyond what they promise: names that are overridden, and that it works."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.group import LeaveGroupRequest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from pileus.stack.broker import Broker
from streams.faust_app import PUBLISH_S, consume, create_faust_app, is_newest, records_of
from streams.publish import PublishError, Sender
from streams.records.member import Claim
from streams.topics import Topic
from tests.builders import a_claim
from tests.waiting import until

UP_S = 60.0
WAIT_S = 0.07


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer"),
        (driver.AIOKafkaConsumerThread, "_commit"),
        (driver.AIOKafkaConsumerThread, "_ensure_consumer"),
        (GroupCoordinator, "_maybe_leave_group"),
        (driver.Consumer, "_new_consumer_thread"),
        (driver.Consumer, "_getmany"),
        (driver.Consumer, "_to_message"),
        (faust.App, "_create_directories"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_name_that_is_overridden_or_called_is_there(owner: type, name: str) -> None:
    assert callable(getattr(owner, name))


@pytest.fixture
def topic(tansu: Broker, request: pytest.FixtureRequest) -> Topic:
    made = Topic(f"contract.{request.node.name.replace('[', '.').replace(']', '')}", "any", "any")
    admin = KafkaAdminClient(bootstrap_servers=tansu.address)
    admin.create_topics([NewTopic(made.name, 1, 1)])
    admin.close()
    return made


@asynccontextmanager
async def started(app: Any) -> AsyncIterator[None]:
    """Run an app in this loop."""
    app.loop = asyncio.get_running_loop()
    app.finalize()
    await asyncio.wait_for(app.start(), UP_S)
    try:
        yield
    finally:
        await asyncio.wait_for(app.stop(), UP_S)


def make(broker: Broker, group: str, *, coalesced: Collection[str] = ()) -> Any:
    return create_faust_app(group, broker=broker.address, session_s=3.0, fetch_wait_s=WAIT_S, coalesced=coalesced)


def test_the_version_is_the_one_that_was_looked_into() -> None:
    """Another one may do as well: run this file with it, then pin it here and in pyproject.toml."""
    assert faust.__version__ == "0.15.3"


@pytest.mark.parametrize("coalesce", [True, False], ids=["coalesced", "an event per record"])
async def test_every_record_comes_once_in_order_and_is_committed_whole(
    tansu: Broker, topic: Topic, *, coalesce: bool
) -> None:
    """Three batches: what lies between two acknowledged offsets of a coalesced topic is no gap to the commit."""
    app, seen, events = make(tansu, topic.name, coalesced={topic.name} if coalesce else ()), list[int](), list[int]()

    async def handle(event: Any) -> None:
        events.append(len(records_of(event)))
        seen.extend(each.offset for each in records_of(event) if each.value is not None)
        event.ack()

    consume(app, topic, handle)
    with closing(KafkaProducer(bootstrap_servers=tansu.address, enable_idempotence=False, linger_ms=50)) as producer:
        async with started(app):
            for batch in range(3):
                for number in range(100):
                    producer.send(topic.name, str(number).encode(), partition=0)
                producer.flush()
                enough = 100 * (batch + 1)
                await until(lambda: len(seen) >= enough, within_s=UP_S, what="the records")  # noqa: B023 - at once
            await until(lambda: _committed(app, topic) == 300, within_s=UP_S, what="the commit")

    assert seen == list(range(300))
    assert (len(events) < 300) is coalesce


def _committed(app: Any, topic: Topic) -> int | None:
    """Return the offset that the app has committed."""
    found: int | None = app.consumer._committed_offset[TP(topic.name, 0)]
    return found


async def test_an_app_fetches_without_delay_keeps_nothing_on_disk_and_passes_over_what_fails(
    tansu: Broker, topic: Topic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app, seen = make(tansu, topic.name), list[tuple[int, bool]]()

    async def handle(event: Any) -> None:
        seen.append((event.message.offset, is_newest(event)))
        event.ack()
        if event.message.offset == 0:
            raise RuntimeError("this one fails")

    consume(app, topic, handle)
    async with started(app):
        consumer = app.consumer._thread._consumer
        assert consumer._fetcher._fetch_max_wait_ms == WAIT_S * 1000
        assert app.producer.request_timeout == PUBLISH_S

        sender = Sender(app)
        assert [await sender.send(topic, "key", a_claim(), 0) for _ in range(2)] == [0, 1]
        await until(lambda: len(seen) == 2, within_s=UP_S, what="both events")
        assert [offset for offset, _ in seen] == [0, 1]
        assert seen[-1] == (1, True)

        with monkeypatch.context() as patch:
            patch.setattr(consumer, "commit", _fails)
            assert await app.consumer._commit(dict.fromkeys(app.consumer.assignment(), 1)) is False
        assert app.crash_reason is None

        with pytest.raises(PublishError, match=rf"{topic.name}/0 key key: MessageSizeTooLargeError"):
            await sender.send(topic, "key", Claim(partition=0, owner="x" * 17 * 1024 * 1024, at=0.0), 0)
    assert not list(tmp_path.iterdir())


async def test_an_app_that_stops_leaves_its_group_in_the_first_generation_too(
    tansu: Broker, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tansu counts generations from 0, which aiokafka takes for "never joined"."""
    app, left = make(tansu, topic.name), list[str]()

    async def handle(event: Any) -> None:
        event.ack()

    consume(app, topic, handle)
    async with started(app):
        coordinator = app.consumer._thread._consumer._coordinator
        send, member = coordinator._send_req, coordinator.member_id
        assert coordinator.generation == 0

        async def sent(request: Any) -> Any:
            answer = await send(request)
            if isinstance(request, LeaveGroupRequest):
                left.append(coordinator.member_id)
            return answer

        monkeypatch.setattr(coordinator, "_send_req", sent)
    assert left == [member]


async def _fails(*_: object) -> None:
    raise KafkaConnectionError("the broker is away")
