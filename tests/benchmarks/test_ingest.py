"""Samples per CPU-second of the worker beside what could be had, all on one pre-filled topic in one run.

``make bench`` writes every figure into build/bench.json. Medians of the rounds, with the lowest and the highest.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from pytest_benchmark.fixture import BenchmarkFixture

from pileus.stack.broker import Broker
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics
from streams.checkpoints import newest
from streams.fold import LAYOUT
from streams.records.record import encode
from streams.topics import CHECKPOINTS, INSTANCES, MEMBERS, SAMPLES
from streams.worker import ROLE
from tests.apart import packages
from tests.benchmarks.ingest.load import PERIOD_S, Shape, clusters, members
from tests.brokers import free_port

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench.json"
QUIX = Path(__file__).resolve().parent / "quix" / "requirements.txt"
BATCH_BYTES = 500_000
LIMIT_S = 240.0
ROUNDS = 3
FORMS = {
    "each": "a JSON message per member",
    "json": "envelopes of 200 in JSON",
    "binary": "envelopes of 200 in binary",
}
YARDSTICKS = ("fold", "plain")
"""Over a bare aiokafka: the worker's own computation, and the least that forecasts as it does (``ingest/plain.py``)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one way cost over some rounds."""

    way: str
    samples: int
    per_cpu_s: float
    """Samples per CPU-second: the median."""
    lowest: float
    highest: float
    wall_s: float
    first_s: float
    """From the start of its process to its first forecasts."""
    rounds: int


async def _fill(broker: str, shape: Shape) -> None:
    """Write everything that is to be read."""
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        for topic, records in ((INSTANCES, clusters()), (MEMBERS, members())):
            named = ((getattr(r, "member", "") or r.cluster, encode(r)) for r in records)
            await _write(producer, topic.name, ((name.encode(), raw) for name, raw in named))
        for raws in shape.messages():
            await _write(producer, SAMPLES.name, ((b"default/shop", raw) for raw in raws))
    finally:
        await producer.stop()


async def _write(producer: AIOKafkaProducer, topic: str, messages: Iterable[tuple[bytes, bytes]]) -> None:
    """Write messages in whole batches."""
    batch, size, sent = producer.create_batch(), 0, []
    for name, raw in messages:
        if size + len(raw) > BATCH_BYTES or batch.append(key=name, value=raw, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=0))
            batch, size = producer.create_batch(), 0
            assert batch.append(key=name, value=raw, timestamp=None) is not None
        size += len(raw)
    sent.append(await producer.send_batch(batch, topic, partition=0))
    await asyncio.gather(*sent)


async def _forget(broker: str) -> None:
    """Let the worker begin anew: no checkpoint is left."""
    found = await newest(broker, ROLE, 0, log=SAMPLES, layout=LAYOUT)
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    for key in found.keys:
        await producer.send_and_wait(CHECKPOINTS.name, None, key=key.encode(), partition=0)
    await producer.stop()


