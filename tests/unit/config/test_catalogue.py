"""A catalogue resolves clusters, and travels as documents."""

import json
from pathlib import Path

import pytest

from config.catalogue import Catalogue, examine, load
from config.cluster import Behavior, StepPolicy
from config.errors import ConfigError
from config.resolve import cluster_id
from tests.unit.config.documents import Changes, Path_, shop, write

INFO: Path_ = ("components", "cartridges", 0, "subscribableInfo")


def catalogue_of(folder: Path, changes: Changes | None = None) -> Catalogue:
    return load([write(folder, shop(changes))])


def test_defaults_are_those_of_the_architecture(tmp_path: Path) -> None:
    (spec,) = catalogue_of(tmp_path).clusters()

    assert spec.policy.tolerance == 0.1
    assert spec.policy.forecast == "Enabled"
    assert spec.policy.up == Behavior(
        stabilization_s=0,
        policies=(
            StepPolicy(kind="Percent", value=100, period_s=15),
            StepPolicy(kind="Pods", value=4, period_s=15),
        ),
    )
    assert spec.policy.down == Behavior(
        stabilization_s=300,
        policies=(
            StepPolicy(kind="Percent", value=10, period_s=60),
            StepPolicy(kind="Pods", value=1, period_s=60),
        ),
    )


def test_a_behavior_that_says_one_thing_keeps_the_other_defaults(tmp_path: Path) -> None:
    changes: Changes = {("policy.json", ("behavior",)): {"scaleDown": {"stabilizationWindowSeconds": 15}}}

    (spec,) = catalogue_of(tmp_path, changes).clusters()

    assert spec.policy.down.stabilization_s == 15
    assert spec.policy.down.policies[1] == StepPolicy(kind="Pods", value=1, period_s=60)
    assert spec.policy.up.stabilization_s == 0


def test_the_application_policy_gives_the_order_of_the_network_partitions(tmp_path: Path) -> None:
    documents = shop(
        {
            ("application-policy.json", ("networkPartitions",)): ["here", "there"],
            ("application-policy.json", ("properties",)): [{"name": "networkPartitionGroups", "value": "there , here"}],
        }
    )
    documents["there.json"] = {"id": "there", "provider": "mock", "partitions": [{"id": "p1"}]}
    documents["deployment.json"]["networkPartitions"].append(
        {"id": "there", "partitionAlgo": "round-robin", "partitions": [{"id": "p1", "partitionMax": 3}]}
    )

    (spec,) = load([write(tmp_path, documents)]).clusters()

    assert [(p.network_partition, p.partition, p.algorithm, p.image) for p in spec.partitions] == [
        ("there", "p1", "round-robin", "web:1"),
        ("here", "p1", "one-after-another", ""),
        ("here", "p2", "one-after-another", ""),
    ]
    assert spec.partitions[0].algorithm == "round-robin"


def test_bursts_go_to_the_cheapest_network_partition_first_when_the_policy_says_so(tmp_path: Path) -> None:
    prices = {"dear": 3.0, "cheap": 1.0, "unknown": None}
    order = ["here", "dear", "unknown", "cheap"]
    documents = shop(
        {
            ("application-policy.json", ("networkPartitions",)): order,
            ("application-policy.json", ("burst",)): "clusters",
            ("application-policy.json", ("burstOrder",)): "price",
        }
    )
    for name, price in prices.items():
        partition = {"id": "p1"} | ({"pricePerHour": price} if price else {})
        documents[f"{name}.json"] = {"id": name, "provider": "mock", "partitions": [partition]}
        documents["deployment.json"]["networkPartitions"].append(
            {"id": name, "partitionAlgo": "round-robin", "partitions": [{"id": "p1", "partitionMax": 3}]}
        )

    (spec,) = load([write(tmp_path, documents)]).applications()

    assert spec.waves == (("here",), ("cheap",), ("dear",), ("unknown",))
    assert spec.burst == "clusters"
    where = [p.network_partition for p in spec.clusters()[0].partitions]
    assert list(dict.fromkeys(where)) == ["here", "cheap", "dear", "unknown"]


def test_payload_parameters_become_the_environment(tmp_path: Path) -> None:
    def given(name: str, value: str) -> list[dict[str, str]]:
        return [{"name": f"payload_parameter.{name}", "value": value}, {"name": f"plain-{name}", "value": value}]

    changes: Changes = {
        ("cartridge.json", ("property",)): given("A", "cartridge") + given("B", "cartridge"),
        ("application.json", ("property",)): given("B", "application") + given("C", "application"),
        ("application.json", (*INFO, "property")): given("C", "cluster"),
        ("network.json", ("properties",)): given("D", "network"),
    }

    (spec,) = catalogue_of(tmp_path, changes).clusters()

    assert spec.cartridge.environment == {"A": "cartridge", "B": "application", "C": "cluster"}
    assert spec.cartridge.properties == {"plain-A": "cartridge", "plain-B": "application", "plain-C": "cluster"}
    assert spec.partitions[0].environment == {"D": "network"}
    assert spec.partitions[0].properties == {"plain-D": "network", "portRange": "9100-9103"}
    assert spec.partitions[0].ports == (9100, 9101, 9102, 9103)


