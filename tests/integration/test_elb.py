"""Classic load balancers through libcloud, against moto's server: what the contract does not ask."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actuators.balancers import elb_requests as requests
from actuators.balancers.elb import ElbBalancer
from actuators.balancers.elb_calls import Calls
from actuators.balancers.elb_requests import Front
from actuators.ports import BalancerError, BalancerRefusedError, Target
from tests.contracts.ec2_rig import SECRET, a_driver
from tests.contracts.elb_rig import CLUSTER, FRONT, an_elb_account, some_targets
from tests.ec2 import Ec2

NAME = "tests-shop-web"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "balancers.md"
CHANGES = {"RegisterInstancesWithLoadBalancer", "DeregisterInstancesFromLoadBalancer", "CreateLoadBalancer"}
CHANGES |= {"ModifyLoadBalancerAttributes", "ConfigureHealthCheck"}

Make = Callable[..., ElbBalancer]


@pytest.fixture
def make(ec2: Ec2, tmp_path: Path) -> Iterator[Make]:
    """Adapters of one directory, at an empty cloud; all share it."""
    ec2.reset()
    opened = list[ElbBalancer]()

    def again(directory: str = "elb", front: Front = FRONT, **given: Any) -> ElbBalancer:
        opened.append(ElbBalancer(tmp_path / directory, an_elb_account(ec2, **given), {CLUSTER: front}))
        return opened[-1]

    yield again
    ec2.faults()
    for each in opened:
        each.close()


@pytest.fixture
def targets(ec2: Ec2, make: Make) -> list[Target]:
    """Three machines as members."""
    return some_targets(ec2, 3)


@pytest.fixture
def behind(ec2: Ec2) -> Iterator[Callable[..., Any]]:
    """Calls behind the adapter's back."""
    calls = Calls(an_elb_account(ec2))
    yield calls.sure
    calls.close()


def a_fault(action: str, status: int, code: str = "", *, body: str = "", times: int = 1) -> dict[str, Any]:
    """Return an answer that AWS gives instead of doing what it is asked."""
    said = f"the way it is, for {SECRET}"
    fault = {"action": action, "kind": "answer", "status": status, "code": code, "message": said, "times": times}
    return fault | ({"body": body} if body else {})


async def seen(balancer: ElbBalancer) -> dict[str, tuple[bool, int | None]]:
    """Return who is routed, and with what in flight."""
    traffic = await balancer.traffic(CLUSTER)
    return {state.target.member: (state.routed, state.in_flight) for state in traffic.targets}


async def test_a_load_balancer_is_made_once_as_the_port_mappings_say(
    ec2: Ec2, make: Make, targets: list[Target], behind: Callable[..., Any]
) -> None:
    await make().apply(CLUSTER, targets[:1])
    await make().apply(CLUSTER, targets[:2])

    (call,) = ec2.calls("CreateLoadBalancer")
    listener = {key.rpartition(".")[2]: value for key, value in call.items() if key.startswith("Listeners")}
    assert listener == {
        "Protocol": "HTTP",
        "LoadBalancerPort": "80",
        "InstanceProtocol": "HTTP",
        "InstancePort": "8080",
    }
    assert (call["LoadBalancerName"], call["Scheme"]) == (NAME, "internal")
    (drains,) = ec2.calls("ModifyLoadBalancerAttributes")
    assert drains["LoadBalancerAttributes.ConnectionDraining.Timeout"] == "30"
    (check,) = ec2.calls("ConfigureHealthCheck")
    assert check["HealthCheck.Target"] == "HTTP:8080/health"


async def test_nobody_is_registered_twice_and_nothing_is_changed_when_nothing_is_to_be(
    ec2: Ec2, make: Make, targets: list[Target]
) -> None:
    """moto counts an instance that is registered twice twice: AWS does not, and we never ask for it."""
    await make().apply(CLUSTER, targets[:2])
    ec2.faults()

    await make().apply(CLUSTER, targets[:2])
    assert not CHANGES & set(ec2.actions())
    await make().apply(CLUSTER, targets)

    (call,) = ec2.calls("RegisterInstancesWithLoadBalancer")
    assert [value for key, value in call.items() if key.startswith("Instances")] == [targets[2].instance]


