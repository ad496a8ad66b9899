"""What a cluster's partitions say on clouds of virtual machines."""

import copy
from pathlib import Path

import pytest

from config.catalogue import load
from config.cluster import PartitionSpec
from tests.unit.config.documents import SHOP, write


def partition(tmp_path: Path, provider: str) -> PartitionSpec:
    documents = copy.deepcopy(SHOP)
    documents["network.json"]["provider"] = provider
    for place in documents["network.json"]["partitions"]:
        place["property"] = [{"name": "zone", "value": "a"}]
    documents["cartridge.json"]["iaasProvider"] = [
        {"type": provider, "imageId": "ami-1", "networkInterfaces": [{"networkUuid": "n-1"}, {"networkUuid": "n-2"}]}
    ]
    write(tmp_path, documents)
    (spec,) = load([tmp_path]).clusters()
    return spec.partitions[0]


@pytest.mark.parametrize(("provider", "ports"), [("ec2", (80,)), ("memory", ()), ("docker", ())])
def test_a_machine_of_its_own_serves_on_the_mapped_port(tmp_path: Path, provider: str, ports: tuple[int, ...]) -> None:
    assert partition(tmp_path, provider).ports == ports


def test_network_interfaces_name_networks(tmp_path: Path) -> None:
    assert partition(tmp_path, "ec2").properties == {"networks": "n-1,n-2", "zone": "a"}
