"""Caddy as a process, and its members under load: nothing is lost when they come and go."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from actuators.balancers import caddy_process
from actuators.balancers.caddy import CaddyBalancer
from actuators.balancers.caddy_config import Frontend
from actuators.balancers.caddy_process import Caddy, caddy_program
from actuators.ports import BalancerError, Target
from tests.balancing import OpenLoop, Server, until
from tests.clouds import free_ports

WEB, API = "shop-web", "shop-api"
MEMBERS = 6


class Place:
    """A directory, ports, and the Caddy that is started there."""

    def __init__(self, directory: Path) -> None:
        *ports, front, check, admin = free_ports(MEMBERS + 3)
        self.directory = directory
        self.url = f"http://127.0.0.1:{front}/"
        self.admin = f"127.0.0.1:{admin}"
        self.frontend = Frontend(listen=f"127.0.0.1:{front}", check=f"127.0.0.1:{check}", ports=ports)
        self.servers = [Server(port, takes_s=0.05) for port in ports]
        self.targets = [Target(member=f"web-{i}", host="127.0.0.1", port=port) for i, port in enumerate(ports)]

    def caddy(self) -> Caddy:
        return Caddy(self.directory, {WEB: self.frontend}, admin=self.admin)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "caddy")


@pytest.fixture
def caddy(place: Place) -> Iterator[Caddy]:
    caddy = place.caddy()
    caddy.start()
    yield caddy
    caddy.stop()


@pytest.fixture
async def balancer(caddy: Caddy) -> AsyncIterator[CaddyBalancer]:
    balancer = CaddyBalancer(caddy.directory)
    yield balancer
    balancer.close()


async def gone(balancer: CaddyBalancer, member: str) -> None:
    """Wait until a member is out and carries nothing."""

    async def is_gone() -> bool:
        return member not in [state.target.member for state in (await balancer.traffic(WEB)).targets]

    await until(is_gone)


async def test_members_come_and_go_under_load_and_no_request_fails(place: Place, balancer: CaddyBalancer) -> None:
    serving = list(range(3))
    for i in serving:
        await place.servers[i].start()
    await balancer.apply(WEB, [place.targets[i] for i in serving])
    clients = OpenLoop(place.url, rate=100)
    await clients.answered(50)

    for i in [3, 4, 5, 0, 1, 2]:  # one enters, the one that has been longest leaves, and is stopped at once when out
        await place.servers[i].start()
        serving.append(i)
        await balancer.apply(WEB, [place.targets[j] for j in serving])
        oldest = serving.pop(0)
        await balancer.apply(WEB, [place.targets[j] for j in serving])
        await gone(balancer, place.targets[oldest].member)
        await place.servers[oldest].stop()
        await clients.answered(30)

    results = await clients.stop()
    for i in serving:
        await place.servers[i].stop()
    assert set(results) == {"GET 200", "POST 200"}
    assert all(server.arrived for server in place.servers)


async def test_a_routed_member_that_does_not_listen_costs_no_request(place: Place, balancer: CaddyBalancer) -> None:
    for server in place.servers[:2]:
        await server.start()
    await balancer.apply(WEB, place.targets[:3])  # the third never listens
    clients = OpenLoop(place.url, rate=100)
    await clients.answered(100)
    results = await clients.stop()
    for server in place.servers[:2]:
        await server.stop()

    assert set(results) == {"GET 200", "POST 200"}


async def test_clusters_that_share_ports_get_only_their_own_members(tmp_path: Path) -> None:
    *ports, web, web_check, api, api_check, admin = free_ports(2 + 5)
    fronts = {
        WEB: Frontend(listen=f"127.0.0.1:{web}", check=f"127.0.0.1:{web_check}", ports=ports),
        API: Frontend(listen=f"127.0.0.1:{api}", check=f"127.0.0.1:{api_check}", ports=ports),
    }
    servers = [Server(port) for port in ports]
    of_web, of_api = (Target(member=f"{c}-1", host="127.0.0.1", port=p) for c, p in zip((WEB, API), ports, strict=True))
    caddy = Caddy(tmp_path / "caddy", fronts, admin=f"127.0.0.1:{admin}")
    await asyncio.to_thread(caddy.start)
    ours, theirs = CaddyBalancer(caddy.directory), CaddyBalancer(caddy.directory)
    try:
        for server in servers:
            await server.start()
        for here, there in ((of_web, of_api), (of_api, of_web)):  # then they change places
            await ours.apply(WEB, [here])
            await theirs.apply(API, [there])
            await settled(ours, WEB, here.member)
            await settled(theirs, API, there.member)
            before = [server.arrived for server in servers]
            clients = OpenLoop(f"http://127.0.0.1:{web}/", rate=100)
            await clients.answered(30)
            results = await clients.stop()
            went = {port: s.arrived - n for port, s, n in zip(ports, servers, before, strict=True) if s.arrived > n}

            assert set(results) == {"GET 200", "POST 200"}
            assert set(went) == {here.port}
    finally:
        ours.close()
        theirs.close()
        await asyncio.to_thread(caddy.stop)
        for server in servers:
            await server.stop()


async def settled(balancer: CaddyBalancer, cluster: str, member: str) -> None:
    """Wait until a member alone is routed, and Caddy has surely seen it."""

    async def alone() -> bool:
        traffic = await balancer.traffic(cluster)
        return [(state.target.member, state.routed) for state in traffic.targets] == [(member, True)]

    await until(alone)


async def test_a_caddy_that_was_killed_comes_back_with_the_same_members(
    place: Place, caddy: Caddy, balancer: CaddyBalancer
) -> None:
    await place.servers[0].start()
    await balancer.apply(WEB, place.targets[:1])
    clients = OpenLoop(place.url, rate=50)
    await clients.answered(20)
    await clients.stop()
    count = (await balancer.traffic(WEB)).count

    caddy.kill()
    with pytest.raises(BalancerError, match="does not answer"):
        await balancer.traffic(WEB)
    again = place.caddy()
    await asyncio.to_thread(again.start)
    try:
        traffic = await balancer.traffic(WEB)
        clients = OpenLoop(place.url, rate=50)
        await clients.answered(20)
        results = await clients.stop()
    finally:
        await asyncio.to_thread(again.stop)
        await place.servers[0].stop()

    assert ((count or 0) >= 20, traffic.count) == (True, 0)
    assert [(state.target.member, state.routed) for state in traffic.targets] == [("web-0", True)]
    assert set(results) == {"GET 200", "POST 200"}


async def test_after_a_restart_who_left_is_not_called_out_before_it_is_proven_anew(
    place: Place, caddy: Caddy, balancer: CaddyBalancer
) -> None:
    server = place.servers[0]
    await server.start()
    await balancer.apply(WEB, place.targets[:1])
    await balancer.traffic(WEB)
    await balancer.apply(WEB, [])
    await balancer.traffic(WEB)
    caddy.kill()
    again = place.caddy()
    await asyncio.to_thread(again.start)
    try:
        first = await balancer.traffic(WEB)
        await gone(balancer, "web-0")
    finally:
        await asyncio.to_thread(again.stop)
        await server.stop()

    assert [(state.target.member, state.routed) for state in first.targets] == [("web-0", True)]


def test_caddy_keeps_what_it_writes_in_its_directory(caddy: Caddy) -> None:
    environment = Path(f"/proc/{caddy.pid}/environ").read_bytes().split(b"\0")

    home = f"{caddy.directory}/home".encode()
    assert {b"HOME=" + home, b"XDG_DATA_HOME=" + home, b"XDG_CONFIG_HOME=" + home} <= set(environment)


def test_a_second_caddy_in_one_directory_is_refused_and_named(place: Place, caddy: Caddy) -> None:
    with pytest.raises(BalancerError, match=f"process {caddy.pid} runs in"):
        place.caddy().start()

    assert caddy.alive


@pytest.mark.parametrize("which", ["listen", "check", "admin"])
def test_a_taken_port_is_refused_before_anything_starts(place: Place, which: str) -> None:
    address = place.admin if which == "admin" else getattr(place.frontend, which)
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        caddy = place.caddy()

        with pytest.raises(BalancerError, match=f"{address} cannot be used: Address already in use"):
            caddy.start()

    assert (caddy.alive, caddy.pid) == (False, 0)


def test_stopping_twice_is_fine_and_the_directory_can_be_used_again(place: Place, caddy: Caddy) -> None:
    caddy.stop()
    caddy.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(caddy.pid, 0)

    again = place.caddy()
    again.start()
    again.stop()


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param("echo no memory left; exit 3", "(?s)ended at its start.*no memory left", id="it ends"),
        pytest.param("exec cat {fifo}", r"no answer on 127\.0\.0\.1:\d+ within 0\.5 s", id="it is silent"),
    ],
)
def test_a_caddy_that_does_not_come_up_is_reported_and_ended(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, error: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script.format(fifo=tmp_path / 'fifo')}\n")
    program.chmod(0o755)
    monkeypatch.setattr(caddy_process, "caddy_program", lambda: program)
    caddy = place.caddy()

    with pytest.raises(BalancerError, match=error):
        caddy.start(timeout_s=0.5)

    assert not caddy.alive


def test_the_program_comes_from_the_wheel() -> None:
    assert os.access(caddy_program(), os.X_OK)
