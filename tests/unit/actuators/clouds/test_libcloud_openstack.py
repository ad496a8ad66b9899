"""libcloud's OpenStack driver against the stand-in; and drivers that could not tell whose an instance is."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from actuators.clouds.libcloud import LibcloudCloud
from actuators.clouds.libcloud_ended import KEPT, Ended
from actuators.clouds.libcloud_labels import labels
from actuators.ports import CredentialsError, InvalidRequestError, OutOfCapacityError
from config.accounts import Account
from streams.records.action import Launch
from tests.clouds import a_place
from tests.contracts.openstack_rig import LAUNCH, an_account
from tests.openstack import OpenStackStandIn, running_openstack


@pytest.fixture
def server() -> Iterator[OpenStackStandIn]:
    with running_openstack(room=12, looks=3) as server:
        yield server


@pytest.fixture
def cloud(server: OpenStackStandIn) -> Iterator[LibcloudCloud]:
    cloud = LibcloudCloud(an_account(server), settings={})
    yield cloud
    cloud.close()


async def test_a_server_that_finds_no_host_is_told_as_no_room_and_cleared_away(server: OpenStackStandIn) -> None:
    server.room = 0
    cloud = LibcloudCloud(an_account(server), settings={})

    with pytest.raises(OutOfCapacityError, match="No valid host was found"):
        await cloud.launch(a_place(), LAUNCH)

    assert server.servers == {}
    cloud.close()


async def test_a_launch_waits_a_little_for_the_address(cloud: LibcloudCloud) -> None:
    launched = await cloud.launch(a_place(), LAUNCH)

    assert launched.host.startswith("10.2.0.")
    assert launched.port == 8080


async def test_one_that_is_still_built_has_no_address_yet(
    server: OpenStackStandIn, cloud: LibcloudCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actuators.clouds.libcloud.SETTLE_S", 0.0)

    launched = await cloud.launch(a_place(), LAUNCH)

    assert (launched.host, launched.port) == ("", 0)
    async with asyncio.timeout(10):
        while not (await cloud.instances())["shop-web-1"].port:
            await asyncio.sleep(0)


async def test_an_instance_is_what_its_definition_says(server: OpenStackStandIn, cloud: LibcloudCloud) -> None:
    given = {
        "instanceType": "m1.small",
        "keyPair": "ops",
        "securityGroups": "web, ssh",
        "networks": "n-1",
        "zone": "nova",
    }

    await cloud.launch(a_place(), Launch(image="debian", ports=[80], properties=given, command=["serve"]))

    (asked,) = server.created
    assert asked["metadata"] == labels("tests", a_place(), 80)
    assert (asked["key_name"], asked["availability_zone"]) == ("ops", "nova")
    assert asked["security_groups"] == [{"name": "web"}, {"name": "ssh"}]
    assert asked["networks"] == [{"uuid": "n-1"}]
    assert base64.b64decode(asked["user_data"]).startswith(b"#cloud-config\n")


async def test_lists_are_read_to_their_last_page(server: OpenStackStandIn, cloud: LibcloudCloud) -> None:
    for i in range(11):
        await cloud.launch(a_place(f"shop-web-{i}"), LAUNCH)

    assert len(await cloud.instances()) == 11


async def test_a_second_server_of_a_member_is_ended_by_whoever_sees_it(
    server: OpenStackStandIn, cloud: LibcloudCloud
) -> None:
    first = await cloud.launch(a_place(), LAUNCH)
    server.servers["twin"] = {**server.servers[first.instance], "id": "twin", "created": "2027-01-01T00:00:00Z"}

    assert (await cloud.instances())["shop-web-1"] == first
    assert list(server.servers) == [first.instance]


async def test_a_wrong_password_is_told_as_credentials(
    server: OpenStackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = LibcloudCloud(an_account(server), settings={})
    monkeypatch.setenv("TEST_OPENSTACK_PASSWORD", "wrong")

    with pytest.raises(CredentialsError):
        await cloud.instances()
    cloud.close()


async def test_an_option_may_be_a_reference_and_what_it_names_is_told_nobody(
    server: OpenStackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROJECT", "p-hidden")
    options = {"ex_force_auth_url": server.url, "ex_tenant_name": "env:PROJECT"}
    cloud = LibcloudCloud(an_account(server, options=options), settings={})
    assert await cloud.instances() == {}
    monkeypatch.delenv("PROJECT")

    with pytest.raises(CredentialsError, match="environment variable PROJECT is not set"):
        await cloud.instances()
    monkeypatch.setenv("PROJECT", "p-hidden")
    wrong = LibcloudCloud(an_account(server, options={**options, "api_version": "env:PROJECT"}), settings={})
    with pytest.raises(InvalidRequestError, match=r"\*\*\*") as told:
        await wrong.instances()
    assert "p-hidden" not in str(told.value)
    for each in (cloud, wrong):
        each.close()


async def test_a_driver_that_keeps_no_tags_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tagless:
        def __init__(self, **_: object) -> None:
            self.list_images = self.list_sizes = lambda: [SimpleNamespace(id="debian", name="debian")]

        def list_nodes(self) -> list[object]:
            return []

        def create_node(self, name: str, size: object, image: object) -> None:  # noqa: ARG002 - what it takes
            raise AssertionError("an instance that nobody could tell to be ours")

    monkeypatch.setattr("actuators.clouds.libcloud_drivers.get_driver", lambda _: Tagless)
    cloud = LibcloudCloud(Account(driver="tagless", owner="o"), settings={})
    launch = Launch(image="debian", ports=[80], properties={"instanceType": "debian"})

    with pytest.raises(InvalidRequestError, match="this driver takes no tags"):
        await cloud.launch(a_place(), launch)
    cloud.close()


async def test_a_driver_that_does_not_exist_is_refused_by_name() -> None:
    cloud = LibcloudCloud(Account(driver="no_such_cloud", owner="o"), settings={})

    with pytest.raises(InvalidRequestError, match="driver 'no_such_cloud'"):
        await cloud.launch(a_place(), LAUNCH)
    cloud.close()


def test_libclouds_own_repetition_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBCLOUD_RETRY_FAILED_HTTP_REQUESTS", "1")

    with pytest.raises(ValueError, match="creates"):
        LibcloudCloud(Account(driver="ec2", owner="o"), settings={})


def test_the_ended_are_remembered_by_the_next_process_and_bounded(tmp_path: Path) -> None:
    file = tmp_path / "clouds" / "ec2.ended"
    ended = Ended(file)
    ended.add(f"web-{i}" for i in range(KEPT + 1))
    ended.add(["web-1"])

    assert "web-0" not in ended
    assert all(f"web-{i}" in Ended(file) for i in (1, KEPT))
    assert len(file.read_text().split()) == KEPT
