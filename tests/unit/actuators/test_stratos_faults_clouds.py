"""Faults of Apache Stratos in how it reached clouds, that must not come back, by their numbers in its fault list."""

import asyncio
import threading

import pytest

from actuators.clouds.libcloud import LibcloudCloud
from actuators.executor import CONCURRENCY
from streams.records.action import Verb
from streams.records.member import State
from tests.actuator_builders import an_action
from tests.clouds import a_place
from tests.contracts.openstack_rig import LAUNCH, an_account
from tests.executing import Acting, SlowCloud
from tests.openstack import running_openstack
from tests.waiting import until


def threads() -> int:
    return sum(thread.name.startswith("cloud-openstack") for thread in threading.enumerate())


async def test_f14_members_cost_no_threads_and_a_cloud_that_is_closed_leaves_none() -> None:
    """Stratos had a thread per cluster, out of 50, and three per partition that were never stopped."""
    before, most = threads(), 0
    with running_openstack(room=20) as server:
        cloud = LibcloudCloud(an_account(server, concurrency=3), settings={})
        launches = [asyncio.create_task(cloud.launch(a_place(f"c{i}-web-1"), LAUNCH)) for i in range(20)]
        async with asyncio.timeout(60):
            while not all(task.done() for task in launches):
                most = max(most, threads() - before)
                await asyncio.sleep(0.01)

        assert len(await cloud.instances()) == 20
        assert 1 <= most <= 3
        cloud.close()
        await until(lambda: threads() == before, within_s=10.0, what="no thread of the cloud")


@pytest.mark.looptime
async def test_f33_starts_do_not_wait_for_each_other() -> None:
    """Stratos waited up to a minute for each pod while it held one lock for all."""
    slow = SlowCloud(60.0)
    acting = Acting(cloud=slow)
    members = [f"shop-web-{i}" for i in range(CONCURRENCY)]
    for member in members:
        acting.record(member, State.CREATED)

    await asyncio.gather(*(acting.executor.carry_out(an_action(member)) for member in members))

    assert slow.most == CONCURRENCY
    assert acting.now() == pytest.approx(60.0)


@pytest.mark.looptime
async def test_f33_a_start_that_hangs_keeps_no_other_member_from_ending() -> None:
    slow = SlowCloud(60.0)
    acting = Acting(cloud=slow)
    for i in range(2 * CONCURRENCY):
        acting.record(f"shop-web-{i}", State.CREATED)
    acting.record("shop-web-99", State.TERMINATING)
    launches = [acting.executor.carry_out(an_action(f"shop-web-{i}")) for i in range(2 * CONCURRENCY)]

    await asyncio.gather(*launches, acting.executor.carry_out(an_action("shop-web-99", verb=Verb.TERMINATE)))

    assert slow.ended.index("shop-web-99/terminate") <= CONCURRENCY
