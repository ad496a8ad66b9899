"""The cartridge agent as a program of its own, and its publisher, against real brokers."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from pileus.stack.broker import Broker
from pileus.stack.tansu import start_tansu
from streams.partition import application_key, partition_of
from streams.producer import connect
from streams.publisher import Publisher
from streams.records.log import LOG, LogLine
from streams.records.sample import SAMPLE, Health
from streams.topics import LOGS, SAMPLES, Topic
from tests.brokers import free_port
from tests.waiting import wait_until

PARTITIONS = 4
KEY = application_key("default", "shop")
WHO = ["--member", "web-1", "--cluster", "web", "--application", "shop"]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "samples.md"
APPLICATION = """
import sys
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


def make_topics(broker: Broker, *topics: Topic) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.address, request_timeout_ms=10_000)
    admin.create_topics([NewTopic(topic.name, topic.partitions or PARTITIONS, 1) for topic in topics])
    admin.close()


class Reader:
    """Everything of one partition, as it comes."""

    def __init__(self, broker: Broker, topic: Topic, partition: int) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=broker.address)
        self._consumer.assign([TopicPartition(topic.name, partition)])
        self._consumer.seek_to_beginning()
        self.values: list[bytes] = []

    def more(self) -> list[bytes]:
        for records in self._consumer.poll(timeout_ms=200).values():
            self.values += [record.value for record in records]
        return self.values

    def samples(self) -> list[Health]:
        decoded = [SAMPLE.decode(value) for value in self.more()]
        return [sample for sample in decoded if isinstance(sample, Health)]

    def lines(self) -> list[LogLine]:
        return [LOG.decode(value) for value in self.more()]

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[[int], Broker]]:
    """Start brokers on a port. Ask for it before ``read``: readers must be closed before their broker stops."""
    brokers: list[Broker] = []

    def start(port: int) -> Broker:
        brokers.append(start_tansu(port, directory=tmp_path / f"tansu-{len(brokers)}"))
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.stop()


@pytest.fixture
def read() -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def make(broker: Broker, topic: Topic = SAMPLES) -> Reader:
        readers.append(Reader(broker, topic, partition_of(KEY, topic.partitions or PARTITIONS)))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


