"""Members under virtual time."""

import math

import pytest

from actuators.lab.fleet import Fleet
from actuators.lab.world import World
from streams.records.member import State
from tests.laboratory import a_lab_spec

BOOT_S = 100.0


def a_fleet(*, members: int = 2, world: World | None = None, most: int = 50, partitions: int = 1) -> Fleet:
    spec = a_lab_spec(most=most, partitions=partitions)
    return Fleet(spec, world or World(boot_s=(BOOT_S,), drain_s=30.0), at=0.0, members=members)


def test_members_serve_once_they_have_booted() -> None:
    fleet = a_fleet()
    fleet.follow(5, 60.0, "more")
    fleet.advance(159.0)

    assert (fleet.serving, fleet.starting, fleet.launched) == (2, 3, 3)

    fleet.advance(160.0)

    assert (fleet.serving, fleet.starting) == (5, 0)
    assert fleet.supply == [(0.0, 2), (160.0, 5)]


def test_the_newest_leave_first_and_cost_until_they_are_gone() -> None:
    fleet = a_fleet(members=3)
    fleet.follow(1, 60.0, "fewer")
    fleet.advance(1000.0)

    assert list(fleet.members) == ["shop-web-1"]
    assert [(life.begin, life.end) for life in fleet.lives] == [(0.0, 90.0), (0.0, 90.0)]
    assert fleet.supply == [(0.0, 3), (60.0, 1)]


def test_who_boots_leaves_before_who_serves() -> None:
    fleet = a_fleet(members=2)
    fleet.follow(4, 0.0, "more")
    fleet.follow(3, 50.0, "fewer")

    assert (fleet.serving, fleet.starting) == (2, 1)
    assert fleet.supply == [(0.0, 2)]


def test_a_draining_member_is_recalled_before_a_new_one_is_asked_for() -> None:
    fleet = a_fleet(members=3)
    fleet.follow(2, 60.0, "fewer")
    fleet.follow(3, 80.0, "more")
    fleet.advance(1000.0)

    assert (fleet.launched, fleet.serving, fleet.lives) == (0, 3, [])
    assert fleet.supply == [(0.0, 3), (60.0, 2), (80.0, 3)]


def test_a_member_recalled_while_it_boots_boots_on() -> None:
    fleet = a_fleet(members=1)
    fleet.follow(2, 0.0, "more")
    fleet.follow(1, 80.0, "fewer")
    fleet.follow(2, 90.0, "more")
    fleet.advance(99.0)

    assert (fleet.serving, fleet.launched) == (1, 1)

    fleet.advance(100.0)

    assert fleet.supply == [(0.0, 1), (100.0, 2)]


def test_a_failed_member_carries_nothing_at_once_and_is_replaced_once_it_is_noticed() -> None:
    fleet = a_fleet(members=1, world=World(boot_s=(0.0,), lifetime_h=1.0, notice_s=60.0))
    fails_at = fleet.next_at
    fleet.advance(fails_at)

    assert (fleet.serving, fleet.supply[-1], fleet.failed) == (1, (fails_at, 0), 1)

    fleet.advance(fails_at + 60.0)
    fleet.follow(1, fails_at + 60.0, "replaced")

    assert (fleet.serving, fleet.supply[-1]) == (1, (fails_at + 60.0, 1))
    assert fleet.lives[0].end == fails_at + 60.0


def test_a_failed_member_that_drains_is_not_counted_out_twice() -> None:
    fleet = a_fleet(members=2, world=World(boot_s=(0.0,), lifetime_h=1.0, notice_s=1e9))
    fleet.advance(fleet.next_at)
    fleet.follow(0, fleet.next_at, "none")

    assert fleet.supply[-1][1] == 0
    assert fleet.serving == 0


def test_no_more_than_there_is_room_for() -> None:
    fleet = a_fleet(members=1, most=3)
    fleet.follow(9, 0.0, "more")

    assert (fleet.serving + fleet.starting, fleet.launched) == (3, 2)


def test_places_are_filled_in_order_and_emptied_backwards() -> None:
    fleet = a_fleet(members=1, most=2, partitions=2)
    fleet.follow(3, 0.0, "more")

    assert [m.partition for m in fleet.members.values()] == ["p0", "p0", "p1"]

    fleet.advance(BOOT_S)
    fleet.follow(2, 200.0, "fewer")

    assert [m.partition for m in fleet.members.values() if m.state is State.DRAINING] == ["p1"]


def test_measured_lead_times_are_spread_evenly() -> None:
    world = World(boot_s=(10.0, 20.0, 30.0, 40.0))
    drawn = sorted(world.boot(number) for number in range(1, 1001))

    assert (min(drawn), max(drawn)) == pytest.approx((10.0, 40.0), abs=0.1)
    assert drawn[500] == pytest.approx(25.0, abs=0.2)
    assert world.boot(7) == world.boot(7)


def test_lifetimes_have_their_mean() -> None:
    drawn = [World(lifetime_h=5.0).lifetime(number) for number in range(1, 2001)]

    assert math.fsum(drawn) / len(drawn) == pytest.approx(5.0 * 3600.0, rel=0.02)
