"""libcloud's CloudStack driver against a stand-in of ours, with room for eight machines."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from actuators.clouds.libcloud import LibcloudCloud
from actuators.ports import Cloud, Instance
from config.accounts import Account
from streams.records.action import Launch
from tests.cloudstack import KEY, SECRET, CloudStackStandIn, running_cloudstack

ROOM = 8
LAUNCH = Launch(image="debian", ports=[8080], properties={"instanceType": "small", "zone": "zone-one"})


def an_account(server: CloudStackStandIn, **given: Any) -> Account:
    """Return an account at the stand-in; its credentials stand in the environment."""
    os.environ.update({"TEST_CLOUDSTACK_KEY": KEY, "TEST_CLOUDSTACK_SECRET": SECRET})
    usual: dict[str, Any] = {
        "driver": "cloudstack",
        "owner": "tests",
        "identity": "env:TEST_CLOUDSTACK_KEY",
        "secret": "env:TEST_CLOUDSTACK_SECRET",
        "options": {"host": "127.0.0.1", "port": server.port, "secure": False, "path": "/client/api"},
        "poll_s": 0.02,
        "timeout_s": 10.0,
        "user_data": "none",
    }
    return Account(**(usual | given))


class CloudStackStandInHarness:
    """The adapter at an empty cloud."""

    def __init__(self, _: Path) -> None:
        self._stack = ExitStack()
        self._server = self._stack.enter_context(running_cloudstack(ROOM))
        self._opened: list[LibcloudCloud] = []
        self.cloud: Cloud = self.reopened()
        self.launch = LAUNCH

    def reopened(self) -> Cloud:
        """Return a new adapter: the cloud is the state."""
        self._opened.append(LibcloudCloud(an_account(self._server), settings={}))
        return self._opened[-1]

    def lose(self, instance: Instance) -> None:
        """End a machine behind the adapter's back."""
        self._server.machines[instance.instance]["state"] = "Destroyed"

    async def close(self) -> None:
        """End the stand-in."""
        for cloud in self._opened:
            cloud.close()
        self._stack.close()
