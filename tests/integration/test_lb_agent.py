"""The balancer agent as it runs: its own process, a real broker, a real Caddy, real members under load."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition

from actuators.balancers.caddy_config import Frontend, caddy_config
from pileus.balancers import KINDS, process
from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.partition import application_key, partition_of
from streams.producer import KafkaConnection, connect
from streams.publisher import Message
from streams.records.balancer import BALANCER, BalancerReport
from streams.records.member import Claim, State
from streams.records.record import Record, encode
from streams.records.sample import SAMPLE, Requests
from streams.topics import BALANCERS, MEMBERS, SAMPLES
from tests.balancing import OpenLoop, Server, until
from tests.brokers import start_kafka
from tests.clouds import free_ports
from tests.unit.actuators.test_lb_desired import a_member

WEB = "shop-web"
COUNT = 4
PARTITIONS = 3
PARTITION = partition_of(application_key("default", "shop"), PARTITIONS)
MOST_RSS_BYTES = 60_000_000
EVERY_KIND = pytest.mark.parametrize("stack", KINDS, indirect=True)


class Stack:
    """Broker, balancer and agent, and the members' log as a decider would write it."""

    def __init__(self, broker: Broker, directory: Path, kind: str = "caddy") -> None:
        *ports, front, check, admin = free_ports(COUNT + 3)
        self.broker = broker
        self.url = f"http://127.0.0.1:{front}/"
        frontend = Frontend(listen=f"127.0.0.1:{front}", check=f"127.0.0.1:{check}", ports=ports)
        self.kind = kind
        self.balancer = process(kind, directory / kind, {WEB: frontend}, admin=f"127.0.0.1:{admin}")
        self.servers = {f"web-{i}": Server(port, takes_s=0.05) for i, port in enumerate(ports)}
        self.agent: asyncio.subprocess.Process | None = None
        self.log = directory / "agent.log"
        self._producer: KafkaConnection = connect(broker.address)
        self._written = 0

    def disconnect(self) -> None:
        """Let go of the broker."""
        self._producer.close()

    def reconnect(self) -> None:
        """Write on a new connection."""
        self._producer = connect(self.broker.address)

    async def start_agent(self) -> None:
        words = [
            sys.executable,
            "-m",
            "pileus",
            "lb-agent",
            "--name",
            "lb-1",
            "--application",
            "shop",
            "--cluster",
            WEB,
        ]
        words += [
            "--balancer",
            self.kind,
            "--members-dir",
            str(self.balancer.directory),
            "--broker",
            self.broker.address,
            "--interval",
            "1",
        ]
        with self.log.open("ab") as log:
            self.agent = await asyncio.create_subprocess_exec(
                *words, stderr=log, env={"PILEUS_PARTITIONS": str(PARTITIONS), "PATH": ""}
            )

    async def end_agent(self, number: int = signal.SIGTERM) -> int:
        assert self.agent is not None
        self.agent.send_signal(number)
        return await asyncio.wait_for(self.agent.wait(), 10)

    async def write(self, record: Record, key: str) -> int:
        """Write into the members' log; return the offset."""
        message = Message(MEMBERS.name, PARTITION, key.encode(), encode(record))

        async def delivered() -> bool:  # topics that were just made may not be known yet
            return await asyncio.to_thread(self._producer.deliver, [message]) == [None]

        await until(delivered)
        self._written += 1
        return self._written - 1

    async def put(self, member: str, state: State, *, epoch: int) -> int:
        return await self.write(
            msgspec.structs.replace(a_member(member, state, port=self.servers[member].port), epoch=epoch), member
        )

    async def claim(self) -> int:
        return await self.write(Claim(partition=PARTITION, owner="test", at=0.0), f"claim/{PARTITION}")

    async def close(self) -> None:
        self._producer.close()
        if self.agent is not None and self.agent.returncode is None:
            await self.end_agent(signal.SIGKILL)
        await asyncio.to_thread(self.balancer.stop)
        for server in self.servers.values():
            await server.stop()


