"""Services as a balancer: members enter and leave by a label; the stand-in's EndpointSlices say who is in."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from actuators.balancers.kubernetes import FILE, KubernetesBalancer
from actuators.balancers.kubernetes_service import ClusterService, ServicePort, Services
from actuators.clouds.kubernetes import KubernetesCloud
from actuators.ports import BalancerError, Instance, Target
from tests.balancing import until
from tests.clouds import a_place
from tests.kubernetes_stand_in.site import Cluster, Site

CLUSTER = "shop-web"


def declare(
    site: Site, folder: Path, *, port: int = 80, drain_s: float = 30.0, url: str = "", kind: str = "NodePort"
) -> Path:
    """Write the balancer's file, and return its folder."""
    ports = (ServicePort(port=port, target_port=8080),)
    services = {CLUSTER: ClusterService(name=CLUSTER, ports=ports, type=kind)}  # type: ignore[arg-type]  # one of them
    declared = Services(account=site.account(url=url), services=services, spread_s=0.3, drain_s=drain_s)
    (folder / FILE).write_bytes(msgspec.json.encode(declared))
    return folder


@pytest.fixture
def site(kubernetes: Cluster) -> Iterator[Site]:
    site = kubernetes.site()
    yield site
    site.close()


@pytest.fixture
async def members(site: Site) -> AsyncIterator[list[Instance]]:
    cloud = KubernetesCloud(site.account(), settings={}, now=time.time)
    yield [await cloud.launch(a_place(f"shop-web-{i}"), site.launch) for i in range(2)]
    cloud.close()


@pytest.fixture
async def balancer(site: Site, tmp_path: Path) -> AsyncIterator[KubernetesBalancer]:
    balancer = KubernetesBalancer(declare(site, tmp_path, drain_s=1.5))
    yield balancer
    balancer.close()


def targets(members: list[Instance]) -> list[Target]:
    return [Target(member=each.where.member, host=each.host, port=each.port) for each in members]


async def seen(balancer: KubernetesBalancer) -> dict[str, tuple[bool, int | None]]:
    states = (await balancer.traffic(CLUSTER)).targets
    return {state.target.member: (state.routed, state.in_flight) for state in states}


async def test_members_enter_a_service_and_it_says_so(
    site: Site, balancer: KubernetesBalancer, members: list[Instance]
) -> None:
    await balancer.apply(CLUSTER, targets(members))

    async def both() -> bool:
        return await seen(balancer) == {"shop-web-0": (True, None), "shop-web-1": (True, None)}

    await until(both)
    service = site.core.read_namespaced_service(CLUSTER, site.name)
    assert (service.spec.type, service.spec.ports[0].port, service.spec.ports[0].target_port) == ("NodePort", 80, 8080)
    assert [state.target for state in (await balancer.traffic(CLUSTER)).targets] == targets(members)
    traffic = await balancer.traffic(CLUSTER)
    assert (traffic.in_flight, traffic.count) == (None, None)


async def test_a_member_that_leaves_is_taken_for_busy_until_its_time_is_over(
    site: Site, balancer: KubernetesBalancer, members: list[Instance], tmp_path: Path
) -> None:
    await balancer.apply(CLUSTER, targets(members))

    async def enters() -> bool:
        return (await seen(balancer)).get("shop-web-0") == (True, None)

    await until(enters)
    await balancer.apply(CLUSTER, targets(members)[1:])
    again = KubernetesBalancer(tmp_path)  # one that starts meanwhile knows it, too
    states = []

    async def gone() -> bool:
        states.append((await seen(again)).get("shop-web-0"))
        return states[-1] is None

    await until(gone)
    assert (False, None) in states
    assert list(await seen(balancer)) == ["shop-web-1"]
    again.close()


async def test_a_service_that_differs_is_corrected_and_a_foreign_one_is_not_touched(
    site: Site, balancer: KubernetesBalancer, members: list[Instance], tmp_path: Path
) -> None:
    await balancer.apply(CLUSTER, [])
    later = KubernetesBalancer(declare(site, tmp_path, port=8000, kind="ClusterIP"))
    await later.apply(CLUSTER, [])
    later.close()
    service = site.core.read_namespaced_service(CLUSTER, site.name)
    assert (service.spec.type, service.spec.ports[0].port) == ("ClusterIP", 8000)

    site.core.patch_namespaced_service(CLUSTER, site.name, {"metadata": {"labels": {"pileus/owner": "others"}}})
    with pytest.raises(BalancerError, match="not ours"):
        await balancer.apply(CLUSTER, [])


async def test_a_member_without_a_pod_is_an_error_and_the_others_are_applied(
    balancer: KubernetesBalancer, members: list[Instance]
) -> None:
    with pytest.raises(BalancerError, match="no pod of shop-web-9"):
        await balancer.apply(CLUSTER, [*targets(members), Target(member="shop-web-9", host="10.0.0.1", port=1)])

    async def both() -> bool:
        return [routed for routed, _ in (await seen(balancer)).values()] == [True, True]

    await until(both)


async def test_a_pod_that_is_not_ready_is_not_routed(
    site: Site, balancer: KubernetesBalancer, members: list[Instance]
) -> None:
    await balancer.apply(CLUSTER, targets(members))
    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    site.core.patch_namespaced_pod_status("shop-web-0", site.name, unready)

    async def one() -> bool:
        return await seen(balancer) == {"shop-web-1": (True, None)}

    await until(one)


async def test_a_cluster_that_is_not_declared_is_named(balancer: KubernetesBalancer) -> None:
    with pytest.raises(BalancerError, match="no cluster 'blog', there is shop-web"):
        await balancer.traffic("blog")


async def test_an_api_server_that_does_not_answer_is_an_error_not_a_zero(site: Site, tmp_path: Path) -> None:
    balancer = KubernetesBalancer(declare(site, tmp_path, url="http://127.0.0.1:9"))

    with pytest.raises(BalancerError, match="does not answer"):
        await balancer.traffic(CLUSTER)
    balancer.close()
