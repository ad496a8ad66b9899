"""Floods and churn: refused at a bound that is stated, counted, without harm to others, in bounded memory."""

import sys

import msgspec
import pytest

from streams import facts, fold, intake, refusals, unplaced
from streams.records.forecast import Signal
from streams.records.log import Rejected
from streams.records.member import State
from streams.records.record import encode
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance, health_columns, raw
from tests.folding import RULES, a_fold, feed, forecast, refused, serving, signal, tick
from tests.fuzz.churn import churned, size_of

FLOOD = 20_000


@pytest.mark.parametrize(
    ("reason", "of"),
    [
        pytest.param("UnknownMember", lambda i: a_health(f"shop-web-x{i}", at=999.0), id="unknown members"),
        pytest.param("UnknownCluster", lambda i: a_health(at=999.0, cluster=f"x{i}"), id="unknown clusters"),
        pytest.param("UnknownCluster", lambda i: a_health(at=999.0, tenant=f"x{i}"), id="unknown tenants"),
        pytest.param("UnknownCluster", lambda i: a_requests(at=999.0, cluster=f"x{i}"), id="requests of unknown ones"),
        pytest.param("Overload", lambda i: a_requests(at=999.0, balancer=f"lb-x{i}"), id="balancers without end"),
        pytest.param("UnknownMember", lambda i: a_health(f"{i}" + "x" * 500, at=999.0), id="very long names"),
    ],
)
def test_a_flood_is_counted_and_leaves_nothing_behind(reason: str, of: object) -> None:
    world, calm = (a_fold(members=serving("shop-web-1")) for _ in range(2))
    for each in (world, calm):
        feed(each, *(a_health(at=900.0 + i, load=30.0) for i in range(100)), a_tick(999.0))
    feed(world, *(of(i) for i in range(FLOOD)))  # type: ignore[operator]

    published = feed(world, a_tick(1000.0))
    (told,) = [each for each in published if isinstance(each, Rejected)]

    assert told.reason == reason
    assert told.count >= FLOOD - 100  # a hundred balancers are one cluster's bound
    assert len(told.examples) <= refusals.EXAMPLES
    assert max(map(len, told.examples)) <= refusals.EXAMPLE_LENGTH
    assert signal(forecast(world, 1005.0), Signal.LOAD_AVERAGE) == signal(forecast(calm, 1005.0), Signal.LOAD_AVERAGE)
    assert {**size_of(world), "balancers": 0} == {**size_of(calm), "balancers": 0}


def test_more_than_is_held_between_two_ticks_is_given_up_oldest_first_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "HELD", 100_000)
    world = a_fold(members=serving("shop-web-1", "shop-web-2"))
    rows = [a_health("shop-web-2", at=900.0 + i / 100.0) for i in range(50)]
    flood = [health_columns(*rows), *(a_health(at=900.0 + i / 100.0) for i in range(5000))]
    feed(world, *flood, a_health("shop-web-2", at=999.0, load=7.0))

    assert world._intake._held_bytes <= 100_000
    *rejected, forecasts = feed(world, a_tick(1000.0))

    counted = sum(each.count for each in rejected if isinstance(each, Rejected))
    assert counted + forecasts.samples == 50 + 5000 + 1  # type: ignore[attr-defined]
    assert [each.reason for each in rejected if isinstance(each, Rejected)] == ["Skipped"]
    assert world.store.series("shop-web", "shop-web-2")[0].values == [7.0]


def test_members_beyond_a_clusters_bound_are_refused_and_those_that_are_there_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fold, "MEMBERS_EACH", 3)
    names = [f"shop-web-{i}" for i in range(1, 6)]
    world = a_fold(members=[*serving(*names), a_member(names[0], state=State.DRAINING, at=990.0)])

    told = [each for each in feed(world, a_tick(1000.0)) if isinstance(each, Rejected)]

    assert [(each.topic, each.reason, each.count) for each in told] == [("pileus.members", "Overload", 2)]
    assert "more than 3 members in cluster 'shop-web'" in told[0].examples[0]
    assert forecast(world, 1005.0).serving == 2


