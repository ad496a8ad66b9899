"""A large catalogue of every kind: teams of 100 definitions, every other one a tenant of its own."""

from collections.abc import Iterator
from typing import Any

from tests.unit.config.composites import a_group, a_use, orders

TEAM = 100
"""Definitions of one team."""
APPLICATIONS = 45
"""Applications among them."""

CLOUDS = ("mock", "ec2", "kubernetes", "local")
Document = dict[str, Any]


def mixed(count: int) -> list[Document]:
    """Return ``count`` definitions (whole teams) that are valid together, with their ``kind``."""
    return [document for team in range(count // TEAM) for document in a_team(team)]


def a_team(team: int) -> Iterator[Document]:
    """Yield the definitions of one team; even ones are the default tenant's."""
    own = {"tenant": f"team{team}"} if team % 2 else {}
    yield {"kind": "tenant", "tenantDomain": f"team{team}", "quota": {"members": 10_000}}
    for kind, documents in (
        ("kubernetesCluster", [_kubernetes(team)]),
        ("cartridge", [_cartridge(team, i) for i in range(6)]),
        ("autoscalingPolicy", [_scaling(team, i) for i in range(5)]),
        ("networkPartition", [_network(team, i) for i in range(4)]),
        ("deploymentPolicy", [_deployment(team, i) for i in range(6)]),
        ("applicationPolicy", [_policy(team, i) for i in range(4)]),
        ("cartridgeGroup", [_group(team, i) for i in range(8)]),
        ("application", [application(team, i) for i in range(APPLICATIONS)]),
        ("domainMapping", [_mapping(team, i) for i in range(8)]),
    ):
        yield from ({"kind": kind} | own | each for each in documents)
    for i in range(12):
        signed = {"tenant": f"team{team}", "applicationId": f"app-{team & ~1}-{i}"}
        yield {"kind": "applicationSignUp"} | signed


def application(team: int, number: int, *, groups: int = 1) -> Document:
    """Return an application of two clusters, and of four more in each group: two, and two in a group within."""
    names = [f"g{i}" for i in range(groups)]
    return {
        "applicationId": f"app-{team}-{number}",
        "alias": "app",
        "multiTenant": number < 24,
        "applicationPolicy": f"order-{team}-{number % 4}",
        "property": [{"name": "payload_parameter.APP", "value": f"{number}"}],
        "components": {
            "cartridges": [_use(team, number, "front"), _use(team, number, "worker")],
            "groups": [_group_use(team, number, name) for name in names],
            "dependencies": {
                "startupOrders": orders(*(f"group.{name} cartridge.front" for name in names)),
                "scalingDependents": orders("cartridge.front cartridge.worker"),
                "terminationBehaviour": "terminate-dependents",
            },
        },
    }


def _use(team: int, number: int, alias: str, cartridge: int | None = None) -> Document:
    kind = number % 6 if cartridge is None else cartridge
    info = {
        "alias": alias,
        "autoscalingPolicy": f"scaling-{team}-{number % 5}",
        "deploymentPolicy": f"deployment-{team}-{number % 6}",
        "property": [{"name": "payload_parameter.ROLE", "value": alias}],
    }
    return a_use(alias, most=8) | {"type": f"cartridge-{team}-{kind}", "subscribableInfo": info}


def _group_use(team: int, number: int, alias: str) -> Document:
    group = number % 8
    api, db = (group + 1) % 6, group % 6
    inner = a_group(
        f"{alias}-in", _use(team, number, f"{alias}-db", db), _use(team, number, f"{alias}-mq", api), name="store"
    )
    uses = _use(team, number, f"{alias}-api", api), _use(team, number, f"{alias}-job", db)
    return a_group(alias, *uses, name=f"group-{team}-{group}", groups=[inner], groupMaxInstances=2)


def _group(team: int, number: int) -> Document:
    db, api = (f"cartridge-{team}-{each % 6}" for each in (number, number + 1))
    return {
        "name": f"group-{team}-{number}",
        "cartridges": [api, db],
        "groups": [{"name": "store", "cartridges": [db, api]}],
        "dependencies": {"terminationBehaviour": "terminate-none"},
    }


def _cartridge(team: int, number: int) -> Document:
    return {
        "type": f"cartridge-{team}-{number}",
        "category": "framework",
        "version": "1.0",
        "portMapping": [{"protocol": "http", "port": 80, "proxyPort": 8080}, {"protocol": "https", "port": 443}],
        "iaasProvider": [{"type": cloud, "imageId": f"{cloud}:{number}"} for cloud in CLOUDS],
        "metadataKeys": ["url", "secret"],
        "property": [{"name": "payload_parameter.LEVEL", "value": "info"}],
        "command": ["serve", "{port}"],
        "healthProbe": "http:/health",
    }


def _scaling(team: int, number: int) -> Document:
    return {
        "id": f"scaling-{team}-{number}",
        "loadThresholds": {"requestsInFlight": {"threshold": 8 + number}, "memoryConsumption": {"threshold": 80}},
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 120}},
    }


def _network(team: int, number: int) -> Document:
    cloud, first = CLOUDS[number], 10_000 + 64 * team
    given = {
        "local": [{"portRange": f"{first}-{first + 31}"}, {"portRange": f"{first + 32}-{first + 63}"}],
        "kubernetes": [{"cluster": f"kube-{team}"}, {"cluster": f"kube-{team}"}],
    }.get(cloud, [{"region": "north"}, {"region": "south"}])
    return {
        "id": f"network-{team}-{number}",
        "provider": cloud,
        "partitions": [
            {"id": f"p{i}", "property": [{"name": k, "value": v} for k, v in each.items()]}
            for i, each in enumerate(given)
        ],
    }


def _deployment(team: int, number: int) -> Document:
    partitions = [{"id": f"p{i}", "partitionMax": 20 + number % 4} for i in range(2)]
    return {
        "id": f"deployment-{team}-{number}",
        "networkPartitions": [
            {"id": f"network-{team}-{i}", "partitionAlgo": "round-robin", "partitions": partitions} for i in range(4)
        ],
    }


def _policy(team: int, number: int) -> Document:
    names = [f"network-{team}-{(number + i) % 4}" for i in range(2)]
    return {"id": f"order-{team}-{number}", "algorithm": "one-after-another", "networkPartitions": names}


def _mapping(team: int, number: int) -> Document:
    mapped = {"cartridgeAlias": "front", "domainName": f"app{number}.team{team}.example", "contextPath": "/"}
    return {"applicationId": f"app-{team}-{number}", "domainMappings": [mapped]}


def _kubernetes(team: int) -> Document:
    def host(i: int) -> Document:
        return {"hostId": f"host-{i}", "hostname": f"host-{i}", "privateIPAddress": f"10.0.0.{i + 1}"}

    return {
        "clusterId": f"kube-{team}",
        "kubernetesMaster": host(0),
        "kubernetesHosts": [host(i) for i in range(1, 4)],
        "portRange": {"lower": 30_000, "upper": 32_767},
    }
