"""Two levels under load: containers on Docker engines that come with the load and go with it. All must be answered.

    python -m tests.hosts_day --cycles 3 --slots 2

The worker, ``pileus actuate``, an agent of a balancer and a HAProxy are real and speak over a broker; a host is a
process of the local cloud that starts a Docker engine of its own (:mod:`tests.host`). In each cycle the load triples
until containers serve on another host, then falls until all but one host are gone. What came of it is written as
JSON; exit code 1 when a request failed, a host held more than its slots, or something was left.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
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
from streams.topics import MEMBERS
from tests.balancing import sending
from tests.clouds import free_ports
from tests.pieces import Piece, Reader, carrying, fast, running
from tests.python_image import IMAGE, pack_sample

HOSTS, WEB = "shop-hosts", "shop-web"
BASE, TRIPLE = 12.0, 3
"""Requests per second, each of which takes 1 s, and what they are multiplied by: two containers, then five or six."""
UP_S, WITHIN_S, LOOK_S, CALL_S = 60.0, 120.0, 0.25, 2.0
DEFINITIONS = Path(__file__).with_suffix(".yaml")


@dataclass(slots=True)
class Day:
    """What came of it."""

    slots: int
    cycles: int = 0
    sent: int = 0
    failed: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    first_s: float = 0.0
    """Until the first container served on the first host (s)."""
    host_s: list[float] = field(default_factory=list)
    """From asking for each host until it took containers, by its records (s)."""
    out_s: list[float] = field(default_factory=list)
    """From the load's rise until as many containers served as it asks for (s), by cycle."""
    home_s: list[float] = field(default_factory=list)
    """From its fall until one host was left (s), by cycle."""
    most_hosts: int = 0
    most_containers: int = 0
    fullest: int = 0
    """Containers on one host at most, by the records."""
    fullest_engine: int = 0
    """The same as the engines themselves list them."""
    ended_with_containers: list[str] = field(default_factory=list)
    """Hosts that were being ended while something was on them."""
    left: list[str] = field(default_factory=list)
    """Processes that outlived the end."""

    def count(self, answers: Counter[str]) -> None:
        """Add what a client was answered."""
        self.answers = dict(Counter(self.answers) + answers)
        self.sent += answers.total()
        self.failed += sum(n for answer, n in answers.items() if not answer.endswith(" 200"))

    @property
    def well(self) -> bool:
        """Say whether all was as it must be."""
        full = max(self.fullest, self.fullest_engine) > self.slots
        return bool(self.sent and self.fullest_engine) and not (
            self.failed or full or self.ended_with_containers or self.left
        )


class Watch:
    """Who is a member, by the topic, and what is on each host, by its engine."""

    def __init__(self, reader: Reader, day: Day) -> None:
        self._reader, self._day = reader, day
        self._members: dict[str, Member] = {}

    def look(self) -> None:
        """Read on, and ask the engines."""
        self._reader.look()
        for record in self._reader.records(MEMBERS, MEMBER):
            if isinstance(record, Member):
                self._note(record)
        for messages in self._reader.messages.values():
            messages.clear()
        for host in self.living(HOSTS, State.ACTIVE):
            self._day.fullest_engine = max(self._day.fullest_engine, containers(self._members[host].port))

    def living(self, cluster: str, *states: State) -> list[str]:
        """Return the members that are in one of these states, or not gone."""
        here = [m for m in self._members.values() if m.cluster == cluster]
        return [m.member for m in here if (m.state in states if states else m.state is not State.TERMINATED)]

    def used(self) -> set[str]:
        """Return the hosts on which containers serve."""
        return {self._members[name].on for name in self.living(WEB, State.ACTIVE)}

    def said(self) -> str:
        """Return who is in which state."""
        return "; ".join(f"{m.member} on {m.on or '-'} {m.state} {m.reason}" for m in self._members.values())

    def _note(self, record: Member) -> None:
        """Take in a record, and count."""
        before = self._members.get(record.member)
        self._members[record.member] = record
        on = Counter(self._members[name].on for name in self.living(WEB))
        day = self._day
        day.most_hosts = max(day.most_hosts, len(self.living(HOSTS)))
        day.most_containers = max(day.most_containers, on.total())
        day.fullest = max([day.fullest, *on.values()])
        if record.cluster != HOSTS or (before is not None and before.state is record.state):
            return
        if record.state is State.ACTIVE and (before is None or before.state is State.STARTING):
            day.host_s.append(round(record.at - record.since[State.CREATED], 1))
        if record.state is State.TERMINATING and on[record.member]:
            day.ended_with_containers.append(record.member)


