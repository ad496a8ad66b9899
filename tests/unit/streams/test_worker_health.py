"""What a worker publishes at a tick, when it writes one, and what it tells of itself; without a broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from streams import checkpoints
from streams.checkpoints import Found
from streams.cluster import Rules
from streams.fold import LAYOUT, Fold
from streams.gauges import Gauges
from streams.health import pages
from streams.records.forecast import Forecasts
from streams.records.log import Rejected
from streams.records.record import Record
from streams.records.sample import Tick
from streams.topics import CHECKPOINTS, FORECASTS, REJECTED, SAMPLES, Topic
from streams.worker import ROLE, Shard, Worker, WorkerSettings
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance, raw
from tests.waiting import until

LATENESS_S = 0.2


class Broker:
    """Takes what a worker sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[Topic, Record | None]] = []
        self.ends = {0: 0, 1: 0}
        self.away = False
        self.full = asyncio.Event()
        self.full.set()

    async def send(self, topic: Topic, _key: str, record: Record | None, *_: int, **_named: int) -> int:
        self.sent.append((topic, record))
        await self.full.wait()
        return 0

    async def offer(self, topic: Topic, _key: str, record: Record | None, partition: int) -> int | None:
        if self.away:
            return None
        self.sent.append((topic, record))
        self.ends[partition] += 1
        return self.ends[partition] - 1

    def of(self, topic: Topic) -> list[Any]:
        return [record for where, record in self.sent if where is topic]


class Here:
    """Membership that was read as far as anybody asks for."""

    async def stop(self) -> None:
        """Nothing runs."""

    def position(self, *_: object) -> int:
        return 9

    async def reached(self, *_: object, **_named: float) -> bool:
        return True


class Rigged(Worker):
    """A worker whose partitions have one cluster of two members, and no broker."""

    async def _open(self, partition: int) -> Shard:
        fold = Fold(partition, self.settings.rules)
        fold.instance(0, an_instance())
        for offset in range(2):
            fold.member(offset, a_member(f"shop-web-{offset}"))
        writer = checkpoints.Writer(self._sender, role=ROLE, partition=partition, layout=LAYOUT, found=Found())
        return Shard(fold, 0, Here(), writer)  # type: ignore[arg-type]


class Rig:
    """A worker, its clock, its gauges and what it sent."""

    def __init__(self) -> None:
        self.now, self.broker, self.gauges = 1000.0, Broker(), Gauges(ingest="coalesced")
        settings = WorkerSettings(broker="nowhere", rules=Rules(), lateness_s=LATENESS_S)
        sender: Any = self.broker
        self.worker = Rigged(settings, sender, lambda: self.now, self.gauges, self.broker.ends.get)

    async def open(self, *partitions: int) -> None:
        self.worker.assign(set(partitions))
        await until(
            lambda: len(list(self.worker.standings())) == len(partitions), within_s=5.0, what="partitions are open"
        )

    async def take(self, partition: int, offset: int, *messages: Record | bytes) -> None:
        """Let messages come in as one event, written now."""
        values = [each if isinstance(each, bytes) else raw(each) for each in messages]
        records = [
            SimpleNamespace(offset=offset + i, value=value, timestamp=1000.0 * self.now)
            for i, value in enumerate(values)
        ]
        message = SimpleNamespace(partition=partition, offset=records[-1].offset, timestamp=self.now)
        await self.worker.message(SimpleNamespace(value=records, message=message, ack=lambda: None))
        await self.worker.save()

    async def due(self) -> None:
        """Let a period end."""
        await asyncio.gather(*(self.worker._tick(self.now, *each) for each in self.worker._shards.opened.items()))

    def page(self, path: str) -> tuple[int, str]:
        answer = pages(self.gauges)[path]()
        return answer.status.value, answer.body.decode()

    def numbers(self) -> Callable[..., float | None]:
        """Return a look into the metrics, as a scraper reads them."""
        text = self.page("/metrics")[1]
        families = list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]

        def number(name: str, **labels: str) -> float | None:
            found = [s.value for f in families for s in f.samples if s.name == name and s.labels == labels]
            return found[0] if found else None

        return number


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    await made.worker.release()


async def test_a_tick_gives_one_record_of_forecasts_for_each_partition_and_one_refusal_for_each_reason(
    rig: Rig,
) -> None:
    await rig.open(0, 1)
    health = [a_health(f"shop-web-{i % 2}", at=990.0 + i) for i in range(8)]
    for partition in (0, 1):
        await rig.take(partition, 0, *health, *[b"{"] * 5, a_health("no", at=999.0), a_health("none", at=999.0))
    assert rig.broker.sent == []

    for partition in (0, 1):
        await rig.take(partition, 15, a_tick(1000.0, members=2, instances=1))

    forecasts: list[Forecasts] = rig.broker.of(FORECASTS)
    refusals: list[Rejected] = rig.broker.of(REJECTED)
    assert [(each.partition, each.at, each.samples) for each in forecasts] == [(0, 1000.0, 8), (1, 1000.0, 8)]
    assert [(each.partition, each.reason, each.count, len(each.examples)) for each in refusals] == [
        (partition, reason, count, shown)
        for partition in (0, 1)
        for reason, count, shown in (("BadJson", 5, 3), ("UnknownMember", 2, 2))
    ]


