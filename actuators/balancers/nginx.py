"""The balancer adapter for nginx: members stand in a file, and a graceful reload takes it in.

nginx tells nothing about a member, so the kernel is asked which connections its workers hold: one to a member is a
request in flight. A worker that a reload has replaced goes on with its requests, and they are counted too.
"""

import asyncio
import os
import signal
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from actuators.balancers.checked import sort_out
from actuators.balancers.cluster_file import ClusterFile, by_member, read, write
from actuators.balancers.nginx_config import (
    CANDIDATE,
    CLUSTERS,
    CONFIG,
    PID,
    STATUS,
    TRIAL,
    WORKERS,
    cluster_text,
    counts_of,
    file_of,
)
from actuators.balancers.nginx_connections import Worker, master_of, workers_of
from actuators.balancers.nginx_reload import Reloads, try_config
from actuators.balancers.nginx_status import ask_revision
from actuators.ports import BalancerError, ClusterTraffic, Target, TargetState

KIND = "nginx"
RELOAD_S = 1.0
"""How long ``apply`` waits for a reload (s); it takes about 0.03."""
LOOK_EVERY_S = 0.01
BYTES_PER_REQUEST = 2
MAX_COUNTS = 64 * 1024 * 1024
"""Bytes of a log that is emptied then: the count begins anew, as after a restart."""


class NginxBalancer:
    """Drives the nginx that was started in ``directory``, on the same machine and as the same user or root.

    One object at a time may drive one cluster. All state is in files there: a new object goes on where the last one
    stopped.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._status = _status(self._directory)
        paths = sorted((self._directory / CLUSTERS).glob("*.conf"))
        self._wanted = {path.stem: read(path, KIND) for path in paths}
        addresses = [self._status, *(file.listen for file in self._wanted.values())]
        self._listeners = frozenset(int(address.rpartition(":")[2]) for address in addresses)
        self._reloads = Reloads(self._reload)
        self._lock = asyncio.Lock()

    @property
    def reloads(self) -> int:
        """Return how many reloads this object has asked for."""
        return self._reloads.count

    async def apply(self, cluster: str, targets: Collection[Target]) -> None:
        """Make ``targets`` the ones that receive new requests: at once, or half a second after the reload before.

        Raises
        ------
        BalancerError
            The cluster is unknown, a target is refused, nginx refuses the configuration (it stays as it was), a file
            cannot be written, or nginx does not run.
        """
        self.require(cluster)
        wanted, refused = sort_out(targets)
        async with self._lock:
            await self._keep(cluster, wanted)
            if not await self._loaded(cluster) and self._reloads.request():
                await self._wait(cluster)
        if refused:
            raise BalancerError(f"nginx: {cluster}: {'; '.join(refused)}")

    async def traffic(self, cluster: str) -> ClusterTraffic:
        """Return who is routed and what is in flight. A member that is out and carries nothing is listed once more.

        Raises
        ------
        BalancerError
            The cluster is unknown, or nginx or the kernel did not answer.
        """
        self.require(cluster)
        async with self._lock:
            revision = await ask_revision(self._status, cluster)
            workers = await self._workers()
            file = self._wanted[cluster]
            out = revision == file.revision and self._settled(workers)
            states = [_state(target, workers, routed=True) for target in file.routed]
            states += [_state(target, workers, routed=not out) for target in file.leaving]
            if gone := {state.target for state in states if not state.routed and not state.in_flight}:
                left = tuple(target for target in file.leaving if target not in gone)
                self._write(cluster, msgspec.structs.replace(file, leaving=left))
        states.sort(key=lambda state: state.target.member)
        in_flight = sum(state.in_flight or 0 for state in states)
        return ClusterTraffic(targets=states, in_flight=in_flight, count=self._count(cluster))

    def require(self, cluster: str) -> None:
        """Raise :class:`BalancerError` when this nginx does not serve ``cluster``."""
        if cluster not in self._wanted:
            raise BalancerError(f"nginx: no cluster '{cluster}', there is {', '.join(sorted(self._wanted)) or 'none'}")

    def close(self) -> None:
        """Stop waiting for a reload that is due later."""
        self._reloads.close()

    async def _keep(self, cluster: str, wanted: Mapping[str, Target]) -> None:
        """Write who is wanted into the file, once nginx has accepted it."""
        file, routed = self._wanted[cluster], by_member(wanted.values())
        if file.routed == routed:
            return
        leaving = by_member({target for target in (*file.leaving, *file.routed) if target not in routed})
        file = msgspec.structs.replace(file, routed=routed, leaving=leaving, revision=file.revision + 1)
        write(self._directory / CANDIDATE, file, cluster_text(cluster, file, status=self._status), KIND)
        await try_config(self._directory, TRIAL)
        self._write(cluster, file)

    async def _loaded(self, cluster: str) -> bool:
        """Say whether nginx serves a cluster by its file."""
        return await ask_revision(self._status, cluster) == self._wanted[cluster].revision

    async def _wait(self, cluster: str) -> None:
        """Wait until a reload is over; when it takes long, the next looks will show it."""
        until = asyncio.get_running_loop().time() + RELOAD_S
        while asyncio.get_running_loop().time() < until:
            if await self._loaded(cluster) and _present(await self._workers()) == WORKERS:
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _workers(self) -> list[Worker]:
        """Return nginx's workers."""
        return await asyncio.to_thread(lambda: workers_of(master_of(self._directory, PID)))

    def _write(self, cluster: str, file: ClusterFile) -> None:
        """Write a cluster's file."""
        path = self._directory / CLUSTERS / file_of(cluster)
        write(path, file, cluster_text(cluster, file, status=self._status), KIND)
        self._wanted[cluster] = file

    def _settled(self, workers: Sequence[Worker]) -> bool:
        """Say whether nobody can choose a member by what an earlier reload said.

        While a reload is under way there are more workers than configured that are not told to end yet; a replaced
        one still chooses while it listens, or while a client of it has no request with a member.
        """
        replaced = [worker for worker in workers if worker.exiting]
        return _present(workers) == WORKERS and not any(w.may_choose(self._listeners) for w in replaced)

    def _reload(self) -> None:
        """Have nginx read its files."""
        try:
            os.kill(master_of(self._directory, PID), signal.SIGHUP)
        except OSError as error:
            raise BalancerError(f"nginx: cannot be told to reload: {error}") from error

    def _count(self, cluster: str) -> int:
        """Return how many requests have ended."""
        path = self._directory / counts_of(cluster)
        try:
            size = path.stat().st_size
            if size > MAX_COUNTS:
                os.truncate(path, 0)
        except OSError as error:
            raise BalancerError(f"nginx: cannot count the requests: {error}") from error
        return size // BYTES_PER_REQUEST


def _present(workers: Sequence[Worker]) -> int:
    """Return how many workers are not told to end."""
    return sum(not worker.exiting for worker in workers)


def _state(target: Target, workers: Sequence[Worker], *, routed: bool) -> TargetState:
    """Return a member as the workers have it."""
    in_flight = sum(worker.open_to((target.host, target.port)) for worker in workers)
    return TargetState(target=target, routed=routed, in_flight=in_flight)


def _status(directory: Path) -> str:
    """Read where nginx tells its revision."""
    try:
        first = (directory / CONFIG).read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise BalancerError(f"nginx: cannot read {directory / CONFIG}: {error}") from error
    if not first.startswith(STATUS):
        raise BalancerError(f"nginx: cannot read {directory / CONFIG}: it is not one of Pileus")
    return first.removeprefix(STATUS)
