"""libcloud's EC2 driver against moto's server: an account with room for eight instances."""

import os
from pathlib import Path
from typing import Any

from libcloud.compute.providers import get_driver

from actuators.clouds.libcloud import LibcloudCloud
from actuators.ports import Cloud, Instance
from config.accounts import Account
from streams.records.action import Launch
from tests.ec2 import Ec2

KEY, SECRET = "AKIATESTKEY", "the-secret-of-tests"
ROOM = 8
REGIONS = ("eu-west-1", "us-east-1")
LAUNCH = Launch(
    image="eu-west-1/ami-12345678",
    command=["{python}", "-m", "http.server", "{port}"],
    ports=[8080],
    properties={"instanceType": "t3.micro"},
)
FULL = {"action": "RunInstances", "kind": "full", "room": ROOM, "times": 1000, "status": 500}
FULL |= {"code": "InsufficientInstanceCapacity", "message": f"there is room for {ROOM} instances"}


def an_account(server: Ec2, **given: Any) -> Account:
    """Return an account at the server; its credentials stand in the environment."""
    os.environ.update({"TEST_EC2_KEY": KEY, "TEST_EC2_SECRET": SECRET})
    usual: dict[str, Any] = {
        "driver": "ec2",
        "owner": "tests",
        "identity": "env:TEST_EC2_KEY",
        "secret": "env:TEST_EC2_SECRET",
        "regions": REGIONS,
        "options": {"host": "127.0.0.1", "port": server.port, "secure": False},
        "poll_s": 0.02,
        "timeout_s": 10.0,
    }
    return Account(**(usual | given))


def a_driver(server: Ec2, region: str = REGIONS[0]) -> Any:
    """Return libcloud's own driver, for what tests do behind the adapter's back."""
    made = get_driver("ec2")
    return made(
        "AKIATESTKEY", "s", region=region, secure=False, host="127.0.0.1", port=server.port, signature_version="4"
    )


class Ec2Harness:
    """The adapter at an empty cloud."""

    def __init__(self, _: Path, server: Ec2) -> None:
        server.reset()
        server.faults(FULL)
        self._server = server
        self._opened: list[LibcloudCloud] = []
        self.cloud: Cloud = self.reopened()
        self.launch = LAUNCH

    def reopened(self) -> Cloud:
        """Return a new adapter: the cloud is the state."""
        self._opened.append(LibcloudCloud(an_account(self._server), settings={"PILEUS_BROKER": "kafka:9092"}))
        return self._opened[-1]

    def lose(self, instance: Instance) -> None:
        """End an instance behind the adapter's back."""
        driver = a_driver(self._server)
        (node,) = driver.list_nodes(ex_node_ids=[instance.instance])
        driver.destroy_node(node)

    async def close(self) -> None:
        """Let go of the connections; the server forgets the instances at the next test."""
        for cloud in self._opened:
            cloud.close()