async def test_forecasts_leave_before_anything_else(rig: Rig) -> None:
    await rig.open(0)
    await rig.take(0, 0, b"{", a_tick(1000.0, instances=1))

    assert [topic for topic, _ in rig.broker.sent] == [FORECASTS, REJECTED, CHECKPOINTS]


async def test_nothing_that_comes_of_a_tick_waits_for_the_rest_but_its_checkpoint_for_all(rig: Rig) -> None:
    await rig.open(0)
    rig.broker.full.clear()
    taken = asyncio.ensure_future(
        rig.take(0, 0, b"{", a_health("no", at=999.0), a_tick(1000.0, members=2, instances=1))
    )

    await until(lambda: len(rig.broker.sent) >= 3, within_s=5.0, what="forecasts and both refusals leave")
    await rig.worker.save()

    assert [topic for topic, _ in rig.broker.sent] == [FORECASTS, REJECTED, REJECTED]
    rig.broker.full.set()
    await taken
    assert rig.broker.sent[-1][0] is CHECKPOINTS


async def test_no_tick_is_written_while_the_last_one_is_still_to_be_read(rig: Rig) -> None:
    """A backlog holds one tick, not one for each period that it took to read it."""
    await rig.open(0)
    rig.broker.ends[0] = 100
    await rig.due()
    for offset in (0, 1, 2):
        await rig.take(0, offset, a_requests(at=990.0 + offset))
        await rig.due()
    assert [record.at for record in rig.broker.of(SAMPLES)] == [1000.0]
    assert rig.numbers()("pileus_worker_ticks_left_out_total", partition="0") == 3.0

    tick: Tick = rig.broker.of(SAMPLES)[0]
    await rig.take(0, 3, *[a_requests(at=995.0 + i / 100.0) for i in range(97)], tick)
    rig.now = 1005.0
    await rig.due()

    assert [record.at for record in rig.broker.of(SAMPLES)] == [1000.0, 1005.0]
    assert [each.samples for each in rig.broker.of(FORECASTS)] == [100]


async def test_lag_is_told_in_messages_and_seconds_and_bounds_readiness(rig: Rig) -> None:
    assert rig.page("/readyz") == (503, "Kafka has not said yet which partitions are its own\n")
    await rig.open(0, 1)
    assert rig.page("/readyz") == (200, "ok\n")
    await rig.take(0, 0, a_requests(at=999.0))
    rig.broker.ends |= {0: 41, 1: 1}
    rig.now += 30.0

    number = rig.numbers()
    assert number("pileus_worker_lag_messages", partition="0") == 40.0
    assert number("pileus_worker_lag_seconds", partition="0") == 30.0
    assert number("pileus_worker_lag_messages", partition="1") == 1.0
    assert number("pileus_worker_lag_seconds", partition="1") is None
    assert rig.page("/readyz") == (503, "partition 0: 40 messages and 30 s behind, at most 10 s are allowed\n")
    assert rig.page("/healthz") == (200, "ok\n")


async def test_a_worker_that_reads_nothing_of_what_it_writes_is_dead(rig: Rig) -> None:
    await rig.open(0)
    for _ in range(13):
        await rig.due()
        rig.now += 5.0

    assert rig.page("/healthz") == (503, "partition 0: 13 ticks were written, and nothing was read since\n")


async def test_a_broker_that_is_away_makes_nobody_dead(rig: Rig) -> None:
    await rig.open(0)
    rig.broker.away = True
    for _ in range(100):
        await rig.due()
        rig.now += 5.0

    assert rig.page("/healthz") == (200, "ok\n")


async def test_the_numbers_of_a_tick(rig: Rig) -> None:
    await rig.open(0)
    rig.now = 1000.5
    samples = [a_health("shop-web-1", at=999.0), a_health("shop-web-1", at=970.0), a_health("no", at=999.0)]
    await rig.take(0, 0, *samples, a_tick(1000.0, members=2, instances=1))

    number = rig.numbers()
    told = {
        "pileus_worker_messages_total": 4.0,
        "pileus_worker_samples_total": 2.0,
        "pileus_worker_lag_messages": 0.0,
        "pileus_worker_lag_seconds": 0.0,
        "pileus_worker_clusters": 1.0,
        "pileus_worker_members": 2.0,
        "pileus_worker_checkpoint_age_seconds": 0.0,
        "pileus_worker_sample_age_seconds_count": 3.0,
        "pileus_worker_sample_age_seconds_sum": 32.0,
    }
    assert {name: number(name, partition="0") for name in told} == told
    assert number("pileus_worker_rejected_total", topic="pileus.samples", reason="UnknownMember") == 1.0
    assert number("pileus_worker_tick_seconds_count") == 1.0
    assert number("pileus_worker_forecast_delay_seconds_sum") == pytest.approx(0.5 - LATENESS_S)
    assert number("pileus_worker_sample_age_seconds_bucket", partition="0", le="1.0") == 2.0
    assert (number("pileus_worker_checkpoint_bytes", partition="0") or 0.0) > 100.0
    assert (number("process_resident_memory_bytes") or 0.0) > 1e6
    assert number("pileus_worker_info", ingest="coalesced", faust="0.15.3") == 1.0


def test_before_the_start_a_worker_lives_and_is_not_ready() -> None:
    gauges = Gauges(ingest="events")

    assert {path: pages(gauges)[path]().status.value for path in ("/healthz", "/livez", "/readyz", "/metrics")} == {
        "/healthz": 200,
        "/livez": 200,
        "/readyz": 503,
        "/metrics": 200,
    }