async def test_what_is_not_told_ours_by_its_tags_is_never_changed(
    ec2: Ec2, make: Make, targets: list[Target], behind: Callable[..., Any]
) -> None:
    another = {"pileus:owner": "another-pileus", "pileus:cluster": CLUSTER}
    await behind(requests.create(NAME, FRONT, an_elb_account(ec2).balancer, another))
    await behind(requests.register(NAME, [targets[0].instance]))
    ec2.faults()

    with pytest.raises(BalancerRefusedError, match=f"{NAME} is not ours, it has no tag pileus:owner = tests"):
        await make().apply(CLUSTER, targets)
    assert not CHANGES & set(ec2.actions())


async def test_one_that_is_there_is_used_under_its_name_and_must_drain(
    ec2: Ec2, make: Make, targets: list[Target], behind: Callable[..., Any]
) -> None:
    ours = {"pileus:owner": "tests", "pileus:cluster": CLUSTER}
    await behind(requests.create("front", FRONT, an_elb_account(ec2).balancer, ours))
    balancer = make(create=False, names={CLUSTER: "front"}, front=Front())

    with pytest.raises(BalancerRefusedError, match="front cuts connections: let it drain them"):
        await balancer.apply(CLUSTER, targets)
    await behind(requests.drain("front", 60.0))
    await balancer.apply(CLUSTER, targets)

    assert list(await seen(balancer)) == ["web-0", "web-1", "web-2"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"create": False}, f"no load balancer {NAME}, and create = true is not said", id="not to be made"),
        pytest.param({"front": Front()}, "no port mapping says its listeners", id="of unknown ports"),
    ],
)
async def test_one_that_is_missing_and_cannot_be_made_is_refused(
    make: Make, targets: list[Target], given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BalancerRefusedError, match=said):
        await make(**given).apply(CLUSTER, targets)


async def test_who_cannot_be_routed_to_is_named_and_the_others_are(make: Make, targets: list[Target]) -> None:
    other_port = Target(member="web-8", host="10.0.0.8", port=9000, instance="i-8")
    no_instance = Target(member="web-9", host="10.0.0.9", port=8080)
    balancer = make()

    with pytest.raises(BalancerRefusedError, match=r"web-9: no instance is known; web-8: port 9000: .* but to 8080"):
        await balancer.apply(CLUSTER, [*targets, other_port, no_instance])
    assert list(await seen(balancer)) == ["web-0", "web-1", "web-2"]


async def test_an_instance_that_aws_does_not_know_does_not_keep_the_others_out(
    ec2: Ec2, make: Make, targets: list[Target]
) -> None:
    refusal = a_fault("RegisterInstancesWithLoadBalancer", 400, "InvalidInstance")
    ec2.faults(refusal | {"times": 2})  # for all at once, then for the first of them
    balancer = make()

    with pytest.raises(BalancerRefusedError, match=f"{min(t.instance for t in targets)}: AWS knows no such instance"):
        await balancer.apply(CLUSTER, targets)
    assert len(await seen(balancer)) == 2


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        pytest.param(400, "Throttling", BalancerError, id="throttled"),
        pytest.param(503, "Unavailable", BalancerError, id="503"),
        pytest.param(403, "AccessDenied", BalancerRefusedError, id="too few rights"),
        pytest.param(400, "ValidationError", BalancerRefusedError, id="a request that can never be"),
    ],
)
async def test_a_fault_is_told_by_what_to_do_and_nothing_is_repeated(  # noqa: PLR0917 - pytest names them
    ec2: Ec2, make: Make, targets: list[Target], status: int, code: str, error: type[BalancerError]
) -> None:
    await make().apply(CLUSTER, targets[:1])
    ec2.faults(a_fault("RegisterInstancesWithLoadBalancer", status, code))
    balancer = make(look_s=60.0)

    for _ in range(3):  # as an agent that looks ten times a second does
        with pytest.raises(BalancerError, match="RegisterInstancesWithLoadBalancer") as told:
            await balancer.apply(CLUSTER, targets)

    assert type(told.value) is error
    assert SECRET not in str(told.value)
    assert len(ec2.calls("RegisterInstancesWithLoadBalancer")) == 1


async def test_a_change_that_worked_and_was_not_answered_is_found_and_not_repeated(
    ec2: Ec2, make: Make, targets: list[Target]
) -> None:
    await make().apply(CLUSTER, targets[:1])
    ec2.faults({"action": "RegisterInstancesWithLoadBalancer", "kind": "late", "s": 0.5})

    with pytest.raises(BalancerError, match="does not answer"):
        await make(timeout_s=0.2).apply(CLUSTER, targets)
    await make().apply(CLUSTER, targets)

    assert len(ec2.calls("RegisterInstancesWithLoadBalancer")) == 1


