"""One worker against two on the same pre-filled topic of 100,000 members, and how long their state takes to come back.

Counted is from the moment at which all partitions of a worker have their first forecasts until it has read them:
starting, joining and reading the membership are not in it; ``first_s`` is how long they take. CPU is that of all. Both
brokers wait for the second worker before they share the partitions out, so nothing moves while it is measured.
``make bench`` writes the figures into build/bench.json.
"""

import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaProducer
from pytest_benchmark.fixture import BenchmarkFixture

from pileus.stack.broker import Broker
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics
from streams.checkpoints import newest
from streams.fold import LAYOUT
from streams.topics import CHECKPOINTS, INSTANCES, MEMBERS, SAMPLES
from streams.worker import ROLE
from tests.benchmarks.ingest.share import PERIOD_S, Crowd
from tests.benchmarks.test_ingest import RESULTS, note, write
from tests.brokers import MissingPartError, free_port, start_kafka
from tests.waiting import wait_until

RATES = ("per_cpu_s", "per_wall_s")
LIMIT_S = 120.0
WORKERS = (1, 2)
JOIN_WAIT_S = 3.0
"""How long Apache Kafka waits for the second worker: its own default. The embedded broker waits half a session."""
PUBLISHED = re.compile(r"^published (\S+) (\S+) (\d+) (\S+)$", re.MULTILINE)
STAMP = re.compile(r"timestamp=(\S+) .*event=\"(partitions assigned|partition open)\"")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took, over all workers."""

    workers: int
    samples: int
    cpu_s: float
    wall_s: float
    first_s: float
    """From the start of the processes until every partition has its first forecasts."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take both brokers if it is to be measured."""
    measured = metafunc.config.getoption("benchmark_enable")
    metafunc.parametrize("broker", ["tansu", "kafka"] if measured else ["tansu"], indirect=True)


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Return an empty broker of a kind; a new group waits for its second member."""
    try:
        if request.param == "tansu":
            made = start_tansu(free_port(), directory=tmp_path / "tansu")
        else:
            made = start_kafka(tmp_path / "kafka", join_wait_s=JOIN_WAIT_S)
    except MissingPartError as error:
        pytest.skip(str(error))
    yield made
    made.stop()


class Line(NamedTuple):
    """What a worker says of one record of forecasts."""

    at: float
    """When it stood (s since the Unix epoch)."""
    cpu_s: float
    partition: int
    tick: float


class Team:
    """Some workers of one group, and what they wrote."""

    def __init__(self, size: int, broker: Broker, directory: Path, group: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.ingest.share", broker.address, group]
        self.logs = [directory / f"{group}-{number}.log" for number in range(size)]
        self._processes: list[subprocess.Popen[bytes]] = []
        for log in self.logs:
            with log.open("wb") as out:
                self._processes.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))

    def published(self) -> list[list[Line]]:
        """Return what each published, in its order."""
        found = [PUBLISHED.findall(log.read_text()) for log in self.logs]
        return [[Line(float(at), float(cpu), int(p), float(tick)) for at, cpu, p, tick in each] for each in found]

    def reached(self, tick: float) -> set[int]:
        """Return the partitions whose forecasts of a tick stand."""
        return {line.partition for each in self.published() for line in each if line.tick == tick}

    def told(self, event: str) -> list[list[float]]:
        """Return when each wrote an event (s since the Unix epoch)."""
        found = [STAMP.findall(log.read_text()) for log in self.logs]
        return [[datetime.fromisoformat(at).timestamp() for at, what in each if what == event] for each in found]

    def end(self) -> None:
        """Kill all: their state is to be what stands in the topics."""
        for process in self._processes:
            process.kill()
            process.wait(10)


@contextmanager
def a_team(size: int, broker: Broker, directory: Path, group: str) -> Iterator[Team]:
    """Start workers, and end them whatever happens."""
    team = Team(size, broker, directory, group)
    try:
        yield team
    finally:
        team.end()


async def fill(broker: str, crowd: Crowd) -> None:
    """Write everything that is to be read."""
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for partition in range(crowd.partitions):
            await write(producer, INSTANCES.name, crowd.instances(partition), partition=partition)
            await write(producer, MEMBERS.name, crowd.serving(partition), partition=partition)
            await write(producer, SAMPLES.name, crowd.log(partition), partition=partition)


async def forget(broker: str, partitions: int) -> None:
    """Let workers begin anew: no checkpoint is left."""
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for partition in range(partitions):
            for key in (await newest(broker, ROLE, partition, log=SAMPLES, layout=LAYOUT)).keys:
                await producer.send_and_wait(CHECKPOINTS.name, None, key=key.encode(), partition=partition)


def take(broker: Broker, crowd: Crowd, directory: Path, group: str, workers: int) -> Cost:
    """Let so many workers read the topic once."""
    asyncio.run(forget(broker.address, crowd.partitions))
    began, every = time.time(), set(range(crowd.partitions))
    with a_team(workers, broker, directory, group) as team:
        wait_until(lambda: team.reached(crowd.end) >= every, within_s=LIMIT_S, what=f"the end: {team.logs}")
    lines = [[line for line in each if line.tick <= crowd.end] for each in team.published()]
    owned = [len({line.partition for line in each}) for each in lines]
    assert owned == [crowd.partitions // workers] * workers, f"the partitions moved: {owned}"
    # of each worker: from when all its partitions have their first forecasts
    firsts = [max(i for i, line in enumerate(each) if line.tick == crowd.begin) for each in lines]
    ticks = sum(len(each) - 1 - first for each, first in zip(lines, firsts, strict=True))
    cpu = sum(each[-1].cpu_s - each[first].cpu_s for each, first in zip(lines, firsts, strict=True))
    first_at = max(each[first].at for each, first in zip(lines, firsts, strict=True))
    wall = max(each[-1].at for each in lines) - min(each[first].at for each, first in zip(lines, firsts, strict=True))
    return Cost(workers, ticks * crowd.members // crowd.partitions, cpu, wall, first_at - began)


def restored(broker: Broker, crowd: Crowd, directory: Path, group: str) -> dict[str, float]:
    """Let one worker read the topic and write its state down; kill it; time how a new one reads the state."""
    take_until_saved(broker, crowd, directory, f"{group}-before")
    began = time.time()
    with a_team(1, broker, directory, group) as team:
        wait_until(lambda: len(team.told("partition open")[0]) == crowd.partitions, within_s=LIMIT_S, what="open")
        (assigned,), (opened,) = team.told("partitions assigned"), team.told("partition open")
    return {"from_start_s": max(opened) - began, "from_assignment_s": max(opened) - assigned[-1]}


def take_until_saved(broker: Broker, crowd: Crowd, directory: Path, group: str) -> None:
    """Let a worker read to the end and write a checkpoint of every partition."""
    asyncio.run(forget(broker.address, crowd.partitions))

    async def behind() -> list[int]:
        found = [await newest(broker.address, ROLE, p, log=SAMPLES, layout=LAYOUT) for p in range(crowd.partitions)]
        return [each.offset for each in found]

    with a_team(1, broker, directory, group):
        end = crowd.ticks * (crowd.clusters + 1)
        wait_until(lambda: min(asyncio.run(behind())) >= end, within_s=LIMIT_S, what="checkpoints of all")


def said(costs: Sequence[Cost]) -> dict[str, float]:
    """Return medians, with the lowest and the highest."""
    rates = sorted(cost.samples / max(cost.cpu_s, 0.01) for cost in costs)
    walls = sorted(cost.samples / cost.wall_s for cost in costs)
    return {
        "rounds": len(costs),
        "samples": costs[0].samples,
        "per_cpu_s": statistics.median(rates),
        "per_cpu_s_lowest": rates[0],
        "per_cpu_s_highest": rates[-1],
        "per_wall_s": statistics.median(walls),
        "per_wall_s_lowest": walls[0],
        "per_wall_s_highest": walls[-1],
        "first_s": statistics.median(cost.first_s for cost in costs),
    }


@pytest.mark.timeout(900)
def test_one_worker_against_two(
    benchmark: BenchmarkFixture, tmp_path: Path, broker: Broker, pytestconfig: pytest.Config
) -> None:
    full, at_length = not benchmark.disabled, pytestconfig.getoption("long")
    members, partitions, ticks = (100_000, 4, 20) if full else (1_600, 4, 4)
    begin = (time.time() // PERIOD_S - ticks - 8) * PERIOD_S
    crowd = Crowd(members=members, partitions=partitions, ticks=ticks, begin=begin)
    create_topics(broker.address, partitions=partitions, replication=1)
    asyncio.run(fill(broker.address, crowd))
    costs: dict[int, list[Cost]] = {workers: [] for workers in WORKERS}
    again: dict[str, float] = {}

    def every() -> None:
        for number in range((5 if at_length else 3) if full else 1):
            for workers in WORKERS:
                costs[workers].append(take(broker, crowd, tmp_path, f"bench-{number}-{workers}", workers))
        again.update(restored(broker, crowd, tmp_path, "bench-restored"))

    benchmark.pedantic(every, rounds=1)

    found = {f"{workers} of them": said(each) for workers, each in costs.items()}
    ratios = {f"two_of_one_{name}": found["2 of them"][name] / found["1 of them"][name] for name in RATES}
    found |= {"restored": again, "ratios": ratios}
    file = RESULTS if full else tmp_path / RESULTS.name
    note(file, f"{broker.name}, one worker against two, {members:,} members", found)
    for name, each in found.items():
        sys.stdout.write(f"\n{broker.name}, {members:,} members, {name}: {each}")
    assert again["from_start_s"] > again["from_assignment_s"] > 0.0
