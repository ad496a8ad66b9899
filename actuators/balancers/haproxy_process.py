"""The HAProxy process: a master and a worker, unprivileged, alone on its ports, ended without losing a request."""

import signal
from collections.abc import Mapping
from pathlib import Path

from actuators.balancers.checked import require_name
from actuators.balancers.cluster_file import ClusterFile, read, write
from actuators.balancers.haproxy_config import (
    BASE,
    BASE_TEXT,
    CONFIG,
    MASTER_SOCKET,
    WORKER_SOCKET,
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
    """

    def __init__(self, directory: Path, clusters: Mapping[str, ClusterFile]) -> None:
        self._clusters = {require_name(cluster): wanted for cluster, wanted in clusters.items()}
        listeners = [wanted.listen for wanted in clusters.values()]
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

    def reload(self) -> None:
        """Let a new worker take over with what the files say; the old one ends when its last request has."""
        self._daemon.signal(signal.SIGUSR2)

    def _prepare(self) -> None:
        """Write what HAProxy reads; of a cluster that was served before, its members stay."""
        folder = self.directory / CONFIG
        folder.mkdir(exist_ok=True)
        for name in (WORKER_SOCKET, MASTER_SOCKET):
            (self.directory / name).unlink(missing_ok=True)
        (folder / BASE).write_text(BASE_TEXT)
        for path in folder.glob("*.cfg"):
            if path.name not in {BASE, *map(file_of, self._clusters)}:
                path.unlink()
        for cluster, wanted in self._clusters.items():
            path = folder / file_of(cluster)
            routed = read(path, KIND).routed if path.exists() else wanted.routed
            file = ClusterFile(listen=wanted.listen, maxconn=wanted.maxconn, routed=routed)
            write(path, file, cluster_text(cluster, file), KIND)