class Program:
    """A running ``pileus agent``; what it says is collected."""

    def __init__(self, broker: str, *words: str, environment: dict[str, str] | None = None) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PILEUS_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pileus", "agent", *words, "--broker", broker, "--partitions", str(PARTITIONS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=clean | (environment or {}),
        )
        self.said: list[str] = []
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        self.said += self.process.stderr

    def write(self, text: str) -> None:
        """Write to its standard input, at once."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def end(self) -> int:
        """Ask it to end, and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.over()

    def over(self) -> int:
        """Wait for its end."""
        code = self.process.wait(20)
        self._listener.join(10)
        for pipe in (self.process.stdin, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code


@pytest.fixture
def agent() -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def start(broker: str, *words: str, environment: dict[str, str] | None = None) -> Program:
        programs.append(Program(broker, *words, environment=environment))
        return programs[-1]

    yield start
    for program in programs:
        if program.process.poll() is None:
            program.end()


@pytest.fixture
def publisher() -> Iterator[Callable[..., Publisher]]:
    publishers: list[Publisher] = []

    def start(broker: Broker, *, limit: int = 1000) -> Publisher:
        publishers.append(Publisher(partial(connect, broker.address), partitions=PARTITIONS, limit=limit))
        return publishers[-1]

    yield start
    for started in publishers:
        started.close()


@pytest.fixture
def application() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen([sys.executable, "-c", APPLICATION], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, f"127.0.0.1:{int(process.stdout.readline())}"
    process.kill()
    process.wait(10)
    process.stdout.close()


def test_an_agent_publishes_samples_and_lines_and_ends_with_its_instance(
    fresh_broker: Broker,
    agent: Callable[..., Program],
    read: Callable[..., Reader],
    application: tuple[subprocess.Popen[str], str],
    tmp_path: Path,
) -> None:
    instance, address = application
    make_topics(fresh_broker, SAMPLES, LOGS)
    log = tmp_path / "app.log"
    program = agent(
        fresh_broker.address, *WHO, "--pid", str(instance.pid), "--interval", "0.25", "--memory-limit", str(1 << 30),
        "--probe", "http:/health", "--address", address, "--log", str(log),
    )  # fmt: skip
    samples, lines = read(fresh_broker), read(fresh_broker, LOGS)
    wait_until(lambda: len(samples.samples()) >= 3, within_s=30, what="three samples")
    log.write_text("2024-05-01T12:00:00Z ERROR out of stock\n")
    wait_until(lines.lines, within_s=30, what="a line")
    first, second, *_ = samples.samples()
    instance.kill()
    instance.wait(10)

    assert program.over() == 0
    assert (first.member, first.load_average, first.healthy) == ("web-1", None, True)
    assert second.load_average is not None
    assert second.memory_consumption is not None
    assert 0.1 < second.memory_consumption < 50
    assert (lines.lines()[0].level, lines.lines()[0].at) == ("ERROR", 1_714_564_800.0)
    last = samples.samples()[-1]
    assert (last.load_average, last.memory_consumption, last.healthy) == (None, None, False)


def test_an_agent_started_before_its_broker_drops_the_oldest_and_goes_on(
    start_broker: Callable[[int], Broker], agent: Callable[..., Program], read: Callable[..., Reader]
) -> None:
    port = free_port()
    program = agent(
        f"127.0.0.1:{port}", *WHO, "--host", "--interval", "3600", "--log", "-",
        environment={"PILEUS_BUFFER_RECORDS": "5"},
    )  # fmt: skip
    program.write("".join(f"line {i}\n" for i in range(20)))
    wait_until(lambda: program.said, within_s=30, what="saying that the broker is away")
    broker = start_broker(port)
    make_topics(broker, SAMPLES, LOGS)
    lines = read(broker, LOGS)
    wait_until(lambda: len(lines.lines()) >= 5, within_s=30, what="the lines that were kept")
    program.write("one more\n")
    wait_until(lambda: len(lines.lines()) >= 6, within_s=30, what="a line after the broker came")

    assert program.end() == 0
    assert [line.text for line in lines.lines()] == [*(f"line {i}" for i in range(15, 20)), "one more"]
    assert "cannot deliver, keeping the newest" in program.said[0]
    assert program.said[1:] == ["pileus agent: delivering\n", "pileus agent: 6 records sent, 15 dropped\n"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_agent_without_a_broker_ends_when_told_to(agent: Callable[..., Program], number: signal.Signals) -> None:
    program = agent(f"127.0.0.1:{free_port()}", *WHO, "--host", "--interval", "0.1")
    wait_until(lambda: program.said, within_s=30, what="saying that the broker is away")
    program.process.send_signal(number)

    assert program.over() == 0
    assert "0 records sent" in program.said[-1]


def test_a_publisher_outlives_its_broker(
    start_broker: Callable[[int], Broker], publisher: Callable[..., Publisher], read: Callable[..., Reader]
) -> None:
    broker = start_broker(free_port())
    make_topics(broker, SAMPLES)
    kept = publisher(broker, limit=10)
    publish(kept, range(3))
    wait_until(lambda: kept.sent == 3, within_s=20, what="three delivered")
    broker.kill()
    publish(kept, range(3, 28))
    wait_until(lambda: kept.error, within_s=20, what="a failed delivery")
    # what was under way came back before newer ones: of 25, the newest 10 are kept
    assert (kept.sent, kept.pending, kept.dropped) == (3, 10, 15)
    broker = start_broker(broker.port)  # Tansu has forgotten everything, topics too
    make_topics(broker, SAMPLES)
    reader = read(broker)
    wait_until(lambda: kept.pending == 0, within_s=20, what="the rest delivered")
    wait_until(lambda: len(reader.more()) >= 10, within_s=20, what="the rest read")

    assert [sample.at for sample in reader.samples()] == list(range(18, 28))
    assert (kept.sent, kept.dropped, kept.error) == (13, 15, "")


def test_a_topic_that_does_not_exist_is_waited_for_and_never_made(
    fresh_broker: Broker, publisher: Callable[..., Publisher], read: Callable[..., Reader]
) -> None:
    make_topics(fresh_broker, SAMPLES)
    waiting = publisher(fresh_broker)
    line = LogLine(application="shop", cluster="web", member="web-1", at=1.0, text="waits")
    waiting.publish(LOGS, line, key=b"web-1")
    wait_until(lambda: waiting.error, within_s=20, what="saying that the topic is missing")
    publish(waiting, range(5))
    wait_until(lambda: waiting.sent == 5, within_s=20, what="samples delivered")
    admin = KafkaAdminClient(bootstrap_servers=fresh_broker.address)
    there = admin.list_topics()
    admin.close()
    assert [name for name in there if name.startswith("pileus")] == [SAMPLES.name]
    make_topics(fresh_broker, LOGS)
    wait_until(lambda: waiting.pending == 0, within_s=20, what="the line delivered")
    reader = read(fresh_broker, LOGS)
    wait_until(reader.lines, within_s=20, what="the line read")

    assert [line.text for line in reader.lines()] == ["waits"]


def test_what_the_documentation_says_about_kcat_is_understood(
    fresh_kafka: Broker, program: Callable[..., str], read: Callable[..., Reader]
) -> None:
    command = one_liner().replace("kcat", shlex.quote(program("kcat", "kafkacat")), 1)
    make_topics(fresh_kafka, SAMPLES)
    done = subprocess.run(
        ["sh", "-c", command.replace("127.0.0.1:9092", fresh_kafka.address)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    reader = read(fresh_kafka)
    wait_until(reader.samples, within_s=20, what="the sample")
    (sample,) = reader.samples()

    assert (sample.application, sample.cluster, sample.member) == ("shop", "shop-web", "shop-web-1")
    assert (sample.load_average, sample.at > 1.7e9) == (42.5, True)


def one_liner() -> str:
    """Return the first shell example of the documentation that uses kcat."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCS.read_text(), flags=re.DOTALL)
    return str(next(block for block in blocks if "kcat" in block)).replace("\\\n", " ")


def publish(publisher: Publisher, numbers: range) -> None:
    for number in numbers:
        sample = Health(application="shop", cluster="web", member="web-1", at=float(number))
        publisher.publish(SAMPLES, sample, key=KEY)
