"""Real brokers for the tests: Tansu from its wheel, Apache Kafka from the jars that ``kafka/pom.xml`` names."""

import os
import shutil
import socket
import subprocess
import sys
import uuid
from pathlib import Path

from pileus.stack.broker import Broker, launch

HERE = Path(__file__).resolve().parent / "kafka"
POM = HERE / "pom.xml"
JARS = HERE / "lib"
FETCH_S = 900.0
FORMAT_S = 60.0
START_S = 90.0

JVM = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxDirectMemorySize=64m",
    "-Djava.awt.headless=true",
)
"""A small node that starts quickly; nothing here is meant for load."""

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
num.network.threads=1
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=1
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=4194304
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms={join_wait_ms}
group.min.session.timeout.ms=1000
log.segment.bytes=16777216
log.index.size.max.bytes=262144
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""


class MissingPartError(RuntimeError):
    """Something that Apache Kafka needs is not on this machine; ``.ci/run`` installs it."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kafka_jars() -> Path:
    """Return the folder of Apache Kafka's jars; fetch them with Maven when they are missing or of another version.

    Raises
    ------
    MissingPartError
        There is no ``java``, or there are no jars and no ``mvn`` that can fetch them.
    """
    if not shutil.which("java"):
        raise MissingPartError("Apache Kafka needs java (17 or later) on PATH")
    fetched = JARS / POM.name  # copied last, so its presence means a whole fetch, its text means which
    if fetched.is_file() and fetched.read_bytes() == POM.read_bytes():
        return JARS
    if not shutil.which("mvn"):
        raise MissingPartError(f"Apache Kafka's jars are not in {JARS}, and there is no mvn to fetch them")
    shutil.rmtree(JARS, ignore_errors=True)
    command = [
        "mvn",
        "-q",
        "-B",
        "-f",
        str(POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={JARS}",
        "-DincludeScope=runtime",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    if done.returncode:
        raise MissingPartError(f"mvn could not fetch Apache Kafka's jars: {(done.stdout + done.stderr)[-2000:]}")
    shutil.copy(POM, fetched)
    return JARS


def start_kafka(directory: Path, *, port: int | None = None, join_wait_s: float = 0.0) -> Broker:
    """Start one Apache Kafka node (KRaft); a ``directory`` that was used before keeps its data, port and settings.

    ``join_wait_s``: how long a new group waits for more members before partitions are shared out (Kafka's own: 3 s).
    """
    jars = kafka_jars()
    settings = directory / "server.properties"
    if not settings.exists():
        _format(settings, port=port or free_port(), jars=jars, join_wait_s=join_wait_s)
    return launch(
        "kafka",
        _java(jars, "kafka.Kafka", str(settings)),
        port=_port_of(settings),
        directory=directory,
        environment=dict(os.environ),
        timeout_s=START_S,
    )


def _format(settings: Path, *, port: int, jars: Path, join_wait_s: float) -> None:
    """Write the settings and format the storage."""
    data = settings.parent / "data"
    settings.parent.mkdir(parents=True, exist_ok=True)
    draft = settings.with_suffix(".draft")
    wait_ms = round(1000 * join_wait_s)
    draft.write_text(SETTINGS.format(port=port, controller=free_port(), data=data, join_wait_ms=wait_ms))
    command = _java(
        jars, "kafka.tools.StorageTool", "format", "--cluster-id", uuid.uuid4().hex[:22], "--config", str(draft)
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"kafka: cannot format {data}: {done.stdout}{done.stderr}")
    draft.rename(settings)


def _java(jars: Path, main: str, *arguments: str) -> list[str]:
    """Return the command that runs one of Kafka's main classes."""
    return ["java", *JVM, "-cp", f"{jars}/*", main, *arguments]


def _port_of(settings: Path) -> int:
    """Return the port that the settings advertise."""
    (line,) = (line for line in settings.read_text().splitlines() if line.startswith("advertised.listeners="))
    return int(line.rpartition(":")[2])


if __name__ == "__main__":
    sys.stdout.write(f"Apache Kafka's jars are in {kafka_jars()}\n")