class Reader:
    """Everything that was published on one topic for the application, in order."""

    def __init__(self, broker: str, topic: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
        self._where = TopicPartition(topic, PARTITION)
        self._consumer.assign([self._where])
        self._consumer.seek(self._where, 0)
        self.keys: set[bytes] = set()

    def new(self) -> list[bytes]:
        records = self._consumer.poll(timeout_ms=100).get(self._where, [])
        self.keys |= {record.key for record in records}
        return [record.value for record in records]

    def close(self) -> None:
        self._consumer.close()


class Reports(Reader):
    """The balancer's reports."""

    def __init__(self, broker: str) -> None:
        super().__init__(broker, BALANCERS.name)
        self.all: list[BalancerReport] = []

    async def wait(self, condition: Callable[[BalancerReport], bool]) -> BalancerReport:
        """Wait until the newest report fulfils a condition, and return it."""

        async def look() -> bool:
            self.all += [BALANCER.decode(value) for value in await asyncio.to_thread(self.new)]
            return bool(self.all) and condition(self.all[-1])

        await until(look)
        return self.all[-1]

    async def routed(self, *members: str) -> BalancerReport:
        """Wait until exactly these are routed and nobody else carries a request."""
        return await self.wait(
            lambda report: [b.member for b in report.backends if b.routed or b.in_flight] == [*members]
        )


@pytest.fixture
async def stack(
    fresh_tansu: Broker, tmp_path: Path, request: pytest.FixtureRequest, program: Callable[..., str]
) -> AsyncIterator[Stack]:
    kind = getattr(request, "param", "caddy")
    if kind != "caddy":
        program(kind)
    await asyncio.to_thread(create_topics, fresh_tansu.address, partitions=PARTITIONS, replication=1)
    stack = Stack(fresh_tansu, tmp_path, kind)
    await asyncio.to_thread(stack.balancer.start)
    yield stack
    await stack.close()


@pytest.fixture
def reports(stack: Stack) -> Iterator[Reports]:
    reports = Reports(stack.broker.address)
    yield reports
    reports.close()


@EVERY_KIND
async def test_members_enter_and_leave_by_the_log_and_no_request_fails(stack: Stack, reports: Reports) -> None:
    epoch = await stack.claim()
    for server in stack.servers.values():
        await server.start()
    for member in ("web-0", "web-1"):
        await stack.put(member, State.STARTING, epoch=epoch)
    await stack.start_agent()
    await reports.routed("web-0", "web-1")
    clients = OpenLoop(stack.url, rate=100)
    await clients.answered(100)

    for enters, leaves in (("web-2", "web-0"), ("web-3", "web-1")):
        await stack.put(enters, State.STARTING, epoch=epoch)
        await reports.wait(lambda r, enters=enters: enters in [b.member for b in r.backends if b.routed])  # type: ignore[misc]
        offset = await stack.put(leaves, State.DRAINING, epoch=epoch)
        await reports.wait(
            lambda r, leaves=leaves, offset=offset: (  # type: ignore[misc]
                r.revision > offset and not [b for b in r.backends if b.member == leaves and (b.routed or b.in_flight)]
            )
        )
        await stack.servers[leaves].stop()
        await stack.put(leaves, State.TERMINATED, epoch=epoch)
        await clients.answered(100)

    report = await reports.routed("web-2", "web-3")
    rss = psutil.Process(stack.agent.pid).memory_info().rss if stack.agent else 0
    code = await stack.end_agent()
    await clients.answered(100)  # the balancer goes on without its agent
    results = await clients.stop()

    assert set(results) == {"GET 200", "POST 200"}, results
    assert (code, reports.keys) == (0, {b"lb-1"})
    assert all(backend.first_request_at is not None for backend in report.backends)
    assert [r.at for r in reports.all] == sorted(r.at for r in reports.all)
    assert rss < MOST_RSS_BYTES


@EVERY_KIND
async def test_samples_tell_the_load_once_per_interval_of_the_clock(stack: Stack, reports: Reports) -> None:
    """F29: Stratos' agent crashed when its interval was set. F27: it told no true load."""
    epoch = await stack.claim()
    await stack.servers["web-0"].start()
    stack.servers["web-0"].takes_s = 0.2
    await stack.put("web-0", State.ACTIVE, epoch=epoch)
    await stack.start_agent()
    await reports.routed("web-0")
    reader, samples = Reader(stack.broker.address, SAMPLES.name), list[Requests]()
    clients = OpenLoop(stack.url, rate=50)

    async def enough() -> bool:
        decoded = [SAMPLE.decode(value) for value in await asyncio.to_thread(reader.new)]
        samples.extend(record for record in decoded if isinstance(record, Requests))
        return len([sample for sample in samples if sample.in_flight > 0]) > 3

    await until(enough)
    await clients.stop()
    reader.close()

    steady = samples[-2]
    assert (reader.keys, steady.balancer, steady.cluster, steady.interval_s) == ({b"default/shop"}, "lb-1", WEB, 1.0)
    assert [sample.at for sample in samples] == [samples[0].at + i for i in range(len(samples))]
    assert all(sample.at == round(sample.at) for sample in samples)
    assert 5 < steady.in_flight < 40  # 50 per second, 0.2 s each: about 10
    assert [sample.count for sample in samples] == sorted(sample.count for sample in samples)


async def test_the_agent_may_start_before_the_topics_exist(fresh_tansu: Broker, tmp_path: Path) -> None:
    stack = Stack(fresh_tansu, tmp_path)
    await asyncio.to_thread(stack.balancer.start)
    reports: Reports | None = None
    try:
        await stack.start_agent()

        async def tries() -> bool:
            return "cannot deliver" in stack.log.read_text()

        await until(tries)
        await asyncio.to_thread(create_topics, fresh_tansu.address, partitions=PARTITIONS, replication=1)
        await stack.servers["web-0"].start()
        await stack.put("web-0", State.ACTIVE, epoch=await stack.claim())
        reports = Reports(fresh_tansu.address)
        await reports.routed("web-0")
    finally:
        if reports is not None:
            reports.close()
        await stack.close()


async def test_what_a_deposed_decider_writes_changes_nothing(stack: Stack, reports: Reports) -> None:
    old = await stack.claim()
    for member in ("web-0", "web-1"):
        await stack.servers[member].start()
        await stack.put(member, State.ACTIVE, epoch=old)
    new = await stack.claim()
    await stack.start_agent()
    await reports.routed("web-0", "web-1")

    await stack.put("web-0", State.DRAINING, epoch=old)
    offset = await stack.put("web-1", State.DRAINING, epoch=new)
    report = await reports.wait(lambda r: r.revision > offset and not [b for b in r.backends if b.member == "web-1"])

    assert [(b.member, b.routed) for b in report.backends] == [("web-0", True)]


async def test_an_agent_killed_and_started_again_goes_on_where_it_was(stack: Stack, reports: Reports) -> None:
    epoch = await stack.claim()
    for member in ("web-0", "web-1"):
        await stack.servers[member].start()
        await stack.put(member, State.ACTIVE, epoch=epoch)
    await stack.start_agent()
    await reports.routed("web-0", "web-1")
    clients = OpenLoop(stack.url, rate=50)

    await stack.end_agent(signal.SIGKILL)
    offset = await stack.put("web-0", State.DRAINING, epoch=epoch)
    await clients.answered(50)
    await stack.start_agent()
    await reports.wait(lambda r: r.revision > offset and [b.member for b in r.backends] == ["web-1"])
    results = await clients.stop()

    assert set(results) == {"GET 200", "POST 200"}, results


async def test_a_member_that_dies_is_taken_out_and_the_last_one_is_kept(stack: Stack, reports: Reports) -> None:
    epoch = await stack.claim()
    for member in ("web-0", "web-1"):
        await stack.servers[member].start()
        await stack.put(member, State.ACTIVE, epoch=epoch)
    await stack.start_agent()
    await reports.routed("web-0", "web-1")

    await stack.servers["web-0"].stop()
    await reports.routed("web-1")
    await stack.servers["web-1"].stop()

    async def told() -> bool:
        return "no member answers" in stack.log.read_text()

    await until(told)
    await reports.wait(lambda report: [b.member for b in report.backends if b.routed] == ["web-1"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["--probe", "udp"], 2, "probe 'udp': must be 'tcp'", id="no such probe"),
        pytest.param(["--probe", ""], 2, "probe ''", id="no probe"),
        pytest.param(["--interval", "0.1"], 2, "interval = 0.1 s: must be at least 0.5 s", id="interval too short"),
        pytest.param(["--members-dir", "/nowhere"], 1, "cannot read /nowhere/caddy.json", id="no such balancer"),
        pytest.param(["--cluster", "blog"], 1, "no cluster 'blog', there is shop-web", id="no such cluster"),
    ],
)
def test_what_cannot_work_is_said_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    from pileus.cli import main

    listen, check, admin, port = free_ports(4)
    frontend = Frontend(listen=f"127.0.0.1:{listen}", check=f"127.0.0.1:{check}", ports=[port])
    config = caddy_config({WEB: frontend}, admin=f"127.0.0.1:{admin}", root=str(tmp_path / "routed"))
    (tmp_path / "caddy.json").write_bytes(msgspec.json.encode(config))
    given = ["lb-agent", "--name", "lb-1", "--application", "shop", "--cluster", WEB, "--members-dir", str(tmp_path)]

    assert main([*given, *words]) == code
    assert said in capsys.readouterr().err


