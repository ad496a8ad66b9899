"""The balancers under contract: each adapter with a real or simulated balancer, members and clients around it."""

import asyncio
from pathlib import Path
from typing import Protocol

import aiohttp

from actuators.balancers.caddy import CaddyBalancer
from actuators.balancers.caddy_config import Frontend
from actuators.balancers.caddy_process import Caddy
from actuators.balancers.memory import MemoryBalancer, MemoryState
from actuators.ports import Balancer, Target
from tests.balancing import WAIT_S, Server, until
from tests.clouds import free_ports

CLUSTER = "shop-web"
MEMBERS = 3


class Rig(Protocol):
    """A balancer with three members and somebody who sends requests."""

    balancer: Balancer
    targets: list[Target]

    def again(self) -> Balancer:
        """Return a new adapter for the same balancer."""
        ...

    async def begin(self) -> None:
        """Send a request that stays open until :meth:`finish`."""
        ...

    async def finish(self) -> None:
        """End every open request."""
        ...

    def arrived(self) -> dict[str, int]:
        """Return how many requests each member has received."""
        ...

    def silence(self) -> None:
        """Let the balancer answer nobody any more."""
        ...

    async def close(self) -> None:
        """Leave nothing behind."""
        ...


class MemoryRig:
    """The balancer in memory."""

    def __init__(self) -> None:
        self._state = MemoryState([CLUSTER])
        self.balancer: Balancer = MemoryBalancer(self._state)
        self.targets = [Target(member=f"web-{i}", host="127.0.0.1", port=9000 + i) for i in range(MEMBERS)]
        self._open: list[str] = []
        self._arrived: dict[str, int] = {}

    def again(self) -> Balancer:
        return MemoryBalancer(self._state)

    async def begin(self) -> None:
        member = self._state.begin(CLUSTER)
        self._open.append(member)
        if member:
            self._arrived[member] = self._arrived.get(member, 0) + 1

    async def finish(self) -> None:
        for member in self._open:
            self._state.end(CLUSTER, member)
        self._open.clear()

    def arrived(self) -> dict[str, int]:
        return dict(self._arrived)

    def silence(self) -> None:
        self._state.silent = True

    async def close(self) -> None:
        return


class CaddyRig:
    """A real Caddy with real members and clients."""

    def __init__(self, caddy: Caddy, frontend: Frontend, servers: list[Server]) -> None:
        self.caddy = caddy
        self.servers = servers
        self.url = f"http://{frontend.listen}"
        self.client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=WAIT_S)
        )
        self.targets = [Target(member=f"web-{i}", host="127.0.0.1", port=s.port) for i, s in enumerate(servers)]
        self._adapters = [CaddyBalancer(caddy.directory)]
        self.balancer: Balancer = self._adapters[0]
        self._open: list[asyncio.Task[int]] = []

    @classmethod
    async def start(cls, directory: Path) -> "CaddyRig":
        *ports, front, checks, api = free_ports(MEMBERS + 3)
        servers = [Server(port) for port in ports]
        listen, check, admin = f"127.0.0.1:{front}", f"127.0.0.1:{checks}", f"127.0.0.1:{api}"
        frontend = Frontend(listen=listen, check=check, ports=[server.port for server in servers])
        caddy = Caddy(directory, {CLUSTER: frontend}, admin=admin)
        await asyncio.to_thread(caddy.start)
        for server in servers:
            await server.start()
        return cls(caddy, frontend, servers)

    def again(self) -> Balancer:
        self._adapters.append(CaddyBalancer(self.caddy.directory))
        return self._adapters[-1]

    async def get(self, path: str = "/") -> int:
        async with self.client.get(self.url + path) as answer:
            await answer.read()
            return answer.status

    async def begin(self) -> None:
        before = sum(self.arrived().values())
        self._open.append(asyncio.create_task(self.get("/hold")))
        if any(self.caddy.directory.joinpath("routed", CLUSTER).iterdir()):
            await until(lambda: self._more_than(before))

    async def finish(self) -> None:
        for server in self.servers:
            server.release.set()
        assert set(await asyncio.gather(*self._open)) <= {200}
        self._open.clear()
        for server in self.servers:
            server.release = asyncio.Event()

    def arrived(self) -> dict[str, int]:
        return {target.member: s.arrived for target, s in zip(self.targets, self.servers, strict=True) if s.arrived}

    def silence(self) -> None:
        self.caddy.kill()

    async def close(self) -> None:
        for server in self.servers:
            server.release.set()
        for request in self._open:
            request.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self.client.close()
        for adapter in self._adapters:
            adapter.close()
        await asyncio.to_thread(self.caddy.stop)
        for server in self.servers:
            await server.stop()

    async def _more_than(self, before: int) -> bool:
        return sum(self.arrived().values()) > before
