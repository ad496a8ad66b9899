"""The HAProxy process: a master and a worker, unprivileged, alone on its ports, ended without losing a request."""

import signal
from collections.abc import Mapping
from pathlib import Path

import msgspec

from actuators.balancers.checked import require_name
from actuators.balancers.cluster_file import ClusterFile, read, write
from actuators.balancers.front import Front
from actuators.balancers.haproxy_config import (
    BASE,
    CONFIG,
    MASTER_SOCKET,
    WORKER_SOCKET,
    base_text,
    cluster_text,
    file_of,
)
from actuators.balancers.haproxy_socket import listens
from actuators.balancers.process import START_S, Daemon, Served
from actuators.balancers.program import Version, require_version

KIND = "haproxy"
LEAST: Version = (2, 6)
"""The first release whose servers can be added and deleted with health checks."""


class Haproxy(Served):
    """One HAProxy that serves ``clusters``; its configuration, log and sockets are in ``directory``.

    ``clusters`` says where each is served; who its members are is taken from the files that are there already.
    ``front`` is a listener for all of them.
    """

    def __init__(self, directory: Path, clusters: Mapping[str, ClusterFile], *, front: Front | None = None) -> None:
        self._clusters = {require_name(cluster): wanted for cluster, wanted in clusters.items()}
        self._front = front
        listeners = [wanted.listen for wanted in clusters.values() if wanted.listen]
        listeners += [front.listen] if front else []
        super().__init__(Daemon(KIND, directory, listeners=listeners, end_by=signal.SIGUSR1))

    def start(self, *, timeout_s: float = START_S) -> None:
        """Start HAProxy and return when it answers. Members that the files know are routed at once.

        Raises
        ------
        BalancerError
            There is no HAProxy, it is too old, one runs here already, an address is taken, it ended, or did not answer
            in time. Nothing is left running.
        """
        program = require_version(KIND, LEAST)
        self._daemon.start(
            [program, "-W", "-S", f"unix@{MASTER_SOCKET},mode,600,level,admin", "-f", CONFIG],
            prepare=self._prepare,
            ready=lambda: all(listens(self.directory / name) for name in (MASTER_SOCKET, WORKER_SOCKET)),
            environment={},
            timeout_s=timeout_s,
        )

    def change(self, clusters: Mapping[str, ClusterFile], front: Front) -> None:
        """Serve other clusters, or by other routes, from now on: :meth:`reload`. No adapter is at work meanwhile."""
        self._clusters = {require_name(cluster): wanted for cluster, wanted in clusters.items()}
        self._front = front
        self._write()
        self.reload()

    def reload(self) -> None:
        """Let a new worker take over with what the files say; the old one ends when its last request has."""
        self._daemon.signal(signal.SIGUSR2)

    def _prepare(self) -> None:
        """Write what HAProxy reads, where none runs."""
        (self.directory / CONFIG).mkdir(exist_ok=True)
        for name in (WORKER_SOCKET, MASTER_SOCKET):
            (self.directory / name).unlink(missing_ok=True)
        self._write()

    def _write(self) -> None:
        """Write the configuration; of a cluster that was served before, its members stay."""
        folder = self.directory / CONFIG
        front = self._front.of(self._clusters) if self._front else None
        (folder / BASE).write_text(base_text(front))
        for path in folder.glob("*.cfg"):
            if path.name not in {BASE, *map(file_of, self._clusters)}:
                path.unlink()
        for cluster, wanted in self._clusters.items():
            path = folder / file_of(cluster)
            routed = read(path, KIND).routed if path.exists() else wanted.routed
            file = msgspec.structs.replace(wanted, routed=routed)
            write(path, file, cluster_text(cluster, file), KIND)
