"""Classic load balancers at moto's server, which knows who is registered and sends no request to anybody.

That requests are open is told to the server: it then says of an instance that was taken out that it drains.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from actuators.balancers.elb import ElbBalancer
from actuators.balancers.elb_requests import Front, listener
from actuators.ports import Balancer, Target
from config.accounts import Account, LoadBalancing
from tests.contracts.ec2_rig import REGIONS, a_driver, an_account
from tests.ec2 import Ec2

CLUSTER, OTHER = "shop-web", "shop-api"
PORT = 8080
FRONT = Front(listeners=(listener("http", 80, PORT),), health="/health", draining_s=30.0)


def an_elb_account(server: Ec2, *, look_s: float = 0.0, timeout_s: float = 10.0, **given: Any) -> Account:
    """Return an account at the server that makes what is missing."""
    usual: dict[str, Any] = {
        "create": True,
        "zones": (f"{REGIONS[0]}a",),
        "endpoint": f"http://127.0.0.1:{server.port}",
    }
    balancer = LoadBalancing(**(usual | given))
    return an_account(server, look_s=look_s, timeout_s=timeout_s, calls_per_s=1000.0, balancer=balancer)


def some_targets(server: Ec2, count: int) -> list[Target]:
    """Run machines, and return them as members."""
    size, image, driver = SimpleNamespace(id="t3.micro"), SimpleNamespace(id="ami-12345678"), a_driver(server)
    nodes = [driver.create_node(name=f"web-{i}", size=size, image=image) for i in range(count)]
    return [Target(member=node.name, host=node.private_ips[0], port=PORT, instance=node.id) for node in nodes]


class ElbRig:
    """Two clusters' load balancers, which are not there yet, and three machines."""

    holds = False
    counts = False

    def __init__(self, directory: Path, server: Ec2) -> None:
        server.reset()
        self._directory, self._server = directory, server
        self._opened: list[ElbBalancer] = []
        self.targets = some_targets(server, 3)
        self.balancer: Balancer = self.again()

    def again(self) -> Balancer:
        fronts = {CLUSTER: FRONT, OTHER: FRONT}
        self._opened.append(ElbBalancer(self._directory, an_elb_account(self._server), fronts))
        return self._opened[-1]

    async def begin(self, cluster: str = CLUSTER) -> None:
        """Have a request open on every instance that is routed to."""
        traffic = await self.balancer.traffic(cluster)
        self._server.drain(*(state.target.instance for state in traffic.targets if state.routed))

    async def get(self, cluster: str = CLUSTER) -> int:
        raise NotImplementedError("moto sends no request to anybody")

    async def finish(self) -> None:
        self._server.drain()

    def arrived(self) -> dict[str, int]:
        raise NotImplementedError("moto sends no request to anybody")

    def silence(self) -> None:
        self._server.faults({"action": "DescribeLoadBalancers", "kind": "error", "status": 503, "code": "Unavailable"})

    async def close(self) -> None:
        self._server.faults()
        for each in self._opened:
            each.close()