def containers(port: int) -> int:
    """Return how many containers an engine has, running or not; 0 when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/containers/json?all=1", timeout=CALL_S) as answer:
            return len(json.load(answer))
    except OSError:
        return 0


async def day(directory: Path, *, cycles: int, slots: int) -> Day:
    """Triple the load and let it fall again so often."""
    result, loop = Day(slots=slots), asyncio.get_running_loop()
    began = loop.time()
    async with _site(directory, result) as (url, watch):
        await _until(watch, lambda: bool(watch.living(WEB, State.ACTIVE)), "the first container")
        result.first_s = round(loop.time() - began, 1)
        async with sending(url, rate=BASE, count=result.count):
            await _until(watch, lambda: len(watch.living(WEB, State.ACTIVE)) > 1, "what the usual load asks for")
            for _ in range(cycles):
                began = loop.time()
                async with sending(url, rate=(TRIPLE - 1) * BASE, count=result.count):
                    await _until(watch, lambda: _has_grown(watch, slots), "containers on other hosts")
                    result.out_s.append(round(loop.time() - began, 1))
                began = loop.time()
                await _until(watch, lambda: len(watch.living(HOSTS)) == 1, "one host left")
                result.home_s.append(round(loop.time() - began, 1))
                result.cycles += 1
                sys.stderr.write(f"cycle {result.cycles}: {result}\n")
    result.left = await asyncio.to_thread(carrying, directory)
    return result


def _has_grown(watch: Watch, slots: int) -> bool:
    """Say whether as many containers serve as three times the load asks for, on as many hosts as that takes."""
    serving = len(watch.living(WEB, State.ACTIVE))
    return serving >= TRIPLE * BASE / 8 and len(watch.used()) >= -(-serving // slots)


@asynccontextmanager
async def _site(directory: Path, result: Day) -> AsyncIterator[tuple[str, Watch]]:
    """Bring all parts up; yield where requests go, and what to watch."""
    with ExitStack() as stack:
        port, front, health = free_ports(3)
        broker = start_tansu(port, directory=directory / "broker", timeout_s=UP_S)
        stack.callback(broker.stop)
        settings = fast(broker.address, directory, stack="hosts-day", health_port=health, fault_s=60.0)
        packed = await asyncio.to_thread(pack_sample, directory / "sample.tar")
        create_topics(broker.address, partitions=settings.partitions, replication=1)
        publish_definitions(broker.address, _definitions(directory, packed, slots=result.slots).documents())
        haproxy = Haproxy(directory / "lb", {WEB: ClusterFile(listen=f"127.0.0.1:{front}")})
        haproxy.start()
        stack.callback(haproxy.stop)
        watch = Watch(stack.enter_context(Reader(broker.address, (MEMBERS,), settings.partitions)), result)
        parts = [Piece("worker", settings, directory), Piece("actuate", settings, directory)]
        try:
            with running(*parts, _agent(settings, directory)):
                yield f"http://127.0.0.1:{front}/", watch
        finally:
            left = await destroy_all(settings, directory, 30.0)
            if left:
                sys.stderr.write(f"could not be ended: {', '.join(left)}\n")


def _agent(settings: Settings, directory: Path) -> Piece:
    """Return the agent of the balancer."""
    words = ("--application", "shop", "--cluster", WEB, "--probe", "http:/health", "--balancer", "haproxy")
    return Piece("lb-agent", settings, directory, "--name", "lb", "--members-dir", str(directory / "lb"), *words)


def _definitions(directory: Path, packed: Path, *, slots: int) -> Catalogue:
    """Return the application and where it runs, on ports of this process's own."""
    folder = directory / "definitions"
    folder.mkdir()
    low = 20_000 + os.getpid() * 40 % 10_000
    given = {"PORTS": f"{low}-{low + 19}", "SLOTS": str(slots), "PACKED": str(packed), "IMAGE": IMAGE}
    text = DEFINITIONS.read_text()
    for word, value in given.items():
        text = text.replace(word, value)
    for number, each in enumerate(text.split("---\n")):
        (folder / f"{number}.yaml").write_text(each)
    return load([folder])


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
    """Run by command; exit code 1 when it was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts_day", description="Containers on hosts that come.")
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--slots", type=int, default=2, help="containers at most on one host (2..5)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hosts-day-") as folder:
        result = asyncio.run(day(Path(folder), cycles=args.cycles, slots=args.slots))
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    return 0 if result.well else 1


if __name__ == "__main__":
    sys.exit(main())
