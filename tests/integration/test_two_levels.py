"""Two levels on real Docker engines: each host has a dockerd of its own. The machines under them are a memory cloud."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actuators.clouds.docker import DockerCloud
from streams.records.member import Member, State
from tests.engines import TINY, DockerEngine, remove_engine, start_engine
from tests.two_levels import PER_MEMBER, World

pytestmark = pytest.mark.integration

STACK = "two-levels"


@pytest.fixture
def engines() -> Iterator[list[DockerEngine]]:
    """Two engines; a host gets one when it is first asked for something, and none twice."""
    started = list[DockerEngine]()
    try:
        started += [start_engine()]
        started += [start_engine()]
        yield started
    finally:
        for engine in started:
            remove_engine(engine)


async def test_containers_are_packed_on_real_engines_and_leave_them(
    engines: list[DockerEngine], tmp_path: Path
) -> None:
    of: dict[str, DockerEngine] = {}

    def engine(host: Member) -> DockerCloud:
        of[host.member] = engines[len(of)]
        return DockerCloud(STACK, tmp_path / host.member, url=of[host.member].url)

    world = World(most_hosts=2, engine=engine, image=TINY, command=["sleep", "9999"])
    await world.ticks(2 * PER_MEMBER, 100.0)
    assert world.serving == (1, 2)

    await world.ticks(6 * PER_MEMBER, 150.0)
    assert world.serving == (2, 6)
    assert [len(containers(each)) for each in engines] == [4, 2]
    recorded = {m.member: m.on for m in world.web.members.values() if m.state is State.ACTIVE}
    assert {name: host for host, each in of.items() for name in containers(each)} == recorded

    await world.ticks(2 * PER_MEMBER, 500.0)
    assert world.living == (1, 2)
    assert world.ended_early == []
    assert sorted(len(containers(each)) for each in engines) == [0, 2]


def containers(engine: DockerEngine) -> set[str]:
    """Return the names of what an engine runs, as it says itself."""
    client = engine.client()
    try:
        return {each["Names"][0].lstrip("/") for each in client.containers()}
    finally:
        client.close()
