"""The balancer agent between a members' log, probes, a balancer in memory, and a list for what it publishes."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from actuators.balancers.memory import MemoryBalancer, MemoryState
from actuators.lb_agent import LbAgent
from actuators.lb_cluster import Identity
from actuators.lb_members import Seen
from actuators.ports import ClusterTraffic, Target
from streams.records.apart import apart
from streams.records.balancer import BalancerReport
from streams.records.member import Member, State
from streams.records.record import Record
from streams.records.sample import Requests, RequestsColumns
from streams.topics import BALANCERS, SAMPLES, Topic
from tests.unit.actuators.test_lb_desired import a_member

WEB = "shop-web"


class World:
    """Everything around one agent; time stands still until it is moved."""

    def __init__(self) -> None:
        self.state = MemoryState([WEB, "shop-api"])
        self.clusters: tuple[str, ...] = (WEB,)
        self.members: dict[str, Member] = {}
        self.known = True
        self.complete = True
        self.revision = 0
        self.ill: set[str] = set()
        self.at = 1000.0
        self.published: list[tuple[Topic, Record]] = []
        self.agent = self.new_agent()

    def new_agent(self, *, linger_s: float = 0.0) -> LbAgent:
        return LbAgent(
            Identity(balancer="lb-1", tenant="default", application="shop", clusters=self.clusters),
            balancer=MemoryBalancer(self.state),
            seen=self.seen,
            ask=self.ask,
            publish=lambda topic, record: self.published.append((topic, record)),
            now=self.now,
            interval_s=1.0,
            probe_every_s=0.5,
            linger_s=linger_s,
        )

    def now(self) -> float:
        return self.at

    def seen(self) -> Seen:
        known = frozenset({WEB} if self.known else ())
        return Seen(members=dict(self.members), known=known, revision=self.revision, complete=self.complete)

    async def ask(self, cluster: str, targets: Collection[Target]) -> Mapping[str, bool]:
        assert cluster in self.clusters
        return {target.member: target.member not in self.ill for target in targets}

    def put(self, **states: State) -> None:
        for name, state in states.items():
            self.members[name] = a_member(name, state, port=9000 + ord(name[-1]))
            self.revision += 1

    async def looks(self, count: int = 1) -> None:
        for _ in range(count):
            await self.agent.look(WEB)
            self.at += 0.125

    async def settled(self) -> None:
        await self.agent.probe()
        await self.looks(2)

    def routed(self) -> str:
        return "".join(sorted(self.state.cluster(WEB).routed))

    def reports(self) -> list[BalancerReport]:
        return [record for topic, record in self.published if topic is BALANCERS and isinstance(record, BalancerReport)]

    def samples(self) -> list[Requests]:
        return [record for topic, record in self.published if topic is SAMPLES and isinstance(record, Requests)]


@pytest.fixture
def world() -> World:
    return World()


async def test_members_that_answer_are_routed_and_reported_with_the_revision(world: World) -> None:
    world.put(a=State.STARTING, b=State.ACTIVE)
    await world.settled()

    (report,) = world.reports()
    assert world.routed() == "ab"
    assert (report.balancer, report.cluster, report.revision) == ("lb-1", WEB, 2)
    assert [(b.member, b.routed, b.in_flight) for b in report.backends] == [("a", True, 0), ("b", True, 0)]


async def test_a_draining_member_is_reported_when_it_is_out_and_when_it_has_ended(world: World) -> None:
    world.put(a=State.ACTIVE, b=State.ACTIVE)
    await world.settled()
    member = world.state.begin(WEB)
    world.published.clear()

    world.put(**{member: State.DRAINING})
    await world.looks(2)
    world.state.end(WEB, member)
    await world.looks(2)

    left, gone = world.reports()
    assert [(b.routed, b.in_flight) for b in left.backends if b.member == member] == [(False, 1)]
    assert member not in [b.member for b in gone.backends]
    assert (left.revision, gone.revision) == (3, 3)


@pytest.mark.looptime
async def test_the_last_members_linger_when_they_drain_and_no_others(world: World) -> None:
    """A balancer before this one may send to them for a moment yet."""
    world.agent = world.new_agent(linger_s=2.0)
    world.put(a=State.ACTIVE, b=State.ACTIVE)
    await world.settled()

    world.put(a=State.DRAINING)
    await world.looks()
    assert world.routed() == "b"
    world.put(b=State.DRAINING)
    for _ in range(19):
        await world.looks()
        await asyncio.sleep(0.1)
        assert world.routed() == "b"
    await asyncio.sleep(0.2)
    await world.looks()
    assert world.routed() == ""

    world.put(b=State.ACTIVE, c=State.ACTIVE)
    await world.settled()
    world.put(c=State.TERMINATED, b=State.TERMINATING)
    await world.looks()
    assert world.routed() == "", "who ends by itself goes at once"


async def test_nothing_changes_before_the_log_was_read_to_its_end(world: World) -> None:
    world.put(a=State.ACTIVE)
    world.complete = False
    await world.settled()

    assert (world.routed(), world.reports()) == ("", [])


async def test_a_cluster_that_the_log_does_not_know_stays_as_it_is(world: World) -> None:
    world.put(a=State.ACTIVE)
    await world.settled()

    world.members.clear()
    world.known = False
    await world.settled()
    world.agent = world.new_agent()
    await world.settled()

    assert world.routed() == "a"


async def test_a_new_agent_keeps_who_is_routed_before_its_first_probe(world: World) -> None:
    world.put(a=State.ACTIVE, b=State.ACTIVE)
    await world.settled()

    world.agent = world.new_agent()
    world.put(b=State.DRAINING)
    await world.looks(2)

    assert world.routed() == "a"


async def test_a_member_that_fails_twice_goes_out_and_comes_back_when_it_answers(world: World) -> None:
    world.put(a=State.ACTIVE, b=State.ACTIVE)
    await world.settled()

    world.ill = {"a"}
    await world.settled()
    once = world.routed()
    await world.settled()
    twice = world.routed()
    world.ill = set()
    await world.settled()

    assert (once, twice, world.routed()) == ("ab", "b", "ab")


async def test_members_are_asked_as_their_own_cluster_is(world: World) -> None:
    asked: dict[str, list[str]] = {}

    async def ask(cluster: str, targets: Collection[Target]) -> Mapping[str, bool]:
        asked[cluster] = [target.member for target in targets]
        return dict.fromkeys(asked[cluster], True)

    world.ask = ask  # type: ignore[method-assign]
    world.clusters = (WEB, "shop-api")
    world.agent = world.new_agent()
    world.put(a=State.ACTIVE)
    world.members["b"] = a_member("b", State.ACTIVE, cluster="shop-api")
    world.members["c"] = a_member("c", State.ACTIVE, cluster="shop-db")
    await world.settled()

    assert asked == {WEB: ["a"], "shop-api": ["b"]}
    assert world.routed() == "a"


async def test_when_nobody_answers_everybody_is_kept(world: World) -> None:
    world.put(a=State.ACTIVE, b=State.ACTIVE)
    await world.settled()

    world.ill = {"a", "b"}
    for _ in range(3):
        await world.settled()

    assert world.routed() == "ab"


async def test_a_sample_is_the_mean_of_an_interval_of_the_clock(world: World) -> None:
    world.put(a=State.ACTIVE)
    await world.settled()  # two looks: 1000.0, 1000.125
    for _ in range(3):
        world.state.begin(WEB)
    await world.looks(7)  # up to 1001.0

    (sample,) = world.samples()
    assert (sample.at, sample.interval_s, sample.balancer, sample.count) == (1001.0, 1.0, "lb-1", 0)
    assert sample.in_flight == pytest.approx(3 * 7 / 8)


async def test_a_balancer_that_cannot_tell_what_is_in_flight_reports_and_sends_no_sample(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = MemoryBalancer.traffic

    async def untold(self: MemoryBalancer, cluster: str) -> ClusterTraffic:
        seen = await told(self, cluster)
        targets = [replace(state, in_flight=None) for state in seen.targets]
        return ClusterTraffic(targets=targets, in_flight=None, count=None)

    monkeypatch.setattr(MemoryBalancer, "traffic", untold)
    world.put(a=State.ACTIVE)
    await world.settled()
    await world.looks(16)

    assert world.samples() == []
    assert [report.at for report in world.reports()] == pytest.approx([1000.125, 1001.0, 1002.0])
    assert {(b.member, b.routed, b.in_flight) for r in world.reports() for b in r.backends} == {("a", True, None)}


async def test_the_samples_of_several_clusters_are_one_message_for_each_interval(world: World) -> None:
    world.clusters = (WEB, "shop-api")
    world.agent = world.new_agent()
    world.put(a=State.ACTIVE)
    await world.agent.probe()
    for _ in range(17):  # 2 s
        await world.agent.look(*world.clusters)
        world.at += 0.125
    published = [record for topic, record in world.published if topic is SAMPLES]

    assert [(type(each).__name__, each.at) for each in published if isinstance(each, RequestsColumns)] == [
        ("RequestsColumns", 1001.0),
        ("RequestsColumns", 1002.0),
    ]
    assert [[each.cluster for each in apart(many)] for many in published if isinstance(many, RequestsColumns)] == [
        [WEB, "shop-api"]
    ] * 2
    assert len(published) == 2


async def test_a_cluster_that_cannot_be_seen_keeps_no_other_back(world: World) -> None:
    world.clusters = (WEB, "shop-gone")
    world.agent = world.new_agent()
    world.put(a=State.ACTIVE)
    await world.agent.probe()
    for _ in range(9):
        await world.agent.look(*world.clusters)
        world.at += 0.125

    assert [(each.cluster, each.at) for each in world.samples()] == [(WEB, 1001.0)]


async def test_a_balancer_that_does_not_answer_leaves_a_gap_not_a_zero(world: World) -> None:
    world.put(a=State.ACTIVE)
    await world.settled()
    world.published.clear()

    world.state.silent = True
    await world.looks(24)
    assert world.published == []

    world.state.silent = False
    await world.looks(16)
    assert [sample.at for sample in world.samples()] == [1004.0, 1005.0]  # not 1001, 1002, 1003


async def test_what_the_balancer_did_not_take_is_said_again_and_not_reported_as_applied(world: World) -> None:
    await world.looks()
    world.put(a=State.ACTIVE)
    await world.agent.probe()
    world.published.clear()

    world.state.silent = True
    await world.looks(3)
    assert world.published == []

    world.state.silent = False
    await world.looks()
    assert (world.routed(), [report.revision for report in world.reports()]) == ("a", [1])


async def test_the_first_request_of_a_member_is_dated_unless_it_was_there_before(world: World) -> None:
    world.put(a=State.ACTIVE)
    await world.settled()
    world.state.begin(WEB)
    at = world.at
    await world.looks()
    assert [b.first_request_at for b in world.reports()[-1].backends] == [at]

    world.agent = world.new_agent()
    await world.settled()
    assert [b.first_request_at for b in world.reports()[-1].backends] == [None]


async def test_unchanged_looks_report_once_per_interval(world: World) -> None:
    world.put(a=State.ACTIVE)
    await world.settled()
    world.published.clear()

    await world.looks(32)  # 4 s

    assert len(world.samples()) == len(world.reports()) == 4


@pytest.mark.looptime
async def test_the_agent_looks_probes_and_stops_without_taking_anybody_out(world: World) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    start = loop.time()
    world.now = lambda: 1000.0 + loop.time() - start  # type: ignore[method-assign]
    world.agent = world.new_agent()
    world.put(a=State.ACTIVE)
    loop.call_later(10.05, stop.set)

    await world.agent.run(stop)

    assert loop.time() - start == pytest.approx(10.05, abs=0.11)
    assert (world.routed(), len(world.samples())) == ("a", 10)


@pytest.mark.looptime
async def test_an_agent_that_can_not_probe_any_more_ends_with_the_reason(world: World) -> None:
    async def broken(cluster: str, targets: Collection[Target]) -> Mapping[str, bool]:
        raise RuntimeError("no threads left")

    world.ask = broken  # type: ignore[method-assign]
    world.agent = world.new_agent()

    with pytest.raises(RuntimeError, match="no threads left"):
        await world.agent.run(asyncio.Event())
