"""What every cloud promises. A new adapter is one line in ``CLOUDS``, and a harness of a few lines."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from actuators.clouds.docker import DockerCloud
from actuators.clouds.hosts import HostsCloud
from actuators.clouds.local import LocalCloud
from actuators.clouds.memory import MemoryCloud
from actuators.ports import Cloud, Instance, InvalidRequestError, OutOfCapacityError
from streams.records.action import Launch
from streams.records.member import Member
from tests.builders import a_member
from tests.clouds import HTTPD, SERVER, a_place, free_ports
from tests.contracts.cloudstack_rig import CloudStackStandInHarness
from tests.contracts.ec2_rig import Ec2Harness
from tests.contracts.kubernetes_rig import KubernetesHarness
from tests.contracts.openstack_rig import OpenStackStandInHarness
from tests.engines import TINY, DockerEngine

PORTS = 8


class Harness(Protocol):
    """One adapter with room for ``PORTS`` instances, and what the suite must be able to do to it from outside."""

    cloud: Cloud
    launch: Launch

    def reopened(self) -> Cloud | None:
        """Return a new adapter on the same state; ``None`` where the adapter's state is the adapter."""
        ...

    def lose(self, instance: Instance) -> None:
        """Let an instance die without the adapter's doing."""
        ...

    async def close(self) -> None:
        """Leave nothing behind."""
        ...


class LocalHarness:
    def __init__(self, tmp_path: Path) -> None:
        self._state = tmp_path / "cloud"
        self.cloud: Cloud = LocalCloud(self._state)
        self.launch = Launch(command=SERVER, ports=free_ports(PORTS))

    def reopened(self) -> Cloud | None:
        return LocalCloud(self._state)

    def lose(self, instance: Instance) -> None:
        os.kill(int(instance.instance.removeprefix("process-")), signal.SIGKILL)

    async def close(self) -> None:
        assert await LocalCloud(self._state).destroy_all(grace_s=1.0) == {}


class DockerHarness:
    def __init__(self, tmp_path: Path, engine: DockerEngine) -> None:
        self._state, self._engine = tmp_path / "docker", engine
        self._opened: list[DockerCloud] = []
        self.cloud: Cloud = self.reopened()
        self.launch = Launch(image=TINY, command=HTTPD, ports=free_ports(PORTS))

    def reopened(self) -> Cloud:
        self._opened.append(DockerCloud("contract", self._state, url=self._engine.url))
        return self._opened[-1]

    def lose(self, instance: Instance) -> None:
        client = self._engine.client()
        client.kill(instance.instance.removeprefix("container-"), "SIGKILL")
        client.close()

    async def close(self) -> None:
        assert await self._opened[0].destroy_all(grace_s=1.0) == {}
        for cloud in self._opened:
            cloud.close()


class MemoryHarness:
    def __init__(self, _: Path) -> None:
        self._memory = MemoryCloud(now=lambda: 0.0, capacity={"p1": PORTS, "p2": PORTS})
        self.cloud: Cloud = self._memory
        self.launch = Launch()

    def reopened(self) -> Cloud | None:
        return None

    def lose(self, instance: Instance) -> None:
        self._memory.lose(instance.where.member)

    async def close(self) -> None:
        pass


class Engine(MemoryCloud):
    def close(self) -> None:
        pass

    async def abandon(self) -> None:
        pass


class Intents(dict[str, Member]):
    """Every member is intended on one host."""

    def get(self, name: str, default: object = None) -> Member:  # noqa: ARG002 - as a dictionary has it
        return a_member("h-1") if name == "h-1" else msgspec.structs.replace(a_member(name), on="h-1")

    def values(self) -> list[Member]:  # type: ignore[override]
        return [self.get("shop-web-1")]


class HostsHarness:
    """Two levels: one host of room for all, whose engine is a memory cloud."""

    def __init__(self, _: Path) -> None:
        engine = Engine(now=lambda: 0.0, capacity={"p1": PORTS, "p2": PORTS})
        self._engine = engine
        self.cloud: Cloud = HostsCloud(Intents(), lambda _: engine)
        self.launch = Launch()

    def reopened(self) -> Cloud | None:
        return HostsCloud(Intents(), lambda _: self._engine)

    def lose(self, instance: Instance) -> None:
        self._engine.lose(instance.where.member)

    async def close(self) -> None:
        pass


CLOUDS: list[Callable[..., Harness]] = [
    LocalHarness,
    MemoryHarness,
    HostsHarness,
    CloudStackStandInHarness,
    OpenStackStandInHarness,
]
REAL: list[object] = [
    pytest.param((DockerHarness, "docker_engine"), id="docker", marks=pytest.mark.integration),
    pytest.param((Ec2Harness, "ec2"), id="ec2", marks=pytest.mark.integration),
    pytest.param((KubernetesHarness, "kubernetes"), id="kubernetes", marks=pytest.mark.integration),
]
"""Those that need a real part, with its fixture."""


@pytest.fixture(
    params=[*(pytest.param((each, ""), id=each.__name__.removesuffix("Harness").lower()) for each in CLOUDS), *REAL]
)
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    make, part = request.param
    harness: Harness = make(tmp_path, request.getfixturevalue(part)) if part else make(tmp_path)
    yield harness
    await harness.close()


async def test_a_new_cloud_has_no_instances(harness: Harness) -> None:
    assert await harness.cloud.instances() == {}


async def test_a_launched_instance_shows_with_all_that_it_belongs_to(harness: Harness) -> None:
    launched = await harness.cloud.launch(a_place(), harness.launch)

    assert await harness.cloud.instances() == {"shop-web-1": launched}
    assert launched.where == a_place()
    assert launched.instance
    assert launched.port > 0


