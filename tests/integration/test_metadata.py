"""What members export, on real brokers: from a process of the local cloud to the files of those beside it."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaProducer

from actuators.clouds.local import LocalCloud
from actuators.ports import Where
from config.settings import Settings
from pileus.stack.broker import Broker
from pileus.stack.clouds import clouds
from pileus.stack.folders import local_folder
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics
from streams.agent.metadata import MetadataFile, MetadataFold
from streams.agent.metadata_log import MetadataLog
from streams.partition import application_key, partition_of
from streams.records.action import Launch
from streams.records.metadata import Metadata, metadata_key
from streams.records.record import encode
from streams.topics import METADATA
from tests.brokers import free_port
from tests.clouds import a_script
from tests.waiting import until, wait_until

PARTITIONS = 3
WITHIN_S = 60.0
SAMPLE = ["{python}", "-m", "pileus.sample_app"]
DATABASE = {"SAMPLE_PROTOCOL": "tcp", "SAMPLE_EXPORTS": "URL=tcp://{host}:{port} PASSWORD=hunter2 OTHER=x"}
SLEEP = a_script("import signal; signal.pause()")


def where(member: str, *, tenant: str = "default") -> Where:
    return Where(
        tenant=tenant,
        application="shop",
        cluster=member.rpartition("-")[0],
        member=member,
        network_partition="here",
        partition="p1",
    )


def shown(path: Path) -> dict[str, str] | None:
    """Return what a metadata file says; it must be whole whenever it is there."""
    try:
        return json.loads(path.read_text())  # type: ignore[no-any-return]
    except FileNotFoundError:
        return None


class Decider:
    """Writes into the application's partition as a decider does."""

    def __init__(self, broker: Broker) -> None:
        self._producer = KafkaProducer(bootstrap_servers=broker.address, enable_idempotence=False)

    def write(self, name: str, value: str | None, *, tenant: str = "default", key: bytes | None = None) -> None:
        record = Metadata(tenant=tenant, application="shop", name=name, value=value or "", member="", at=1.0)
        owner = application_key("default", "shop")
        sent = self._producer.send(
            METADATA.name,
            value=None if value is None else encode(record),
            key=key or metadata_key(tenant, "shop", name).encode(),
            partition=partition_of(owner, PARTITIONS),
        )
        sent.get(timeout=10)

    def close(self) -> None:
        self._producer.close(timeout=5)


@pytest.fixture
def decider(fresh_broker: Broker) -> Iterator[Decider]:
    create_topics(fresh_broker.address, partitions=PARTITIONS, replication=1)
    decider = Decider(fresh_broker)
    yield decider
    decider.close()


@pytest.fixture
async def cloud(fresh_broker: Broker, tmp_path: Path) -> AsyncIterator[LocalCloud]:
    settings = Settings(broker=fresh_broker.address, partitions=PARTITIONS, sample_interval_s=0.5)
    local = clouds(settings, tmp_path)["local"]
    assert isinstance(local, LocalCloud)
    yield local
    assert await LocalCloud(local_folder(tmp_path)).destroy_all(grace_s=1.0) == {}


