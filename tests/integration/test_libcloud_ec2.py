"""libcloud's EC2 driver against moto's server: faults of the cloud, of the way to it, and of ourselves."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from actuators.clouds import libcloud_dialects
from actuators.clouds.libcloud import LibcloudCloud
from actuators.clouds.libcloud_labels import labels
from actuators.ports import (
    CloudError,
    CredentialsError,
    InvalidRequestError,
    OutOfCapacityError,
    QuotaExceededError,
    TransientCloudError,
)
from tests.clouds import a_place
from tests.contracts.ec2_rig import LAUNCH, REGIONS, SECRET, a_driver, an_account
from tests.ec2 import Ec2

Make = Callable[..., LibcloudCloud]


@pytest.fixture
def make(ec2: Ec2) -> Iterator[Make]:
    """Open adapters at an empty cloud."""
    ec2.reset()
    opened: list[LibcloudCloud] = []

    def open_one(**given: Any) -> LibcloudCloud:
        opened.append(LibcloudCloud(an_account(ec2, **given), settings={"PILEUS_BROKER": "kafka:9092"}))
        return opened[-1]

    yield open_one
    for cloud in opened:
        cloud.close()


def alive(ec2: Ec2, region: str = REGIONS[0]) -> list[str]:
    """Return the names of the instances that the cloud runs, ours or not."""
    return sorted(node.name for node in a_driver(ec2, region).list_nodes() if node.state.value == "running")


def a_fault(action: str, status: int, code: str = "", *, body: str = "", times: int = 1) -> Mapping[str, Any]:
    """Return an answer that the cloud gives instead of doing what it is asked."""
    said = f"the way it is, for {SECRET}"
    return {"action": action, "kind": "answer", "status": status, "code": code, "message": said} | (
        {"body": body, "times": times} if body else {"times": times}
    )


def late(action: str) -> Mapping[str, Any]:
    """Return the fault of a call that is carried out, and not answered in time."""
    return {"action": action, "kind": "late", "s": 2.0}


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        pytest.param(503, "RequestLimitExceeded", TransientCloudError, id="EC2's rate limit"),
        pytest.param(429, "Throttling", TransientCloudError, id="429"),
        pytest.param(503, "Unavailable", TransientCloudError, id="503"),
        pytest.param(500, "InternalError", TransientCloudError, id="the cloud's own fault"),
        pytest.param(500, "InsufficientInstanceCapacity", OutOfCapacityError, id="no room"),
        pytest.param(400, "InsufficientFreeAddressesInSubnet", OutOfCapacityError, id="no address left"),
        pytest.param(400, "InstanceLimitExceeded", QuotaExceededError, id="quota"),
        pytest.param(400, "VcpuLimitExceeded", QuotaExceededError, id="quota of processors"),
        pytest.param(401, "AuthFailure", CredentialsError, id="bad credentials"),
        pytest.param(403, "UnauthorizedOperation", CredentialsError, id="too few rights"),
        pytest.param(400, "InvalidAMIID.NotFound", InvalidRequestError, id="no such image"),
        pytest.param(400, "InvalidKeyPair.NotFound", InvalidRequestError, id="no such key"),
        pytest.param(400, "InvalidParameterValue", InvalidRequestError, id="a request that can never be"),
    ],
)
async def test_a_fault_is_told_by_what_to_do_and_nothing_is_repeated(
    ec2: Ec2, make: Make, status: int, code: str, error: type[CloudError]
) -> None:
    ec2.faults(a_fault("RunInstances", status, code))

    with pytest.raises(CloudError, match="shop-web-1") as told:
        await make().launch(a_place(), LAUNCH)

    assert type(told.value) is error
    assert SECRET not in str(told.value)
    assert len(ec2.calls("RunInstances")) == 1
    assert alive(ec2) == []


async def test_a_gateways_page_is_a_fault_that_may_pass(ec2: Ec2, make: Make) -> None:
    ec2.faults(a_fault("RunInstances", 503, body="<html><p>busy</html>"), a_fault("DescribeInstances", 200, body="ha"))
    cloud = make()

    for _ in range(2):
        with pytest.raises(TransientCloudError):
            await cloud.launch(a_place(), LAUNCH)


async def test_a_create_that_worked_and_was_not_answered_is_found_by_the_next(ec2: Ec2, make: Make) -> None:
    ec2.faults(late("RunInstances"))

    with pytest.raises(TransientCloudError):
        await make(timeout_s=0.3).launch(a_place(), LAUNCH)
    launched = await make().launch(a_place(), LAUNCH)  # another process: nothing is remembered

    assert list(await make().instances()) == ["shop-web-1"]
    assert (launched.port, alive(ec2)) == (8080, ["shop-web-1"])


async def test_workers_that_launch_one_member_at_once_launch_one_instance(ec2: Ec2, make: Make) -> None:
    launched = await asyncio.gather(*(make().launch(a_place(), LAUNCH) for _ in range(5)))

    assert len({instance.instance for instance in launched}) == 1
    assert alive(ec2) == ["shop-web-1"]


async def test_the_token_alone_makes_one_instance_when_the_list_is_behind(
    ec2: Ec2, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libcloud_dialects.Ec2, "nodes", lambda *_: iter(()))  # as EC2's lists may be for a while

    first, second = [await make().launch(a_place(), LAUNCH) for _ in range(2)]

    assert first.instance == second.instance
    assert alive(ec2) == ["shop-web-1"]


async def test_a_region_that_does_not_answer_makes_the_whole_list_unknown(ec2: Ec2, make: Make) -> None:
    cloud = make()
    await cloud.launch(a_place(), LAUNCH)
    ec2.faults(a_fault("DescribeInstances", 503, "Unavailable"))

    with pytest.raises(TransientCloudError):
        await cloud.instances()
    assert list(await cloud.instances()) == ["shop-web-1"]


async def test_what_does_not_carry_our_tags_is_neither_seen_nor_touched(ec2: Ec2, make: Make) -> None:
    _behind(ec2, "shop-web-1", {})
    _behind(ec2, "shop-web-2", labels("another-pileus", a_place("shop-web-2"), 80))
    _behind(ec2, "shop-web-3", {"pileus:owner": "tests", "pileus:member": "shop-web-3"})
    cloud = make()

    assert await cloud.instances() == {}
    for member in ("shop-web-1", "shop-web-2", "shop-web-3"):
        await cloud.terminate(member, 1.0)
    assert alive(ec2) == ["shop-web-1", "shop-web-2", "shop-web-3"]


async def test_of_two_instances_of_one_member_everybody_keeps_the_same(ec2: Ec2, make: Make) -> None:
    for _ in range(2):
        _behind(ec2, "shop-web-1", labels("tests", a_place(), 8080))

    seen = [await make().instances() for _ in range(3)]

    assert seen[0] == seen[1] == seen[2]
    assert alive(ec2) == ["shop-web-1"]


async def test_lists_are_read_to_their_last_page(ec2: Ec2, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcloud_dialects, "PAGE", 5)
    members = [f"shop-web-{i}" for i in range(12)]
    for member in members:
        _behind(ec2, member, labels("tests", a_place(member), 80))
    ec2.faults()

    assert sorted(await make(regions=REGIONS[:1]).instances()) == sorted(members)
    assert len(ec2.calls("DescribeInstances")) == 3


async def test_credentials_that_are_not_there_are_named_and_nothing_is_asked(ec2: Ec2, make: Make) -> None:
    ec2.faults()

    with pytest.raises(CredentialsError, match="environment variable NO_SUCH_KEY is not set"):
        await make(identity="env:NO_SUCH_KEY").instances()
    assert ec2.calls("DescribeInstances") == []


async def test_credentials_that_were_changed_are_used_without_a_restart(
    ec2: Ec2, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = make(identity="env:ROTATED")
    monkeypatch.setenv("ROTATED", "AKIAOLD")
    ec2.faults(a_fault("DescribeInstances", 401, "AuthFailure", times=2))
    with pytest.raises(CredentialsError):
        await cloud.instances()
    monkeypatch.setenv("ROTATED", "AKIANEW")

    await cloud.launch(a_place(), LAUNCH)

    assert {call["key"] for call in ec2.calls("RunInstances")} == {"AKIANEW"}


async def test_a_region_that_is_not_the_accounts_is_refused(make: Make) -> None:
    elsewhere = type(LAUNCH)(image="ami-1", properties={"instanceType": "t3.micro", "region": "mars-1"}, ports=[80])

    with pytest.raises(InvalidRequestError, match="region = 'mars-1'"):
        await make().launch(a_place(), elsewhere)


async def test_an_instance_is_what_its_definition_says(ec2: Ec2, make: Make) -> None:
    given = LAUNCH.properties | {"region": "us-east-1", "zone": "b", "keyPair": "ops", "securityGroups": "web, ssh"}
    a_driver(ec2, "us-east-1").create_key_pair("ops")
    for group in ("web", "ssh"):
        a_driver(ec2, "us-east-1").ex_create_security_group(group, group)
    ec2.faults()

    await make().launch(a_place(), type(LAUNCH)(image="ami-12345678", properties=given, ports=[8080]))

    (node,) = a_driver(ec2, "us-east-1").list_nodes()
    assert (node.extra["availability"], node.extra["key_name"]) == ("us-east-1b", "ops")
    assert sorted(group["group_name"] for group in node.extra["groups"]) == ["ssh", "web"]
    assert node.extra["tags"] == {"Name": "shop-web-1", **labels("tests", a_place(), 8080)}
    (call,) = ec2.calls("RunInstances")
    assert call["ClientToken"]
    assert call["UserData"]
    assert call["InstanceInitiatedShutdownBehavior"] == "terminate"


async def test_an_end_that_was_not_answered_is_an_end(ec2: Ec2, make: Make) -> None:
    cloud = make(timeout_s=0.3)
    await cloud.launch(a_place(), LAUNCH)
    ec2.faults(late("TerminateInstances"))

    with pytest.raises(TransientCloudError):
        await cloud.terminate("shop-web-1", 1.0)
    await cloud.terminate("shop-web-1", 1.0)

    assert alive(ec2) == []


def _behind(ec2: Ec2, name: str, tags: Mapping[str, str]) -> None:
    """Make an instance behind the adapter's back."""
    size, image = SimpleNamespace(id="t3.micro"), SimpleNamespace(id="ami-12345678")
    a_driver(ec2).create_node(name=name, size=size, image=image, ex_metadata=dict(tags))
