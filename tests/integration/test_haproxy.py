"""HAProxy as a process: what a crash, a reload and a foreign hand do to it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.haproxy import HaproxyBalancer
from actuators.balancers.haproxy_process import Haproxy
from actuators.balancers.haproxy_socket import ask
from actuators.ports import BalancerError, Target
from tests.balancing import OpenLoop, Server, until
from tests.clouds import free_ports

WEB = "shop-web"


class Place:
    """An HAProxy with three members."""

    def __init__(self, directory: Path) -> None:
        *ports, front = free_ports(4)
        self.url = f"http://127.0.0.1:{front}/"
        self.files = {WEB: ClusterFile(listen=f"127.0.0.1:{front}")}
        self.haproxy = Haproxy(directory, self.files)
        self.servers = [Server(port, takes_s=0.02) for port in ports]
        self.targets = [Target(member=f"web-{i}", host="127.0.0.1", port=port) for i, port in enumerate(ports)]

    async def routed(self, balancer: HaproxyBalancer) -> dict[str, tuple[bool, int | None]]:
        traffic = await balancer.traffic(WEB)
        return {state.target.member: (state.routed, state.in_flight) for state in traffic.targets}


@pytest.fixture
async def place(tmp_path: Path, program: Callable[..., str]) -> AsyncIterator[Place]:
    program("haproxy")
    place = Place(tmp_path / "haproxy")
    await asyncio.to_thread(place.haproxy.start)
    for server in place.servers:
        await server.start()
    yield place
    await asyncio.to_thread(place.haproxy.stop)
    for server in place.servers:
        await server.stop()


async def test_a_haproxy_that_was_killed_comes_back_with_the_same_members(place: Place) -> None:
    balancer = HaproxyBalancer(place.haproxy.directory)
    await balancer.apply(WEB, place.targets)
    await balancer.apply(WEB, place.targets[1:])

    place.haproxy.kill()
    with pytest.raises(BalancerError, match="does not answer"):
        await balancer.traffic(WEB)
    await asyncio.to_thread(place.haproxy.start)

    assert await place.routed(balancer) == {"web-1": (True, 0), "web-2": (True, 0)}


async def test_workers_that_outlive_their_master_are_ended_before_the_next_start(place: Place) -> None:
    os.kill(place.haproxy.pid, signal.SIGKILL)

    async def ended() -> bool:
        return not place.haproxy.alive

    await until(ended)
    await asyncio.to_thread(place.haproxy.start)
    assert place.haproxy.alive


async def test_a_reload_loses_no_member_no_request_and_no_count_of_what_is_open(place: Place) -> None:
    balancer = HaproxyBalancer(place.haproxy.directory)
    await balancer.apply(WEB, place.targets[:1])
    clients = OpenLoop(place.url, rate=50)
    await clients.answered(20)
    held = OpenLoop(place.url + "hold", rate=50)

    async def carries() -> bool:
        return place.servers[0].arrived > 60

    await until(carries)
    held._sending.cancel()
    before = (await balancer.traffic(WEB)).in_flight
    place.haproxy.reload()

    async def reloaded() -> bool:
        try:
            said = await ask(place.haproxy.directory / "master.sock", "show proc")
        except BalancerError:
            return False
        return "# old workers\n" in said and "\n# workers\n#" not in said

    await until(reloaded)
    await balancer.apply(WEB, place.targets[1:])

    async def out() -> bool:
        return not (await place.routed(balancer)).get("web-0", (False, 0))[0]

    await until(out)
    left = (await place.routed(balancer))["web-0"]
    place.servers[0].release.set()
    results = await clients.stop() + await held.stop()

    assert (before or 0) > 5
    assert (left[1] or 0) > 5  # the replaced worker's requests, which the present one knows nothing of
    assert set(results) == {"GET 200", "POST 200"}, results


async def test_what_was_changed_by_hand_is_put_right(place: Place) -> None:
    balancer = HaproxyBalancer(place.haproxy.directory)
    await balancer.apply(WEB, place.targets)
    await ask(
        place.haproxy.directory / "worker.sock",
        f"set server {WEB}/web-0 state maint",
        f"set server {WEB}/web-1 state maint",
    )
    await ask(place.haproxy.directory / "worker.sock", f"del server {WEB}/web-1")

    await balancer.apply(WEB, place.targets)

    assert {name for name, (routed, _) in (await place.routed(balancer)).items() if routed} == {
        "web-0",
        "web-1",
        "web-2",
    }


async def test_a_hundred_members_enter_and_leave_by_one_apply_each(place: Place) -> None:
    balancer = HaproxyBalancer(place.haproxy.directory)
    many = [Target(member=f"web-{i}", host="127.0.0.2", port=20000 + i) for i in range(100)]
    await balancer.apply(WEB, [*place.targets, *many[3:]])

    assert len((await balancer.traffic(WEB)).targets) == 100
    place.haproxy.kill()
    await asyncio.to_thread(place.haproxy.start)  # from the file
    assert len((await balancer.traffic(WEB)).targets) == 100
    await balancer.apply(WEB, place.targets)

    async def gone() -> bool:
        return sorted(await place.routed(balancer)) == ["web-0", "web-1", "web-2"]

    await until(gone)


async def test_a_name_or_host_that_would_be_a_command_is_refused_and_the_others_are_routed(place: Place) -> None:
    balancer = HaproxyBalancer(place.haproxy.directory)
    evil = [
        Target(member="web-1; shutdown frontend in", host="127.0.0.1", port=1),
        Target(member="web-3", host="127.0.0.1 disabled\n", port=1),
    ]
    with pytest.raises(BalancerError, match=r"no name of a member.*no IP address"):
        await balancer.apply(WEB, [place.targets[0], *evil])

    assert list(await place.routed(balancer)) == ["web-0"]
