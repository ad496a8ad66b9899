"""The nginx process: a master and its workers, unprivileged, alone on its ports, ended without losing a request."""

import os
import pwd
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from actuators.balancers.checked import require_name
from actuators.balancers.cluster_file import ClusterFile, read, write
from actuators.balancers.nginx_config import (
    CANDIDATE,
    CLUSTERS,
    CONFIG,
    ERRORS,
    FOLDERS,
    TRIAL,
    base_text,
    cluster_text,
    file_of,
)
from actuators.balancers.process import START_S, Daemon, Served
from actuators.balancers.program import Version, require_version

KIND = "nginx"
LEAST: Version = (1, 18)


class Nginx(Served):
    """One nginx that serves ``clusters``; its configuration and logs are in ``directory``.

    ``clusters`` says where each is served; who its members are is taken from the files that are there already. At
    ``status`` (``IPv4:PORT``) nginx tells what it has loaded.
    """

    def __init__(self, directory: Path, clusters: Mapping[str, ClusterFile], *, status: str) -> None:
        self._status = status
        self._clusters = {require_name(cluster): wanted for cluster, wanted in clusters.items()}
        listeners = [status, *(wanted.listen for wanted in clusters.values())]
        super().__init__(Daemon(KIND, directory, listeners=listeners, end_by=signal.SIGQUIT))

    def start(self, *, timeout_s: float = START_S) -> None:
        """Start nginx and return when it answers. Members that the files know are routed at once.

        Raises
        ------
        BalancerError
            There is no nginx, it is too old, one runs here already, an address is taken, it ended, or did not answer in
            time. Nothing is left running.
        """
        program = require_version(KIND, LEAST)
        self._daemon.start(
            [program, "-e", ERRORS, "-p", self.directory, "-c", CONFIG],
            prepare=self._prepare,
            ready=self._answers,
            environment={},
            timeout_s=timeout_s,
        )

    def _prepare(self) -> None:
        """Write what nginx reads; of a cluster that was served before, its members stay."""
        for name in FOLDERS:
            (self.directory / name).mkdir(exist_ok=True)
        user = "" if os.geteuid() else pwd.getpwuid(0).pw_name
        (self.directory / CONFIG).write_text(base_text(self._status, user=user))
        (self.directory / TRIAL).write_text(base_text(self._status, user=user, clusters=CANDIDATE))
        for path in (self.directory / CLUSTERS).glob("*.conf"):
            if path.name not in set(map(file_of, self._clusters)):
                path.unlink()
        for cluster, wanted in self._clusters.items():
            path = self.directory / CLUSTERS / file_of(cluster)
            file = wanted
            if path.exists():
                known = read(path, KIND)
                file = msgspec.structs.replace(known, listen=wanted.listen, leaving=(), revision=known.revision + 1)
            write(path, file, cluster_text(cluster, file, status=self._status), KIND)

    def _answers(self) -> bool:
        """Say whether somebody listens at the status address."""
        host, _, port = self._status.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1.0).close()
        except OSError:
            return False
        return True
