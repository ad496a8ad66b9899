"""nginx as a process: few reloads for many changes, old workers with old requests, crashes, what is refused."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.nginx import NginxBalancer
from actuators.balancers.nginx_process import Nginx
from actuators.ports import BalancerError, Target
from tests.balancing import OpenLoop, Server, until
from tests.clouds import free_ports

WEB = "shop-web"


class Place:
    """An nginx with three members."""

    def __init__(self, directory: Path) -> None:
        *ports, front, status = free_ports(5)
        self.url = f"http://127.0.0.1:{front}/"
        self.nginx = Nginx(directory, {WEB: ClusterFile(listen=f"127.0.0.1:{front}")}, status=f"127.0.0.1:{status}")
        self.servers = [Server(port, takes_s=0.02) for port in ports]
        self.targets = [Target(member=f"web-{i}", host="127.0.0.1", port=port) for i, port in enumerate(ports)]

    async def seen(self, balancer: NginxBalancer) -> dict[str, tuple[bool, int | None]]:
        traffic = await balancer.traffic(WEB)
        return {state.target.member: (state.routed, state.in_flight) for state in traffic.targets}


@pytest.fixture
async def place(tmp_path: Path, program: Callable[..., str]) -> AsyncIterator[Place]:
    program("nginx", "/usr/sbin/nginx")
    place = Place(tmp_path / "nginx")
    await asyncio.to_thread(place.nginx.start)
    for server in place.servers:
        await server.start()
    yield place
    await asyncio.to_thread(place.nginx.stop)
    for server in place.servers:
        await server.stop()


@pytest.fixture
async def balancer(place: Place) -> AsyncIterator[NginxBalancer]:
    balancer = NginxBalancer(place.nginx.directory)
    yield balancer
    balancer.close()


async def test_a_hundred_members_one_after_another_cost_few_reloads(place: Place, balancer: NginxBalancer) -> None:
    many = [Target(member=f"web-{i}", host="127.0.0.2", port=20000 + i) for i in range(100)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    for n in range(100):
        await balancer.apply(WEB, many[: n + 1])
    took = loop.time() - began

    async def loaded() -> bool:
        await balancer.apply(WEB, many)
        return await balancer._loaded(WEB)

    await until(loaded)
    assert balancer.reloads <= 3 + 2 * took  # one every half second at most, however many changes
    assert len((await balancer.traffic(WEB)).targets) == 100


async def test_an_old_worker_keeps_its_requests_and_they_count(place: Place, balancer: NginxBalancer) -> None:
    await balancer.apply(WEB, place.targets[:1])
    held = OpenLoop(place.url + "hold", rate=50)

    async def carries() -> bool:
        return place.servers[0].arrived > 10

    await until(carries)
    held._sending.cancel()
    for targets in (place.targets[1:], place.targets[1:2], place.targets[1:]):  # three generations of workers
        await balancer.apply(WEB, targets)
        await until(lambda: balancer._loaded(WEB))

    async def out() -> bool:
        return not (await place.seen(balancer)).get("web-0", (False, 0))[0]

    await until(out)
    left = (await place.seen(balancer))["web-0"]
    place.servers[0].release.set()
    results = await held.stop()

    async def gone() -> bool:
        return "web-0" not in await place.seen(balancer)

    await until(gone)
    assert (left[1] or 0) > 10
    assert set(results) == {"GET 200", "POST 200"}, results


async def test_an_nginx_that_was_killed_comes_back_with_the_same_members(place: Place, balancer: NginxBalancer) -> None:
    await balancer.apply(WEB, place.targets[1:])

    place.nginx.kill()
    with pytest.raises(BalancerError, match="does not answer"):
        await balancer.traffic(WEB)
    await asyncio.to_thread(place.nginx.start)

    again = NginxBalancer(place.nginx.directory)
    assert await place.seen(again) == {"web-1": (True, 0), "web-2": (True, 0)}


async def test_workers_that_outlive_their_master_are_ended_before_the_next_start(
    place: Place, balancer: NginxBalancer
) -> None:
    os.kill(place.nginx.pid, signal.SIGKILL)

    async def ended() -> bool:
        return not place.nginx.alive

    await until(ended)
    with pytest.raises(BalancerError, match="does not answer"):  # they still serve; nobody can change them
        await balancer.traffic(WEB)
    await asyncio.to_thread(place.nginx.start)
    assert place.nginx.alive


async def test_a_configuration_that_nginx_refuses_changes_nothing(
    place: Place, balancer: NginxBalancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await balancer.apply(WEB, place.targets[:1])
    file = place.nginx.directory / "clusters" / f"{WEB}.conf"
    before = file.read_text()
    with monkeypatch.context() as patch:
        patch.setattr("actuators.balancers.nginx.cluster_text", lambda *_, **__: "no_such_directive;")
        with pytest.raises(BalancerError, match=r"refuses the configuration.*no_such_directive"):
            await balancer.apply(WEB, place.targets)

    assert file.read_text() == before
    await balancer.apply(WEB, place.targets)
    assert [m for m, (routed, _) in (await place.seen(balancer)).items() if routed] == ["web-0", "web-1", "web-2"]


async def test_a_name_or_host_that_would_be_a_directive_is_refused_and_the_others_are_routed(
    place: Place, balancer: NginxBalancer
) -> None:
    evil = [
        Target(member="web-1\n", host="127.0.0.1", port=1),
        Target(member="web-3", host="127.0.0.1; } include /etc/passwd", port=1),
    ]
    with pytest.raises(BalancerError, match=r"no name of a member.*no IP address"):
        await balancer.apply(WEB, [place.targets[0], *evil])

    assert list(await place.seen(balancer)) == ["web-0"]
