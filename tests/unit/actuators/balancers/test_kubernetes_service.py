"""Services: what port mappings ask for, what differs, whom EndpointSlices send requests to."""

from typing import Any

import pytest

from actuators.balancers.kubernetes_service import ClusterService, ServicePort, differs, manifest, routed, service_of
from config.cartridge import PortMapping

WEB = ClusterService(name="web", ports=(ServicePort(port=80, target_port=8080),))


def a_mapping(**given: object) -> PortMapping:
    return PortMapping.model_validate(given)


def test_port_mappings_are_a_service() -> None:
    mappings = [a_mapping(port=8080, proxyPort=80, kubernetesPortType="ClusterIP"), a_mapping(port=9000)]

    made = service_of("web", mappings)

    assert made.type == "ClusterIP"
    assert [(each.port, each.target_port, each.name) for each in made.ports] == [
        (80, 8080, "http-8080"),
        (9000, 9000, "http-9000"),
    ]


@pytest.mark.parametrize("mappings", [[], [a_mapping(port=80), a_mapping(port=81, proxyPort=80)]])
def test_mappings_that_are_no_service_are_refused(mappings: list[PortMapping]) -> None:
    with pytest.raises(ValueError, match="service web"):
        service_of("web", mappings)


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        pytest.param({}, False, id="the same, with what the server adds"),
        pytest.param({"type": "NodePort"}, True, id="another type"),
        pytest.param({"selector": {}}, True, id="another choice of pods"),
        pytest.param({"ports": []}, True, id="no ports"),
        pytest.param({"sessionAffinity": "ClientIP"}, True, id="affinity"),
    ],
)
def test_a_service_differs_in_what_we_say_alone(change: dict[str, Any], differ: bool) -> None:  # noqa: FBT001 - a table
    wanted = manifest("shop-web", WEB, owner="o", namespace="n")
    port = {**wanted["spec"]["ports"][0], "nodePort": 31000}
    there = {"spec": {**wanted["spec"], "clusterIP": "10.96.0.7", "ports": [port], **change}}

    assert differs(there, wanted) is differ


def test_who_is_routed_is_who_is_ready_or_not_said_to_be_otherwise() -> None:
    def endpoint(uid: str, conditions: dict[str, bool], kind: str = "Pod") -> dict[str, Any]:
        return {"conditions": conditions, "targetRef": {"kind": kind, "uid": uid}}

    ready = {"ready": True}
    slices: list[dict[str, Any]] = [
        {"endpoints": [endpoint("a", ready), endpoint("b", {"ready": False}), endpoint("c", {})]},
        {"endpoints": None},
        {"endpoints": [endpoint("n", ready, "Node"), {"addresses": ["10.0.0.1"]}]},
    ]

    assert routed(slices) == {"a", "c"}
