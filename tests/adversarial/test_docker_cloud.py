"""The docker cloud under SIGKILL, races, an engine that goes away, and containers of others: nothing twice."""

import asyncio
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docker import APIClient

from actuators.clouds import docker_calls
from actuators.clouds.docker import DockerCloud
from actuators.clouds.docker_box import labels
from actuators.clouds.docker_engine import Engine, EngineAnswer
from actuators.ports import CloudError, Instance, InvalidRequestError, TransientCloudError
from streams.records.action import Launch
from tests.clouds import HTTPD, a_place, free_ports
from tests.docker_site import MEMBERS, ROOT, SLEEP, Site, churn, open_site
from tests.engines import TINY, DockerEngine

KILLS = 20


@pytest.fixture
async def site(docker_engine: DockerEngine, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    async with open_site(docker_engine, tmp_path, request.node.name) as site:
        yield site


# --- killed at any point ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        pytest.param("docker_calls.create = die", "", id="before anything was created"),
        pytest.param("cloud._start = die", "created", id="after the container was created, before it runs"),
        pytest.param("Box.instance = die", "running", id="after it runs, before the answer"),
    ],
)
async def test_an_actuator_killed_while_it_launches_leaves_one_instance(site: Site, fault: str, state: str) -> None:
    assert site.run_actuator(fault=fault) == -signal.SIGKILL
    assert site.containers() == ({"shop-web-1": state} if state else {})

    cloud = site.cloud()
    launched = await cloud.launch(a_place(), SLEEP)

    assert await cloud.instances() == {"shop-web-1": launched}
    assert site.starts() == {"shop-web-1": 1}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("cloud._stop = die", id="after the tombstone, before the stop"),
        pytest.param("cloud._remove = die", id="after the stop, before the removal"),
    ],
)
async def test_an_actuator_killed_while_it_terminates_is_continued_by_the_next(site: Site, fault: str) -> None:
    await site.cloud().launch(a_place(), SLEEP)
    assert site.run_actuator(fault=fault, call='cloud.terminate("shop-web-1", 5.0)') == -signal.SIGKILL

    cloud = site.cloud()
    await cloud.terminate("shop-web-1", 1.0)

    assert site.containers() == {}
    with pytest.raises(InvalidRequestError, match="never used again"):
        await cloud.launch(a_place(), SLEEP)
    assert site.starts() == {"shop-web-1": 1}


async def test_what_was_created_for_a_member_that_has_ended_is_cleared_away_and_never_runs(site: Site) -> None:
    site.run_actuator(fault="cloud._start = die")
    docker_calls.bury(site.client, site.stack, "shop-web-1")

    assert await site.cloud().instances() == {}

    assert site.containers() == {}
    assert site.starts() == {}


async def test_a_member_that_is_ended_between_create_and_start_never_runs(site: Site) -> None:
    created = docker_calls.create

    def interrupted(client: APIClient, *args: Any, **kwargs: Any) -> Any:
        box = created(client, *args, **kwargs)
        docker_calls.bury(client, site.stack, "shop-web-1")  # another actuator has read its order to end the member
        return box

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker_calls, "create", interrupted)
        with pytest.raises(InvalidRequestError, match="never used again"):
            await site.cloud().launch(a_place(), SLEEP)

    assert site.containers() == {}
    assert site.starts() == {}


async def test_a_container_that_is_removed_between_create_and_start_is_not_started(site: Site) -> None:
    created = docker_calls.create

    def interrupted(client: APIClient, *args: Any, **kwargs: Any) -> Any:
        box = created(client, *args, **kwargs)
        docker_calls.bury(client, site.stack, "shop-web-1")
        docker_calls.remove(client, "shop-web-1", site.stack)
        return box

    cloud = site.cloud()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docker_calls, "create", interrupted)
        patch.setattr(docker_calls, "has_tombstone", lambda *_: False)  # it looked just before
        with pytest.raises(CloudError):
            await cloud.launch(a_place(), SLEEP)

    assert site.containers() == {}
    assert site.starts() == {}


async def test_killed_at_random_points_nothing_runs_twice_and_nothing_is_left(site: Site) -> None:
    chance = np.random.default_rng(20261122)
    killed = 0
    for i in range(KILLS):
        low = i * MEMBERS
        words = site.words(fault="os.write(1, b'go')", call=f"churn(cloud, {low}, {low + MEMBERS})")
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as actuator:
            assert actuator.stdout is not None
            assert actuator.stdout.read(2) == b"go"
            await asyncio.sleep(float(chance.uniform(0.0, 0.9)))
            killed += actuator.poll() is None
            actuator.kill()
        await churn(site.cloud(), low, low + MEMBERS)  # what stands recorded is carried out again
        expected = {f"shop-web-{k}" for k in range(low, low + MEMBERS)}
        assert set(await site.cloud().instances()) == expected
        assert site.containers() == dict.fromkeys(expected, "running")
        assert site.starts() == {f"shop-web-{k}": 1 for k in range(low + MEMBERS)}
    assert killed >= KILLS // 2


