"""The stream worker on a real broker: samples per second, and how long a sample takes to become a decision.

The worker's figure stands beside that of the bare fold on the same messages, measured in the same run.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from pytest_benchmark.fixture import BenchmarkFixture

from config.catalogue import load
from config.settings import Settings, to_environment
from pileus.load.quantiles import quantile
from pileus.stack.broker import Broker
from streams.admin import create_topics, publish_definitions
from streams.cluster import Rules
from streams.fold import Fold
from streams.records.decision import DECISION
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.record import Record, encode
from streams.topics import DECISIONS, FORECASTS, INSTANCES, MEMBERS, SAMPLES, Topic
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance

EACH = 200
DEFINITIONS = """
kind: cartridge
type: web
category: framework
provider: pileus
host: shop.example.org
iaasProvider: [{type: memory}]
command: [serve]
---
kind: networkPartition
id: here
provider: memory
partitions: [{id: p1}]
---
kind: deploymentPolicy
id: plain
networkPartitions: [{id: here, partitionAlgo: one-after-another, partitions: [{id: p1, partitionMax: 50}]}]
---
kind: autoscalingPolicy
id: quick
loadThresholds: {requestsInFlight: {threshold: 8}}
behavior: {scaleDown: {stabilizationWindowSeconds: 1, policies: [{type: Percent, value: 100, periodSeconds: 1}]}}
---
kind: application
applicationId: shop
alias: shop
components:
  cartridges:
    - {type: web, cartridgeMin: 1, cartridgeMax: 50,
       subscribableInfo: {alias: web, autoscalingPolicy: quick, deploymentPolicy: plain}}
"""


def clock() -> float:
    """Return the wall clock: the worker lives by it."""
    return time.time()


@contextmanager
def part(name: str, settings: Settings, log: Path) -> Iterator[psutil.Process]:
    """Run one part of Pileus."""
    with (log / f"{name}.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pileus", name],
            env=dict(os.environ) | to_environment(settings),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait(10)


def read(
    broker: Broker, topic: Topic, enough: Callable[[list[tuple[float, bytes]]], bool]
) -> list[tuple[float, bytes]]:
    """Return a topic's messages with the time they were written, once there are enough (60 s at most)."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address, group_id=None, auto_offset_reset="earliest")
    where = TopicPartition(topic.name, 0)
    consumer.assign([where])
    consumer.seek_to_beginning(where)
    found: list[tuple[float, bytes]] = []
    try:
        for _ in range(600):
            for records in consumer.poll(timeout_ms=100).values():
                found += [(record.timestamp / 1000.0, record.value) for record in records]
            if enough(found):
                return found
    finally:
        consumer.close()
    raise AssertionError(f"{topic.name}: {len(found)} messages in 60 s are not enough")


@contextmanager
def a_producer(broker: Broker) -> Iterator[KafkaProducer]:
    """Return a producer that has delivered everything at its end."""
    producer = KafkaProducer(bootstrap_servers=broker.address, enable_idempotence=False)
    try:
        yield producer
        producer.flush(10)
    finally:
        producer.close(10)


def publish(producer: KafkaProducer, topic: Topic, record: Record) -> None:
    """Publish one record, under its member's name if it has one: a compacted topic takes nothing without a key."""
    producer.send(topic.name, encode(record), key=str(getattr(record, "member", "all")).encode(), partition=0)


def settings_for(broker: Broker) -> Settings:
    """Return quick settings with one partition."""
    return Settings(broker=broker.address, partitions=1, sample_interval_s=0.5, evaluation_s=0.5, window_s=10.0)