def run(way: str, broker: Broker, shape: Shape) -> dict[str, float]:
    """Run one way in a process of its own."""
    if way in {"worker", "public"}:
        asyncio.run(_forget(broker.address))
    words = [
        way,
        broker.address,
        shape.form,
        str(shape.ticks),
        str(shape.per_tick),
        str(shape.begin),
        str(shape.garbage),
    ]
    command = [sys.executable, "-m", "tests.benchmarks.ingest.ways", *words]
    environment = dict(os.environ)
    if way == "quix":  # its packages come before ours
        environment["PYTHONPATH"] = str(packages(QUIX, ROOT / ".quix"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env=environment)
    assert done.stdout, f"{way}: {done.stderr[-3000:]}"
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return cost


def measure(way: str, rounds: int, samples: int, once: Callable[[], dict[str, float]]) -> Measured:
    """Run one way some times."""
    costs = [once() for _ in range(rounds)]
    rates = sorted(samples / cost["cpu_s"] for cost in costs)
    wall, first = (statistics.median(cost[name] for cost in costs) for name in ("wall_s", "first_s"))
    return Measured(way, samples, statistics.median(rates), rates[0], rates[-1], wall, first, rounds)


def note(file: Path, name: str, found: dict[str, dict[str, object]]) -> None:
    """Write a result beside those that are there."""
    file.parent.mkdir(exist_ok=True)
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | {name: found}, indent=1, sort_keys=True) + "\n")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take each form once per tick, and five times if it is to be measured."""
    if "load" in metafunc.fixturenames:
        often = [1, 5] if metafunc.config.getoption("benchmark_enable") else [1]
        loads = [pytest.param((form, n), id=f"{said}, {n} per tick") for form, said in FORMS.items() for n in often]
        metafunc.parametrize("load", loads)


@pytest.mark.timeout(1800)
def test_samples_per_cpu_second(
    benchmark: BenchmarkFixture, tmp_path: Path, fresh_broker: Broker, load: tuple[str, int]
) -> None:
    full, (form, per_tick) = not benchmark.disabled, load
    by_event = [] if form == "each" and per_tick > 1 else ["public", *(["faust"] if form == "each" else [])]
    ways = ["worker", *YARDSTICKS, "quix", *by_event]
    create_topics(fresh_broker.address, partitions=1, replication=1)
    ticks = (30 if form == "each" or per_tick > 1 else 60) if full else 2
    begin = (time.time() // PERIOD_S - ticks - 8) * PERIOD_S
    shape = Shape(form=form, ticks=ticks, per_tick=per_tick, begin=begin)
    asyncio.run(_fill(fresh_broker.address, shape))

    def every() -> dict[str, Measured]:
        return {
            way: measure(way, ROUNDS if full else 1, shape.samples, partial(run, way, fresh_broker, shape))
            for way in (ways if full else ["worker", *YARDSTICKS])
        }

    found = benchmark.pedantic(every, rounds=1)

    said = {
        way: asdict(each) | {f"of_{base}": each.per_cpu_s / found[base].per_cpu_s for base in YARDSTICKS}
        for way, each in found.items()
    }
    name = f"{fresh_broker.name}, {form}, {per_tick} per tick"
    note(RESULTS if full else tmp_path / RESULTS.name, name, said)
    for way, each in found.items():
        ratios = ", ".join(f"{each.per_cpu_s / found[base].per_cpu_s:.2f} of {base}" for base in YARDSTICKS)
        sys.stdout.write(
            f"\n{name} {way}: {each.per_cpu_s:,.0f} ({each.lowest:,.0f}-{each.highest:,.0f}) samples/cpu-s, "
            f"{ratios}, wall {each.wall_s:.2f} s, first forecasts after {each.first_s:.1f} s"
        )
    assert all(each.per_cpu_s > 0.0 for each in found.values())


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", ["each", "binary"])
def test_throughput_with_a_tenth_of_garbage(benchmark: BenchmarkFixture, tmp_path: Path, form: str) -> None:
    """Messages per CPU-second of the worker when every tenth message is a mutated one, beside a clean topic."""
    full = not benchmark.disabled
    ticks = (30 if form == "each" else 60) if full else 2
    begin = (time.time() // PERIOD_S - ticks - 8) * PERIOD_S
    shapes = {
        name: Shape(form=form, ticks=ticks, per_tick=1, begin=begin, garbage=share)
        for name, share in (("clean", 0.0), ("garbage", 0.1))
    }
    costs: dict[str, list[float]] = {name: [] for name in shapes}

    def every() -> None:
        with ExitStack() as stack:
            brokers = {name: _filled(stack, tmp_path / name, shape) for name, shape in shapes.items()}
            for _ in range(ROUNDS if full else 1):
                for name, shape in shapes.items():
                    costs[name].append(run("worker", brokers[name], shape)["cpu_s"])

    benchmark.pedantic(every, rounds=1)

    clean, spoilt = (statistics.median(costs[name]) for name in shapes)
    said: dict[str, dict[str, object]] = {
        "clean": {"cpu_s": clean},
        "garbage": {"cpu_s": spoilt, "of_clean": clean / spoilt},
    }
    note(RESULTS if full else tmp_path / RESULTS.name, f"tansu, {form}, a tenth of garbage", said)
    sys.stdout.write(f"\n{form}: with a tenth of garbage {clean / spoilt:.2f} of the messages per CPU-second ({costs})")
    assert clean > 0.0


def _filled(stack: ExitStack, directory: Path, shape: Shape) -> Broker:
    """Start a broker that holds a topic of this shape."""
    directory.mkdir()
    broker = start_tansu(free_port(), directory=directory)
    stack.callback(broker.stop)
    create_topics(broker.address, partitions=1, replication=1)
    asyncio.run(_fill(broker.address, shape))
    return broker
