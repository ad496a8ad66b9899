"""Samples per CPU-second of the worker beside what could be had, all on one pre-filled topic in one run.

``make bench`` writes every figure into build/bench.json. Medians of the rounds, with the lowest and the highest; rounds
of all ways alternate. The worker and its yardsticks run three times, what stands beside them once; Apache Kafka gets
one sample per tick. ``make bench ARGS="-k ingest --long"`` runs all three times, and five samples per tick on both.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
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
SLOW = {"public", "faust"}
SLOW_TICKS = 8
"""What a way of one event per message gets of messages of one member each: 10,000 a second is what it takes."""
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
            await write(producer, topic.name, ((name.encode(), raw) for name, raw in named))
        for raws in shape.messages():
            await write(producer, SAMPLES.name, ((b"default/shop", raw) for raw in raws))
    finally:
        await producer.stop()


async def write(
    producer: AIOKafkaProducer, topic: str, messages: Iterable[tuple[bytes, bytes]], *, partition: int = 0
) -> None:
    """Write messages in whole batches."""
    batch, size, sent = producer.create_batch(), 0, []
    for name, raw in messages:
        if size + len(raw) > BATCH_BYTES or batch.append(key=name, value=raw, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch, size = producer.create_batch(), 0
            assert batch.append(key=name, value=raw, timestamp=None) is not None
        size += len(raw)
    sent.append(await producer.send_batch(batch, topic, partition=partition))
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


def measured(way: str, samples: int, costs: list[dict[str, float]]) -> Measured:
    """Return what one way cost in the median."""
    rates = sorted(samples / cost["cpu_s"] for cost in costs)
    wall, first = (statistics.median(cost[name] for cost in costs) for name in ("wall_s", "first_s"))
    return Measured(way, samples, statistics.median(rates), rates[0], rates[-1], wall, first, len(costs))


def measure(ways: Mapping[str, int], broker: Broker, shape: Shape) -> dict[str, Measured]:
    """Run each way so often, in turn."""
    shapes = {way: replace(shape, ticks=min(shape.ticks, SLOW_TICKS)) if _slow(way, shape) else shape for way in ways}
    costs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for number in range(max(ways.values())):
        for way in (way for way, rounds in ways.items() if number < rounds):
            costs[way].append(run(way, broker, shapes[way]))
    return {way: measured(way, shapes[way].samples, each) for way, each in costs.items()}


def _slow(way: str, shape: Shape) -> bool:
    return way in SLOW and shape.form == "each"


def note(file: Path, name: str, found: Mapping[str, object]) -> None:
    """Write a result beside those that are there."""
    file.parent.mkdir(exist_ok=True)
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | {name: found}, indent=1, sort_keys=True) + "\n")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take each form once per tick; to be measured five times on the embedded broker too, at length on both."""
    if "load" in metafunc.fixturenames:
        enabled, at_length = (metafunc.config.getoption(name) for name in ("benchmark_enable", "long"))
        on = {1: ["tansu", "kafka"], 5: ["tansu", "kafka"] if at_length else ["tansu"]}
        loads = [
            pytest.param(kind, (form, n), id=f"{kind}, {said}, {n} per tick")
            for n in ([1, 5] if enabled else [1])
            for kind in on[n]
            for form, said in FORMS.items()
        ]
        metafunc.parametrize(("kind", "load"), loads)


@pytest.fixture
def broker(kind: str, request: pytest.FixtureRequest) -> Broker:
    """Return an empty broker of a kind."""
    return request.getfixturevalue(f"fresh_{kind}")  # type: ignore[no-any-return]


@pytest.mark.timeout(1800)
def test_samples_per_cpu_second(
    benchmark: BenchmarkFixture,
    tmp_path: Path,
    broker: Broker,
    load: tuple[str, int],
    pytestconfig: pytest.Config,
) -> None:
    full, (form, per_tick) = not benchmark.disabled, load
    by_event = [] if form == "each" and per_tick > 1 else ["public", *(["faust"] if form == "each" else [])]
    few = ROUNDS if pytestconfig.getoption("long") else 1
    ways = dict.fromkeys(("worker", *YARDSTICKS), ROUNDS) | dict.fromkeys(("quix", *by_event), few)
    create_topics(broker.address, partitions=1, replication=1)
    ticks = ((20 if form == "each" else 30) if per_tick > 1 else 30 if form == "each" else 60) if full else 2
    begin = (time.time() // PERIOD_S - ticks - 8) * PERIOD_S
    shape = Shape(form=form, ticks=ticks, per_tick=per_tick, begin=begin)
    asyncio.run(_fill(broker.address, shape))

    found = benchmark.pedantic(
        measure, args=(ways if full else dict.fromkeys(("worker", *YARDSTICKS), 1), broker, shape), rounds=1
    )

    said = {
        way: asdict(each) | {f"of_{base}": each.per_cpu_s / found[base].per_cpu_s for base in YARDSTICKS}
        for way, each in found.items()
    }
    name = f"{broker.name}, {form}, {per_tick} per tick"
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