async def test_what_a_member_exports_reaches_the_others(decider: Decider, cloud: LocalCloud, tmp_path: Path) -> None:
    agent_log = local_folder(tmp_path) / "logs" / "shop-db-1.agent.log"
    seen = cloud.metadata("shop-web-1")
    exports = ["db-URL", "db-PASSWORD"]
    database = await cloud.launch(
        where("shop-db-1"), Launch(command=SAMPLE, environment=DATABASE, exports=exports, health="tcp")
    )
    await cloud.launch(where("shop-web-1"), Launch(command=SLEEP))
    await cloud.launch(where("acme-shop-web-1", tenant="acme"), Launch(command=SLEEP))

    url = {"db-URL": f"tcp://127.0.0.1:{database.port}"}
    known = url | {"db-PASSWORD": "hunter2"}
    await until(lambda: shown(seen) == known, within_s=WITHIN_S, what="the exports beside another member")
    await until(lambda: shown(cloud.metadata("shop-db-1")) == known, within_s=WITHIN_S, what="and beside itself")
    await _talks(database.port)

    with cloud.exports("shop-db-1").open("a") as file:
        file.write("PASSWORD=correct horse\n")
    known = url | {"db-PASSWORD": "correct horse"}
    await until(lambda: shown(seen) == known, within_s=WITHIN_S, what="the change")

    decider.write("tenants", "acme,globex")
    decider.write("db-URL", None)
    known = {"db-PASSWORD": "correct horse", "tenants": "acme,globex"}
    await until(lambda: shown(seen) == known, within_s=WITHIN_S, what="the tenants, and a tombstone")

    foreign = cloud.metadata("acme-shop-web-1")
    await until(lambda: shown(foreign) is not None, within_s=WITHIN_S, what="the file of another tenant's member")
    assert shown(foreign) == {}
    said = agent_log.read_text()
    assert said.count("key 'OTHER' is not among the cartridge's metadataKeys, not exported") == 1
    assert "hunter2" not in said
    assert "horse" not in said
    await cloud.terminate("shop-db-1", 10.0)
    assert "stopping" in cloud.log("shop-db-1").read_text()


async def _talks(port: int) -> None:
    """Say something to the sample database, and hear it."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        await writer.wait_closed()


class Following:
    """A metadata file kept by a thread of this process."""

    def __init__(self, broker: str, path: Path) -> None:
        self.path, self.told = path, list[str]()
        self._log = MetadataLog(
            broker,
            MetadataFold("default", "shop"),
            MetadataFile(path),
            partition=partition_of(application_key("default", "shop"), PARTITIONS),
            tell=self.told.append,
        )
        self._log.start()

    def shows(self, values: dict[str, str]) -> None:
        wait_until(lambda: shown(self.path) == values, within_s=WITHIN_S, what=f"{values} in the file")

    def end(self) -> None:
        self._log.stop()
        self._log.join(20)


def test_the_past_is_not_shown_and_what_cannot_be_read_is_passed_over(
    decider: Decider, fresh_broker: Broker, tmp_path: Path
) -> None:
    path = tmp_path / "metadata.json"
    for number in range(2000):
        decider.write("db-URL", str(number))
    decider.write("db-URL", "foreign", tenant="acme")
    decider.write("x", "no key of ours", key=b"\xff")
    following = Following(fresh_broker.address, path)
    wait_until(path.exists, within_s=WITHIN_S, what="the file")
    first = shown(path)
    following.end()

    assert first == {"db-URL": "1999"}
    assert following.told == []


def test_without_a_broker_no_file_is_written_and_the_reason_is_told_once(tmp_path: Path) -> None:
    before = threading.active_count()
    following = Following(f"127.0.0.1:{free_port()}", tmp_path / "metadata.json")
    wait_until(lambda: following.told, within_s=WITHIN_S, what="the reason")
    following.end()

    assert len(following.told) == 1
    assert "Connection refused" in following.told[0]
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == before


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[[int], Broker]]:
    brokers: list[Broker] = []

    def start(port: int) -> Broker:
        brokers.append(start_tansu(port, directory=tmp_path / f"tansu-{len(brokers)}"))
        create_topics(brokers[-1].address, partitions=PARTITIONS, replication=1)
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.stop()


def test_a_broker_that_comes_back_is_followed_even_with_an_empty_log(
    start_broker: Callable[[int], Broker], tmp_path: Path
) -> None:
    broker = start_broker(free_port())
    with closing(Decider(broker)) as decider:
        for name in ("db-URL", "db-USER", "db-OLD"):
            decider.write(name, "old")
    following = Following(broker.address, tmp_path / "metadata.json")
    following.shows({"db-URL": "old", "db-USER": "old", "db-OLD": "old"})
    broker.kill()
    broker = start_broker(broker.port)  # Tansu has forgotten everything
    assert shown(following.path) == {"db-URL": "old", "db-USER": "old", "db-OLD": "old"}
    with closing(Decider(broker)) as decider:
        decider.write("db-URL", "new")
    following.shows({"db-URL": "new"})
    following.end()
