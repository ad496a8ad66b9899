"""Stratos' own samples load unchanged, and their applications resolve."""

import json
from pathlib import Path

import pytest

from config.catalogue import examine, load
from config.parse import parse
from config.read import read
from config.tree import ApplicationSpec, GroupSpec

FOLDERS = {
    "autoscaling-policies": 5,
    "deployment-policies": 5,
    "network-partitions": 15,
    "application-policies": 6,
    "cartridges": 41,
    "cartridge-groups": 18,
    "kubernetes-clusters": 3,
}
REFUSED = "esb-php-nested-with-esb-php-nested-with-mysql-php-app"
"""The application whose file has a key twice."""
BROKEN = "applications/simple/single-group-app/artifacts/application.json:63:17"
DOMAINS = "applications/scaling/app-bursting-pattern/artifacts/domain-mappings.json"


@pytest.fixture
def samples(shared: Path) -> Path:
    return shared / "stratos-samples"


@pytest.mark.parametrize(("folder", "count"), FOLDERS.items())
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

    assert [each.file for each in problems[:2]] == [f"{broken}:63:17", f"{twice}:123:9"]
    assert "key 'cartridges' is given twice" in str(problems[1])


def test_the_left_overs_of_an_old_sample_are_named(samples: Path) -> None:
    old = samples / "applications/nested/single-level-nested-groups-app/artifacts/deployment-policy.json"
    parsed = parse(read([old])[0][0])

    assert parsed.problems == ()
    assert [(each.path, each.bound) for each in parsed.warnings] == [
        ("$.networkPartition", "stale key, read as 'networkPartitions'"),
        ("$.networkPartition[0].partitions[0].max", "stale key, read as 'partitionMax'"),
    ]


def test_the_whole_tree_loads_and_every_application_resolves(samples: Path) -> None:
    catalogue, problems = examine([samples])

    told = {each.file.replace(f"{samples}/", ""): f"{each.path}: {each.bound}" for each in problems}
    assert told == {
        f"applications/nested/{REFUSED}/artifacts/application.json:123:9": ": key 'cartridges' is given twice",
        BROKEN: ": must be JSON: Expecting property name enclosed in double quotes",
        "application-policies/application-policy-3.json": "$.networkPartitions[4]: no such networkPartition",
        DOMAINS: "$.domainMappings[0].cartridgeAlias: no such cluster of 'app-bursting-pattern-app'",
    }
    assert len(catalogue.loaded) == len(list(samples.rglob("*.json"))) - 2
    assert len(catalogue.resolved) == 16
    assert len({each.application for each in catalogue.applications()}) == 16
    assert sum(each.file in catalogue.refused for each in catalogue.resolved) == 1


def spec_of(samples: Path, application: str) -> ApplicationSpec:
    return next(each for each in examine([samples])[0].applications() if each.application == application)


def test_a_sample_of_nested_groups_resolves_to_a_tree(samples: Path) -> None:
    spec = spec_of(samples, "group-scaling")
    (outer,) = (each for each in spec.root.children if isinstance(each, GroupSpec))
    (inner,) = (each for each in outer.children if isinstance(each, GroupSpec))

    assert (spec.root.order, spec.root.termination) == ((("my-group1", "my-c4"),), "dependents")
    assert (outer.name, outer.order, outer.termination) == ("group1", (("my-c1-group1", "my-group2"),), "dependents")
    assert (inner.min, inner.max, inner.termination) == (1, 2, "all")
    assert inner.order == (("my-c3-group2", "my-c2-group2"),)
    assert inner.termination_order == (("my-c2-group2", "my-c3-group2"),)
    assert [each.alias for each in spec.clusters()] == ["my-c4", "my-c1-group1", "my-c2-group2", "my-c3-group2"]
    assert {each.min_members for each in inner.clusters()} == {1, 2}


def test_the_deepest_sample_is_six_groups_deep(samples: Path) -> None:
    spec = spec_of(samples, "n-level-nesting")

    assert len(list(spec.root.groups())) == 1 + 6
    assert len(spec.clusters()) == 10


def test_two_aliases_in_one_text_are_two(samples: Path) -> None:
    spec = spec_of(samples, "my-compositeapp")

    assert spec.root.dependents == (frozenset({"my-appgroup", "my-esb"}),)


def test_what_a_reference_means_goes_together(samples: Path) -> None:
    """Cartridges that only the mock cloud has draw the network partition of the mock cloud with them."""
    clouds = {
        each.application: {place.provider for cluster in each.clusters() for place in cluster.partitions}
        for each in examine([samples])[0].applications()
    }

    assert clouds["single-cartridge-app"] == {"ec2"}
    assert clouds["wordpress"] == {"mock"}
    assert clouds["app-bursting-pattern-app"] == {"mock"}
    assert clouds["single-cartridge-multi-cloud-app"] == {"ec2-singapore", "ec2-sydney", "openstack"}


def test_the_nearest_document_counts(samples: Path) -> None:
    thresholds = {
        each.application: {
            cluster.policy.thresholds["requests_in_flight"]
            for cluster in each.clusters()
            if cluster.policy.policy == "autoscaling-policy-1"
        }
        for each in examine([samples])[0].applications()
    }

    assert thresholds["complex-app"] == {80}, "its own, beside it"
    assert thresholds["complex-app-with-lb"] == {20}, "the common one, not that of the folder next door"
