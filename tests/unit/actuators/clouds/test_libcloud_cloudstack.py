"""libcloud's CloudStack driver against the stand-in: what is its own, beside the contract."""

from collections.abc import Iterator

import pytest

from actuators.clouds import libcloud_cloudstack
from actuators.clouds.libcloud import LibcloudCloud
from actuators.ports import CredentialsError, InvalidRequestError, TransientCloudError, Where
from tests.clouds import a_place
from tests.cloudstack import CloudStackStandIn, running_cloudstack
from tests.contracts.cloudstack_rig import LAUNCH, an_account


@pytest.fixture
def server() -> Iterator[CloudStackStandIn]:
    with running_cloudstack(room=20) as server:
        yield server


@pytest.fixture
def cloud(server: CloudStackStandIn) -> Iterator[LibcloudCloud]:
    cloud = LibcloudCloud(an_account(server), settings={})
    yield cloud
    cloud.close()


async def test_a_machine_is_started(server: CloudStackStandIn, cloud: LibcloudCloud) -> None:
    await cloud.launch(a_place(), LAUNCH)

    assert server.alive() == ["shop-web-1"]


async def test_lists_are_read_to_their_last_page(
    server: CloudStackStandIn, cloud: LibcloudCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libcloud_cloudstack, "PAGE", 5)
    for i in range(12):
        await cloud.launch(a_place(f"shop-web-{i}"), LAUNCH)

    assert len(await cloud.instances()) == 12


async def test_machines_of_others_are_neither_seen_nor_touched(server: CloudStackStandIn, cloud: LibcloudCloud) -> None:
    for owner, name in (("", "shop-web-1"), ("another", "shop-web-2")):
        server.machines[name] = {"id": name, "name": name, "state": "Running", "nic": [], "created": "1"}
        server.machines[name]["displayname"] = f"pileus:{owner}:default:shop:shop-web:{name}:here:p1:80"

    assert await cloud.instances() == {}
    await cloud.terminate("shop-web-1", 1.0)
    await cloud.terminate("shop-web-2", 1.0)
    assert server.alive() == ["shop-web-1", "shop-web-2"]


@pytest.mark.parametrize(
    ("state", "there"), [("Shutdowned", True), ("Starting", True), ("Expunging", False), ("Destroyed", False)]
)
async def test_every_state_has_its_meaning_and_an_unknown_one_loses_no_list(
    server: CloudStackStandIn, cloud: LibcloudCloud, state: str, *, there: bool
) -> None:
    launched = await cloud.launch(a_place(), LAUNCH)
    server.machines[launched.instance]["state"] = state

    assert ("shop-web-1" in await cloud.instances()) is there


async def test_a_machine_that_failed_is_cleared_away(server: CloudStackStandIn, cloud: LibcloudCloud) -> None:
    launched = await cloud.launch(a_place(), LAUNCH)
    server.machines[launched.instance]["state"] = "Error"

    assert await cloud.instances() == {}
    assert server.machines[launched.instance]["state"] == "Destroyed"


async def test_a_host_name_that_is_taken_may_pass(server: CloudStackStandIn, cloud: LibcloudCloud) -> None:
    server.machines["x"] = {"id": "x", "name": "shop-web-1", "state": "Running", "nic": [], "displayname": "other"}

    with pytest.raises(TransientCloudError, match="already exists"):
        await cloud.launch(a_place(), LAUNCH)


async def test_a_wrong_signature_is_told_as_credentials(
    server: CloudStackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = LibcloudCloud(an_account(server), settings={})
    monkeypatch.setenv("TEST_CLOUDSTACK_SECRET", "wrong")

    with pytest.raises(CredentialsError):
        await cloud.instances()
    cloud.close()


async def test_a_place_too_long_for_a_display_name_is_refused(cloud: LibcloudCloud) -> None:
    where = Where(
        tenant="t" * 100,
        application="a" * 100,
        cluster="c",
        member="c-1",
        network_partition="n" * 100,
        partition="p",
    )

    with pytest.raises(InvalidRequestError, match="at most 255"):
        await cloud.launch(where, LAUNCH)


@pytest.mark.parametrize("wrong", [{"instanceType": "huge"}, {"zone": "nowhere"}])
async def test_what_the_cloud_does_not_have_is_named(cloud: LibcloudCloud, wrong: dict[str, str]) -> None:
    (name, value) = next(iter(wrong.items()))
    launch = type(LAUNCH)(image="debian", ports=[80], properties={"instanceType": "small"} | wrong)

    with pytest.raises(InvalidRequestError, match=f"{name} = '{value}'"):
        await cloud.launch(a_place(), launch)
