"""Two levels: containers on hosts that come and go."""

import msgspec
import pytest

from actuators.clouds.memory import Call
from config.hosting import HostingSpec, Size
from streams.records.decision import Code
from tests.two_levels import PER_MEMBER, World


async def test_hosts_come_with_the_load_and_go_with_it() -> None:
    world = World()
    await world.ticks(4 * PER_MEMBER, 200.0)
    assert world.serving == (1, 4)

    await world.ticks(12 * PER_MEMBER, 40.0)
    assert world.serving == (1, 4)  # hosts take their time, and nobody is put where there is no room
    await world.ticks(12 * PER_MEMBER, 200.0)
    assert world.serving == (3, 12)
    assert world.fullest == 4

    await world.ticks(3 * PER_MEMBER, 900.0)
    assert world.living == (1, 3)
    assert world.ended_early == []
    gone = [c for e in world.engines.values() for c in e.calls if c.call is Call.TERMINATE]
    assert len(gone) >= 9
    said = [r.said for d in world.decisions if d.cluster == "shop-hosts" for r in d.reasons if r.code is Code.ROOM]
    assert "12 containers, 8 without room, 0 in reserve: 3 hosts needed" in said


async def test_a_steady_load_moves_nobody() -> None:
    world = World()
    await world.ticks(7 * PER_MEMBER, 300.0)
    before = {m.member for m in world.roster.members.values()}

    await world.ticks(7 * PER_MEMBER, 1200.0)

    assert {m.member for m in world.roster.members.values()} == before
    assert world.serving == (2, 7)


async def test_the_reserve_keeps_room_for_the_next_container() -> None:
    world = World(reserve=1)
    await world.ticks(4 * PER_MEMBER, 300.0)

    assert world.serving == (2, 4)


async def test_at_most_so_many_hosts() -> None:
    world = World(most_hosts=2)
    await world.ticks(12 * PER_MEMBER, 300.0)

    assert world.serving == (2, 8)
    assert world.hosts.decision is not None
    assert [r.code for r in world.hosts.decision.reasons] == [Code.ROOM, Code.AT_MAXIMUM]


@pytest.mark.parametrize("low", [5, 6])
async def test_a_load_that_goes_up_and_down_costs_no_host(low: int) -> None:
    world = World()
    await world.ticks(7 * PER_MEMBER, 300.0)
    for _ in range(10):
        await world.ticks(low * PER_MEMBER, 60.0)
        await world.ticks(7 * PER_MEMBER, 60.0)

    assert sum(m.cluster == "shop-hosts" for m in world.roster.members.values()) == 2
    assert world.ended_early == []


def test_records_of_hosts_travel() -> None:
    spec = HostingSpec(room=Size(slots=2, cpus=1.5, memory_bytes=2**30), reserve=1)

    assert msgspec.json.decode(msgspec.json.encode(spec), type=HostingSpec) == spec