def test_clusters_beyond_a_partitions_bound_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "CLUSTERS", 2)
    world = a_fold(instances=[an_instance(f"c{i}") for i in range(4)])

    told = [each for each in feed(world, a_tick(1000.0)) if isinstance(each, Rejected)]

    assert [(each.topic, each.reason, each.count) for each in told] == [("pileus.instances", "Overload", 2)]
    assert len(tick(world, 1005.0).clusters) == 2


def test_members_of_clusters_that_nobody_announces_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unplaced, "MOST", 10)
    world = a_fold(members=[a_member(f"x{i}-1", cluster=f"x{i}") for i in range(25)])

    told = [each for each in feed(world, a_tick(1000.0)) if isinstance(each, Rejected)]

    assert [(each.topic, each.reason, each.count) for each in told] == [("pileus.members", "Overload", 15)]
    assert size_of(world)["unplaced"] == 10
    world.instance(50, an_instance("x0"))
    world.member(50, a_member("x1-1", cluster="x1", state=State.TERMINATED))
    for i in range(2):
        world.member(60 + i, a_member(f"y{i}-1", cluster="y"))
    assert refused(world, 1005.0) == {}  # two have left, two have come
    assert size_of(world)["unplaced"] == 10


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"member": "x" * 256}, id="a name without end"),
        pytest.param({"at": 1e300}, id="a time that no clock shows"),
        pytest.param({"at": -1.0}, id="a time before time"),
        pytest.param({"since": {"Created": -1e308, "Active": 1e308}}, id="a life without end"),
        pytest.param({"epoch": 2**60}, id="an epoch that no snapshot holds"),
        pytest.param({"port": -1}, id="a port below zero"),
    ],
)
def test_a_record_of_a_member_that_cannot_be_right_is_refused(wrong: dict[str, object]) -> None:
    world = a_fold(members=serving("shop-web-1"))
    fields = msgspec.json.decode(encode(a_member("shop-web-2"))) | wrong
    world.member(5, facts.member(msgspec.json.encode(fields)))

    told = [each for each in feed(world, a_tick(1000.0)) if isinstance(each, Rejected)]

    assert [(each.topic, each.reason, each.count) for each in told] == [("pileus.members", "BadValue", 1)]
    assert forecast(world, 1005.0).serving == 1
    world.snapshot()


def test_members_come_and_go_and_leave_nothing_behind() -> None:
    """Ten live, a thousand pass through; ``python -m tests.fuzz --churn 100000`` is the long form."""
    early, late = churned(live=10, gone=1_000)

    assert late == early
    assert late["alive"] == 10
    assert late["members"] <= 10 * (RULES.window(60.0) / 5.0 + 5.0)


def test_clusters_come_and_go_and_leave_nothing_behind() -> None:
    world, sizes = a_fold(instances=()), []
    for i in range(60):
        at, name = 1000.0 + 5.0 * i, f"c{i}"
        world.instance(3 * i, an_instance(name))
        world.member(i, a_member(f"{name}-1", cluster=name, at=at))
        if i:
            world.instance(3 * i + 1, msgspec.structs.replace(an_instance(f"c{i - 1}"), state="Terminated"))
        feed(world, a_requests(at=at, cluster=name), a_health(f"{name}-1", at=at, cluster=name))
        tick(world, at)
        sizes.append(size_of(world))

    assert sizes[-1] == sizes[10]


def test_refusals_of_a_reason_take_the_same_room_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = refusals.Refusals("t", 0), refusals.Refusals("t", 0)
    few.add("BadJson", "x" * 10_000, "y" * 10_000)
    for _ in range(10_000):
        many.add("BadJson", "x" * 10_000, "y" * 10_000)

    (one,), (all_of_them,) = few.take(0.0), many.take(0.0)

    assert all_of_them.count == 10_000
    assert sum(map(sys.getsizeof, all_of_them.examples)) <= 3 * sum(map(sys.getsizeof, one.examples))
    assert raw(all_of_them)
