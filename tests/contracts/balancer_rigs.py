"""The balancers under contract: each adapter with a real or simulated balancer, members and clients around it."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest

from actuators.balancers.caddy import CaddyBalancer
from actuators.balancers.caddy_config import Frontend
from actuators.balancers.caddy_process import Caddy
from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.external import ExternalBalancer
from actuators.balancers.haproxy import HaproxyBalancer
from actuators.balancers.haproxy_process import Haproxy
from actuators.balancers.memory import MemoryBalancer, MemoryState
from actuators.balancers.nginx import NginxBalancer
from actuators.balancers.nginx_process import Nginx
from actuators.ports import Balancer, BalancerError, Target
from tests.balancing import WAIT_S, Server, until
from tests.clouds import free_ports

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = "shop-web"
OTHER = "shop-api"
MEMBERS = 3


class Rig(Protocol):
    """A balancer with three members and somebody who sends requests."""

    balancer: Balancer
    targets: list[Target]
    holds: bool
    """A request that finds no member waits for one; else it is refused at once."""
    counts: bool
    """It tells what is in flight and how many requests there were, and sends those of clients to members; else it
    tells ``None``, and :meth:`begin` and :meth:`finish` are all there is of clients."""

    def again(self) -> Balancer:
        """Return a new adapter for the same balancer."""
        ...

    async def begin(self, cluster: str = CLUSTER) -> None:
        """Send a request that stays open until :meth:`finish`."""
        ...

    async def get(self, cluster: str = CLUSTER) -> int:
        """Send a request that a member answers at once; return the status."""
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

    holds = True
    counts = True

    def __init__(self) -> None:
        self._state = MemoryState([CLUSTER, OTHER])
        self.balancer: Balancer = MemoryBalancer(self._state)
        self.targets = [Target(member=f"web-{i}", host="127.0.0.1", port=9000 + i) for i in range(MEMBERS)]
        self._open: list[tuple[str, str]] = []
        self._arrived: dict[str, int] = {}

    def again(self) -> Balancer:
        return MemoryBalancer(self._state)

    async def begin(self, cluster: str = CLUSTER) -> None:
        member = self._state.begin(cluster)
        self._open.append((cluster, member))
        if member:
            self._arrived[member] = self._arrived.get(member, 0) + 1

    async def get(self, cluster: str = CLUSTER) -> int:
        member = self._state.begin(cluster)
        self._state.end(cluster, member)
        return 200 if member else 503

    async def finish(self) -> None:
        for cluster, member in self._open:
            self._state.end(cluster, member)
        self._open.clear()

    def arrived(self) -> dict[str, int]:
        return dict(self._arrived)

    def silence(self) -> None:
        self._state.silent = True

    async def close(self) -> None:
        return


class Process(Protocol):
    """A balancer as a process of its own."""

    directory: Path

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class Adapter(Balancer, Protocol):
    """A balancer's adapter that holds something open."""

    def close(self) -> None: ...


class ProcessRig:
    """A real balancer with real members and clients; in every other way the same for each kind."""

    holds = True
    counts = True

    def __init__(
        self, process: Process, adapter: Callable[[Path], Adapter], *, fronts: dict[str, str], servers: list[Server]
    ) -> None:
        self.process = process
        self.servers = servers
        self.urls = {cluster: f"http://{listen}" for cluster, listen in fronts.items()}
        self.client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=WAIT_S)
        )
        self.targets = [Target(member=f"web-{i}", host="127.0.0.1", port=s.port) for i, s in enumerate(servers)]
        self._adapter = adapter
        self._adapters = [adapter(process.directory)]
        self.balancer: Balancer = self._adapters[0]
        self._open: list[asyncio.Task[int]] = []

    @classmethod
    async def start(cls, kind: str, directory: Path) -> "ProcessRig":
        *ports, front, other, checks, checks_2, api = free_ports(MEMBERS + 5)
        servers = [Server(port) for port in ports]
        fronts = {CLUSTER: f"127.0.0.1:{front}", OTHER: f"127.0.0.1:{other}"}
        admin = f"127.0.0.1:{api}"
        process: Process
        adapter: Callable[[Path], Adapter]
        if kind == "caddy":
            checked = zip(fronts.items(), (checks, checks_2), strict=True)
            declared = {c: Frontend(listen=at, check=f"127.0.0.1:{check}", ports=ports) for (c, at), check in checked}
            process, adapter = Caddy(directory, declared, admin=admin), CaddyBalancer
        elif kind == "haproxy":
            process, adapter = Haproxy(directory, _files(fronts)), HaproxyBalancer
        elif kind == "external":
            process, adapter = Haproxy(directory, _files(fronts)), _external(fronts)
        else:
            process, adapter = Nginx(directory, _files(fronts), status=admin), NginxBalancer
        try:
            await asyncio.to_thread(process.start)
        except BalancerError as error:
            if "not installed" in str(error):
                pytest.skip(str(error))
            raise
        for server in servers:
            await server.start()
        rig = cls(process, adapter, fronts=fronts, servers=servers)
        rig.holds = kind != "nginx"
        return rig

    def again(self) -> Balancer:
        self._adapters.append(self._adapter(self.process.directory))
        return self._adapters[-1]

    async def get(self, cluster: str = CLUSTER, path: str = "/") -> int:
        async with self.client.get(self.urls[cluster] + path) as answer:
            await answer.read()
            return answer.status

    async def begin(self, cluster: str = CLUSTER) -> None:
        before = sum(self.arrived().values())
        self._open.append(asyncio.create_task(self.get(cluster, "/hold")))
        if any(state.routed for state in (await self.balancer.traffic(cluster)).targets):
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
        self.process.kill()

    async def close(self) -> None:
        for server in self.servers:
            server.release.set()
        for request in self._open:
            request.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self.client.close()
        for adapter in self._adapters:
            adapter.close()
        await asyncio.to_thread(self.process.stop)
        for server in self.servers:
            await server.stop()

    async def _more_than(self, before: int) -> bool:
        return sum(self.arrived().values()) > before


def _external(fronts: dict[str, str]) -> Callable[[Path], ExternalBalancer]:
    """Return what makes the adapter of the example in the docs, a program that drives HAProxy by the JSON contract."""
    command = ["env", f"PYTHONPATH={ROOT}", sys.executable, str(ROOT / "docs" / "examples" / "haproxy_program.py")]

    def adapter(directory: Path) -> ExternalBalancer:
        directory.mkdir(exist_ok=True)
        (directory / "external.json").write_text(json.dumps({"command": command, "clusters": fronts}))
        return ExternalBalancer(directory)

    return adapter


def _files(fronts: dict[str, str]) -> dict[str, ClusterFile]:
    """Return how each cluster is served, before it has members."""
    return {cluster: ClusterFile(listen=listen) for cluster, listen in fronts.items()}
