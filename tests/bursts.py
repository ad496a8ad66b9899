"""Bursts under load from processes of this machine to containers and back: all requests must be answered.

    python -m tests.bursts --cycles 3

Home is the local cloud with room for two members, away a Docker engine of our own. Each has a HAProxy, and a third one
before them spreads the requests. In each cycle the load outgrows home until away serves, then falls until nobody is
left there. What came of it is written as JSON; exit code 1 when a request failed or a network partition held too many.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.haproxy_process import Haproxy
from config.catalogue import Catalogue, load
from config.settings import Settings
from pileus.stack.clouds import destroy_all
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics, publish_definitions
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import Member, State
from streams.records.sample import SAMPLE, Requests
from streams.topics import MEMBERS, SAMPLES
from tests.balancing import OpenLoop
from tests.clouds import free_ports
from tests.engines import DockerEngine, remove_engine, start_engine
from tests.pieces import Piece, Reader, fast, running
from tests.python_image import IMAGE, import_sample

CLUSTER = "shop-web"
MOST = {"home": 2, "away": 4}
"""``partitionMax`` of the one partition of each network partition."""
BASE, EXTRA = 5.0, 30.0
"""Requests per second, each of which takes 1 s: one member carries the first, home not both."""
ANSWERED = 50
"""Requests that away must have answered in a cycle."""
UP_S, WITHIN_S, LOOK_S = 120.0, 180.0, 0.1
PARTITION = """\
kind: networkPartition
id: {id}
provider: {provider}
partitions: [{{id: {id}-1, property: [{{name: portRange, value: {low}-{high}}}]}}]
"""
DEFINITIONS = Path(__file__).with_suffix(".yaml")


@dataclass(slots=True)
class Burst:
    """What came of it."""

    cycles: int = 0
    sent: int = 0
    failed: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MOST, 0))
    """Members that were not gone, at most, by network partition."""
    answered_away: list[int] = field(default_factory=list)
    """Requests that the balancer of ``away`` has answered, by cycle."""
    out_s: list[float] = field(default_factory=list)
    home_s: list[float] = field(default_factory=list)

    def count(self, answers: Counter[str]) -> None:
        """Add what a client was answered."""
        self.answers = dict(Counter(self.answers) + answers)
        self.sent += answers.total()
        self.failed += sum(n for answer, n in answers.items() if not answer.endswith(" 200"))


class Watch:
    """What the topics say: who is a member where, and what each balancer has answered."""

    def __init__(self, reader: Reader, burst: Burst) -> None:
        self._reader, self._burst = reader, burst
        self._members: dict[str, Member] = {}
        self._counts: dict[str, int] = {}

    def look(self) -> None:
        """Read on."""
        self._reader.look()
        for record in self._reader.records(MEMBERS, MEMBER):
            if isinstance(record, Member):
                self._members[record.member] = record
                for where in MOST:
                    self._burst.most[where] = max(self._burst.most[where], len(self.living(where)))
        for sample in self._reader.records(SAMPLES, SAMPLE):
            if isinstance(sample, Requests):
                self._counts[sample.balancer] = sample.count
        for messages in self._reader.messages.values():
            messages.clear()

    def living(self, where: str, *states: State) -> list[str]:
        """Return the members that are in one of these states, or not gone."""
        here = [m for m in self._members.values() if m.network_partition == where]
        return [m.member for m in here if (m.state in states if states else m.state is not State.TERMINATED)]

    def answered(self, where: str) -> int:
        """Return how many requests the balancer of a network partition has answered."""
        return self._counts.get(f"lb-{where}", 0)

    def said(self) -> str:
        """Return who is in which state."""
        return ", ".join(f"{m.member} {m.network_partition} {m.state} {m.reason}" for m in self._members.values())


async def burst(engine: DockerEngine, directory: Path, *, cycles: int) -> Burst:
    """Go out and home so often. The engine has the image."""
    result = Burst()
    loop = asyncio.get_running_loop()
    async with _site(engine, directory, result) as (url, watch):
        await _until(watch, lambda: bool(watch.living("home", State.ACTIVE)), "the first member")
        async with _client(url, BASE, result):
            for _ in range(cycles):
                began, before = loop.time(), watch.answered("away")
                async with _client(url, EXTRA, result):
                    await _until(watch, lambda: bool(watch.living("away", State.ACTIVE)), "members away")
                    result.out_s.append(round(loop.time() - began, 1))
                    await _until(watch, lambda b=before: watch.answered("away") >= b + ANSWERED, "requests away")  # type: ignore[misc]
                began = loop.time()
                await _until(watch, lambda: not watch.living("away"), "nobody away")
                result.home_s.append(round(loop.time() - began, 1))
                result.answered_away.append(watch.answered("away") - before)
                result.cycles += 1
                sys.stderr.write(f"cycle {result.cycles}: {result}\n")
    return result


@asynccontextmanager
async def _site(engine: DockerEngine, directory: Path, result: Burst) -> AsyncIterator[tuple[str, Watch]]:
    """Bring all parts up; yield where requests go, and what to watch."""
    with ExitStack() as stack:
        (port,) = free_ports(1)
        broker = start_tansu(port, directory=directory / "broker", timeout_s=UP_S)
        stack.callback(broker.stop)
        settings = fast(
            broker.address,
            directory,
            docker_host=engine.url,
            stack="bursts",
            health_port=free_ports(1)[0],
            fault_s=60.0,
        )
        create_topics(broker.address, partitions=settings.partitions, replication=1)
        publish_definitions(broker.address, _definitions(directory / "definitions").documents())
        ports = stack.enter_context(_balancers(directory))
        parts = [Piece("worker", settings, directory), Piece("actuate", settings, directory)]
        watch = Watch(stack.enter_context(Reader(broker.address, (MEMBERS, SAMPLES), settings.partitions)), result)
        try:
            with running(*parts, *_agents(settings, directory, ports)):
                yield f"http://127.0.0.1:{ports['front']}/", watch
        finally:
            left = await destroy_all(settings, directory, 5.0)
            if left:
                sys.stderr.write(f"could not be ended: {', '.join(left)}\n")


@contextmanager
def _balancers(directory: Path) -> Iterator[dict[str, int]]:
    """Start a HAProxy for each network partition and one before them; yield their ports."""
    names = (*MOST, "front")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    with ExitStack() as stack:
        for name, port in ports.items():
            haproxy = Haproxy(directory / name, {CLUSTER: ClusterFile(listen=f"127.0.0.1:{port}")})
            haproxy.start()
            stack.callback(haproxy.stop)
        yield ports


def _agents(settings: Settings, directory: Path, ports: dict[str, int]) -> list[Piece]:
    """Return the agent of each balancer."""
    of = {where: ["--network-partition", where] for where in MOST}
    of["front"] = [word for where in MOST for word in ("--via", f"{where}=127.0.0.1:{ports[where]}")]
    words = ("--application", "shop", "--cluster", CLUSTER, "--probe", "http:/health", "--balancer", "haproxy")
    return [
        Piece(
            "lb-agent",
            settings,
            directory,
            *("--name", f"lb-{name}", "--members-dir", str(directory / name), *words, *options),
            label=f"lb-{name}",
        )
        for name, options in of.items()
    ]


def _definitions(folder: Path) -> Catalogue:
    """Return the application and where it runs, on ports of this process's own."""
    folder.mkdir()
    low = 20_000 + os.getpid() * 40 % 10_000
    texts = DEFINITIONS.read_text().replace("IMAGE", IMAGE).split("---\n")
    texts.append(PARTITION.format(id="home", provider="local", low=low, high=low + 9))
    texts.append(PARTITION.format(id="away", provider="docker", low=low + 10, high=low + 29))
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text)
    return load([folder])


