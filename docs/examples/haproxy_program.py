"""A balancer behind Pileus' JSON contract: a line in, a line out. This one drives HAProxy; put your own in its place.

Run by ``pileus lb-agent --balancer external --members-dir DIR`` with DIR as its folder, where ``external.json`` says
which clusters there are and where clients ask them. It ends when its input does.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.haproxy import HaproxyBalancer
from actuators.balancers.haproxy_process import Haproxy
from actuators.ports import BalancerError, Target


async def answer(balancer: HaproxyBalancer, request: dict[str, Any], applied: dict[str, int]) -> dict[str, Any]:
    """Do what a request asks, and say how its cluster stands."""
    cluster, desired = request["cluster"], request["desired"]
    if desired is not None:
        await balancer.apply(cluster, [Target(**each) for each in desired])
        applied[cluster] = request["generation"]
    traffic = await balancer.traffic(cluster)
    backends = [
        {
            "member": state.target.member,
            "host": state.target.host,
            "port": state.target.port,
            "routed": state.routed,
            "in_flight": state.in_flight,
        }
        for state in traffic.targets
    ]
    return {
        "applied": applied.get(cluster),
        "backends": backends,
        "in_flight": traffic.in_flight,
        "count": traffic.count,
    }


def main(directory: Path) -> None:
    """Answer each line. HAProxy is started unless it runs here already, and ends with us if we started it."""
    clusters = json.loads((directory / "external.json").read_text())["clusters"]
    haproxy = Haproxy(directory, {cluster: ClusterFile(listen=listen) for cluster, listen in clusters.items()})
    try:
        haproxy.start()
    except BalancerError as error:
        if "already" not in str(error):
            raise
    balancer, applied, loop = HaproxyBalancer(directory), dict[str, int](), asyncio.new_event_loop()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            said = loop.run_until_complete(answer(balancer, request, applied))
        except BalancerError as error:
            said = {"error": str(error)}
        sys.stdout.write(json.dumps({"version": 1, "id": request["id"], **said}) + "\n")
        sys.stdout.flush()
    haproxy.stop()


if __name__ == "__main__":
    main(Path.cwd())
