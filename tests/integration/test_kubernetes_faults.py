"""The cloud of pods when the API server fails, and when actuators are killed: faults by a proxy before the stand-in."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace

import pytest

from actuators.clouds.kubernetes import KubernetesCloud
from actuators.kube.labels import SERVING
from actuators.ports import Instance, InvalidRequestError, TransientCloudError
from tests.clouds import a_place
from tests.kubernetes_stand_in.faults import Fault, Proxy, running_proxy
from tests.kubernetes_stand_in.opened import Opened
from tests.kubernetes_stand_in.site import Cluster, Site
from tests.waiting import until

PODS = r"/pods(\?|$)"
KILLS = 10
"""A launch takes at least five calls, an end as many."""


@pytest.fixture
def site(kubernetes: Cluster) -> Iterator[Site]:
    site = kubernetes.site()
    yield site
    site.close()


@pytest.fixture
async def opened(site: Site) -> AsyncIterator[Opened]:
    opened = Opened(site)
    yield opened
    for cloud in opened.clouds:
        cloud.close()


@pytest.fixture
def proxy(kubernetes: Cluster) -> Iterator[Proxy]:
    with running_proxy(kubernetes.plane) as proxy:
        yield proxy


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_kill_at_any_call_of_a_life_leads_to_one_pod_and_then_to_none(
    site: Site, opened: Opened, proxy: Proxy, moment: str
) -> None:
    """Each call in turn is the last one of an actuator, before or after the server has done it; another one goes on."""
    for member in range(1, KILLS + 1):
        where, uids = a_place(f"shop-web-{member}"), set()
        proxy.faults[:] = [Fault("", "/api", after=member - 1, unsent=moment == "before", wait_s=0.0)]
        for _ in range(2):
            with contextlib.suppress(TransientCloudError):
                launched = await opened(url=proxy.url).launch(where, site.launch)
                uids.add(launched.instance)
            uids |= {f"pod-{each['metadata']['uid']}" for each in site.pods().values()}
        assert len(uids) == 1
        for _ in range(2):
            with contextlib.suppress(TransientCloudError):
                await opened(url=proxy.url).terminate(where.member, 1.0)
        assert site.pods() == {}
        with pytest.raises(InvalidRequestError, match="never used again"):
            await opened(url=proxy.url).launch(where, site.launch)
        assert proxy.faults[0].times == 0  # it did strike


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_wants_to_be_left_alone_is_left_alone(
    site: Site, opened: Opened, proxy: Proxy, status: int
) -> None:
    cloud = opened(url=proxy.url)
    proxy.faults.append(Fault("POST", PODS, status=status, headers=(("Retry-After", "1"),)))

    with pytest.raises(TransientCloudError, match=str(status)):
        await cloud.launch(a_place(), site.launch)
    before = len(proxy.calls)
    with pytest.raises(TransientCloudError, match="left alone"):
        await cloud.launch(a_place(), site.launch)
    assert len(proxy.calls) == before
    async with asyncio.timeout(20):
        while not site.pods():
            with contextlib.suppress(TransientCloudError):
                await cloud.launch(a_place(), site.launch)

    assert proxy.asked("POST", PODS) == 2
    assert list(site.pods()) == ["shop-web-1"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("POST", PODS), id="the create"),
        pytest.param(Fault("PATCH", "/pods/"), id="the release of the gate"),
    ],
)
async def test_an_answer_that_does_not_come_leads_to_one_pod(
    site: Site, opened: Opened, proxy: Proxy, fault: Fault
) -> None:
    cloud = opened(url=proxy.url, timeout_s=0.5)
    proxy.faults.append(replace(fault))

    with pytest.raises(TransientCloudError, match="no answer"):
        await cloud.launch(a_place(), site.launch)
    (first,) = site.pods().values()
    launched = await opened().launch(a_place(), site.launch)

    assert launched.instance == f"pod-{first['metadata']['uid']}"
    assert proxy.asked(fault.method, fault.path) == 1


async def test_an_answer_to_a_delete_that_does_not_come_ends_all_the_same(
    site: Site, opened: Opened, proxy: Proxy
) -> None:
    cloud = opened(url=proxy.url, timeout_s=0.5)
    await opened().launch(a_place(), site.launch)
    proxy.faults.append(Fault("DELETE", "/pods/"))

    with pytest.raises(TransientCloudError, match="no answer"):
        await cloud.terminate("shop-web-1", 1.0)
    await cloud.terminate("shop-web-1", 1.0)

    assert site.pods() == {}
    assert await opened().instances() == {}


async def test_a_watch_that_breaks_says_nothing_until_it_is_there_again(
    site: Site, opened: Opened, proxy: Proxy
) -> None:
    proxy.faults.append(Fault("GET", "watch=true", status=500, times=2))
    cloud = opened(url=proxy.url)
    kept = await opened().launch(a_place(), site.launch)

    with pytest.raises(TransientCloudError, match="500"):
        await _look_until_it_fails(cloud)
    async with asyncio.timeout(20):
        while await _known(cloud) != {"shop-web-1": kept}:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("GET", "watch=true", event=410, reason="Expired"), id="as an event"),
        pytest.param(Fault("GET", "watch=true", status=410, reason="Expired"), id="as an answer"),
    ],
)
async def test_a_version_that_is_forgotten_leads_to_a_new_list(
    site: Site, opened: Opened, proxy: Proxy, fault: Fault
) -> None:
    proxy.faults.append(replace(fault))
    kept = await opened().launch(a_place(), site.launch)
    cloud = opened(url=proxy.url)

    async with asyncio.timeout(20):
        while proxy.asked("GET", "watch=true") < 2:
            assert await cloud.instances() == {"shop-web-1": kept}
            await asyncio.sleep(0.02)
    assert proxy.asked("GET", "/pods.*limit=") == 2


async def test_a_watch_is_read_as_it_comes_though_a_proxy_takes_its_chunks_away(
    site: Site, opened: Opened, proxy: Proxy
) -> None:
    cloud = opened(url=proxy.url)
    assert await cloud.instances() == {}

    kept = await opened().launch(a_place(), site.launch)

    async with asyncio.timeout(20):
        while await cloud.instances() != {"shop-web-1": kept}:
            await asyncio.sleep(0.02)
    assert proxy.asked("GET", "/pods.*limit=") == 1


async def test_a_version_that_is_forgotten_between_two_watches_leads_to_a_new_list(
    site: Site, opened: Opened, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actuators.clouds.kubernetes_watch.WATCH_S", 1)
    proxy.faults.append(Fault("GET", "watch=true", status=500, after=1, times=3))
    cloud = opened(url=proxy.url)
    there = {"shop-web-1": await opened().launch(a_place("shop-web-1"), site.launch)}
    assert await cloud.instances() == there
    await until(lambda: proxy.asked("GET", "watch=true") > 1, within_s=20, what="the first watch ended")
    there["shop-web-2"] = await opened().launch(a_place("shop-web-2"), site.launch)
    site.cluster.plane.forget()

    async with asyncio.timeout(20):
        while await _known(cloud) != there:
            await asyncio.sleep(0.02)


async def test_lists_are_read_to_their_last_page_and_anew_when_it_is_forgotten(
    site: Site, opened: Opened, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(*(opened().launch(a_place(f"shop-web-{i}"), site.launch) for i in range(5)))
    monkeypatch.setattr("actuators.kube.api.PAGE", 2)

    assert len(await opened(url=proxy.url).instances()) == 5
    assert proxy.asked("GET", "continue=") == 2
    proxy.faults.append(Fault("GET", "continue=", status=410, reason="Expired"))
    assert len(await opened(url=proxy.url).instances()) == 5
    assert proxy.asked("GET", "/pods.*limit=0") == 1


async def test_a_label_of_somebody_else_does_not_disturb(site: Site, opened: Opened) -> None:
    cloud = opened()
    launched = await cloud.launch(a_place(), site.launch)
    change = {"metadata": {"labels": {SERVING: "true", "team": "shop"}}}
    await asyncio.to_thread(site.core.patch_namespaced_pod, "shop-web-1", site.name, change)

    assert await cloud.instances() == {"shop-web-1": launched}


async def test_old_tombstones_are_forgotten_and_others_kept(site: Site, opened: Opened) -> None:
    await opened().terminate("shop-web-1", 1.0)
    early = KubernetesCloud(site.account(), settings={}, now=lambda: time.time() + 6 * 86400)
    late = KubernetesCloud(site.account(), settings={}, now=lambda: time.time() + 8 * 86400)

    await early.instances()
    with pytest.raises(InvalidRequestError):
        await early.launch(a_place(), site.launch)
    await late.instances()
    await late.launch(a_place(), site.launch)

    early.close()
    late.close()


async def test_members_cost_no_threads_and_a_cloud_that_is_closed_leaves_none(site: Site) -> None:
    def threads() -> int:
        return sum(each.name.startswith("kubernetes") for each in threading.enumerate())

    await until(lambda: threads() == 0, within_s=20, what="no thread of other tests")
    cloud = KubernetesCloud(site.account(concurrency=3), settings={}, now=time.time)
    await asyncio.gather(*(cloud.launch(a_place(f"shop-web-{i}"), site.launch) for i in range(12)))
    assert len(await cloud.instances()) == 12

    assert threads() == 4  # three that call, one that watches
    cloud.close()
    await until(lambda: threads() == 0, within_s=20, what="no thread of the cloud")


async def _look_until_it_fails(cloud: KubernetesCloud) -> None:
    """Look again and again: the list may be answered before the watch fails."""
    async with asyncio.timeout(20):
        while True:
            await cloud.instances()
            await asyncio.sleep(0.01)


async def _known(cloud: KubernetesCloud) -> Mapping[str, Instance]:
    """Return what instances there are; none while that is not known."""
    try:
        return await cloud.instances()
    except TransientCloudError:
        return {}
