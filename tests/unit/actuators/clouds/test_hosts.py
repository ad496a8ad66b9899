"""The cloud of containers on hosts: what is kept of a host that is gone ends, once, whoever started it."""

import msgspec

from actuators.clouds.hosts import HostsCloud
from actuators.ports import TransientCloudError
from streams.records.action import Launch
from streams.records.member import Member, State
from tests.builders import a_member
from tests.clouds import a_place
from tests.two_levels import HostEngine


def two_levels() -> dict[str, Member]:
    """Return a container on a host."""
    container = msgspec.structs.replace(a_member("shop-web-1"), on="shop-hosts-1")
    return {"shop-hosts-1": a_member("shop-hosts-1", cluster="shop-hosts"), container.member: container}


async def test_a_host_that_is_gone_is_abandoned_once() -> None:
    members, engine = two_levels(), HostEngine(now=lambda: 0.0)
    cloud = HostsCloud(members, lambda _: engine)
    await cloud.launch(a_place(), Launch())
    assert list(await cloud.instances()) == ["shop-web-1"]
    assert engine.abandoned == 0

    members["shop-hosts-1"] = a_member("shop-hosts-1", cluster="shop-hosts", state=State.TERMINATED)
    assert [await cloud.instances() for _ in range(2)] == [{}, {}]
    assert engine.abandoned == 1

    await HostsCloud(members, lambda _: engine).instances()  # started anew: who was killed may have left something
    assert engine.abandoned == 2


async def test_what_could_not_be_ended_is_tried_again() -> None:
    class Sour(HostEngine):
        async def abandon(self) -> None:
            await super().abandon()
            if self.abandoned == 1:
                raise TransientCloudError("not now")

    members, engine = two_levels(), Sour(now=lambda: 0.0)
    members["shop-hosts-1"] = a_member("shop-hosts-1", cluster="shop-hosts", state=State.TERMINATED)
    cloud = HostsCloud(members, lambda _: engine)

    assert [await cloud.instances() for _ in range(3)] == [{}, {}, {}]
    assert engine.abandoned == 2
