"""How every Faust app of Pileus is made, started and stopped.

Five things are not Faust 0.15's own; the private names that they rest on are held by a contract test.
Each fetch waits 1.5 s, a constant that no setting reaches, and on brokers that do not wake a waiting fetch
this is the delay of every message: :func:`_transport` sets the wait. A commit that fails while the broker is
away ends the app: here it is tried again. An app makes folders for tables: ours have none. An event costs
about 100 us whatever is done with it: where a topic is coalesced, all that a fetch brought of a partition is one event.
A group's first generation is 0 on Tansu, and aiokafka takes that for none: its members leave all the same
(:func:`_leaves_whenever`).
"""

import asyncio
import gc
import math
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, cast

import faust
import structlog
import uvloop
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.heap import keep_free
from streams.topics import Topic

STOP_S = 5.0
"""How long an orderly stop may take before the process ends itself: without a broker Faust does not stop."""
WAIT_S = 0.5
"""Pause between two tries to reach a broker at the start."""
PORT = 9092
"""Kafka's port, where the broker's address names none."""
PUBLISH_S = 3.0
"""How long the producer tries to deliver a record before its sender is told: a tick must not come late."""
FETCH = 4000
"""Records that one fetch hands over at most: more of them at once are slower, for they leave the processor's cache."""
GARBAGE = 200_000
"""Objects made until the garbage collector looks: more than the records that are fetched ahead. With its 700 it takes a
sixth of the time, and finds nothing."""
LARGEST = 16 * 1024 * 1024
"""Largest record that is published (bytes): a checkpoint of thousands of members."""

log = structlog.get_logger()


def create_faust_app(
    group: str, *, broker: str, session_s: float, fetch_wait_s: float, coalesced: Collection[str] = ()
) -> faust.App:
    """Return a Faust app in consumer group ``group`` that makes no topics of its own.

    ``broker``: ``host:port``, several apart by ``,``. ``session_s``: a member silent for this long loses its
    partitions. ``fetch_wait_s``: how long a fetch may wait for data. ``coalesced``: topics whose events are lists
    of records (:func:`records_of` knows).
    """
    app: Any = _App(
        group,
        broker=f"kafka://{broker}",
        store="memory://",
        key_serializer="raw",
        value_serializer="raw",
        topic_disable_leader=True,
        topic_allow_declare=False,
        autodiscover=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session_s,
        broker_heartbeat_interval=min(0.5, session_s / 6.0),
        broker_request_timeout=2.0 * session_s,
        broker_commit_interval=0.5,
        broker_max_poll_records=FETCH,
        producer_acks=-1,
        producer_linger=0,
        producer_request_timeout=PUBLISH_S,
        producer_max_request_size=LARGEST,
        stream_wait_empty=False,
        # one standby selects the assignor that gives one worker the same partitions of every topic
        table_standby_replicas=1,
        worker_redirect_stdouts=False,
    )
    app.transport = _transport(fetch_wait_s, frozenset(coalesced))(app.conf.broker_consumer, app)
    return cast("faust.App", app)


class _App(faust.App):
    """An app whose tables live in memory, if it has any."""

    def _create_directories(self) -> None:
        """Keep nothing on disk."""


def _transport(fetch_wait_s: float, coalesced: Collection[str]) -> type[Any]:
    """Return a transport whose fetches wait ``fetch_wait_s``, which outlives a failed commit, and which coalesces."""

    class Thread(driver.AIOKafkaConsumerThread):
        def _create_worker_consumer(self, transport: Any) -> Any:
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = round(fetch_wait_s * 1000)  # noqa: SLF001 - the only way
            return consumer

        async def on_start(self) -> None:
            await super().on_start()
            _leaves_whenever(self._consumer)

        async def _commit(self, offsets: Any) -> bool:
            owned = self.assignment()
            known = {driver.ensure_aiokafka_TP(tp): offset for tp, offset in offsets.items() if tp in owned}
            try:
                await self._ensure_consumer().commit(known)
            except (KafkaError, OSError) as error:  # what was not committed is read again, and does nothing twice
                log.warning("commit failed", error=repr(error))
                return False
            return True

    class Consumer(driver.Consumer):
        def _new_consumer_thread(self) -> Any:
            return Thread(self, loop=self.loop, beacon=self.beacon)

        async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
            found = await super()._getmany(active_partitions, timeout)
            return {
                tp: [Coalesced(records)] if records and tp.topic in coalesced else records
                for tp, records in found.items()
            }

    class Transport(driver.Transport):
        pass

    Transport.Consumer = Consumer
    return Transport


def _leaves_whenever(consumer: Any) -> None:
    """Have a consumer that ends say so to its group in generation 0 as well; else the others wait out its session."""
    coordinator = consumer._coordinator  # noqa: SLF001 - the only way
    leave = coordinator._maybe_leave_group  # noqa: SLF001 - the only way

    async def left() -> None:
        coordinator.generation = coordinator.generation or 1  # not sent: a heartbeat came last, a leave names none
        await leave()

    coordinator._maybe_leave_group = left  # noqa: SLF001 - the only way


