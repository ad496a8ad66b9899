"""How every Faust app of Pileus is made, started and stopped.

Faust 0.15 waits 1.5 s in each fetch, a constant that no setting reaches; on brokers that do not wake a
waiting fetch this is the delay of every message. :class:`_Transport` sets the wait; it rests on
``_create_worker_consumer`` and ``_fetch_max_wait_ms``, names that a contract test holds.
"""

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.records.record import Record, encode
from streams.topics import Topic

STOP_S = 5.0
"""How long an orderly stop may take before the process ends itself: without a broker Faust does not stop."""
RETRY_S = 0.5

log = structlog.get_logger()


def create_faust_app(group: str, *, broker: str, session_s: float, fetch_wait_s: float) -> faust.App:
    """Return a Faust app in consumer group ``group`` that makes no topics of its own.

    ``session_s``: a member silent for this long loses its partitions. ``fetch_wait_s``: how long a fetch
    may wait for data.
    """
    app: Any = faust.App(
        group,
        broker=f"kafka://{broker}",
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="pileus-"),
        key_serializer="raw",
        value_serializer="raw",
        topic_disable_leader=True,
        topic_allow_declare=False,
        autodiscover=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session_s,
        broker_heartbeat_interval=min(1.0, session_s / 3.0),
        broker_request_timeout=2.0 * session_s,
        broker_commit_interval=0.5,
        producer_acks=-1,
        producer_linger=0,
        stream_wait_empty=False,
        # one standby selects the assignor that gives one worker the same partitions of every topic
        table_standby_replicas=1,
        worker_redirect_stdouts=False,
    )
    app.transport = _transport(fetch_wait_s)(app.conf.broker_consumer, app)
    return cast("faust.App", app)


def _transport(fetch_wait_s: float) -> type[Any]:
    """Return a transport whose fetches wait ``fetch_wait_s``."""

    class Thread(driver.AIOKafkaConsumerThread):
        def _create_worker_consumer(self, transport: Any) -> Any:
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = round(fetch_wait_s * 1000)  # noqa: SLF001 - the only way
            return consumer

    class Consumer(driver.Consumer):
        def _new_consumer_thread(self) -> Any:
            return Thread(self, loop=self.loop, beacon=self.beacon)

    class Transport(driver.Transport):
        pass

    Transport.Consumer = Consumer
    return Transport


def consume(app: faust.App, topic: Topic, handle: Callable[[Any], Awaitable[None]]) -> None:
    """Hand each event of a topic to ``handle``, in order. It is acknowledged by ``event.ack()``, by nobody else."""
    source = app.topic(topic.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def each(stream: Any) -> AsyncIterator[None]:
        async for event in stream.noack().events():
            await handle(event)
            yield

    app.agent(source, name=topic.name)(each)


def own(app: Any, assigned: Callable[[set[TP]], None], released: Callable[[], Awaitable[None]]) -> None:
    """Tell of every new assignment, and of its end: a rebalance ends all of the old one first."""

    async def on_assigned(_: Any, owned: set[TP], **_given: Any) -> None:
        assigned(owned)

    async def on_revoked(*_: Any, **_given: Any) -> None:
        await released()

    # the signals keep only weak references to what is connected to them
    app.pileus_signals = (on_assigned, on_revoked)
    app.on_partitions_assigned.connect(on_assigned)
    app.on_partitions_revoked.connect(on_revoked)


@dataclass(frozen=True, slots=True)
class Sender:
    """Publishes records through an app's producer, and does not give up while the broker is away."""

    app: faust.App

    async def send(self, topic: Topic, key: str, record: Record, partition: int) -> int:
        """Publish one record and return its offset once the broker has it."""
        while True:
            try:
                future = await self.app.producer.send(topic.name, key.encode(), encode(record), partition, None, None)
                return int((await future).offset)
            except (KafkaError, ConnectionError) as error:
                log.warning("publish failed, trying again", topic=topic.name, error=repr(error))
                await asyncio.sleep(RETRY_S)


def run(app: faust.App, closing: Callable[[], Awaitable[None]] | None = None) -> int:
    """Run an app until SIGTERM or SIGINT and return the exit code: 0 stopped, 1 crashed, 3 ended by force."""
    return asyncio.run(_run(app, closing))


async def _run(app: faust.App, closing: Callable[[], Awaitable[None]] | None) -> int:
    """Start, wait, stop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, asked.set)
    app.loop = loop
    app.finalize()
    waiting = asyncio.ensure_future(asked.wait())
    starting = asyncio.ensure_future(app.start())
    await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        ended = asyncio.ensure_future(app.wait_until_stopped())
        await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
    watchdog = threading.Timer(STOP_S, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    if closing is not None:
        await closing()
    await app.stop()
    for task in (waiting, starting):
        task.cancel()
    if app.crash_reason is not None:
        log.error("crashed", reason=repr(app.crash_reason))
        return 1
    return 0
