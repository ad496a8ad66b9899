"""Members that are pods of a Deployment or a StatefulSet, on a stand-in for a Kubernetes cluster."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from actuators.clouds.kubernetes import KubernetesCloud
from actuators.clouds.kubernetes_scale import Key, ScaledPods
from actuators.kube.api import Object
from actuators.ports import InvalidRequestError, OutOfCapacityError
from streams.records.action import Launch
from tests.clouds import a_place
from tests.kubernetes_stand_in.site import Cluster, Site

DEPLOYMENT = "apps/v1/deployments/web"
STATEFUL_SET = "apps/v1/statefulsets/web"


@pytest.fixture
def site(kubernetes: Cluster) -> Iterator[Site]:
    site = kubernetes.site()
    yield site
    site.close()


@pytest.fixture
async def cloud(site: Site) -> AsyncIterator[KubernetesCloud]:
    cloud = KubernetesCloud(site.account(settle_s=20.0), settings={}, now=time.time)
    yield cloud
    cloud.close()


def of(workload: str) -> Launch:
    return Launch(ports=[8080], properties={"workload": workload})


def replicas(site: Site, kind: str = "Deployment") -> int:
    read = site.apps.read_namespaced_deployment if kind == "Deployment" else site.apps.read_namespaced_stateful_set
    return int(read("web", site.name).spec.replicas)


async def test_each_launch_is_one_more_pod_of_the_workload(site: Site, cloud: KubernetesCloud) -> None:
    site.create_deployment()

    launched = await asyncio.gather(*(cloud.launch(a_place(f"shop-web-{i}"), of(DEPLOYMENT)) for i in range(3)))

    assert replicas(site) == 3
    costs = [
        each["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] for each in site.pods().values()
    ]
    assert costs == ["1000"] * 3  # a pod that nobody has goes first
    assert len({each.instance for each in launched}) == 3
    assert all(each.port == 8080 and each.host for each in launched)
    assert await cloud.instances() == {each.where.member: each for each in launched}
    assert await cloud.launch(a_place("shop-web-0"), of(DEPLOYMENT)) == launched[0]
    assert replicas(site) == 3


async def test_two_actuators_at_once_never_have_one_pod(site: Site) -> None:
    site.create_deployment(replicas=6)
    clouds = [KubernetesCloud(site.account(settle_s=20.0), settings={}, now=time.time) for _ in range(2)]

    launched = await asyncio.gather(
        *(clouds[i % 2].launch(a_place(f"shop-web-{i}"), of(DEPLOYMENT)) for i in range(6)),
    )

    assert len({each.instance for each in launched}) == 6
    assert await clouds[0].instances() == {each.where.member: each for each in launched}
    for cloud in clouds:
        cloud.close()


async def test_a_scale_that_somebody_changes_meanwhile_is_not_overwritten(
    site: Site, cloud: KubernetesCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.create_deployment()
    count = ScaledPods._pods

    async def raised_meanwhile(pods: ScaledPods, key: Key, scale: Object) -> list[Object]:
        found = await count(pods, key, scale)
        monkeypatch.setattr(ScaledPods, "_pods", count)
        await asyncio.to_thread(
            site.apps.patch_namespaced_deployment_scale, "web", site.name, {"spec": {"replicas": 5}}
        )
        return found

    monkeypatch.setattr(ScaledPods, "_pods", raised_meanwhile)
    await cloud.launch(a_place(), of(DEPLOYMENT))

    assert replicas(site) == 5


async def test_pods_that_are_there_are_taken_first(site: Site, cloud: KubernetesCloud) -> None:
    site.create_deployment(replicas=2)

    await cloud.launch(a_place("shop-web-0"), of(DEPLOYMENT))
    await cloud.launch(a_place("shop-web-1"), of(DEPLOYMENT))

    assert replicas(site) == 2


async def test_the_pod_of_the_member_that_ends_is_the_one_that_goes(site: Site, cloud: KubernetesCloud) -> None:
    site.create_deployment()
    launched = {f"shop-web-{i}": await cloud.launch(a_place(f"shop-web-{i}"), of(DEPLOYMENT)) for i in range(4)}

    await cloud.terminate("shop-web-1", 1.0)
    await asyncio.gather(cloud.terminate("shop-web-0", 1.0), cloud.terminate("shop-web-1", 1.0))

    assert replicas(site) == 2
    assert await cloud.instances() == {member: launched[member] for member in ("shop-web-2", "shop-web-3")}
    with pytest.raises(InvalidRequestError, match="never used again"):
        await cloud.launch(a_place("shop-web-1"), of(DEPLOYMENT))


async def test_launches_and_ends_at_once_settle_at_what_is_wanted(site: Site, cloud: KubernetesCloud) -> None:
    site.create_deployment()
    for i in range(3):
        await cloud.launch(a_place(f"shop-web-{i}"), of(DEPLOYMENT))

    await asyncio.gather(
        cloud.terminate("shop-web-0", 1.0),
        *(cloud.launch(a_place(f"shop-web-{i}"), of(DEPLOYMENT)) for i in (3, 4)),
        cloud.terminate("shop-web-1", 1.0),
    )

    assert sorted(await cloud.instances()) == ["shop-web-2", "shop-web-3", "shop-web-4"]
    assert replicas(site) == 3


async def test_of_a_stateful_set_no_other_member_is_ended(site: Site, cloud: KubernetesCloud) -> None:
    site.create_deployment(kind="StatefulSet")
    launched = {f"shop-web-{i}": await cloud.launch(a_place(f"shop-web-{i}"), of(STATEFUL_SET)) for i in range(3)}

    await cloud.terminate("shop-web-0", 1.0)

    kept = {member: launched[member] for member in ("shop-web-1", "shop-web-2")}
    assert await cloud.instances() == kept
    assert replicas(site, "StatefulSet") == 3  # its successor is free
    taken = await cloud.launch(a_place("shop-web-3"), of(STATEFUL_SET))
    assert taken.instance not in {each.instance for each in launched.values()}
    await cloud.terminate("shop-web-2", 1.0)
    assert replicas(site, "StatefulSet") == 2  # the last one goes by the scale


async def test_a_workload_that_gets_no_pod_is_no_room_and_the_scale_goes_back(site: Site) -> None:
    site.create_deployment()
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    site.core.create_namespaced_resource_quota(site.name, quota)
    cloud = KubernetesCloud(site.account(settle_s=2.0), settings={}, now=time.time)

    with pytest.raises(OutOfCapacityError, match="no further pod"):
        await cloud.launch(a_place(), of(DEPLOYMENT))

    assert replicas(site) == 0
    cloud.close()


async def test_what_is_no_workload_is_invalid(site: Site, cloud: KubernetesCloud) -> None:
    for workload in ("deployments/web", "apps/v1/deployments/none"):
        with pytest.raises(InvalidRequestError):
            await cloud.launch(a_place(), msgspec.structs.replace(of(DEPLOYMENT), properties={"workload": workload}))
