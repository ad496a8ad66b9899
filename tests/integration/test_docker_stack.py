"""Pileus on a real Docker engine: agents beside containers, actuators killed while they scale, and ``pileus run``."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
from docker import APIClient

from actuators.clouds.docker_agents import shared_folder
from config.settings import Settings
from pileus.stack.broker import Broker
from pileus.stack.clouds import clouds, destroy_all
from pileus.stack.folders import docker_folder
from streams.admin import create_topics, publish_definitions
from streams.records.action import Launch, Result
from streams.records.log import LOG
from streams.records.member import State
from streams.records.sample import SAMPLE, Health
from streams.topics import LOGS, SAMPLES
from tests.acting import Load, demo
from tests.clouds import HTTPD, a_place
from tests.engines import TINY, DockerEngine
from tests.integration.test_actuators import DONE_S, READ, Rig
from tests.pieces import Hand, Reader, carrying, fast, running
from tests.python_image import IMAGE, import_sample
from tests.running import END_S, run
from tests.waiting import until, wait_until

PARTITIONS = 4
WITHIN_S = 40.0
KILLS = 20
BUSY = 'echo "up ERROR nothing"; echo URL=tcp://here > "$PILEUS_EXPORTS"; httpd -p "$PORT" -h /www; while :; do :; done'


# --- the agent -------------------------------------------------------------------------------------------------------


async def test_what_a_container_uses_says_and_exports_is_published(
    docker_engine: DockerEngine, fresh_tansu: Broker, tmp_path: Path
) -> None:
    create_topics(fresh_tansu.address, partitions=PARTITIONS, replication=1)
    settings = Settings(
        broker=fresh_tansu.address,
        partitions=PARTITIONS,
        sample_interval_s=0.5,
        docker_host=docker_engine.url,
        stack="agents",
    )
    cloud = clouds(settings, tmp_path)["docker"]
    launch = Launch(
        image=TINY,
        command=["sh", "-c", BUSY],
        health="tcp",
        exports=["web-URL"],
        properties={"cpus": "0.2", "memory": "32m"},
    )
    try:
        with Reader(fresh_tansu.address, (SAMPLES, LOGS), PARTITIONS) as reader:
            await cloud.launch(a_place(), launch)
            await until(lambda: _busy(reader), within_s=WITHIN_S, what="samples of a container at its limit")
            await until(lambda: reader.look().of(LOGS), within_s=WITHIN_S, what="its log")
            line = reader.records(LOGS, LOG)[0]
            shown = shared_folder(docker_folder(tmp_path), "shop-web-1") / "metadata.json"
            await until(
                lambda: shown.exists() and b"tcp://here" in shown.read_bytes(), within_s=WITHIN_S, what="export"
            )
            await cloud.terminate("shop-web-1", 0.5)
    finally:
        assert await destroy_all(settings, tmp_path, 0.0) == []
    assert (line.member, line.level, line.text) == ("shop-web-1", "ERROR", "up ERROR nothing")
    assert not carrying(docker_folder(tmp_path))
    assert not list((docker_folder(tmp_path) / "members").iterdir())


async def test_an_agent_that_is_killed_is_started_again(
    docker_engine: DockerEngine, fresh_tansu: Broker, tmp_path: Path
) -> None:
    settings = Settings(broker=fresh_tansu.address, docker_host=docker_engine.url, stack="again")
    cloud, folder = clouds(settings, tmp_path)["docker"], docker_folder(tmp_path)
    try:
        await cloud.launch(a_place(), Launch(image=TINY, command=HTTPD))
        await until(lambda: carrying(folder), within_s=WITHIN_S, what="an agent")
        first = carrying(folder)
        for left in first:
            psutil.Process(int(left.partition(":")[0])).kill()

        async def another() -> bool:
            await cloud.instances()
            return bool(set(carrying(folder)) - set(first))

        async with asyncio.timeout(WITHIN_S):
            while not await another():
                await asyncio.sleep(0.1)
    finally:
        assert await destroy_all(settings, tmp_path, 0.0) == []
    assert not carrying(folder)


def _busy(reader: Reader) -> bool:
    """Return whether a sample says that a container uses all that it may, healthy, with some memory."""
    samples = [s for s in reader.look().records(SAMPLES, SAMPLE) if isinstance(s, Health)]
    return any(
        80 <= (s.load_average or 0) <= 120 and 0 < (s.memory_consumption or 0) < 50 and s.healthy for s in samples
    )


# --- the actuators ---------------------------------------------------------------------------------------------------


@dataclass
class DockerRig(Rig):
    """Actuators whose cloud is a Docker engine."""

    client: APIClient

    def declare(self) -> None:
        catalogue = demo(self.directory / "definitions", HTTPD, image=TINY)
        publish_definitions(self.settings.broker, catalogue.documents())

    def containers(self) -> dict[str, str]:
        """Return each container of the stack that runs, by name."""
        listed = self.client.containers(all=True, filters={"label": f"pileus.stack={self.settings.stack}"})
        return {each["Names"][0].lstrip("/"): f"container-{each['Id'][:12]}" for each in listed}

    def converged(self, count: int) -> bool:
        """Return whether the record has so many members, and the engine those and no other."""
        present = self.members(State.STARTING, State.ACTIVE, State.DRAINING)
        return len(present) == count and {m.member: m.instance for m in present.values()} == self.containers()


@pytest.fixture
def rig(docker_engine: DockerEngine, fresh_kafka: Broker, tmp_path: Path) -> Iterator[DockerRig]:
    settings = msgspec.structs.replace(
        fast(fresh_kafka.address, tmp_path, checkpoint_s=30.0), docker_host=docker_engine.url, stack="actuators"
    )
    create_topics(settings.broker, partitions=settings.partitions, replication=1)
    hand, reader, client = (
        Hand(settings.broker),
        Reader(settings.broker, READ, settings.partitions),
        docker_engine.client(),
    )
    rig = DockerRig(settings, hand, reader, Load(hand, 0), tmp_path, client)
    rig.load.partition = rig.partition
    rig.load.start()
    try:
        yield rig
    finally:
        rig.load.stop()
        hand.close()
        reader.close()
        left = asyncio.run(destroy_all(settings, Path(settings.state_dir), 0.0))
        client.close()
    assert not left


@pytest.mark.timeout(900)
def test_actuators_killed_at_random_points_while_they_scale_leave_no_duplicate_and_no_orphan(rig: DockerRig) -> None:
    chance, actuators = np.random.default_rng(20261122), rig.actuators()
    rig.declare()
    with running(actuators):
        rig.await_members(1, State.STARTING)
        for i in range(KILLS):
            actuators.says("partition open", times=2)
            known = len(rig.actions())
            rig.load.members = (2, 6, 1, 4, 3, 5)[i % 6]
            with suppress(TimeoutError, AssertionError):  # a kill without an action before it counts too
                wait_until(lambda: len(rig.actions()) > known, within_s=6.0, what="the next action")  # noqa: B023
            threading.Event().wait(float(chance.random()) * 0.4)  # any moment around the call
            actuators.kill()
            actuators.start()
        rig.load.members = 4
        wait_until(lambda: rig.converged(4), within_s=2 * DONE_S, what="four members, their containers, no other")
    launched: dict[str, set[str]] = {}
    for outcome in rig.outcomes(Result.RUNNING):
        launched.setdefault(outcome.member, set()).add(outcome.instance)
    assert len(launched) >= 6
    assert all(len(instances) == 1 for instances in launched.values())


# --- pileus run ------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(420)
def test_pileus_run_drives_containers_without_a_failed_request(docker_engine: DockerEngine, tmp_path: Path) -> None:
    client = docker_engine.client()
    import_sample(client)
    load = ("--load", "steps", "--period", "16", "--peak", "60", "--duration", "40")
    with run(tmp_path, "--cloud", "docker", "--engine", docker_engine.url, "--image", IMAGE, *load) as it:
        it.until(lambda: len(_members(client)) >= 2, "a second container")
        code = it.ends(60.0 + END_S)

    report = msgspec.json.decode(it.report.read_bytes())
    left = _members(client)
    client.close()
    assert code == 0, it.said.read_text()
    assert report["requests"]["failed"] == 0
    assert report["requests"]["sent"] > 300
    assert report["members"]["max"] >= 2
    assert left == []
    assert not carrying(it.state)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "unix:///nowhere/s"], "does not answer"),
        (["--image", "pileus-test/none:1"], "has no image pileus-test/none:1"),
    ],
    ids=["no engine", "no image"],
)
def test_pileus_run_says_what_is_missing_before_it_starts(
    docker_engine: DockerEngine, tmp_path: Path, words: list[str], said: str
) -> None:
    with run(tmp_path, "--cloud", "docker", "--engine", docker_engine.url, *words) as it:
        assert it.ends(END_S) == 2

    assert said in it.said.read_text()


def _members(client: APIClient) -> list[str]:
    """Return the containers of any ``pileus run``."""
    listed = client.containers(all=True, filters={"label": "pileus.application=shop"})
    return [each["Id"] for each in listed if each["Labels"]["pileus.stack"].startswith("run-")]