def test_samples_per_second_of_the_worker(
    benchmark: BenchmarkFixture, fresh_broker: Broker, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    rounds = 20 if pytestconfig.getoption("--benchmark-enable") else 2
    settings = settings_for(fresh_broker)
    create_topics(fresh_broker.address, partitions=1, replication=1)
    begin = clock() - 5.0
    samples = [a_health(f"shop-web-{m}", at=begin + r * 0.01) for r in range(rounds) for m in range(EACH)]
    members = [a_member(f"shop-web-{m}", at=begin) for m in range(EACH)]
    first, last = a_tick(begin, members=EACH, instances=1), a_tick(begin + 1.0, members=EACH, instances=1)
    with a_producer(fresh_broker) as producer:
        publish(producer, INSTANCES, an_instance())
        for member in members:
            publish(producer, MEMBERS, member)
        for record in (first, *samples, last):
            publish(producer, SAMPLES, record)

    def bare() -> float:
        fold = Fold(0, Rules(sample_interval_s=0.5, evaluation_s=0.5, window_s=10.0))
        fold.instance(0, an_instance())
        for offset, member in enumerate(members):
            fold.member(offset, member)
        raws = [encode(record) for record in (first, *samples, last)]
        started = time.process_time()
        for raw in raws:
            fold.message(raw)
        return time.process_time() - started

    def through_faust() -> float:
        with part("worker", settings, tmp_path):
            done = read(fresh_broker, FORECASTS, lambda found: any(at_of(raw) == last.at for _, raw in found))
        written = {at_of(raw): at for at, raw in done}
        return written[last.at] - written[first.at]

    faust = benchmark.pedantic(through_faust, rounds=1)

    alone = min(bare() for _ in range(3))
    benchmark.extra_info |= {
        "samples": len(samples),
        "worker_samples_per_s": round(len(samples) / max(faust, 1e-3)),
        "fold_samples_per_s": round(len(samples) / alone),
        "worker_over_fold": round(faust / alone, 2),
    }
    sys.stdout.write(f"\n{fresh_broker.name}: {benchmark.extra_info}\n")
    assert FORECAST.decode(next(raw for _, raw in read(fresh_broker, FORECASTS, bool))).clusters


def at_of(raw: bytes) -> float:
    """Return a forecast's tick."""
    return FORECAST.decode(raw).at


def test_delay_from_sample_to_decision(
    benchmark: BenchmarkFixture, fresh_broker: Broker, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    wanted = 8 if pytestconfig.getoption("--benchmark-enable") else 5
    settings = msgspec.structs.replace(settings_for(fresh_broker), lateness_s=0.05)
    create_topics(fresh_broker.address, partitions=1, replication=1)
    for number, text in enumerate(DEFINITIONS.split("---")):
        (tmp_path / f"{number}.yaml").write_text(text)
    publish_definitions(fresh_broker.address, load(sorted(tmp_path.glob("*.yaml"))).documents())
    sampled: list[float] = []

    def enough(found: list[tuple[float, bytes]]) -> bool:
        at = clock()
        if not sampled or at - sampled[-1] >= settings.sample_interval_s / 2:
            sampled.append(at)
            load = 10.0 if len(sampled) % 4 < 2 else 200.0
            publish(samples, SAMPLES, a_requests(load, at=at, interval_s=settings.sample_interval_s / 2))
        return len(found) >= wanted

    def run() -> list[tuple[float, bytes]]:
        with part("worker", settings, tmp_path), part("actuate", settings, tmp_path):
            return read(fresh_broker, DECISIONS, enough)

    with a_producer(fresh_broker) as samples:
        found = benchmark.pedantic(run, rounds=1)
    decisions = [(at, DECISION.decode(raw)) for at, raw in found]

    delays = sorted(
        written - max(s for s in sampled if s <= decision.at)
        for written, decision in decisions
        if sampled[0] <= decision.at
    )
    ticks = sorted(max(0.0, written - decision.at) for written, decision in decisions)
    benchmark.extra_info |= {
        "decisions": len(delays),
        "sample_to_decision_p50_s": round(quantile(delays, 0.5) or 0.0, 3),
        "sample_to_decision_p99_s": round(quantile(delays, 0.99) or 0.0, 3),
        "tick_to_decision_p50_s": round(quantile(ticks, 0.5) or 0.0, 3),
        "tick_to_decision_p99_s": round(quantile(ticks, 0.99) or 0.0, 3),
    }
    sys.stdout.write(f"\n{fresh_broker.name}: {benchmark.extra_info}\n")
    assert any(decision.wanted != decision.before for _, decision in decisions)
