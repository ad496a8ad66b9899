"""Hosts in definitions: resolved whole, and a dangling name is an error."""

from pathlib import Path

import pytest

from config.hosting import HostingSpec, Size, memory_bytes
from tests.unit.config.documents import findings, shop


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("2k", 2048), ("256M", 256 * 2**20), ("4g", 2**32), ("", None), ("0", None), ("x", None)],
)
def test_sizes_are_read(text: str, size: int | None) -> None:
    assert memory_bytes(text) == size


def test_room_that_is_not_given_is_not_looked_at() -> None:
    assert Size(cpus=64.0, memory_bytes=2**40).within(Size(slots=1))
    assert not Size(cpus=2.1).within(Size(slots=1, cpus=2.0))
    assert HostingSpec().room == Size(slots=1)


@pytest.mark.parametrize(("named", "errors"), [("front", 0), ("back", 2)])
def test_hosts_that_are_named_must_be_there(tmp_path: Path, named: str, errors: int) -> None:
    documents = shop(
        {
            ("cartridge.json", ("iaasProvider",)): [{"type": "hosts", "imageId": "web:1"}],
            ("cartridge.json", ("hosting",)): {"slots": 4},
            ("network.json", ("provider",)): "hosts",
            ("network.json", ("properties",)): [{"name": "hosts", "value": named}],
        }
    )

    found, _ = findings(tmp_path, documents)

    assert len([each for each in found if "must be an alias whose cartridge has hosting" in each]) == errors


def test_one_network_partition_may_have_hosts_and_what_is_on_them(tmp_path: Path) -> None:
    """So that an application policy can name it: each cluster needs an image only where it is placed."""
    documents = shop({("network.json", ("provider",)): ""})
    first, second = documents["network.json"]["partitions"]
    first |= {"provider": "local"}
    second |= {"provider": "hosts", "property": [{"name": "hosts", "value": "below"}]}
    web = documents["cartridge.json"]
    documents["host.json"] = web | {"type": "host", "hosting": {"slots": 4}, "iaasProvider": [{"type": "local"}]}
    documents["cartridge.json"] = web | {"iaasProvider": [{"type": "hosts", "imageId": "web:1"}]}
    use = documents["deployment.json"]["networkPartitions"][0]
    for name, partition in (("deployment.json", "p2"), ("machines.json", "p1")):
        placed = use | {"partitions": [{"id": partition, "partitionMax": 4}]}
        documents[name] = {"id": name.removesuffix(".json"), "networkPartitions": [placed]}
    (front,) = documents["application.json"]["components"]["cartridges"]
    front["subscribableInfo"]["deploymentPolicy"] = "deployment"
    below = {"alias": "below", "autoscalingPolicy": "fast", "deploymentPolicy": "machines"}
    documents["application.json"]["components"]["cartridges"].append(
        front | {"type": "host", "subscribableInfo": below}
    )

    assert findings(tmp_path, documents)[0] == []