async def test_looks_are_as_far_apart_as_the_account_says(ec2: Ec2, make: Make, targets: list[Target]) -> None:
    balancer = make(look_s=60.0)
    await balancer.apply(CLUSTER, targets)
    ec2.faults()
    for _ in range(20):
        await balancer.traffic(CLUSTER)
        await balancer.apply(CLUSTER, targets)

    assert ec2.actions() == ["DescribeLoadBalancers", "DescribeInstanceHealth"]


async def test_a_gateways_page_is_a_fault_and_no_empty_load_balancer(
    ec2: Ec2, make: Make, targets: list[Target]
) -> None:
    balancer = make()
    await balancer.apply(CLUSTER, targets)
    pages = ("<html><p>busy</html>", "<html></html>", "ha")
    ec2.faults(*(a_fault("DescribeLoadBalancers", 200, body=page) for page in pages))

    for _ in pages:
        with pytest.raises(BalancerError):
            await balancer.traffic(CLUSTER)
    assert len(await seen(balancer)) == 3


async def test_an_instance_that_does_not_serve_yet_is_not_listed(ec2: Ec2, make: Make, targets: list[Target]) -> None:
    balancer = make()
    await balancer.apply(CLUSTER, targets)
    a_driver(ec2).ex_stop_node(a_driver(ec2).list_nodes(ex_node_ids=[targets[0].instance])[0])

    assert list(await seen(balancer)) == ["web-1", "web-2"]


async def test_an_instance_that_ends_while_it_drains_has_drained(ec2: Ec2, make: Make, targets: list[Target]) -> None:
    balancer = make()
    await balancer.apply(CLUSTER, targets)
    ec2.drain(targets[0].instance)
    await balancer.apply(CLUSTER, targets[1:])
    assert (await seen(balancer))["web-0"] == (False, None)

    unknown = a_fault("DescribeInstanceHealth", 400, "InvalidInstance", times=2)
    ec2.faults(unknown | {"only": targets[0].instance})

    assert (await seen(balancer))["web-0"] == (False, 0)
    assert list(await seen(balancer)) == ["web-1", "web-2"]


async def test_without_its_file_it_keeps_who_it_was_not_told_of_and_vouches_for_nobody_unknown(
    ec2: Ec2, make: Make, targets: list[Target]
) -> None:
    await make().apply(CLUSTER, targets)
    fresh = make("lost")

    found = (await fresh.traffic(CLUSTER)).targets
    assert {state.target.member for state in found} == {target.instance for target in targets}
    await fresh.apply(CLUSTER, [state.target for state in found])
    assert len(await seen(fresh)) == 3

    ec2.drain(targets[0].instance)
    await fresh.apply(CLUSTER, targets[1:])
    with pytest.raises(BalancerError, match=f"nobody knows whose {targets[0].instance} is, which drains"):
        await fresh.traffic(CLUSTER)
    ec2.drain()
    await fresh.traffic(CLUSTER)
    assert list(await seen(fresh)) == ["web-1", "web-2"]


async def test_a_load_balancer_that_is_gone_is_not_made_for_nobody(
    ec2: Ec2, make: Make, targets: list[Target], behind: Callable[..., Any]
) -> None:
    balancer = make()
    await balancer.apply(CLUSTER, targets)
    await behind({"Action": "DeleteLoadBalancer", "LoadBalancerName": NAME})

    await balancer.apply(CLUSTER, [])
    assert len(ec2.calls("CreateLoadBalancer")) == 1


async def test_the_rights_of_the_documentation_are_those_that_are_used(
    ec2: Ec2, make: Make, targets: list[Target]
) -> None:
    """``AddTags`` is asked for by AWS when tags come with a create; it is not called."""
    ec2.faults()
    balancer = make()
    await balancer.apply(CLUSTER, targets)
    await balancer.apply(CLUSTER, targets[1:])
    await balancer.traffic(CLUSTER)
    (policy,) = [
        json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL) if "Allow" in text
    ]
    actions = [s["Action"] for s in policy["Statement"]]
    allowed = {each for some in actions for each in ([some] if isinstance(some, str) else some)}

    assert {f"elasticloadbalancing:{each}" for each in ec2.actions()} == allowed - {"elasticloadbalancing:AddTags"}
