"""Who balances what: a front for every cluster that takes requests, and an agent for each application. Pure."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from actuators.balancers.caddy_config import Frontend
from config.cluster import ClusterSpec
from config.tree import ApplicationSpec
from pileus.stack.front import ports_of


def fronts(clusters: Iterable[ClusterSpec], ports: Iterator[int]) -> dict[str, Frontend]:
    """Return how each cluster that takes requests is served, by its id; each front takes two of ``ports``.

    One whose members have no ports here has no front: nothing of it runs on this machine.
    """
    return {
        each.cluster: Frontend(
            listen=f"127.0.0.1:{next(ports)}", check=f"127.0.0.1:{next(ports)}", ports=tuple(ports_of(each))
        )
        for each in clusters
        if each.cartridge.balanced and ports_of(each)
    }


def agents(
    applications: Iterable[ApplicationSpec], served: Collection[str], directory: Path, *, kind: str = "caddy"
) -> dict[str, list[str]]:
    """Return the command line of each balancer agent, by the name of the part: one for each application.

    ``served`` are the clusters that have a front on the balancer of that kind in ``directory``.
    """
    found: dict[str, list[str]] = {}
    for application in applications:
        clusters = [each for each in application.clusters() if each.cluster in served]
        if not clusters:
            continue
        number = len(found) + 1
        words = ["lb-agent", "--name", f"lb-{number}", "--balancer", kind, "--members-dir", str(directory)]
        words += ["--tenant", application.tenant, "--application", application.application]
        for each in clusters:
            words += ["--cluster", each.cluster, "--probe", f"{each.cluster}={each.cartridge.health or 'tcp'}"]
        found["lb-agent" if number == 1 else f"lb-agent-{number}"] = words
    return found
