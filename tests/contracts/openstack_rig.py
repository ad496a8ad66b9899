"""libcloud's OpenStack driver against a stand-in of ours, with room for eight servers."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from actuators.clouds.libcloud import LibcloudCloud
from actuators.ports import Cloud, Instance
from config.accounts import Account
from streams.records.action import Launch
from tests.openstack import PASSWORD, USER, OpenStackStandIn, running_openstack

ROOM = 8
LAUNCH = Launch(image="debian", ports=[8080], properties={"instanceType": "m1.small"})


def an_account(server: OpenStackStandIn, **given: Any) -> Account:
    """Return an account at the stand-in; its credentials stand in the environment."""
    os.environ.update({"TEST_OPENSTACK_USER": USER, "TEST_OPENSTACK_PASSWORD": PASSWORD})
    usual: dict[str, Any] = {
        "driver": "openstack",
        "owner": "tests",
        "identity": "env:TEST_OPENSTACK_USER",
        "secret": "env:TEST_OPENSTACK_PASSWORD",
        "regions": ("RegionOne",),
        "options": {"ex_force_auth_url": server.url, "ex_tenant_name": "p"},
        "poll_s": 0.02,
        "timeout_s": 10.0,
    }
    return Account(**(usual | given))


class OpenStackStandInHarness:
    """The adapter at an empty cloud."""

    def __init__(self, tmp_path: Path) -> None:
        self._ended = tmp_path / "ended"
        self._stack = ExitStack()
        self._server = self._stack.enter_context(running_openstack(ROOM))
        self._opened: list[LibcloudCloud] = []
        self.cloud: Cloud = self.reopened()
        self.launch = LAUNCH

    def reopened(self) -> Cloud:
        """Return a new adapter: the cloud is the state, and a file remembers whom Nova forgets."""
        self._opened.append(LibcloudCloud(an_account(self._server), settings={}, ended=self._ended))
        return self._opened[-1]

    def lose(self, instance: Instance) -> None:
        """Delete a server behind the adapter's back."""
        del self._server.servers[instance.instance]

    async def close(self) -> None:
        """End the stand-in."""
        for cloud in self._opened:
            cloud.close()
        self._stack.close()
