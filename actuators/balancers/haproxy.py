"""The balancer adapter for HAProxy: members enter, drain and go by command, and stand in a file for the next process.

HAProxy says itself what is in flight, per member and for the whole cluster, also on the workers that a reload has
replaced.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from actuators.balancers.checked import address_of, sort_out
from actuators.balancers.cluster_file import ClusterFile, by_member, read, write
from actuators.balancers.haproxy_answers import (
    BackendSeen,
    ServerSeen,
    earlier_workers,
    read_backend,
    read_clients,
    refusals,
    without_choice,
)
from actuators.balancers.haproxy_config import (
    BASE,
    CONFIG,
    MASTER_SOCKET,
    WORKER_SOCKET,
    cluster_text,
    deletion,
    entering,
    file_of,
    front_of,
    state,
    weighing,
)
from actuators.balancers.haproxy_socket import ask
from actuators.ports import BalancerError, ClusterTraffic, Target, TargetState

KIND = "haproxy"
SETTLE_S = 0.02
"""From the drain command until a request that had chosen the member just before is counted: the longest that is
allowed for (s)."""


class HaproxyBalancer:
    """Drives the HAProxy that was started in ``directory``. One object at a time may drive one cluster of it.

    All state is in HAProxy and in its files: a new object goes on where the last one stopped.
    """

    def __init__(self, directory: Path) -> None:
        self._config = directory / CONFIG
        self._worker, self._master = directory / WORKER_SOCKET, directory / MASTER_SOCKET
        paths = [path for path in sorted(self._config.glob("*.cfg")) if path.name != BASE]
        if not paths:
            raise BalancerError(f"haproxy: cannot read {self._config}: no cluster is configured there")
        self._wanted = {path.stem: read(path, KIND) for path in paths}
        self._left_at: dict[tuple[str, str], float] = {}
        self._locks = {cluster: asyncio.Lock() for cluster in self._wanted}

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Make ``targets`` the ones that receive new requests, at once. A target that cannot be written is refused.

        Raises
        ------
        BalancerError
            The cluster is unknown, a target is refused, the file cannot be written, or HAProxy does not answer or obey.
        """
        self.require(cluster)
        wanted, refused = sort_out(targets)
        async with self._locks[cluster]:
            before = _weights(self._wanted[cluster])
            file = self._keep(cluster, wanted)
            servers = (await self._look(cluster)).servers
            moved = {name for name, target in wanted.items() if name in servers and servers[name].target != target}
            refused += [f"{name} is still at {address_of(servers[name].target)}" for name in sorted(moved)]
            stays = {name: target for name, target in wanted.items() if name not in moved}
            back = [name for name in stays if name in servers and servers[name].left_out]
            new = [target for name, target in stays.items() if name not in servers]
            commands = [state(cluster, name, "ready") for name in back]
            weighed = [t for name, t in stays.items() if name in servers and before.get(name) != t.weight]
            commands += [weighing(cluster, target) for target in weighed]
            commands += entering(cluster, new, file) + _drains(cluster, servers, stays)
            if commands:
                refused += refusals(await ask(self._worker, *commands))
        if refused:
            raise BalancerError(f"haproxy: {cluster}: {'; '.join(refused)}")

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return who is routed and what is in flight. A member that is out and carries nothing is listed once more.

        Raises
        ------
        BalancerError
            The cluster is unknown, or HAProxy did not answer.
        """
        self.require(cluster)
        async with self._locks[cluster]:
            asked = asyncio.get_running_loop().time()
            seen = await self._look(cluster)
            earlier = await self._earlier(cluster)
            states = self._states(cluster, [seen, *earlier], asked)
            idle = [s.target.member for s in states if not s.routed and not s.in_flight]
            if gone := [name for name in idle if name in seen.servers]:
                # One that still keeps an idle connection is not deleted yet; the next look says it again.
                await ask(self._worker, *(c for m in gone for c in (state(cluster, m, "maint"), deletion(cluster, m))))
        in_flight = sum(each.in_flight for each in (seen, *earlier))
        return ClusterTraffic(targets=states, in_flight=in_flight, count=seen.count)

    def require(self, cluster: str) -> None:
        """Raise :class:`BalancerError` when this HAProxy does not serve ``cluster``."""
        if cluster not in self._wanted:
            raise BalancerError(
                f"haproxy: no cluster '{cluster}', there is {', '.join(sorted(self._wanted)) or 'none'}"
            )

    def close(self) -> None:
        """Hold nothing: each question has its own connection."""

    def _keep(self, cluster: str, wanted: Mapping[str, Target]) -> ClusterFile:
        """Write who is wanted into the file, before HAProxy is told."""
        file, routed = self._wanted[cluster], by_member(wanted.values())
        if file.routed != routed or _weights(file) != {name: target.weight for name, target in wanted.items()}:
            file = msgspec.structs.replace(file, routed=routed, revision=file.revision + 1)
            write(self._config / file_of(cluster), file, cluster_text(cluster, file), KIND)
            self._wanted[cluster] = file
        return file

    async def _look(self, cluster: str) -> BackendSeen:
        """Ask the present worker about a cluster."""
        states = await ask(self._worker, f"show servers state {cluster}")
        return _read(states, await ask(self._worker, f"show stat {cluster} 6 -1"))

    async def _earlier(self, cluster: str) -> list[BackendSeen]:
        """Ask the workers that a reload has replaced. One that ends meanwhile carries nothing.

        Such a worker takes no command. It takes no connection either, and closes each after its present request:
        when every client that it has is with a member, it chooses no member any more.
        """
        found = []
        for worker in earlier_workers(await ask(self._master, "show proc")):
            states, stat, front = [
                await ask(self._master, f"@!{worker} {question}")
                for question in (
                    f"show servers state {cluster}",
                    f"show stat {cluster} 6 -1",
                    f"show stat {front_of(cluster, self._wanted[cluster])} 1 -1",
                )
            ]
            if states.strip() and stat.strip() and front.strip():
                found.append(without_choice(_read(states, stat), clients=read_clients(front)))
        return found

    def _states(self, cluster: str, seen: list[BackendSeen], asked: float) -> list[TargetState]:
        """Return every member, by name; ``seen`` was asked for at ``asked``, the present worker is the first."""
        found: dict[str, list[ServerSeen]] = {}
        for each in seen:
            for name, server in each.servers.items():
                found.setdefault(name, []).append(server)
        return [
            TargetState(
                target=servers[0].target,
                routed=not self._out(cluster, name, all(s.left_out for s in servers), asked),
                in_flight=sum(server.in_flight for server in servers),
            )
            for name, servers in sorted(found.items())
        ]

    def _out(self, cluster: str, member: str, left_out: bool, asked: float) -> bool:  # noqa: FBT001 - as it was seen
        """Say whether no request that begins at ``asked`` or later can reach a member."""
        if not left_out:
            self._left_at.pop((cluster, member), None)
            return False
        return asked - self._left_at.setdefault((cluster, member), asked) >= SETTLE_S


def _weights(file: ClusterFile) -> dict[str, int]:
    """Return each member's share of the requests as the file has it."""
    return {target.member: target.weight for target in file.routed}


def _drains(cluster: str, servers: Mapping[str, ServerSeen], stays: Iterable[str]) -> list[str]:
    """Return the commands that take everybody else out."""
    kept = frozenset(stays)
    return [state(cluster, name, "drain") for name, s in servers.items() if not s.left_out and name not in kept]


def _read(states: str, stat: str) -> BackendSeen:
    """Read what one worker said."""
    try:
        return read_backend(states, stat)
    except (ValueError, KeyError) as error:
        raise BalancerError(f"haproxy: an answer that cannot be read: {error!r}") from error
