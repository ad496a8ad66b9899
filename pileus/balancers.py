"""The balancers by name: each adapter, and the process that it drives on this machine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from actuators.ports import Balancer

if TYPE_CHECKING:
    from actuators.balancers.caddy_config import Frontend

KINDS = ("caddy", "haproxy", "nginx")
EXTERNAL = "external"
ELB = "elb"
KUBERNETES = "kubernetes"
RUN_KINDS = (*KINDS, EXTERNAL)
AGENT_KINDS = (*RUN_KINDS, ELB, KUBERNETES)
"""Beside those of this machine, those that an agent drives from afar."""


class Adapter(Balancer, Protocol):
    """A balancer's adapter, as the agent holds it."""

    def require(self, cluster: str) -> None:
        """Raise :class:`~actuators.ports.BalancerError` when the balancer does not serve ``cluster``."""
        ...

    def close(self) -> None:
        """Let go of what is open. Nothing changes in the balancer."""
        ...


class Process(Protocol):
    """A balancer that runs on this machine."""

    directory: Path

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        ...

    def start(self) -> None:
        """Start it and return when it answers; :class:`~actuators.ports.BalancerError` when it does not come up."""
        ...

    def stop(self) -> None:
        """End it: open requests may end first."""
        ...


def adapter(kind: str, directory: Path, *, admin: str = "") -> Adapter:
    """Return the adapter for the balancer of a kind that was started in ``directory``; ``admin`` is for Caddy only.

    Raises
    ------
    actuators.ports.BalancerError
        None was started there.
    """
    if kind == "haproxy":
        from actuators.balancers.haproxy import HaproxyBalancer  # noqa: PLC0415 - only the one that is used

        return HaproxyBalancer(directory)
    if kind == EXTERNAL:
        from actuators.balancers.external import ExternalBalancer  # noqa: PLC0415 - only the one that is used

        return ExternalBalancer(directory)
    if kind == KUBERNETES:
        from actuators.balancers.kubernetes import KubernetesBalancer  # noqa: PLC0415 - only the one that is used

        return KubernetesBalancer(directory)
    if kind == "nginx":
        from actuators.balancers.nginx import NginxBalancer  # noqa: PLC0415 - only the one that is used

        return NginxBalancer(directory)
    from actuators.balancers.caddy import CaddyBalancer  # noqa: PLC0415 - only the one that is used

    return CaddyBalancer(directory, admin=admin)


def process(
    kind: str, directory: Path, fronts: Mapping[str, "Frontend"], *, admin: str, program: Sequence[str] = ()
) -> Process:
    """Return the process of a kind that serves clusters at their fronts; ``admin`` is for its own questions.

    ``program`` is the command line of an external one, which agents start.
    """
    if kind == EXTERNAL:
        from actuators.balancers.external_file import Announced  # noqa: PLC0415 - only the one that is used

        return Announced(directory, program, {cluster: front.listen for cluster, front in fronts.items()})
    if kind == "caddy":
        from actuators.balancers.caddy_process import Caddy  # noqa: PLC0415 - only the one that is used

        return Caddy(directory, fronts, admin=admin)
    from actuators.balancers.cluster_file import ClusterFile  # noqa: PLC0415 - only the one that is used

    files = {cluster: ClusterFile(listen=front.listen) for cluster, front in fronts.items()}
    if kind == "haproxy":
        from actuators.balancers.haproxy_process import Haproxy  # noqa: PLC0415 - only the one that is used

        return Haproxy(directory, files)
    from actuators.balancers.nginx_process import Nginx  # noqa: PLC0415 - only the one that is used

    return Nginx(directory, files, status=admin)
