"""The node agent as a program of its own: a real broker that comes and goes, real processes that do."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from pileus.stack.broker import Broker
from pileus.stack.tansu import start_tansu
from streams.records.apart import by_cluster
from streams.records.log import LOG
from streams.records.sample import SAMPLE, HealthColumns
from streams.topics import LOGS, SAMPLES
from tests.brokers import free_port
from tests.waiting import wait_until

PARTITIONS = 2
APPLICATION = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
print(server.server_port, flush=True)
server.serve_forever()
"""
HANGING = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
time.sleep(1000)
"""


class Host:
    """A folder of declarations, and the processes in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "instances"
        self.folder.mkdir()
        self.log = folder / "app.log"
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, member: str, cluster: str, program: str = APPLICATION) -> None:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        self._processes[member] = process
        assert process.stdout is not None
        said = {
            "application": "shop",
            "cluster": cluster,
            "member": member,
            "pid": process.pid,
            "probe": f"http://127.0.0.1:{int(process.stdout.readline())}/health",
            "memory_limit": 1 << 30,
            "log": [str(self.log)],
        }
        part = self.folder / f"{member}.part"
        part.write_text(json.dumps(said))
        part.rename(self.folder / f"{member}.json")

    def end(self, member: str) -> None:
        process = self._processes.pop(member)
        process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
        (self.folder / f"{member}.json").unlink()

    def close(self) -> None:
        for member in list(self._processes):
            self.end(member)


class Reader:
    """The envelopes of the application, as they come."""

    def __init__(self, broker: Broker, topic: str = SAMPLES.name) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=broker.address)
        self._consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
        self._consumer.seek_to_beginning()
        self.raw: list[bytes] = []

    def more(self) -> list[bytes]:
        for records in self._consumer.poll(timeout_ms=100).values():
            self.raw += [record.value for record in records]
        return self.raw

    def envelopes(self) -> list[HealthColumns]:
        return [read(raw) for raw in self.more()]

    def newest(self) -> list[str]:
        """Return who is in the newest envelope."""
        found = self.envelopes()
        return found[-1].member if found else []

    def close(self) -> None:
        self._consumer.close()


def read(raw: bytes) -> HealthColumns:
    many = SAMPLE.decode(raw)
    assert isinstance(many, HealthColumns)
    return many


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.close()


def start_broker(closing: ExitStack, directory: Path, port: int) -> Broker:
    broker = start_tansu(port, directory=directory)
    closing.callback(broker.stop)
    admin = KafkaAdminClient(bootstrap_servers=broker.address, request_timeout_ms=10_000)
    admin.create_topics([NewTopic(topic.name, PARTITIONS, 1) for topic in (SAMPLES, LOGS)])
    admin.close()
    return broker


def start_agent(closing: ExitStack, host: Host, broker: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PILEUS_")}
    command = [sys.executable, "-m", "pileus", "agent", "--node", "--instances", str(host.folder), "--broker", broker]
    settings = ["--interval", "0.25", "--partitions", str(PARTITIONS)]
    state = {"PILEUS_STATE_DIR": str(host.folder.parent / "state")}
    agent = subprocess.Popen([*command, *settings], env=clean | state, stderr=subprocess.PIPE, text=True)

    def end() -> None:
        agent.kill()
        agent.wait(10)
        assert agent.stderr is not None
        agent.stderr.close()

    closing.callback(end)
    return agent


@pytest.fixture
def reader(closing: ExitStack) -> Callable[..., Reader]:
    def make(broker: Broker, topic: str = SAMPLES.name) -> Reader:
        made = Reader(broker, topic)
        closing.callback(made.close)
        return made

    return make


def test_a_host_is_measured_before_its_broker_is_there_and_while_instances_come_and_go(
    closing: ExitStack, host: Host, reader: Callable[..., Reader], tmp_path: Path
) -> None:
    host.start("web-1", "shop-web")
    host.start("web-2", "shop-web", HANGING)
    host.start("db-1", "shop-db")
    port = free_port()
    agent = start_agent(closing, host, f"127.0.0.1:{port}")
    assert agent.stderr is not None
    assert "cannot deliver, keeping the newest" in agent.stderr.readline()
    broker = start_broker(closing, tmp_path / "broker", port)
    samples, lines = reader(broker), reader(broker, LOGS.name)
    wait_until(lambda: len(samples.more()) >= 3, within_s=20, what="three envelopes")
    host.start("web-3", "shop-web")
    host.end("db-1")
    wait_until(lambda: samples.newest() == ["web-1", "web-2", "web-3"], within_s=20, what="who came and went")
    host.log.write_text("2024-05-01T12:00:00Z ERROR out of stock\n")
    wait_until(lambda: len(lines.more()) >= 3, within_s=20, what="a line of each")
    agent.send_signal(signal.SIGTERM)

    assert agent.wait(10) == 0
    envelopes = samples.envelopes()
    times = [each.at[0] for each in envelopes]
    assert times == sorted(set(times))  # in order, nothing twice
    second = {part.cluster: part for part in by_cluster(envelopes[1])}
    assert {name: part.member for name, part in second.items()} == {"shop-web": ["web-1", "web-2"], "shop-db": ["db-1"]}
    assert [second["shop-web"].healthy, second["shop-db"].healthy] == [[True, False], [True]]
    used = [value for part in second.values() for value in part.memory_consumption or []]
    assert [value is not None and 0.1 < value < 50 for value in used] == [True] * 3
    loads = [value for part in second.values() for value in part.load_average or []]
    assert [value is not None and 0 <= value < 300 for value in loads] == [True] * 3
    assert {LOG.decode(raw).member for raw in lines.raw} == {"web-1", "web-2", "web-3"}
