"""One application, tick by tick: what its cluster instances are to do, and what is told of it."""

from collections.abc import Mapping

import pytest

from actuators.application import Application, Unit
from actuators.life import Seen
from config.tree import ApplicationSpec
from streams.records.instance import BurstRequest, Deployed, Instance, Phase
from streams.records.record import Record
from tests.builders import a_place
from tests.pieces_of_instances import a_child, a_group, a_shop, an_instance_of

TWO = tuple(a_place("p", network_partition=name, max_members=4) for name in "ab")


class Ticked:
    """An application whose members serve as soon as they are wanted, where ``serves`` does not say otherwise."""

    def __init__(self, spec: ApplicationSpec, application: Application | None = None) -> None:
        self.application = application or Application(spec)
        self.at = 1000.0
        self.seen: dict[str, Seen] = {}
        self.log: list[Record] = []

    def tick(self, full: Mapping[str, Mapping[str, int]] | None = None, **wanted: int) -> list[Record]:
        """Let one tick pass, then do what the units say."""
        self.at += 1.0
        told = [
            record
            for _, record in self.application.tick(wanted, self.seen, full=full or {}, exported=(), at=self.at, epoch=1)
        ]
        for unit in self.units():
            count = 0 if unit.drains else unit.wanted if unit.runs else None
            if count is not None:
                self.seen[unit.instance] = Seen(active=count, present=count, alive=count)
        self.log += told
        return told

    def units(self) -> list[Unit]:
        return [unit for units in self.application.units.values() for unit in units]

    def unit(self, cluster: str) -> Unit:
        (unit,) = self.application.units[cluster]
        return unit


def active(spec: ApplicationSpec, **wanted: int) -> Ticked:
    ticked = Ticked(spec)
    for _ in range(20):
        ticked.tick(None, **wanted)
    assert all(root.phase is Phase.ACTIVE for root in ticked.application.instances.roots())
    return ticked


def of(records: list[Record], kind: type[Record]) -> list[Record]:
    return [record for record in records if isinstance(record, kind)]


def test_only_what_has_started_runs() -> None:
    ticked = Ticked(a_shop(a_child("db"), a_child("web"), order=(("db", "web"),)))
    ticked.tick()

    assert ticked.unit("shop-db").runs
    assert not ticked.unit("shop-web").runs
    assert ticked.unit("shop-web").why == "waits for cartridge.db"


def test_a_tick_without_news_tells_nothing() -> None:
    ticked = active(a_shop(a_child("web")))

    assert ticked.tick() == []


def test_what_is_deployed_is_told_before_its_instances() -> None:
    spec = a_shop(a_child("web"))
    told = Ticked(spec).tick()

    assert [type(record) for record in told] == [Deployed, Instance, Instance]
    assert isinstance(told[0], Deployed)
    assert told[0].spec == spec


def test_the_end_is_told_after_the_last_instance() -> None:
    ticked = active(a_shop(a_child("web")))
    ticked.application.undeploy()
    for _ in range(5):
        ticked.tick()

    assert ticked.application.over
    assert isinstance(ticked.log[-1], Deployed)
    assert ticked.log[-1].spec is None


def test_load_is_divided_among_the_instances() -> None:
    spec = a_shop(a_child("web", 1, 4, at=TWO, instances=(2, 2)), waves=(("a", "b"),))
    ticked = active(spec, web=5)

    assert [(unit.network_partition, unit.wanted) for unit in ticked.units()] == [("a", 3), ("b", 2)]


def test_a_new_instance_takes_nothing_over_before_it_serves() -> None:
    spec = a_shop(a_child("web", 1, 4, at=TWO, instances=(1, 2)), waves=(("a",), ("b",)))
    ticked = active(spec, web=4)
    ticked.tick(web=5)

    assert {unit.network_partition: unit.wanted for unit in ticked.units()} == {"a": 4, "b": 1}


@pytest.mark.parametrize(
    ("wanted", "to", "missing"),
    [
        pytest.param(4, None, {}, id="nothing is asked for while there is room"),
        pytest.param(5, ("b",), {}, id="the next network partition when there is none"),
        pytest.param(9, ("b",), {"web": 1}, id="what fits nowhere is missing"),
    ],
)
def test_what_needs_more_asks_for_more(wanted: int, to: tuple[str, ...] | None, missing: dict[str, int]) -> None:
    spec = a_shop(a_child("web", 1, 4, at=TWO, instances=(1, 2)), waves=(("a",), ("b",)))
    told = of(active(spec, web=1).tick(web=wanted), BurstRequest)

    found = [(record.to, record.missing) for record in told if isinstance(record, BurstRequest)]
    assert found == ([] if to is None else [(to, missing)])


def test_a_cluster_that_is_declared_no_more_drains_and_is_forgotten() -> None:
    ticked = active(a_shop(a_child("db"), a_child("web")))
    ticked.application.define(a_shop(a_child("web")))
    told = ticked.tick()

    assert isinstance(told[0], Deployed)
    assert [cluster.cluster for cluster in told[0].leaving] == ["shop-db"]
    ticked.tick()
    assert ticked.unit("shop-db").drains
    for _ in range(3):
        ticked.tick()
    assert set(ticked.application.clusters()) == {"shop-web"}
    assert isinstance(last := of(ticked.log, Deployed)[-1], Deployed)
    assert last.leaving == ()


def test_after_a_restart_it_goes_on_where_the_log_ends() -> None:
    spec = a_shop(a_child("db"), a_group("g", a_child("web"), size=(2, 2)), order=(("db", "g"),))
    before = active(spec)
    known = {record.instance: record for record in before.log if isinstance(record, Instance)}
    (told,) = (record for record in before.log if isinstance(record, Deployed))
    after = Ticked(spec, Application(spec, known.values(), told))
    after.at, after.seen = before.at, dict(before.seen)

    assert after.application.instances._all == before.application.instances._all
    assert of(after.tick(), Instance) == []


def test_members_without_records_count_as_started() -> None:
    ticked = Ticked(a_shop(a_child("db"), a_child("web"), order=(("db", "web"),)))
    ticked.application.instances.add(an_instance_of())
    ticked.seen = {"default/shop/here/web": Seen(active=1, present=1, alive=1)}
    ticked.tick()

    assert ticked.unit("shop-web").runs
