"""What the node agent sees of the containers of an engine, and that both ways to measure them say the same."""

import asyncio
import time
from pathlib import Path

import pytest

from actuators.clouds.docker_watch import ContainerUsage
from actuators.clouds.docker_watched import DockerWatched
from config.settings import Settings
from pileus.node_agent import Opener
from streams.agent.beside import Identity
from streams.agent.measure import Source
from streams.publisher import Producer, Publisher
from streams.records.action import Launch
from tests.clouds import a_place
from tests.docker_site import open_site
from tests.engines import TINY, DockerEngine

BUSY = ["sh", "-c", "echo here; while true; do :; done"]
ME = Identity(tenant="default", application="shop", cluster="shop-web", member="shop-web-1")


def nobody() -> Producer:
    raise ConnectionError("no broker")


async def test_containers_come_and_go_and_are_measured_as_the_engine_counts(
    docker_engine: DockerEngine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = Settings(docker_host=docker_engine.url)
    publisher = Publisher(nobody, partitions=1)
    async with open_site(docker_engine, tmp_path, request.node.name) as site:
        watched = DockerWatched(docker_engine.url, site.stack, tmp_path, timeout_s=0.5)
        assert watched() == {}
        cloud = site.cloud()
        await cloud.launch(
            a_place(), Launch(image=TINY, command=BUSY, health="tcp", properties={"cpus": "0.2", "memory": "32m"})
        )
        found = await asyncio.to_thread(watched)
        opened = Opener(settings, publisher, lambda _: None).open(found[ME])
        counted = ContainerUsage(docker_engine.url, found[ME].container, clock=time.monotonic).start()
        try:
            opened.source.measure(time.monotonic())
            one, other = [await settled(source) for source in (opened.source, counted)]
            await asyncio.to_thread(opened.beside.read)
            assert publisher.pending == 1  # its line
        finally:
            opened.end()
            counted.stop()
            publisher.close(0.0)
        await cloud.terminate("shop-web-1", 0.0)

        assert await asyncio.to_thread(watched) == {}
    assert found[ME].probe is not None
    assert found[ME].measure.partition(":")[0] in {"cgroup", "container"}
    assert one == pytest.approx(other, abs=40.0)  # CPU time comes in slices of the quota: 20 ms of 100 ms
    assert 60.0 < one < 140.0


async def settled(source: Source) -> float:
    """Return the load over some periods of the quota."""
    loads: list[float] = []

    def enough() -> bool:
        load = source.measure(time.monotonic()).load_average
        loads.extend([] if load is None else [load])
        return len(loads) >= 2

    async with asyncio.timeout(30):
        while not enough():
            await asyncio.sleep(1.0)
    return loads[-1]