async def test_while_the_broker_is_away_nothing_changes_and_afterwards_it_goes_on(
    fresh_kafka: Broker, tmp_path: Path
) -> None:
    await asyncio.to_thread(create_topics, fresh_kafka.address, partitions=PARTITIONS, replication=1)
    stack, reports = Stack(fresh_kafka, tmp_path), Reports(fresh_kafka.address)
    await asyncio.to_thread(stack.balancer.start)
    again = fresh_kafka
    try:
        epoch = await stack.claim()
        for member in ("web-0", "web-1"):
            await stack.servers[member].start()
            await stack.put(member, State.ACTIVE, epoch=epoch)
        await stack.start_agent()
        await reports.routed("web-0", "web-1")
        clients = OpenLoop(stack.url, rate=50)

        stack.disconnect()
        reports.close()
        fresh_kafka.kill()
        await clients.answered(100)
        again = await asyncio.to_thread(start_kafka, fresh_kafka.log.parent)
        stack.reconnect()
        reports = Reports(again.address)
        offset = await stack.put("web-0", State.DRAINING, epoch=epoch)
        await reports.wait(lambda r: r.revision > offset and [b.member for b in r.backends] == ["web-1"])
        results = await clients.stop()
    finally:
        reports.close()
        await stack.close()
        again.stop()

    assert set(results) == {"GET 200", "POST 200"}, results
