"""Many members on one worker on one core: ``python -m tests.million`` (see ``--help``).

The worker is a real one against a real Apache Kafka; agents are played by this process. It is measured from outside:
memory and CPU of its process, how long after its time each tick's last forecast stands, how many samples were used,
what checkpoints weigh; at the end it is killed, and how long a new one takes to go on.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.packed import pack
from streams.records.record import encode
from streams.records.sample import HealthColumns
from streams.topics import CHECKPOINTS, FORECASTS, INSTANCES, MEMBERS, REJECTED, SAMPLES
from tests.brokers import start_kafka
from tests.builders import a_member, an_instance
from tests.pieces import Piece, fast

BATCH_BYTES = 900_000
BROKER = "-Xmx2g -XX:MaxDirectMemorySize=1g"
"""The tests' small broker chokes on 16 forecasts of 8 MB at a time."""
LARGEST = 32 * 1024 * 1024
START_S = 600.0
FIRST_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many, and how often."""

    members: int = 1_000_000
    clusters: int = 5_000
    partitions: int = 16
    period_s: float = 15.0
    minutes: float = 10.0
    workers: int = 1
    """Several are only measured, not killed."""
    core: int | None = 0
    """The one that the workers run on; ``None``: any."""

    @property
    def each(self) -> int:
        """Members of a cluster."""
        return self.members // self.clusters


@dataclass(slots=True, kw_only=True)
class Result:
    """What was measured."""

    sent: int = 0
    used: int = 0
    refused: int = 0
    ticks: int = 0
    delays_s: list[float] = field(default_factory=list)
    """After its time, until the last partition's forecasts of a tick stand."""
    rss_bytes: list[int] = field(default_factory=list)
    cpu_share: float = 0.0
    """Of a core, in the steady part."""
    checkpoint_bytes_per_s: float = 0.0
    checkpoint_records: int = 0
    forecast_bytes_per_s: float = 0.0
    restore_s: float = 0.0
    """From the start of a new process until all partitions are open."""
    resume_s: float = 0.0
    """Until each of them has a forecast of its own."""

    def said(self, shape: Shape) -> dict[str, object]:
        """Return it in few numbers."""
        delays = sorted(self.delays_s) or [0.0]
        most = max(self.rss_bytes, default=0)
        rest = {k: v for k, v in asdict(self).items() if not isinstance(v, list)}
        return (
            asdict(shape)
            | rest
            | {
                "bytes_per_member": round(most / shape.members),
                "rss_mb": [round(each / 1e6) for each in self.rss_bytes[:: max(1, len(self.rss_bytes) // 20)]],
                "delay_p50_s": round(delays[len(delays) // 2], 2),
                "delay_max_s": round(delays[-1], 2),
            }
        )


class Agents:
    """Plays the agents: one binary envelope for each cluster and period."""

    def __init__(self, shape: Shape, broker: str, result: Result) -> None:
        self._shape, self._broker, self._result = shape, broker, result
        self._chance = np.random.default_rng(1)
        self._names = [[f"{cluster(c)}-{m}" for m in range(shape.each)] for c in range(shape.clusters)]

    async def declare(self) -> None:
        """Announce the clusters and write their members, all of which serve."""
        now = time.time()
        async with AIOKafkaProducer(bootstrap_servers=self._broker) as producer:
            instances = ((c, encode(an_instance(cluster(c), at=now - 900.0))) for c in range(self._shape.clusters))
            await self._write(producer, INSTANCES.name, instances)
            since = {"Created": now - 700.0, "Starting": now - 690.0, "Active": now - 640.0}
            members = (
                (c, encode(a_member(name, cluster=cluster(c), at=now - 640.0, since=since)))
                for c, names in enumerate(self._names)
                for name in names
            )
            await self._write(producer, MEMBERS.name, members)

    async def send_for_ever(self) -> None:
        """Send what each member measured once per period, spread over it."""
        period = self._shape.period_s
        async with AIOKafkaProducer(bootstrap_servers=self._broker) as producer:
            while True:
                at = (time.time() // period + 1.0) * period
                for c in range(self._shape.clusters):
                    when = at + period * (0.05 + 0.8 * c / self._shape.clusters)
                    if (wait := when - time.time()) > 0.02:
                        await asyncio.sleep(wait)
                    await producer.send(
                        SAMPLES.name, self._envelope(c, min(when, time.time())), partition=c % self._shape.partitions
                    )
                    self._result.sent += self._shape.each

    def _envelope(self, c: int, at: float) -> bytes:
        """Return what the members of a cluster say."""
        n, chance = self._shape.each, self._chance
        return pack(
            HealthColumns(
                application="shop",
                cluster=cluster(c),
                member=self._names[c],
                at=np.round(at - chance.random(n), 3).tolist(),
                load_average=(50.0 + 20.0 * chance.standard_normal(n)).clip(0.0).round(2).tolist(),
                memory_consumption=(40.0 + chance.standard_normal(n)).clip(0.0).round(2).tolist(),
                healthy=[True] * n,
            )
        )

    async def _write(self, producer: AIOKafkaProducer, topic: str, records: Iterator[tuple[int, bytes]]) -> None:
        """Write records in whole batches, each into its cluster's partition."""
        batches = {p: producer.create_batch() for p in range(self._shape.partitions)}
        room = dict.fromkeys(batches, BATCH_BYTES)
        for number, (c, raw) in enumerate(records):
            p = c % self._shape.partitions
            if len(raw) + 100 > room[p] or batches[p].append(key=b"%d" % number, value=raw, timestamp=None) is None:
                await (await producer.send_batch(batches[p], topic, partition=p))
                batches[p], room[p] = producer.create_batch(), BATCH_BYTES
                batches[p].append(key=b"%d" % number, value=raw, timestamp=None)
            room[p] -= len(raw) + 100
        for p, batch in batches.items():
            if batch.record_count():
                await (await producer.send_batch(batch, topic, partition=p))


class Watcher:
    """Reads what the worker publishes, and looks at its process."""

    def __init__(self, shape: Shape, broker: str, result: Result) -> None:
        self._shape, self._broker, self._result = shape, broker, result
        self._missing: dict[float, set[int]] = {}
        self._bytes = {CHECKPOINTS.name: 0, FORECASTS.name: 0}
        self.counting = True
        self.last = dict.fromkeys(range(shape.partitions), 0.0)
        """Tick of the newest forecasts, by partition."""

    async def read_for_ever(self) -> None:
        """Count forecasts, refusals and checkpoints."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._broker, max_partition_fetch_bytes=LARGEST, fetch_max_bytes=LARGEST
        )
        topics = [(t.name, p) for t in (FORECASTS, CHECKPOINTS) for p in range(self._shape.partitions)]
        async with consumer:
            consumer.assign([TopicPartition(*each) for each in [*topics, (REJECTED.name, 0)]])
            while True:
                for where, records in (await consumer.getmany(timeout_ms=200)).items():
                    for record in records:
                        self._take(where.topic, where.partition, record.value or b"", record.timestamp / 1000.0)

    def _take(self, topic: str, partition: int, raw: bytes, stood: float) -> None:
        if topic in self._bytes:
            self._bytes[topic] += len(raw)
        if topic == CHECKPOINTS.name:
            self._result.checkpoint_records += 1
        elif topic == REJECTED.name:
            self._result.refused += json.loads(raw)["count"]
        elif topic == FORECASTS.name:
            self._forecasts(partition, raw, stood)

    def _forecasts(self, partition: int, raw: bytes, stood: float) -> None:
        """Note the forecasts of one partition's tick."""
        record = FORECAST.decode(raw)
        self.last[partition] = record.at
        if not self.counting:
            return
        self._result.used += record.samples
        missing = self._missing.setdefault(record.at, set(range(self._shape.partitions)))
        missing.discard(partition)
        if not missing:
            del self._missing[record.at]
            self._result.ticks += 1
            self._result.delays_s.append(stood - record.at)

    async def measure(self, pids: list[int]) -> None:
        """Watch the workers while they run; the first two minutes of CPU and bytes are not counted."""
        processes, result = [psutil.Process(pid) for pid in pids], self._result

        def used() -> float:
            return sum(sum(process.cpu_times()[:2]) for process in processes)

        began, steady = time.monotonic(), 0.0
        cpu, before = 0.0, dict(self._bytes)
        while time.monotonic() - began < 60.0 * self._shape.minutes:
            await asyncio.sleep(1.0)
            result.rss_bytes.append(sum(process.memory_info().rss for process in processes))
            if not steady and time.monotonic() - began > min(120.0, 20.0 * self._shape.minutes):
                steady, before = time.monotonic(), dict(self._bytes)
                cpu = used()
        past = time.monotonic() - steady
        result.cpu_share = round((used() - cpu) / past, 3)
        result.checkpoint_bytes_per_s = round((self._bytes[CHECKPOINTS.name] - before[CHECKPOINTS.name]) / past)
        result.forecast_bytes_per_s = round((self._bytes[FORECASTS.name] - before[FORECASTS.name]) / past)


def cluster(c: int) -> str:
    """Return the name of a cluster."""
    return f"shop-web-{c}"


async def run(shape: Shape, broker: Broker, directory: Path, result: Result) -> None:
    """Run it all; what is measured stands in ``result``, as far as it comes."""
    settings = fast(
        broker.address,
        directory,
        partitions=shape.partitions,
        sample_interval_s=shape.period_s,
        evaluation_s=shape.period_s,
        window_s=300.0,
        fault_s=60.0,
        checkpoint_s=5.0,
        session_s=6.0,
    )
    create_topics(broker.address, partitions=shape.partitions, replication=1)
    agents, watcher = Agents(shape, broker.address, result), Watcher(shape, broker.address, result)
    await agents.declare()
    workers = [Piece("worker", settings, directory, label=f"worker-{n}") for n in range(shape.workers)]
    tasks = [asyncio.create_task(each) for each in (watcher.read_for_ever(), agents.send_for_ever())]
    try:
        with ExitStack() as stack:
            for worker in workers:
                stack.enter_context(started(worker, shape))
            await opened(workers, shape, tasks)
            await watcher.measure([worker.pid for worker in workers])
            watcher.counting = False
            if len(workers) == 1:
                await again(workers[0], shape, watcher, result, tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def again(worker: Piece, shape: Shape, watcher: Watcher, result: Result, tasks: list[asyncio.Task[None]]) -> None:
    """Kill the worker, start it again, and see how long it takes to go on."""
    worker.kill()
    began, wall = time.monotonic(), time.time()
    with started(worker, shape):
        await opened([worker], shape, tasks)
        result.restore_s = round(time.monotonic() - began, 2)
        while min(watcher.last.values()) < wall:
            await pause(tasks)
        result.resume_s = round(time.monotonic() - began, 2)


@contextmanager
def started(worker: Piece, shape: Shape) -> Iterator[None]:
    """Start the worker on its core, and end it."""
    worker.start()
    try:
        if shape.core is not None:
            psutil.Process(worker.pid).cpu_affinity([shape.core])
        yield
    finally:
        worker.stop()


async def opened(workers: list[Piece], shape: Shape, tasks: list[asyncio.Task[None]]) -> None:
    """Wait until every partition is open, and each worker has some."""
    until = time.monotonic() + START_S
    while True:
        said = [worker.said() for worker in workers]
        opens = [each.count("partition open") for each in said]
        if min(opens) and sum(opens) >= shape.partitions:
            return
        assert all(worker.alive() for worker in workers), said[0][-3000:]
        assert time.monotonic() < until, said[0][-3000:]
        await pause(tasks)


async def pause(tasks: list[asyncio.Task[None]]) -> None:
    """Wait a little; fail if one of the tasks has."""
    await asyncio.sleep(0.05)
    for task in tasks:
        if task.done():
            task.result()


def main() -> int:
    """Run with the numbers that are given; print what was measured as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.million", description=__doc__)
    given = Shape()
    for name in ("members", "clusters", "partitions", "workers", "core"):
        parser.add_argument(f"--{name}", type=int, default=getattr(given, name))
    parser.add_argument("--period", type=float, default=given.period_s, help="seconds between samples")
    parser.add_argument("--minutes", type=float, default=given.minutes)
    words = parser.parse_args()
    shape = Shape(
        members=words.members,
        clusters=words.clusters,
        partitions=words.partitions,
        period_s=words.period,
        minutes=words.minutes,
        workers=words.workers,
        core=words.core,
    )
    os.environ["_JAVA_OPTIONS"] = BROKER
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        broker, result = start_kafka(directory / "kafka"), Result()
        try:
            asyncio.run(run(shape, broker, directory, result))
        finally:
            broker.stop()
            sys.stdout.write(json.dumps(result.said(shape), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