@pytest.mark.parametrize("share", [0.1, 0.25], ids=["one call in ten", "one in four"])
async def test_with_an_engine_that_fails_at_random_nothing_runs_twice_and_nothing_is_left(
    site: Site, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Half of the failures come before the engine has done anything, half after it has done everything."""
    chance, call, failed = np.random.default_rng(7), Engine._call, Counter[str]()

    def fail(self: Engine, do: Any) -> Any:
        when = chance.random()
        if when < share / 2:
            failed["before"] += 1
            raise EngineAnswer(503, "try again later")
        answer = call(self, do)
        if when < share:
            failed["after"] += 1
            raise TransientCloudError("timed out")
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_call", fail)
        for i in range(3):
            await churn(site.cloud(), i * MEMBERS, (i + 1) * MEMBERS)
            site.starts()

    expected = {f"shop-web-{k}" for k in range(2 * MEMBERS, 3 * MEMBERS)}
    assert min(failed["before"], failed["after"]) > 3
    assert set(await site.cloud().instances()) == expected
    assert site.containers() == dict.fromkeys(expected, "running")
    assert site.starts() == {f"shop-web-{k}": 1 for k in range(3 * MEMBERS)}


async def test_actuators_that_race_for_one_member_start_it_once(site: Site) -> None:
    clouds = [site.cloud() for _ in range(4)]
    race = asyncio.to_thread(site.run_actuator)

    raced, *launched = await asyncio.gather(race, *(cloud.launch(a_place(), SLEEP) for cloud in clouds * 3))

    assert raced == 0
    assert len({instance.instance for instance in launched if isinstance(instance, Instance)}) == 1
    assert site.starts() == {"shop-web-1": 1}


async def test_actuators_that_race_for_ports_give_each_once(site: Site) -> None:
    clouds = [site.cloud() for _ in range(3)]
    launch = Launch(image=TINY, command=HTTPD, ports=free_ports(6))

    launched = await asyncio.gather(*(clouds[i % 3].launch(a_place(f"shop-web-{i}"), launch) for i in range(6)))

    assert len({instance.port for instance in launched}) == 6


async def test_a_launch_and_a_terminate_at_once_leave_nothing(site: Site) -> None:
    clouds = [site.cloud(), site.cloud()]
    for i in range(8):
        launch = clouds[0].launch(a_place(f"shop-web-{i}"), SLEEP)
        end = clouds[1].terminate(f"shop-web-{i}", 0.0)
        await asyncio.gather(launch, end, return_exceptions=True)

    assert await clouds[0].instances() == {}
    assert site.containers() == {}


# --- containers of others --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param({}, id="without labels"),
        pytest.param({"labels": labels(a_place(), SLEEP, stack="another", port=1)}, id="of another stack"),
    ],
)
async def test_a_container_that_is_not_ours_is_neither_seen_nor_touched(site: Site, marked: dict[str, Any]) -> None:
    other = site.add("shop-web-1", **marked)
    cloud = site.cloud()
    try:
        assert await cloud.instances() == {}
        with pytest.raises(InvalidRequestError, match="not ours"):
            await cloud.launch(a_place(), SLEEP)
        await cloud.terminate("shop-web-1", 0.0)
        await cloud.destroy_all(0.0)

        assert site.client.inspect_container(other)["State"]["Running"]
    finally:
        site.client.remove_container(other, force=True)


async def test_a_container_with_a_part_of_our_labels_is_not_touched(site: Site) -> None:
    other = site.add("stranger", labels={"pileus.stack": site.stack, "pileus.member": "shop-web-1"})
    try:
        await site.cloud().terminate("shop-web-1", 0.0)

        assert site.client.inspect_container(other)["State"]["Running"]
    finally:
        site.client.remove_container(other, force=True)


# --- the engine goes away --------------------------------------------------------------------------------------------


async def test_an_engine_that_restarts_has_ended_its_containers_and_is_found_again(
    fresh_docker_engine: DockerEngine, tmp_path: Path
) -> None:
    cloud = DockerCloud("one", tmp_path, url=fresh_docker_engine.url)
    await cloud.launch(a_place(), SLEEP)
    fresh_docker_engine.stop()

    with pytest.raises(TransientCloudError):
        await cloud.instances()
    with pytest.raises(TransientCloudError):
        await cloud.launch(a_place("shop-web-2"), SLEEP)
    with pytest.raises(TransientCloudError):
        await cloud.terminate("shop-web-1", 1.0)
    fresh_docker_engine.start()

    assert await cloud.instances() == {}
    with pytest.raises(InvalidRequestError, match="never used again"):
        await cloud.launch(a_place(), SLEEP)
    await cloud.launch(a_place("shop-web-2"), SLEEP)
    assert list(await cloud.instances()) == ["shop-web-2"]
    cloud.close()


async def test_containers_live_through_a_restart_of_an_engine_that_restores_them(
    fresh_docker_engine: DockerEngine, tmp_path: Path
) -> None:
    engine = fresh_docker_engine
    engine.stop()
    engine.live_restore = True
    engine.start()
    cloud = DockerCloud("one", tmp_path, url=engine.url)
    launched = await cloud.launch(a_place(), SLEEP)

    engine.stop()
    with pytest.raises(TransientCloudError):
        await cloud.instances()
    engine.start()

    assert await cloud.instances() == {"shop-web-1": launched}
    assert await cloud.launch(a_place(), SLEEP) == launched
    await cloud.terminate("shop-web-1", 0.0)
    assert await cloud.instances() == {}
    cloud.close()
