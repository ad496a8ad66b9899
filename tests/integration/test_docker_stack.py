"""Pileus on a real Docker engine: agents beside containers, and ``pileus run``."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from docker import APIClient

from actuators.clouds.docker_agents import shared_folder
from config.settings import Settings
from pileus.stack.broker import Broker
from pileus.stack.clouds import clouds, destroy_all
from pileus.stack.folders import docker_folder
from streams.admin import create_topics
from streams.records.action import Launch
from streams.records.log import LOG
from streams.records.sample import SAMPLE, Health
from streams.topics import LOGS, SAMPLES
from tests.clouds import HTTPD, a_place
from tests.engines import TINY, DockerEngine
from tests.match_day import MATCH, MATCH_S, play
from tests.pieces import Reader, carrying
from tests.python_image import import_sample
from tests.running import END_S, run
from tests.waiting import until

PARTITIONS = 4
WITHIN_S = 40.0
DAY_S = 30.0
"""How long the match day takes here (s)."""
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


# --- pileus run ------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(420)
def test_a_match_day_on_containers_behind_haproxy_fails_no_request_of_ours_or_of_wrk(
    docker_engine: DockerEngine, program: Callable[..., str], shared: Path, tmp_path: Path
) -> None:
    for name in ("haproxy", "wrk"):
        program(name)
    client = docker_engine.client()
    import_sample(client)
    trace = shared / "traces" / "wc98_requests_to_jun30_60s.csv.gz"

    day = play(docker_engine, tmp_path, trace, between=MATCH, seconds=DAY_S, speed=MATCH_S / DAY_S)

    left = _members(client)
    client.close()
    assert day.code == 0, day.said
    assert day.ours.requests.failed == 0
    assert day.ours.requests.sent > 300
    assert day.theirs.failed == 0, day.theirs
    assert day.theirs.requests > DAY_S
    assert day.ours.members.max >= 2
    assert left == []
    assert not carrying(tmp_path / "state")


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
