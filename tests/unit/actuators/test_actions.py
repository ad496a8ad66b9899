"""From a definition to intents and orders."""

import pytest

from actuators import actions
from config.cluster import CartridgeSpec
from streams.records.action import Result, Verb
from streams.records.member import State
from tests.actuator_builders import an_outcome
from tests.builders import a_member, a_place, a_spec

CARTRIDGE = CartridgeSpec(
    cartridge="web",
    command=("serve", "--fast"),
    image="web:1",
    environment={"MODE": "live", "WHERE": "anywhere"},
    health="tcp",
    grace_s=7.0,
    properties={"size": "small", "zone": "any"},
)
HERE = a_place("p1", provider="local", ports=range(9100, 9103), environment={"WHERE": "p1"}, properties={"zone": "a"})
THERE = a_place("p2", provider="cloud", image="ami-1")
SPEC = a_spec(cartridge=CARTRIDGE, partitions=(HERE, THERE))


def test_a_launch_says_all_that_an_instance_is_made_of() -> None:
    member = a_member(partition="p1", provider="local", state=State.CREATED)

    order = actions.launch(SPEC, member, environment={}, at=5.0, epoch=3)

    assert order is not None
    assert order.launch is not None
    assert (order.action, order.verb, order.provider, order.partition) == ("shop-web-1/launch", "launch", "local", "p1")
    assert (order.at, order.epoch, order.grace_s) == (5.0, 3, 7.0)
    assert (order.launch.command, order.launch.image) == (["serve", "--fast"], "web:1")
    assert (order.launch.health, order.launch.grace_s, order.launch.ports) == ("tcp", 7.0, [9100, 9101, 9102])


def test_what_the_partition_says_comes_before_what_the_cartridge_says() -> None:
    here = actions.launch(SPEC, a_member(partition="p1"), environment={}, at=5.0, epoch=3)
    there = actions.launch(SPEC, a_member(partition="p2"), environment={}, at=5.0, epoch=3)

    assert here is not None
    assert here.launch is not None
    assert here.launch.environment == {"MODE": "live", "WHERE": "p1"}
    assert here.launch.properties == {"size": "small", "zone": "a"}
    assert there is not None
    assert there.launch is not None
    assert there.launch.image == "ami-1"


def test_nothing_is_launched_in_a_partition_that_is_not_declared() -> None:
    assert actions.launch(SPEC, a_member(partition="gone"), environment={}, at=5.0, epoch=3) is None


@pytest.mark.parametrize("partition", ["p1", "gone"])
def test_a_member_is_terminated_where_it_was_launched_whatever_is_declared_now(partition: str) -> None:
    order = actions.terminate(SPEC, a_member(partition=partition, provider="old-cloud"), at=5.0, epoch=3)

    assert (order.provider, order.verb, order.launch) == ("old-cloud", Verb.TERMINATE, None)


def test_an_old_record_without_a_provider_is_looked_up() -> None:
    assert actions.terminate(SPEC, a_member(partition="p2", provider=""), at=5.0, epoch=3).provider == "cloud"


@pytest.mark.parametrize(
    ("member", "ordinal"),
    [("shop-web-12", 12), ("web-0", 0), ("web", 0), ("web-x", 0), ("web-²", 0), ("web-", 0)],
)
def test_the_ordinal_of_a_member(member: str, ordinal: int) -> None:
    assert actions.ordinal(member) == ordinal


def test_the_address_is_noted_under_the_epoch_that_notes_it() -> None:
    member = a_member(state=State.STARTING, epoch=1, host="", port=0)

    noted = actions.located(member, an_outcome(Result.RUNNING, host="10.0.0.1", port=81), 4)

    assert (noted.state, noted.host, noted.port, noted.epoch) == (State.STARTING, "10.0.0.1", 81, 4)
