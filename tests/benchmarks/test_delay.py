"""From the moment a tick is due to its forecasts' being readable, while samples flow.

Forecasts are made at ticks and at nothing else: a sample waits for the end of its period (``evaluation_s``) and for
those that are late (``lateness_s``). That wait is a setting and is subtracted: measured is from the due time, by
the wall clock, to the moment when a reader that asks all the time has the record in its hands. In it: writing the
tick, reading it back behind all samples before it, evaluating, writing the forecasts, reading them.
``make bench`` writes the figures into build/bench.json.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pytest_benchmark.fixture import BenchmarkFixture

from config.settings import Settings
from pileus.load.quantiles import quantile
from pileus.stack.broker import Broker
from streams.admin import create_topics, publish_messages
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.record import encode
from streams.topics import FORECASTS, INSTANCES, MEMBERS, SAMPLES
from tests.benchmarks.test_ingest import RESULTS, note
from tests.builders import a_health, a_member, an_instance
from tests.pieces import Piece, fast

CLUSTERS, EACH = 10, 100
EVERY_S = 0.01
"""From one batch of samples to the next."""
ASK_MS = 5
"""How long a fetch of the reader waits."""
WARM_UP = 6
"""Ticks that are not counted."""
LIMIT_S = 240.0


@dataclass(frozen=True, slots=True)
class Delay:
    """What was measured at one rate."""

    per_s: int
    """Messages a second that were sent, each a sample of one member."""
    ticks: int
    p50_ms: float
    p99_ms: float
    longest_ms: float
    samples: int
    """That counted."""


def settings_for(broker: Broker, directory: Path) -> Settings:
    """Return the settings as they are shipped on a tenth of the time: windows have 60 periods, as shipped."""
    quick = fast(broker.address, directory, partitions=1, evaluation_s=0.5, window_s=30.0, horizon_grid_s=(15.0,))
    return msgspec.structs.replace(quick, checkpoint_s=Settings().checkpoint_s, lateness_s=Settings().lateness_s)


def fill(broker: Broker) -> None:
    """Tell who is there."""
    create_topics(broker.address, partitions=1, replication=1)
    names = {f"shop-web-{c}": [f"shop-web-{c}-{m}" for m in range(EACH)] for c in range(CLUSTERS)}
    publish_messages(broker.address, INSTANCES, ((0, c, encode(an_instance(c))) for c in names))
    members = ((0, name, encode(a_member(name, cluster=c))) for c, each in names.items() for name in each)
    publish_messages(broker.address, MEMBERS, members)


def messages() -> Iterator[bytes]:
    """Yield samples for ever, member after member, each of this moment."""
    number = 0
    while True:
        cluster, number = f"shop-web-{number % CLUSTERS}", number + 1
        member = f"{cluster}-{number // CLUSTERS % EACH}"
        yield encode(a_health(member, cluster=cluster, at=time.time(), load=40.0, memory=30.0))


async def send(broker: Broker, per_s: int) -> None:
    """Send samples at a rate until cancelled; what the machine had no time for is made up for."""
    clock, due, coming = asyncio.get_running_loop().time, 0.0, messages()
    async with AIOKafkaProducer(bootstrap_servers=broker.address) as producer:
        begun, sent = clock(), 0
        while True:
            due = max(due + EVERY_S, clock() - begun)
            batch = producer.create_batch()
            while sent < due * per_s and batch.append(key=b"default/shop", value=next(coming), timestamp=None):
                sent += 1
            if batch.record_count():
                await producer.send_batch(batch, SAMPLES.name, partition=0)
            await asyncio.sleep(max(0.0, begun + due - clock()))


async def delays(broker: Broker, per_s: int, ticks: int, lateness_s: float) -> Delay:
    """Measure ``ticks`` ticks at a rate."""
    reader = AIOKafkaConsumer(bootstrap_servers=broker.address, fetch_max_wait_ms=ASK_MS)
    await reader.start()
    where = TopicPartition(FORECASTS.name, 0)
    reader.assign([where])
    await reader.seek_to_end(where)
    sending = asyncio.create_task(send(broker, per_s))
    begun, samples = time.time(), 0
    found: list[float] = []
    try:
        async with asyncio.timeout(LIMIT_S):
            while len(found) < ticks + WARM_UP:
                record = await reader.getone()
                got = time.time()
                forecasts = FORECAST.decode(record.value)
                if forecasts.at > begun:
                    found.append(got - forecasts.at - lateness_s)
                    samples += forecasts.samples
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await reader.stop()
    counted = sorted(1000.0 * each for each in found[WARM_UP:])
    p50, p99 = (round(quantile(counted, q) or 0.0, 1) for q in (0.5, 0.99))
    return Delay(per_s, len(counted), p50, p99, round(counted[-1], 1), samples)


@pytest.mark.timeout(1200)
def test_delay_from_a_tick_that_is_due_to_its_forecasts(
    benchmark: BenchmarkFixture, tmp_path: Path, fresh_broker: Broker, pytestconfig: pytest.Config
) -> None:
    full, at_length = not benchmark.disabled, pytestconfig.getoption("long")
    rates, ticks = ((500, 2000, 10_000), 200 if at_length else 40) if full else ((500,), 4)
    settings = settings_for(fresh_broker, tmp_path)
    fill(fresh_broker)
    worker = Piece("worker", settings, tmp_path).start()

    def every() -> list[Delay]:
        return [asyncio.run(delays(fresh_broker, rate, ticks, settings.lateness_s)) for rate in rates]

    try:
        worker.says("partition open")
        found = benchmark.pedantic(every, rounds=1)
    finally:
        worker.stop()

    name = f"{fresh_broker.name}, delay from a due tick to readable forecasts"
    note(RESULTS if full else tmp_path / RESULTS.name, name, {f"{each.per_s} per s": asdict(each) for each in found})
    for each in found:
        sys.stdout.write(f"\n{fresh_broker.name}: {each}")
    assert all(each.samples > 0 and each.ticks == ticks for each in found)
