"""Every wrong document gets exactly one message that says file, path, value and bound."""
# ruff: noqa: E501 - tables read best with one case a line

from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.documents import GONE, Changes, Path_, findings, shop

CARTRIDGE, POLICY, NETWORK = "cartridge.json", "policy.json", "network.json"
DEPLOYMENT, ORDER, APPLICATION = "deployment.json", "application-policy.json", "application.json"
RIF: Path_ = ("loadThresholds", "requestsInFlight", "threshold")
USE: Path_ = ("components", "cartridges", 0)
INFO: Path_ = (*USE, "subscribableInfo")
DOWN: Path_ = ("behavior",)
PLACE: Path_ = ("networkPartitions", 0)

PORTS, MORE, LAST = (
    {"property": [{"name": "portRange", "value": ports}]} for ports in ("9100-9103", "9104-9107", "9108-9109")
)


def step(**changes: Any) -> dict[str, Any]:
    return {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 5} | changes]}}


# fmt: off
@pytest.mark.parametrize(
    ("file", "path", "value", "message"),
    [
        pytest.param(POLICY, RIF, -1, "policy.json: $.loadThresholds.requestsInFlight.threshold = -1: must be greater than 0", id="a negative threshold"),
        pytest.param(POLICY, RIF, 0, "policy.json: $.loadThresholds.requestsInFlight.threshold = 0: must be greater than 0", id="a threshold of zero"),
        pytest.param(POLICY, RIF, True, "policy.json: $.loadThresholds.requestsInFlight.threshold = true: must be a number", id="true is not one"),
        pytest.param(POLICY, RIF, "many", 'policy.json: $.loadThresholds.requestsInFlight.threshold = "many": must be a number', id="a word for a number"),
        pytest.param(POLICY, RIF, GONE, "policy.json: $.loadThresholds.requestsInFlight.threshold: must be given", id="no threshold"),
        pytest.param(POLICY, ("loadThresholds",), {"memoryConsumption": {"threshold": 101}}, "policy.json: $.loadThresholds.memoryConsumption.threshold = 101: must be at most 100", id="memory above 100 percent"),
        pytest.param(POLICY, ("loadThresholds",), {}, "policy.json: $.loadThresholds = {0 keys}: must hold one of requestsInFlight, loadAverage, memoryConsumption", id="no factor at all"),
        pytest.param(POLICY, ("loadThresholds",), {"requestInFlight": {"threshold": 1}, "loadAverage": {"threshold": 70}}, "policy.json: $.loadThresholds.requestInFlight = {1 keys}: unknown key, did you mean 'requestsInFlight'?", id="a misspelt factor"),
        pytest.param(APPLICATION, ("applicationId",), "a b", 'application.json: $.applicationId = "a b": must match ^[A-Za-z0-9._-]+$', id="a blank in an id"),
        pytest.param(POLICY, ("tolerance",), 1, "policy.json: $.tolerance = 1: must be less than 1", id="a tolerance of one"),
        pytest.param(POLICY, ("prediction",), {"mode": "On"}, "policy.json: $.prediction.mode = \"On\": must be 'Disabled', 'ForecastOnly' or 'Enabled'", id="an unknown mode"),
        pytest.param(POLICY, ("prediction",), {"mode": "ForecastsOnly"}, "policy.json: $.prediction.mode = \"ForecastsOnly\": must be 'Disabled', 'ForecastOnly' or 'Enabled', did you mean 'ForecastOnly'?", id="a misspelt mode"),
        pytest.param(POLICY, ("prediction",), {"predictor": "kinmatic"}, "policy.json: $.prediction.predictor = \"kinmatic\": must be 'last', 'kinematic', 'stratos-4.1', 'seasonal' or 'ensemble', did you mean 'kinematic'?", id="an unknown predictor"),
        pytest.param(POLICY, DOWN, step(value=0), "policy.json: $.behavior.scaleDown.policies[0].value = 0: must be greater than 0", id="a step of zero"),
        pytest.param(POLICY, DOWN, step(value=1.5), "policy.json: $.behavior.scaleDown.policies[0].value = 1.5: must be a whole number", id="a step of one and a half"),
        pytest.param(POLICY, DOWN, step(periodSeconds=1801), "policy.json: $.behavior.scaleDown.policies[0].periodSeconds = 1801: must be at most 1800", id="a period above half an hour"),
        pytest.param(POLICY, DOWN, {"scaleUp": {"policies": []}}, "policy.json: $.behavior.scaleUp.policies = [0 items]: must hold at least 1", id="no step policy"),
        pytest.param(POLICY, DOWN, {"scaleUp": {"stabilizationWindowSeconds": 3601}}, "policy.json: $.behavior.scaleUp.stabilizationWindowSeconds = 3601: must be at most 3600", id="a window above one hour"),
        pytest.param(CARTRIDGE, ("iaasProvider",), [], "cartridge.json: $.iaasProvider = [0 items]: must hold at least 1", id="a cartridge for no cloud"),
        pytest.param(CARTRIDGE, ("category",), "", 'cartridge.json: $.category = "": must not be empty', id="no category"),
        pytest.param(CARTRIDGE, ("portMapping", 0, "port"), 65536, "cartridge.json: $.portMapping[0].port = 65536: must be at most 65535", id="a port above the highest"),
        pytest.param(CARTRIDGE, ("portMapping",), "80", 'cartridge.json: $.portMapping = "80": must be a list', id="a word for a list"),
        pytest.param(CARTRIDGE, ("drain",), 5, "cartridge.json: $.drain = 5: must be an object", id="a number for an object"),
        pytest.param(CARTRIDGE, ("multiTenant",), "maybe", 'cartridge.json: $.multiTenant = "maybe": must be true or false', id="neither true nor false"),
        pytest.param(CARTRIDGE, ("healthProbe",), "/health", 'cartridge.json: $.healthProbe = "/health": must match ^(|tcp|http:/\\S*)$', id="a probe without protocol"),
        pytest.param(CARTRIDGE, ("bootTimeoutSeconds",), 0, "cartridge.json: $.bootTimeoutSeconds = 0: must be greater than 0", id="no time to boot"),
        pytest.param(CARTRIDGE, ("comand",), ["x"], "cartridge.json: $.comand = [1 items]: unknown key, did you mean 'command'?", id="a misspelt key"),
        pytest.param(CARTRIDGE, ("command",), [], 'application.json: $.components.cartridges[0].type = "web": must have a command to be started as a process', id="a process without command"),
        pytest.param(CARTRIDGE, ("iaasProvider", 0, "credential"), ["s3cret"], "cartridge.json: $.iaasProvider[0].credential = ***: must be text", id="a secret is not printed"),
        pytest.param(NETWORK, ("partitions",), [], "network.json: $.partitions = [0 items]: must hold at least 1", id="no partition"),
        pytest.param(NETWORK, ("provider",), GONE, "network.json: $.provider: must be given", id="no provider"),
        pytest.param(NETWORK, ("partitions",), [{"id": "p1", **PORTS}, {"id": "p2", **MORE}, {"id": "p1", **LAST}], 'network.json: $.partitions[2].id = "p1": must be unique', id="one partition twice"),
        pytest.param(NETWORK, ("partitions", 0, "property", 0, "value"), "9103-9100", 'network.json: $.partitions[0].property[0].value = "9103-9100": must be two ports, the lower first, as in 9100-9115', id="ports upside down"),
        pytest.param(NETWORK, ("partitions", 1, "property", 0, "value"), "9103-9107", 'network.json: $.partitions[1].property[0].value = "9103-9107": must not overlap with the ports of default/here/p1', id="ports of another partition"),
        pytest.param(NETWORK, ("partitions", 1, "property"), [], "network.json: $.partitions[1].property: must hold portRange, as in 9100-9115", id="a local partition without ports"),
        pytest.param(DEPLOYMENT, (*PLACE, "partitionAlgo"), "round-robbin", "deployment.json: $.networkPartitions[0].partitionAlgo = \"round-robbin\": must be 'one-after-another' or 'round-robin', did you mean 'round-robin'?", id="a misspelt algorithm"),
        pytest.param(DEPLOYMENT, (*PLACE, "partitions", 0, "partitionMax"), -2, "deployment.json: $.networkPartitions[0].partitions[0].partitionMax = -2: must be at least 1", id="a negative maximum"),
        pytest.param(DEPLOYMENT, (*PLACE, "partitions", 0, "partitionMax"), 5, "deployment.json: $.networkPartitions[0].partitions[0].partitionMax = 5: must be at most 4, the ports of partition 'p1'", id="more members than ports"),
        pytest.param(DEPLOYMENT, (*PLACE, "partitions", 0, "id"), "p11", "deployment.json: $.networkPartitions[0].partitions[0].id = \"p11\": no such partition in network partition 'here', did you mean 'p1'?", id="a partition that is not there"),
        pytest.param(DEPLOYMENT, (*PLACE, "partitions", 1, "id"), "p1", 'deployment.json: $.networkPartitions[0].partitions[1].id = "p1": must be unique', id="one partition used twice"),
        pytest.param(ORDER, ("algorithm",), "all", "application-policy.json: $.algorithm = \"all\": must be 'one-after-another' or 'all-at-once'", id="an unknown algorithm"),
        pytest.param(ORDER, ("properties",), [{"name": "networkPartitionGroups", "value": "here,her"}], "application-policy.json: $.properties[0].value = \"her\": must be one of networkPartitions, did you mean 'here'?", id="a group of what is not in the policy"),
        pytest.param(ORDER, ("properties",), [{"name": "networkPartitionGroups", "value": "here|here"}], 'application-policy.json: $.properties[0].value = "here": must be unique', id="one network partition in two groups"),
        pytest.param(APPLICATION, (*USE, "cartridgeMax"), 0, "application.json: $.components.cartridges[0].cartridgeMax = 0: must be at least 1", id="a maximum of zero"),
        pytest.param(APPLICATION, (*USE, "cartridgeMin"), -1, "application.json: $.components.cartridges[0].cartridgeMin = -1: must be at least 1", id="a negative minimum"),
        pytest.param(APPLICATION, (*USE, "type"), "wbe", "application.json: $.components.cartridges[0].type = \"wbe\": no such cartridge, did you mean 'web'?", id="a cartridge that is not there"),
        pytest.param(APPLICATION, (*INFO, "autoscalingPolicy"), "slow", 'application.json: $.components.cartridges[0].subscribableInfo.autoscalingPolicy = "slow": no such autoscalingPolicy', id="a policy that is not there"),
        pytest.param(APPLICATION, (*INFO, "deploymentPolicy"), GONE, "application.json: $.components.cartridges[0].subscribableInfo.deploymentPolicy: must be given", id="no deployment policy"),
        pytest.param(APPLICATION, (*INFO, "alias"), "Front", 'application.json: $.components.cartridges[0].subscribableInfo.alias = "Front": must match ^[a-z0-9]+(-[a-z0-9]+)*$', id="an alias in capitals"),
        pytest.param(APPLICATION, ("applicationPolicy",), "ordre", "application.json: $.applicationPolicy = \"ordre\": no such applicationPolicy, did you mean 'order'?", id="an application policy that is not there"),
        pytest.param(APPLICATION, ("components", "groups"), [{"name": "g", "alias": "g"}], "application.json: $.components.groups[0] = {2 keys}: must hold at least one cartridge or group", id="a group of nothing"),
        pytest.param(APPLICATION, ("components", "cartridges"), [], "application.json: $.components = {1 keys}: must hold at least one cartridge or group", id="an application of nothing"),
        pytest.param(APPLICATION, ("kind",), "aplication", "application.json: $.kind = \"aplication\": must be one of tenant, kubernetesCluster, cartridge, cartridgeGroup, autoscalingPolicy, networkPartition, deploymentPolicy, applicationPolicy, application, applicationSignUp, domainMapping, did you mean 'application'?", id="a misspelt kind"),
        pytest.param(APPLICATION, ("tenant",), "acme", None, id="what another tenant has is not seen"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place_and_bound(file: str, path: Path_, value: Any, message: str | None, tmp_path: Path) -> None:
    errors, _ = findings(tmp_path, shop({(file, path): value}))

    if message is None:
        assert len(errors) == 4
        assert all(": no such " in error for error in errors)
    else:
        assert errors == [message]
# fmt: on


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    changes: Changes = {(POLICY, RIF): -1, (POLICY, ("tolerance",)): 2, (APPLICATION, (*USE, "cartridgeMin")): 0}

    errors, _ = findings(tmp_path, shop(changes))

    assert errors == [
        "application.json: $.components.cartridges[0].cartridgeMin = 0: must be at least 1",
        "policy.json: $.loadThresholds.requestsInFlight.threshold = -1: must be greater than 0",
        "policy.json: $.tolerance = 2: must be less than 1",
    ]


def test_what_is_wrong_itself_is_not_reported_as_missing_too(tmp_path: Path) -> None:
    errors, _ = findings(tmp_path, shop({(POLICY, RIF): -1}))

    assert not [error for error in errors if "no such" in error]


def test_two_different_definitions_of_one_name_are_refused_equal_ones_are_not(tmp_path: Path) -> None:
    documents = shop()
    documents["policy2.json"] = documents["policy.json"] | {"tolerance": 0.2}
    documents["policy3.json"] = documents["policy.json"]

    errors, warnings = findings(tmp_path, documents, strict=True)

    assert errors == [
        f'policy2.json: $.id = "fast": also declared in {tmp_path}/policy.json'.replace(f"{tmp_path}/", "")
    ]
    assert warnings == ['policy3.json: $.id = "fast": also declared in policy.json']


def test_two_clusters_never_share_an_id(tmp_path: Path) -> None:
    documents = shop()
    documents["second.json"] = shop(
        {(APPLICATION, ("applicationId",)): "shop-front", (APPLICATION, (*INFO, "alias")): "x"}
    )[APPLICATION]
    documents["third.json"] = shop({(APPLICATION, (*INFO, "alias")): "front-x", (APPLICATION, ("alias",)): "third"})[
        APPLICATION
    ]
    del documents[APPLICATION]

    errors, _ = findings(tmp_path, documents)

    assert errors == [
        """second.json: $.components.cartridges[0].subscribableInfo.alias = "x": makes the cluster 'shop-front-x', which default/shop/front-x is already"""
    ]


class TestF26MissingMinMaxAndNegativeValidation:
    """Stratos took min above max, room too small and negative thresholds without a word."""

    def test_a_minimum_above_the_maximum_is_refused(self, tmp_path: Path) -> None:
        errors, _ = findings(tmp_path, shop({(APPLICATION, (*USE, "cartridgeMin")): 5}))

        assert errors == [
            "application.json: $.components.cartridges[0].cartridgeMax = 4: must be at least cartridgeMin = 5"
        ]

    def test_a_minimum_above_the_room_is_refused(self, tmp_path: Path) -> None:
        changes: Changes = {(APPLICATION, (*USE, "cartridgeMin")): 5, (APPLICATION, (*USE, "cartridgeMax")): 5}

        errors, _ = findings(tmp_path, shop(changes))

        assert errors == [
            "application.json: $.components.cartridges[0].cartridgeMin = 5: must be at most 4, the sum of partitionMax in network partition 'here'"
        ]

    def test_a_maximum_above_the_room_is_told(self, tmp_path: Path) -> None:
        errors, warnings = findings(tmp_path, shop({(APPLICATION, (*USE, "cartridgeMax")): 9}))

        assert errors == []
        assert warnings == [
            "application.json: $.components.cartridges[0].cartridgeMax = 9: more than 4, the sum of partitionMax in all partitions"
        ]

    @pytest.mark.parametrize(
        ("named", "passed_over"), [("front", []), ("front, blog", ["blog"]), ("a,b", ["a", "b"]), ("", [])]
    )
    def test_a_cluster_that_a_balancer_is_to_serve_and_is_not_there_is_told(
        self, named: str, passed_over: list[str], tmp_path: Path
    ) -> None:
        changes: Changes = {
            ("cartridge.json", ("category",)): "Load Balancer",
            ("cartridge.json", ("property",)): [{"name": "balancer.clusters", "value": named}],
        }

        errors, warnings = findings(tmp_path, shop(changes))

        assert errors == []
        assert warnings == [
            'application.json: $.components.cartridges[0].subscribableInfo.alias = "front": '
            f"its balancer.clusters names '{alias}', which is no alias of this application: passed over"
            for alias in passed_over
        ]

    @pytest.mark.parametrize("factor", ["requestsInFlight", "loadAverage", "memoryConsumption"])
    @pytest.mark.parametrize("threshold", [-1, 0, -0.5])
    def test_a_threshold_that_is_not_positive_is_refused(self, factor: str, threshold: float, tmp_path: Path) -> None:
        errors, _ = findings(tmp_path, shop({(POLICY, ("loadThresholds",)): {factor: {"threshold": threshold}}}))

        assert errors == [f"policy.json: $.loadThresholds.{factor}.threshold = {threshold}: must be greater than 0"]


def test_f25_one_partition_id_in_two_network_partitions(tmp_path: Path) -> None:
    """Stratos kept partition ids in one global map."""
    documents = shop()
    documents["network2.json"] = {"id": "there", "provider": "mock", "partitions": [{"id": "p1"}]}

    assert findings(tmp_path, documents) == ([], [])
