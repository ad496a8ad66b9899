"""Old documents load, and each left-over is named."""
# ruff: noqa: E501 - tables read best with one case a line

from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.documents import Changes, Path_, findings, shop

USE: Path_ = ("components", "cartridges", 0)


@pytest.mark.parametrize(
    ("file", "path", "value", "warning"),
    [
        pytest.param("cartridge.json", ("portMapping", 0, "port"), "80", '$.portMapping[0].port = "80": text, read as 80', id="a port as text"),
        pytest.param("cartridge.json", ("multiTenant",), "False", '$.multiTenant = "False": text, read as false', id="false as text"),
        pytest.param("policy.json", ("loadThresholds", "requestsInFlight", "threshold"), "7.5", '$.loadThresholds.requestsInFlight.threshold = "7.5": text, read as 7.5', id="a threshold as text"),
        pytest.param("cartridge.json", ("properties",), [{"name": "a", "value": "b"}], "$.properties = [1 items]: stale key, read as 'property'", id="properties for property"),
        pytest.param("network.json", ("property",), [{"name": "a", "value": "b"}], "$.property = [1 items]: stale key, read as 'properties'", id="property for properties"),
        pytest.param("cartridge.json", ("deployment",), None, "$.deployment = null: null, taken as absent", id="a null"),
        pytest.param("cartridge.json", ("property",), [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}], '$.property[1].name = "a": given twice, the last one counts', id="one property twice"),
        pytest.param("policy.json", ("loadThresholds", "requestsInFlight", "gradient"), 1, "$.loadThresholds.requestsInFlight.gradient = 1: stale key, not used", id="a key of Stratos 4.0"),
        pytest.param("deployment.json", ("networkPartitions", 0, "partitions", 0), {"id": "p1", "max": 2}, "$.networkPartitions[0].partitions[0].max = 2: stale key, read as 'partitionMax'", id="max for partitionMax"),
        pytest.param("application.json", (*USE, "lvsVirtualIP"), "192.0.2.1|255.255.255.0", '$.components.cartridges[0].lvsVirtualIP = "192.0.2.1|255.255.255.0": stale key, not used', id="a misplaced lvsVirtualIP"),
        pytest.param("application-policy.json", ("properties",), [{"name": "network-partition-groups", "value": "here"}], '$.properties[0].name = "network-partition-groups": stale name of networkPartitionGroups, not used', id="the stale name of the groups"),
        pytest.param("network.json", ("partitions", 0, "provider"), "ec2", '$.partitions[0].provider = "ec2": obsolete, counts only while the network partition has none', id="a partition's own provider"),
    ],
)  # fmt: skip
def test_a_left_over_is_accepted_and_named(file: str, path: Path_, value: Any, warning: str, tmp_path: Path) -> None:
    errors, warnings = findings(tmp_path, shop({(file, path): value}))

    assert errors == []
    assert warnings == [f"{file}: {warning}"]


def test_true_and_numbers_are_text_where_text_is_wanted(tmp_path: Path) -> None:
    changes: Changes = {
        ("cartridge.json", ("version",)): 7,
        ("cartridge.json", ("property",)): [{"name": "a", "value": True}],
    }

    assert findings(tmp_path, shop(changes)) == ([], [])


def test_a_stale_key_beside_its_new_name_is_an_error(tmp_path: Path) -> None:
    changes: Changes = {("deployment.json", ("networkPartition",)): []}

    errors, _ = findings(tmp_path, shop(changes))

    assert errors == ["deployment.json: $.networkPartition = [0 items]: unknown key, did you mean 'networkPartitions'?"]
