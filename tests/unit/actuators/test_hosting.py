"""Who is on which host, and how much of it that takes."""

import msgspec

from actuators.cluster import ClusterState, Rules
from actuators.hosting import settle
from config.cluster import CartridgeSpec
from config.hosting import HostingSpec, Size
from tests.builders import a_member, a_place, a_spec


def test_a_container_takes_what_its_own_partition_says_whatever_others_of_that_name_say() -> None:
    hosting = HostingSpec(room=Size(slots=4, cpus=8.0))
    cartridge = CartridgeSpec(cartridge="host", balanced=False, health="", hosting=hosting)
    hosts = ClusterState(a_spec("shop-hosts", alias="hosts", cartridge=cartridge), Rules())
    cpus = {"eu": "1", "us": "3"}
    places = [
        a_place("one", network_partition=name, provider="hosts", properties={"hosts": "hosts", "cpus": each})
        for name, each in cpus.items()
    ]
    web = ClusterState(a_spec(partitions=places), Rules())
    hosts.recall(a_member("shop-hosts-1", cluster="shop-hosts"))
    for number, name in enumerate(cpus, 1):
        member = a_member(f"shop-web-{number}", network_partition=name, partition="one")
        web.recall(msgspec.structs.replace(member, on="shop-hosts-1"))

    settle([hosts, web], at=1000.0)

    assert hosts.hosting.hosts["shop-hosts-1"].used == Size(slots=2, cpus=4.0)
