"""``pileus actuate`` as a process, Apache Kafka and EC2 (moto): killed while it scales, it launches nothing twice.

moto boots nothing, so members stay Starting: this is about deciding, asking and recording.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config.catalogue import load
from pileus.stack.broker import Broker
from streams.admin import create_topics, publish_definitions
from streams.records.member import State
from streams.topics import ACTIONS, DECISIONS, MEMBERS, OUTCOMES
from tests.acting import DEMO, Load, Scene
from tests.contracts.ec2_rig import KEY, REGIONS, SECRET, a_driver
from tests.ec2 import Ec2
from tests.pieces import Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

KILLS = 6
DONE_S = 60.0
CHANGES = {
    "  - type: local": "  - {type: ec2, imageId: ami-12345678, property: [{name: instanceType, value: t3.micro}]}",
    "provider: local": "provider: ec2",
    "stabilizationWindowSeconds: 15": "stabilizationWindowSeconds: 1",
    "periodSeconds: 5": "periodSeconds: 1",
}
ACCOUNT = """\
[ec2]
owner = "tests"
identity = "file:{folder}/key"
secret = "file:{folder}/secret"
regions = ["{region}"]
options = {{ host = "127.0.0.1", port = {port}, secure = false }}
calls_per_s = 50.0
look_s = 0.5
poll_s = 0.1
timeout_s = 1.0
"""


class Rig:
    """The demo on EC2, its load, and its actuators."""

    def __init__(self, broker: Broker, server: Ec2, folder: Path) -> None:
        self.server = server
        settings = fast(broker.address, folder, clouds_file=str(_account(server, folder)), checkpoint_s=30.0)
        create_topics(settings.broker, partitions=settings.partitions, replication=1)
        self.hand = Hand(settings.broker)
        self.reader = Reader(settings.broker, (MEMBERS, ACTIONS, OUTCOMES, DECISIONS), settings.partitions)
        self.scene = Scene(settings, self.hand, self.reader)
        self.load = Load(self.hand, self.scene.partition).start()
        self.actuators = Piece("actuate", settings, folder)
        publish_definitions(settings.broker, _definitions(folder / "definitions"))

    def alive(self) -> list[str]:
        """Return the names of the instances that the cloud has."""
        return sorted(n.name for n in a_driver(self.server).list_nodes() if n.state.value != "terminated")

    def await_same(self, count: int) -> None:
        """Wait until so many members are there, and the cloud has their instances and no other."""

        def same() -> bool:
            members = sorted(self.scene.members(State.STARTING, State.ACTIVE))
            return len(members) == count and members == self.alive()

        wait_until(same, within_s=DONE_S, what=f"{count} members and the same instances")

    def close(self) -> None:
        self.load.stop()
        self.hand.close()
        self.reader.close()


def _account(server: Ec2, folder: Path) -> Path:
    (folder / "key").write_text(KEY)
    (folder / "secret").write_text(SECRET)
    file = folder / "clouds.toml"
    file.write_text(ACCOUNT.format(folder=folder, region=REGIONS[0], port=server.port))
    return file


def _definitions(folder: Path) -> list[tuple[str, bytes]]:
    folder.mkdir()
    for path in DEMO.glob("*.yaml"):
        text = path.read_text()
        for old, new in CHANGES.items():
            text = text.replace(old, new)
        (folder / path.name).write_text(text)
    return list(load([folder]).documents())


@pytest.fixture
def rig(fresh_kafka: Broker, ec2: Ec2, tmp_path: Path) -> Iterator[Rig]:
    ec2.reset()
    rig = Rig(fresh_kafka, ec2, tmp_path)
    yield rig
    rig.close()


def test_killed_while_it_scales_on_a_cloud_with_faults_it_has_each_instance_once(rig: Rig) -> None:
    chance = np.random.default_rng(7)
    late = {"kind": "late", "s": 2.0}
    busy = {"kind": "answer", "status": 503, "code": "RequestLimitExceeded"}
    with running(rig.actuators):
        rig.await_same(1)
        for kill in range(KILLS):
            rig.actuators.says("partition open", times=2)
            fault = late if kill % 2 else busy
            rig.server.faults({"action": "RunInstances", **fault}, {"action": "TerminateInstances", **fault})
            rig.load.members = int(chance.integers(2, 7))
            threading.Event().wait(float(chance.uniform(0.2, 2.5)))  # any moment of deciding, asking and recording
            rig.actuators.kill()
            rig.actuators.start()
        rig.server.faults()
        rig.load.members = 4
        rig.actuators.says("partition open", times=2)
        rig.await_same(4)
    created = [node.name for node in a_driver(rig.server).list_nodes()]
    assert len(created) == len(set(created)), "no member ever had two instances"
    assert SECRET not in rig.actuators.log.read_text()
