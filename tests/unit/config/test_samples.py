"""Stratos' own samples of the six kinds load unchanged."""

import json
from pathlib import Path

import pytest

from config.catalogue import examine, load
from config.parse import parse
from config.read import read

SIX = ("autoscaling-policies", "deployment-policies", "network-partitions", "application-policies", "cartridges")


@pytest.fixture
def samples(shared: Path) -> Path:
    return shared / "stratos-samples"


@pytest.mark.parametrize(
    ("folder", "count"),
    list(zip(SIX, (5, 5, 15, 6, 41), strict=True)),
)
def test_every_sample_of_a_kind_loads(folder: str, count: int, samples: Path) -> None:
    sources, unread = read([samples / folder])
    parsed = [parse(source) for source in sources]

    assert unread == []
    assert [str(problem) for one in parsed for problem in one.problems] == []
    assert len([one for one in parsed if one.definition]) == count


def test_a_sample_keeps_every_value_it_has(samples: Path) -> None:
    file = samples / "deployment-policies" / "deployment-policy-4.json"
    definition = parse(read([file])[0][0]).definition

    assert definition is not None
    assert definition.document() == {"kind": "deploymentPolicy", **json.loads(file.read_text())}


@pytest.mark.parametrize(
    ("application", "others", "cluster", "room"),
    [
        pytest.param(
            "simple/single-cartridge-app",
            ["network-partitions/mock", "cartridges/mock", "deployment-policies/deployment-policy-1.json"],
            (
                "single-cartridge-app-my-php",
                1,
                5,
                {"requests_in_flight": 20, "load_average": 70, "memory_consumption": 70},
            ),
            [("network-partition-1", "partition-1", "mock", 20)],
            id="in one cloud",
        ),
        pytest.param(
            "simple/single-cartridge-app-multi-cloud",
            [
                "network-partitions/multi",
                "cartridges/multi",
                "deployment-policies/multi-cloud-deployment-policy.json",
                "application-policies/multi-cloud-application-policy.json",
            ],
            (
                "single-cartridge-multi-cloud-app-my-php",
                1,
                10,
                {"requests_in_flight": 20, "load_average": 70, "memory_consumption": 70},
            ),
            [
                ("ap-southeast-1-nw-partition", "ap-southeast-1a-partition", "ec2-singapore", 4),
                ("ap-southeast-2-nw-partition", "ap-southeast-2b-partition", "ec2-sydney", 4),
                ("openstack-nw-partition", "partition-1", "openstack", 2),
            ],
            id="in several clouds",
        ),
    ],
)
def test_a_sample_application_resolves(
    application: str,
    others: list[str],
    cluster: tuple[str, int, int, dict[str, float]],
    room: list[tuple[str, str, str, int]],
    samples: Path,
) -> None:
    file = samples / "applications" / application / "artifacts" / "application.json"
    catalogue = load([file, samples / "autoscaling-policies", *(samples / other for other in others)])

    (spec,) = catalogue.clusters()

    assert (spec.cluster, spec.min_members, spec.max_members, spec.policy.thresholds) == cluster
    assert [(p.network_partition, p.partition, p.provider, p.max_members) for p in spec.partitions] == room


def test_what_is_no_json_is_refused_with_its_line(samples: Path) -> None:
    broken = samples / "applications/simple/single-group-app/artifacts/application.json"
    twice = (
        samples / "applications/nested/esb-php-nested-with-esb-php-nested-with-mysql-php-app/artifacts/application.json"
    )

    _, problems = examine([broken, twice])

    assert [each.file for each in problems] == [f"{broken}:63:17", f"{twice}:123:9"]
    assert "key 'cartridges' is given twice" in str(problems[1])


def test_the_left_overs_of_an_old_sample_are_named(samples: Path) -> None:
    old = samples / "applications/nested/single-level-nested-groups-app/artifacts/deployment-policy.json"
    parsed = parse(read([old])[0][0])

    assert parsed.problems == ()
    assert [(each.path, each.bound) for each in parsed.warnings] == [
        ("$.networkPartition", "stale key, read as 'networkPartitions'"),
        ("$.networkPartition[0].partitions[0].max", "stale key, read as 'partitionMax'"),
    ]
