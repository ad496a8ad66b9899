"""What every balancer promises that routes several clusters on one port, by host name and context path."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from actuators.balancers.caddy import CaddyBalancer
from actuators.balancers.caddy_config import Frontend
from actuators.balancers.caddy_process import Caddy
from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.front import UNKNOWN, Front
from actuators.balancers.haproxy import HaproxyBalancer
from actuators.balancers.haproxy_process import Haproxy
from actuators.ports import BalancerError, Target
from config.routing import Route
from tests.balancing import Server, until
from tests.clouds import free_ports

pytestmark = pytest.mark.integration

ROUTES = (
    Route(host="shop.example.org", path="/api/v2", cluster="new"),
    Route(host="shop.example.org", path="/api", cluster="api"),
    Route(host="shop.example.org", cluster="web"),
    Route(host="*.example.org", cluster="api"),
)
CLUSTERS = ("web", "api", "new")
MEMBERS = 3
"""Of each cluster."""


FILES = {name: ClusterFile(listen="", sticky=name == "api") for name in CLUSTERS}


class Rig:
    """A real balancer with a front, three clusters of three members, and a client."""

    def __init__(self, kind: str, directory: Path, servers: dict[str, Server] | None = None) -> None:
        self.port, admin, *ports = free_ports(2 + (MEMBERS + 2) * len(CLUSTERS))
        self.kind = kind
        self.front = Front(listen=f"127.0.0.1:{self.port}", routes=ROUTES)
        self.servers = servers or {f"{name}-{i}": Server(ports.pop()) for name in CLUSTERS for i in range(MEMBERS)}
        self.process: Haproxy | Caddy
        if kind == "haproxy":
            self.process = Haproxy(directory, FILES, front=self.front)
        else:
            fronts = {name: self.frontend(name, ports.pop(), ports.pop()) for name in CLUSTERS}
            self.process = Caddy(directory, fronts, admin=f"127.0.0.1:{admin}", front=self.front)
        self.client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def start(self) -> None:
        await asyncio.to_thread(self.process.start)
        for server in self.servers.values():
            await server.start()
        self.balancer = self.adapter()
        for name in CLUSTERS:
            await self.balancer.apply(name, self.targets(name))
            await until(partial(self.complete, name))

    def adapter(self) -> HaproxyBalancer | CaddyBalancer:
        kind = HaproxyBalancer if self.kind == "haproxy" else CaddyBalancer
        return kind(self.process.directory)

    def frontend(self, cluster: str, listen: int, check: int) -> Frontend:
        ports = [target.port for target in self.targets(cluster)]
        at = "127.0.0.1"
        return Frontend(listen=f"{at}:{listen}", check=f"{at}:{check}", ports=ports, sticky=cluster == "api")

    async def complete(self, cluster: str) -> bool:
        """Say whether every member of a cluster gets requests."""
        url = next((route for route in ROUTES if route.cluster == cluster), ROUTES[-1])
        found = {(await self.get(url.host, url.path or "/"))[1] for _ in range(3 * MEMBERS)}
        return found == {target.member for target in self.targets(cluster)}

    def targets(self, cluster: str) -> list[Target]:
        return [
            Target(member=name, host="127.0.0.1", port=server.port)
            for name, server in self.servers.items()
            if name.startswith(f"{cluster}-")
        ]

    async def get(self, host: str, path: str = "/", *, cookie: str = "") -> tuple[int, str, str]:
        """Return the status, who answered (or the text), and the cookie that was set."""
        headers = {"Host": host} | ({"Cookie": cookie} if cookie else {})
        async with self.client.get(f"http://127.0.0.1:{self.port}{path}", headers=headers) as answer:
            text = (await answer.text()).strip()
            names = {str(server.port): name for name, server in self.servers.items()}
            return answer.status, names.get(text, text), answer.headers.get("Set-Cookie", "").partition(";")[0]

    async def close(self) -> None:
        self.balancer.close()
        await self.client.close()
        await asyncio.to_thread(self.process.stop)
        for server in self.servers.values():
            await server.stop()


@pytest.fixture(params=["haproxy", "caddy"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(request.param, tmp_path / "balancer")
    await rig.start()
    yield rig
    await rig.close()


async def test_host_name_and_the_longest_context_path_say_which_cluster(rig: Rig) -> None:
    asked = {
        ("shop.example.org", "/"): "web",
        ("SHOP.example.org:80", "/apis"): "web",
        ("shop.example.org", "/api"): "api",
        ("shop.example.org", "/api/x?y=/api/v2/"): "api",
        ("shop.example.org", "/api/v2/x"): "new",
        ("other.example.org", "/"): "api",
        ("a.b.example.org", "/api/v2"): "api",
    }
    for (host, path), cluster in asked.items():
        status, member, _ = await rig.get(host, path)
        assert (status, member.rpartition("-")[0]) == (200, cluster), (host, path)
    for host in ("example.org", "shop.example.com", "shop.example.org.evil", "xshop.example.orgs", "a"):
        assert (await rig.get(host))[:2] == (404, UNKNOWN), host


async def test_in_flight_and_counts_are_each_clusters_own(rig: Rig) -> None:
    before = (await rig.balancer.traffic("web")).count or 0
    held = [asyncio.create_task(rig.get("shop.example.org", path)) for path in ["/hold"] * 5]

    async def there() -> bool:
        return (await rig.balancer.traffic("web")).in_flight == 5

    await until(there)
    assert (await rig.balancer.traffic("api")).in_flight == 0
    for server in rig.servers.values():
        server.release.set()
    assert {status for status, _, _ in await asyncio.gather(*held)} == {200}

    async def counted() -> bool:
        return (await rig.balancer.traffic("web")).count == before + 5

    await until(counted)


async def test_a_client_stays_with_its_member_and_others_are_spread(rig: Rig) -> None:
    first = [await rig.get("shop.example.org", "/api") for _ in range(30)]
    assert {member for _, member, _ in first} == {"api-0", "api-1", "api-2"}
    assert len({cookie for _, _, cookie in first}) >= MEMBERS
    for _, member, cookie in first[:6]:
        again = [await rig.get("shop.example.org", "/api", cookie=cookie) for _ in range(5)]
        assert {(name, told) for _, name, told in again} == {(member, "")}
    assert (await rig.get("shop.example.org"))[2] == "", "no cookie where none is asked for"


async def test_a_client_whose_member_drains_goes_elsewhere_and_comes_back_with_it(rig: Rig) -> None:
    """A cookie that names the member would be followed by HAProxy while that drains: routed = False were no promise."""
    _, member, cookie = await rig.get("shop.example.org", "/api")
    others = [each for each in rig.targets("api") if each.member != member]
    await rig.balancer.apply("api", others)

    async def out() -> bool:
        return not any(s.target.member == member and s.routed for s in (await rig.balancer.traffic("api")).targets)

    await until(out)
    arrived = rig.servers[member].arrived
    elsewhere = {(await rig.get("shop.example.org", "/api", cookie=cookie))[1] for _ in range(20)}
    assert member not in elsewhere
    assert rig.servers[member].arrived == arrived

    await rig.balancer.apply("api", rig.targets("api"))

    async def back() -> bool:
        return (await rig.get("shop.example.org", "/api", cookie=cookie))[1] == member

    await until(back)


async def test_another_balancer_has_the_same_member_for_a_client(rig: Rig, tmp_path: Path) -> None:
    other = Rig(rig.kind, tmp_path / "other", rig.servers)
    await asyncio.to_thread(other.process.start)
    try:
        balancer = other.adapter()
        for target in reversed(rig.targets("api")):
            await balancer.apply("api", [target])  # they came in another order
        await balancer.apply("api", rig.targets("api"))
        for _ in range(10):
            _, member, cookie = await rig.get("shop.example.org", "/api")

            async def same(member: str = member, cookie: str = cookie) -> bool:
                return (await other.get("shop.example.org", "/api", cookie=cookie))[1] == member

            await until(same)
    finally:
        balancer.close()
        await other.client.close()
        await asyncio.to_thread(other.process.stop)


@pytest.mark.parametrize("rig", ["haproxy"], indirect=True)
async def test_routes_and_clusters_change_without_a_request_lost(rig: Rig) -> None:
    """Of HAProxy alone: Caddy's configuration is written once."""
    assert isinstance(rig.process, Haproxy)
    results: Counter[int] = Counter()
    stop = asyncio.Event()

    async def send() -> None:
        while not stop.is_set():
            results[(await rig.get("shop.example.org"))[0]] += 1

    sending = [asyncio.create_task(send()) for _ in range(4)]
    held = asyncio.create_task(rig.get("shop.example.org", "/hold"))
    front = Front(listen=rig.front.listen, routes=(*ROUTES[1:], Route(host="late.example", cluster="late")))
    files = {name: file for name, file in FILES.items() if name != "new"} | {"late": ClusterFile(listen="")}
    await until(lambda: _open(rig, 1))
    rig.process.change(files, front)
    rig.balancer = HaproxyBalancer(rig.process.directory)

    async def routed() -> bool:
        return (await rig.get("shop.example.org", "/api/v2"))[1].startswith("api-")

    await until(routed)
    await until(lambda: _open(rig, 1))  # on the worker that was replaced
    before = results.total()
    while results.total() < before + 200:
        await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*sending)
    for server in rig.servers.values():
        server.release.set()
    assert (await held)[0] == 200
    assert set(results) == {200}


async def _open(rig: Rig, least: int) -> bool:
    try:
        return ((await rig.balancer.traffic("web")).in_flight or 0) >= least
    except BalancerError:  # the master begins anew on a reload: the agent asks again too
        return False