class Coalesced:
    """The records of one fetch and partition as one: its offset is the last one's, its value all of them.

    Faust commits up to there once the event is acknowledged: what lies between it and the one before is a gap to it.
    """

    key = None
    headers = ()
    checksum = None
    serialized_key_size = serialized_value_size = 0

    def __init__(self, records: list[ConsumerRecord]) -> None:
        last = records[-1]
        self.topic, self.partition, self.offset = last.topic, last.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp, last.timestamp_type
        self.value = records


class _Untouched(faust.Schema):  # type: ignore[type-arg]
    """Hands keys and values over as the transport gave them."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 - Faust's
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002 - Faust's
        return message.value


class Logged(Protocol):
    """A record as it stands in a log."""

    @property
    def offset(self) -> int:
        """Return where it stands."""

    @property
    def value(self) -> bytes | None:
        """Return its value."""

    @property
    def timestamp(self) -> int:
        """Return when it was written (ms since the Unix epoch); 0 or less: unknown."""


@dataclass(frozen=True, slots=True)
class One:
    """A record that came as an event of its own."""

    offset: int
    value: bytes | None
    timestamp: int


def records_of(event: Any) -> Sequence[Logged]:
    """Return the records of an event, be it coalesced or a single one."""
    value, message = event.value, event.message
    if isinstance(value, list):
        return value
    return [One(message.offset, value, round(1000.0 * message.timestamp) if message.timestamp else 0)]


def written_at(record: Logged) -> float:
    """Return when a record was written (s since the Unix epoch); infinite: unknown."""
    return record.timestamp / 1000.0 if record.timestamp > 0 else math.inf


def consume(app: faust.App, topic: Topic, handle: Callable[[Any], Awaitable[None]]) -> None:
    """Hand each event of a topic to ``handle``, in order. It is acknowledged by ``event.ack()``, by nobody else.

    One that ``handle`` fails on is told in the log and passed over: the next ones count as well.
    """
    source = app.topic(topic.name, schema=_Untouched(key_type=bytes, value_type=bytes))

    async def each(stream: Any) -> AsyncIterator[None]:
        async for event in stream.noack().events():
            try:
                await handle(event)
            except Exception:
                at = event.message
                log.exception("event passed over", topic=at.topic, partition=at.partition, offset=at.offset)
                event.ack()  # else nothing after it would ever be committed
            yield

    app.agent(source, name=topic.name)(each)


def is_newest(event: Any) -> bool:
    """Say whether an event is the last of its partition, as far as the last fetch saw."""
    where = event.message.tp
    if where not in event.app.consumer.assignment():
        return False
    end = end_of_fetch(event.app, where.topic, where.partition)
    return end is None or bool(event.message.offset + 1 >= end)


def end_of_fetch(app: faust.App, topic: str, partition: int) -> int | None:
    """Return where a partition ended at the last fetch; ``None`` when there was none, or it is not the app's.

    This is right on every broker: Tansu's answer to the question for the latest offset is too low.
    """
    where = TP(topic, partition)
    return app.consumer.highwater(where) if where in app.consumer.assignment() else None


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


def run(
    app: faust.App,
    closing: Callable[[], Awaitable[None]] | None = None,
    *,
    beside: AbstractAsyncContextManager[object] | None = None,
) -> int:
    """Run an app until SIGTERM or SIGINT and return the exit code: 0 stopped, 1 crashed, 3 ended by force.

    ``beside`` is open from before the start until the end.
    """
    gc.set_threshold(GARBAGE)
    keep_free()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(app, closing, beside or nullcontext()))


async def _run(
    app: faust.App, closing: Callable[[], Awaitable[None]] | None, beside: AbstractAsyncContextManager[object]
) -> int:
    """Start, wait, stop."""
    async with beside:
        return await _until_asked(app, closing)


async def _until_asked(app: faust.App, closing: Callable[[], Awaitable[None]] | None) -> int:
    """Start, wait until the end is asked for, stop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, asked.set)
    app.loop = loop
    app.finalize()
    waiting = asyncio.ensure_future(asked.wait())
    starting = asyncio.ensure_future(_start(app))
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


async def _start(app: faust.App) -> None:
    """Start an app once its broker answers: Faust gives up when it does not at once."""
    said = False
    while (error := await _try(app)) is not None:
        if not said:
            log.warning("no broker answers, waiting", error=error)
        said = True
        await asyncio.sleep(WAIT_S)
    await app.start()


async def _try(app: faust.App) -> str | None:
    """Return why no broker of the app answers; ``None`` when one does."""
    client = AIOKafkaClient(bootstrap_servers=driver.server_list(app.conf.broker_consumer, PORT))
    try:
        await client.bootstrap()
    except (KafkaError, OSError) as error:
        return str(error)
    finally:
        await client.close()
    return None
