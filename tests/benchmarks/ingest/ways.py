"""One way of taking the samples of a pre-filled topic in, as a process of its own; prints what it cost as JSON.

``python -m tests.benchmarks.ingest.ways WAY BROKER FORM TICKS PER_TICK BEGIN GARBAGE``. Costs are those between
the first tick and the last one: starting is not in them, all threads of the process are. ``first_s`` is from the start
of the process to its first forecasts.
"""

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import faust
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.fold import TICK, Fold
from streams.records.forecast import Forecasts
from streams.records.record import encode
from streams.topics import FORECASTS, SAMPLES
from tests.benchmarks.ingest.load import Shape, clusters, members
from tests.benchmarks.ingest.plain import Plain

BATCH = 4000
"""Messages that one fetch hands over at most."""
GC_THRESHOLD = 200_000


class Meter:
    """Reads CPU seconds and wall time at the first tick, and prints the difference at the last."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._cpu = self._wall = self._start = 0.0

    def tick(self, at: float) -> None:
        """Note that the forecasts of a tick are out."""
        if at == self._shape.begin:
            self._cpu, self._wall = time.process_time(), time.perf_counter()
            self._start = time.time() - psutil.Process().create_time()
        elif at == self._shape.end:
            cost = {
                "cpu_s": time.process_time() - self._cpu,
                "wall_s": time.perf_counter() - self._wall,
                "first_s": self._start,
            }
            os.write(1, json.dumps(cost).encode() + b"\n")  # Faust takes sys.stdout for its log
            os._exit(0)


def a_fold(shape: Shape) -> Fold:
    """Return a fold that knows everybody."""
    fold = Fold(0, shape.rules)
    for offset, instance in enumerate(clusters()):
        fold.instance(offset, instance)
    for offset, member in enumerate(members()):
        fold.member(offset, member)
    return fold


def worker(broker: str, shape: Shape, *, coalesce: bool) -> None:
    """Run our worker, in a consumer group of its own."""
    from streams import publish
    from streams import worker as module
    from streams.faust_app import create_faust_app, run

    meter, send = Meter(shape), publish.Sender.send

    async def sent(self: Any, topic: Any, key: str, record: Any, partition: int) -> int:
        offset = await send(self, topic, key, record, partition)
        if topic is FORECASTS:
            asyncio.get_running_loop().call_soon(meter.tick, record.at)
        return offset

    publish.Sender.send = sent  # type: ignore[method-assign]
    own: Any = lambda group, **given: create_faust_app(f"{group}-{os.getpid()}", **given)  # noqa: E731
    setattr(module, "create_faust_app", own)  # noqa: B010 - not for others
    settings = module.WorkerSettings(broker=broker, rules=shape.rules, coalesce=coalesce)
    run(module.create_app(settings, now=time.time))


def over_aiokafka(broker: str, shape: Shape, *, plain: bool) -> None:
    """Run the fold, or the yardstick, over a bare aiokafka consumer."""
    gc.set_threshold(GC_THRESHOLD)
    meter = Meter(shape)
    fold, bare = a_fold(shape), Plain()

    def take_plainly(raws: Sequence[bytes]) -> None:
        for raw in raws:
            if out := bare.message(raw):
                meter.tick(float(json.loads(out)[0]) if not out.startswith(b"[") else float(out[1 : out.index(b",")]))

    def take(raws: Sequence[bytes]) -> None:
        waiting: list[bytes] = []
        for raw in raws:
            if TICK not in raw:
                waiting.append(raw)
                continue
            fold.hold(waiting)
            waiting = []
            for record in fold.message(raw):
                encode(record)
                if isinstance(record, Forecasts):
                    meter.tick(record.at)
        fold.hold(waiting)

    async def consume() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=broker, fetch_max_wait_ms=50)
        await consumer.start()
        where = TopicPartition(SAMPLES.name, 0)
        consumer.assign([where])
        await consumer.seek_to_beginning(where)
        while True:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=BATCH)).values():
                (take_plainly if plain else take)([record.value for record in records])

    asyncio.run(consume())


def stock_faust(broker: str, shape: Shape) -> None:
    """Run the fold in a Faust agent as its guide has it: one event per message, no setting of ours."""
    app = faust.App(
        f"bench-{os.getpid()}",
        broker=f"kafka://{broker}",
        store="memory://",
        value_serializer="raw",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6,
        broker_heartbeat_interval=2,
    )
    meter, fold = Meter(shape), a_fold(shape)

    @app.agent(app.topic(SAMPLES.name, value_type=bytes, value_serializer="raw"))
    async def each(stream: Any) -> AsyncIterator[None]:
        async for raw in stream:
            for record in fold.message(raw):
                encode(record)
                if isinstance(record, Forecasts):
                    meter.tick(record.at)
            yield

    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


def quix_streams(broker: str, shape: Shape) -> None:
    """Run the fold in Quix Streams as its guide has it: one call per message, values as bytes."""
    from quixstreams import Application

    meter, fold = Meter(shape), a_fold(shape)

    def each(raw: bytes) -> None:
        for record in fold.message(raw):
            encode(record)
            if isinstance(record, Forecasts):
                meter.tick(record.at)

    app = Application(
        broker_address=broker,
        consumer_group=f"bench-{os.getpid()}",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        consumer_extra_config={"session.timeout.ms": 6000},  # as the others: Tansu holds a join for half of it
        loglevel="ERROR",
    )
    app.dataframe(app.topic(SAMPLES.name, value_deserializer="bytes")).update(each)
    app.run()


def main() -> None:
    """Run the way that the command line names."""
    way, broker, form, ticks, per_tick, begin, garbage = sys.argv[1:]
    shape = Shape(form=form, ticks=int(ticks), per_tick=int(per_tick), begin=float(begin), garbage=float(garbage))
    if way in {"worker", "public"}:
        worker(broker, shape, coalesce=way == "worker")
    elif way in {"plain", "fold"}:
        over_aiokafka(broker, shape, plain=way == "plain")
    else:
        {"faust": stock_faust, "quix": quix_streams}[way](broker, shape)


if __name__ == "__main__":
    main()