async def test_launching_a_member_twice_launches_one_instance(harness: Harness) -> None:
    first = await harness.cloud.launch(a_place(), harness.launch)
    second = await harness.cloud.launch(a_place(), harness.launch)

    assert first == second
    assert await harness.cloud.instances() == {"shop-web-1": first}


async def test_launching_a_member_many_times_at_once_launches_one_instance(harness: Harness) -> None:
    launched = await asyncio.gather(*(harness.cloud.launch(a_place(), harness.launch) for _ in range(6)))

    assert len({instance.instance for instance in launched}) == 1
    assert await harness.cloud.instances() == {"shop-web-1": launched[0]}


async def test_many_members_launched_at_once_are_many_instances(harness: Harness) -> None:
    places = [a_place(f"shop-web-{i}") for i in range(PORTS)]

    launched = await asyncio.gather(*(harness.cloud.launch(where, harness.launch) for where in places))

    assert len({instance.instance for instance in launched}) == PORTS
    assert len({(instance.host, instance.port) for instance in launched}) == PORTS
    assert sorted(await harness.cloud.instances()) == sorted(where.member for where in places)


async def test_the_first_launch_of_a_member_counts(harness: Harness) -> None:
    await harness.cloud.launch(a_place(partition="p1"), harness.launch)

    again = await harness.cloud.launch(a_place(partition="p2"), harness.launch)

    assert again.where.partition == "p1"


async def test_a_terminated_instance_is_gone_when_the_call_returns(harness: Harness) -> None:
    await harness.cloud.launch(a_place("shop-web-1"), harness.launch)
    kept = await harness.cloud.launch(a_place("shop-web-2"), harness.launch)

    await harness.cloud.terminate("shop-web-1", 5.0)

    assert await harness.cloud.instances() == {"shop-web-2": kept}


@pytest.mark.parametrize("member", ["shop-web-9", "", "../../etc", "NOT A MEMBER"])
async def test_terminating_what_never_was_is_a_success(harness: Harness, member: str) -> None:
    kept = await harness.cloud.launch(a_place(), harness.launch)

    await harness.cloud.terminate(member, 5.0)

    assert await harness.cloud.instances() == {"shop-web-1": kept}


async def test_terminating_twice_is_a_success(harness: Harness) -> None:
    await harness.cloud.launch(a_place(), harness.launch)

    await asyncio.gather(*(harness.cloud.terminate("shop-web-1", 5.0) for _ in range(3)))
    await harness.cloud.terminate("shop-web-1", 5.0)

    assert await harness.cloud.instances() == {}


async def test_a_terminated_member_never_comes_back(harness: Harness) -> None:
    await harness.cloud.launch(a_place(), harness.launch)
    await harness.cloud.terminate("shop-web-1", 5.0)

    with pytest.raises(InvalidRequestError, match="shop-web-1"):
        await harness.cloud.launch(a_place(), harness.launch)

    assert await harness.cloud.instances() == {}


async def test_a_member_terminated_before_its_launch_arrives_is_not_launched(harness: Harness) -> None:
    await harness.cloud.terminate("shop-web-1", 5.0)

    with pytest.raises(InvalidRequestError, match="shop-web-1"):
        await harness.cloud.launch(a_place(), harness.launch)


async def test_an_instance_that_dies_by_itself_disappears_and_does_not_come_back(harness: Harness) -> None:
    lost = await harness.cloud.launch(a_place("shop-web-1"), harness.launch)
    kept = await harness.cloud.launch(a_place("shop-web-2"), harness.launch)

    harness.lose(lost)

    async with asyncio.timeout(20):
        while await harness.cloud.instances() != {"shop-web-2": kept}:
            await asyncio.sleep(0.02)
    with pytest.raises(InvalidRequestError, match="shop-web-1"):
        await harness.cloud.launch(a_place("shop-web-1"), harness.launch)
    await harness.cloud.terminate("shop-web-1", 5.0)


async def test_no_room_is_an_error_of_its_own_until_there_is_room(harness: Harness) -> None:
    for i in range(PORTS):
        await harness.cloud.launch(a_place(f"shop-web-{i}"), harness.launch)

    with pytest.raises(OutOfCapacityError, match=str(PORTS)):
        await harness.cloud.launch(a_place("shop-web-8"), harness.launch)
    await harness.cloud.terminate("shop-web-0", 5.0)
    await harness.cloud.launch(a_place("shop-web-8"), harness.launch)

    assert len(await harness.cloud.instances()) == PORTS


@pytest.mark.parametrize("member", ["", "Shop", "a/b", "..", "-a", "a-", "a" * 64, "a\n", "ä"])
async def test_a_name_that_no_member_has_is_refused(harness: Harness, member: str) -> None:
    with pytest.raises(InvalidRequestError, match="member = "):
        await harness.cloud.launch(a_place(member), harness.launch)


async def test_a_new_adapter_on_the_same_state_finds_instances_and_tombstones(harness: Harness) -> None:
    kept = await harness.cloud.launch(a_place("shop-web-1"), harness.launch)
    await harness.cloud.launch(a_place("shop-web-2"), harness.launch)
    await harness.cloud.terminate("shop-web-2", 5.0)

    reopened = harness.reopened()
    if reopened is None:
        return  # the adapter is its own state: nothing to find again

    assert await reopened.instances() == {"shop-web-1": kept}
    assert await reopened.launch(a_place("shop-web-1"), harness.launch) == kept
    with pytest.raises(InvalidRequestError, match="shop-web-2"):
        await reopened.launch(a_place("shop-web-2"), harness.launch)
    await reopened.terminate("shop-web-1", 5.0)
    assert await harness.cloud.instances() == {}