@asynccontextmanager
async def _client(url: str, rate: float, result: Burst) -> AsyncIterator[None]:
    """Send so many requests per second, and count the answers."""
    client = OpenLoop(url, rate=rate)
    try:
        yield
    finally:
        result.count(await client.stop())


async def _until(watch: Watch, condition: Callable[[], bool], what: str) -> None:
    """Read on until the condition holds."""
    until = time.monotonic() + WITHIN_S
    while True:
        await asyncio.to_thread(watch.look)
        if condition():
            return
        if time.monotonic() > until:
            raise TimeoutError(f"not within {WITHIN_S:g} s: {what}; {watch.said()}")
        await asyncio.sleep(LOOK_S)


def main() -> int:
    """Run by command; exit code 1 when a request failed or there were too many members."""
    parser = argparse.ArgumentParser(prog="python -m tests.bursts", description="Bursts to containers and back.")
    parser.add_argument("--cycles", type=int, default=3)
    args = parser.parse_args()
    engine = start_engine()
    try:
        client = engine.client()
        import_sample(client)
        client.close()
        with tempfile.TemporaryDirectory(prefix="bursts-") as folder:
            result = asyncio.run(burst(engine, Path(folder), cycles=args.cycles))
    finally:
        remove_engine(engine)
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    return 1 if result.failed or any(result.most[each] > most for each, most in MOST.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