@pytest.mark.parametrize(
    ("probe", "health"),
    [
        pytest.param({}, "tcp", id="by its port when nothing is said"),
        pytest.param({("cartridge.json", ("portMapping",)): []}, "", id="not at all without a port"),
        pytest.param({("cartridge.json", ("healthProbe",)): ""}, "", id="not at all when told so"),
        pytest.param({("cartridge.json", ("healthProbe",)): "http:/up"}, "http:/up", id="as told"),
    ],
)
def test_a_member_is_asked_whether_it_is_well(probe: Changes, health: str, tmp_path: Path) -> None:
    (spec,) = catalogue_of(tmp_path, probe).clusters()

    assert spec.cartridge.health == health


@pytest.mark.parametrize(
    ("names", "cluster"),
    [
        pytest.param(("default", "shop", "web"), "shop-web", id="the default tenant is left out"),
        pytest.param(("acme", "shop", "web"), "acme-shop-web", id="another tenant comes first"),
        pytest.param(("default", "My_Shop", "web"), "my-shop-web-60d4e263", id="what is changed gets a hash"),
        pytest.param(("default", "a" * 60, "web"), "a" * 44 + "-57f95593", id="what is cut gets a hash"),
        pytest.param(("default", "..", "web"), "web-0dc38718", id="it begins with a letter or digit"),
    ],
)
def test_cluster_ids_are_labels(names: tuple[str, str, str], cluster: str) -> None:
    assert cluster_id(*names) == cluster
    assert len(cluster) <= 53


def test_documents_are_keyed_by_kind_tenant_and_id(tmp_path: Path) -> None:
    documents = dict(catalogue_of(tmp_path, {("policy.json", ("displayName",)): "schnell"}).documents())

    assert sorted(documents) == [
        "application/default/shop",
        "applicationPolicy/default/order",
        "autoscalingPolicy/default/fast",
        "cartridge/default/web",
        "deploymentPolicy/default/both",
        "networkPartition/default/here",
    ]
    assert json.loads(documents["autoscalingPolicy/default/fast"]) == {
        "kind": "autoscalingPolicy",
        "id": "fast",
        "displayName": "schnell",
        "loadThresholds": {"requestsInFlight": {"threshold": 8.0}},
    }


def test_the_newest_document_counts_and_an_empty_one_deletes(tmp_path: Path) -> None:
    documents = catalogue_of(tmp_path).documents()
    slow = (documents[2][0], documents[2][1].replace(b"8.0", b"9.0"))

    catalogue = Catalogue.from_documents([*documents, slow, ("application/default/shop", b"")])

    assert catalogue.clusters() == ()
    assert dict(catalogue.documents())[slow[0]] == slow[1]
    assert len(catalogue.definitions) == 5


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param(
            "cartridge/default/x", b"{", "pileus.definitions[cartridge/default/x]: must be JSON", id="no JSON"
        ),
        pytest.param("cartridge/default/x", b"[]", "[cartridge/default/x]: $: must be an object", id="a list"),
        pytest.param("x", b"{}", "[x]: $.kind", id="a key without a kind"),
        pytest.param(
            "autoscalingPolicy/default/x",
            b'{"id": "y", "loadThresholds": {"loadAverage": {"threshold": 1}}}',
            "the key must be autoscalingPolicy/default/y",
            id="a key that says something else",
        ),
    ],
)
def test_a_record_that_is_no_definition_is_refused(key: str, value: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Catalogue.from_documents([(key, value)])

    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_load_raises_every_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"policy.json.*\n.*policy.json") as caught:
        catalogue_of(tmp_path, {("policy.json", ("tolerance",)): 2, ("policy.json", ("x",)): 2})

    assert len(caught.value.problems) == 2


def test_an_application_whose_places_are_wrong_is_not_resolved(tmp_path: Path) -> None:
    changes: Changes = {("deployment.json", ("networkPartitions", 0, "partitions", 0, "id")): "nowhere"}

    catalogue, problems = examine([write(tmp_path, shop(changes))])

    assert any("nowhere" in str(each) for each in problems)
    assert catalogue.applications() == ()


def test_tenants_do_not_see_each_other(tmp_path: Path) -> None:
    documents = shop() | {f"acme-{name}": each | {"tenant": "acme"} for name, each in shop().items()}
    for name in ("cartridge.json", "acme-cartridge.json"):
        documents[name] = documents[name] | {"version": name}
    documents["acme-network.json"]["provider"] = "mock"

    mine, theirs = sorted(load([write(tmp_path, documents)]).clusters(), key=lambda spec: spec.cluster, reverse=True)

    assert (mine.cluster, mine.partitions[0].provider) == ("shop-front", "local")
    assert (theirs.cluster, theirs.partitions[0].provider) == ("acme-shop-front", "mock")
