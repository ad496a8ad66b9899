"""The manifest of rights against what Pileus asks: the stand-in enforces it, and its audit log says what was asked."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actuators.balancers.kubernetes import KubernetesBalancer
from actuators.clouds.kubernetes import KubernetesCloud
from actuators.ports import Target
from streams.records.action import Launch
from tests.clouds import a_place
from tests.integration.test_kubernetes_services import declare
from tests.kubernetes_stand_in.access import Call
from tests.kubernetes_stand_in.site import Cluster, Site, rights

Right = tuple[str, str, str]
"""API group, resource, verb."""


def granted(*roles: str) -> set[Right]:
    """Return what cluster roles of the manifest grant."""
    rules = [
        rule
        for each in rights()
        if each["kind"] == "ClusterRole" and each["metadata"]["name"] in roles
        for rule in each["rules"]
    ]
    return {(g, r, v) for rule in rules for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]}


def calls(site: Site) -> list[Call]:
    """Return our calls in a namespace, by the audit log."""
    return [
        each for each in site.cluster.plane.api.calls if each.user == "pileus" and each.asked.namespace == site.name
    ]


def asked(said: Iterable[Call]) -> set[Right]:
    """Return what was asked."""
    return {
        (each.asked.group, "/".join(filter(None, (each.asked.resource, each.asked.sub))), each.asked.verb)
        for each in said
    }


def refused(said: Iterable[Call]) -> list[str]:
    """Return the calls that RBAC refused."""
    return [each.uri for each in said if each.code == 403]


async def test_the_actuators_need_what_the_manifest_grants_no_more_no_less(kubernetes: Cluster) -> None:
    site = kubernetes.site()
    await _a_life(site)

    assert refused(calls(site)) == []
    assert _sorted(asked(calls(site))) == _sorted(granted("pileus-actuators"))


async def test_workloads_need_what_the_manifest_grants_beside_it(kubernetes: Cluster) -> None:
    site = kubernetes.site()
    for kind, resource in (("Deployment", "deployments"), ("StatefulSet", "statefulsets")):
        site.create_deployment(resource, kind=kind)
        cloud = KubernetesCloud(site.account(), settings={}, now=time.time)
        launch = Launch(ports=[80], properties={"workload": f"apps/v1/{resource}/{resource}"})
        await cloud.launch(a_place(f"{resource}-1"), launch)
        await cloud.terminate(f"{resource}-1", 1.0)
        cloud.close()

    beside = asked(calls(site)) - granted("pileus-actuators")
    assert refused(calls(site)) == []
    assert _sorted(beside) == _sorted(granted("pileus-workloads"))


async def test_the_balancer_needs_what_the_manifest_grants_no_more_no_less(kubernetes: Cluster, tmp_path: Path) -> None:
    site = kubernetes.site()
    cloud = KubernetesCloud(site.account(), settings={}, now=time.time)
    await cloud.launch(a_place(), site.launch)
    cloud.close()
    before = len(calls(site))
    for port in (80, 81):
        balancer = KubernetesBalancer(declare(site, tmp_path, port=port))
        await balancer.apply("shop-web", [Target(member="shop-web-1", host="", port=0)])
        await balancer.traffic("shop-web")
        balancer.close()

    said = calls(site)[before:]
    assert refused(said) == []
    assert _sorted(asked(said)) == _sorted(granted("pileus-balancer"))


async def _a_life(site: Site) -> None:
    """Do all that the cloud of pods does, old tombstones included."""
    cloud = KubernetesCloud(site.account(), settings={}, now=time.time)
    late = KubernetesCloud(site.account(), settings={}, now=lambda: time.time() + 8 * 86400)
    await cloud.launch(a_place("shop-web-1"), site.launch)
    await cloud.instances()
    await cloud.terminate("shop-web-1", 1.0)
    await late.instances()
    cloud.close()
    late.close()


def _sorted(rights: Iterable[Any]) -> list[Any]:
    return sorted(rights)
