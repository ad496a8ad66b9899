"""The actuators as processes on real brokers and the local cloud: what is decided is done once, whoever is killed."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from actuators.clouds.local import LocalCloud
from pileus.stack.broker import Broker
from pileus.stack.folders import local_folder
from streams.admin import create_topics, publish_definitions
from streams.records.action import Result, Verb
from streams.records.balancer import Backend, BalancerReport
from streams.records.decision import DECISION
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.instance import Announcement
from streams.records.member import LEADTIME, Member, State
from streams.topics import ACTIONS, BALANCERS, DECISIONS, FORECASTS, INSTANCES, LEADTIMES, MEMBERS, OUTCOMES
from tests.acting import CLUSTER, Load, Scene, demo
from tests.builders import a_claim
from tests.pieces import Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

READ = (MEMBERS, INSTANCES, ACTIONS, OUTCOMES, DECISIONS, LEADTIMES, FORECASTS)
DONE_S = 40.0
"""Most that a take-over with everything after it may take on a busy machine."""


@dataclass
class Rig(Scene):
    """A scene with a load, and its actuators."""

    load: Load
    directory: Path

    def actuators(self, label: str = "actuate") -> Piece:
        return Piece("actuate", self.settings, self.directory, label=label)

    def declare(self) -> None:
        publish_definitions(self.settings.broker, demo(self.directory / "definitions").documents())

    def await_members(self, count: int, *states: State) -> None:
        """Wait until so many members are in one of ``states``."""
        wait_until(
            lambda: len(self.members(*states)) == count, within_s=DONE_S, what=f"{count} members in {sorted(states)}"
        )

    def ticks(self, count: int) -> None:
        """Wait for so many ticks more."""
        before = len(self.reader.look().of(FORECASTS))
        wait_until(lambda: len(self.reader.look().of(FORECASTS)) >= before + count, within_s=DONE_S, what="ticks")

    def decided(self) -> int:
        """Return the number decided last."""
        decisions = self.reader.look().records(DECISIONS, DECISION, self.partition)
        return decisions[-1].wanted if decisions else 0

    def balance(self, *routed: str, in_flight: int = 0) -> None:
        """Report as a balancer that has read everything."""
        at = time.time()
        report = BalancerReport(
            balancer="lb-1",
            tenant="default",
            application="shop",
            cluster=CLUSTER,
            at=at,
            revision=1_000_000,
            backends=[Backend(member=m, routed=True, in_flight=in_flight) for m in routed],
        )
        self.hand.write(BALANCERS, self.partition, report)

    def order(self, topic_records: list[tuple[str, str]]) -> list[float]:
        """Return when each of the records, named by topic and by a part of its text, came into its topic first."""
        messages = [m for t in READ for m in self.reader.look().of(t)]
        return [
            min(m.timestamp for m in messages if m.topic == t and text in str(m.value)) for t, text in topic_records
        ]


@pytest.fixture
def rig(fresh_broker: Broker, tmp_path: Path) -> Iterator[Rig]:
    yield from _rig(fresh_broker, tmp_path)


@pytest.fixture
def kafka_rig(fresh_kafka: Broker, tmp_path: Path) -> Iterator[Rig]:
    yield from _rig(fresh_kafka, tmp_path)


def _rig(broker: Broker, directory: Path) -> Iterator[Rig]:
    settings = fast(broker.address, directory, checkpoint_s=30.0)  # much is decided again after a kill
    create_topics(settings.broker, partitions=settings.partitions, replication=1)
    hand, reader = Hand(settings.broker), Reader(settings.broker, READ, settings.partitions)
    scene = Scene(settings, hand, reader)
    load = Load(hand, scene.partition).start()
    try:
        yield Rig(settings, hand, reader, load, directory)
    finally:
        load.stop()
        hand.close()
        reader.close()
        left = asyncio.run(LocalCloud(local_folder(directory)).destroy_all(1.0))
    assert not left


def assert_once_each(rig: Rig, count: int) -> None:
    """Assert that the members present are ``count``, each launched once and running once, and nothing else runs."""
    present = rig.members(State.STARTING, State.ACTIVE)
    launched: dict[str, set[str]] = {}
    for outcome in rig.outcomes(Result.RUNNING):
        launched.setdefault(outcome.member, set()).add(outcome.instance)
    assert len(present) == count
    assert {m.member: [m.instance] for m in present.values()} == rig.instances()
    assert all(len(instances) == 1 for instances in launched.values())


def test_from_a_definition_to_instances_that_serve_drain_and_end(rig: Rig) -> None:
    actuators = rig.actuators()
    with running(actuators):
        actuators.says("partitions assigned")
        rig.declare()
        rig.load.members = 2
        rig.await_members(2, State.STARTING)
        assert_once_each(rig, 2)
        ((epoch, _),) = rig.claims()
        announced = [i for i in rig.reader.records(INSTANCES, INSTANCE) if isinstance(i, Announcement)]
        assert [i.cluster for i in announced] == [CLUSTER]
        assert {(a.verb, a.epoch) for a in rig.actions()} == {(Verb.LAUNCH, epoch)}
        for which in ("shop-web-1", "shop-web-2"):
            when = rig.order(
                [
                    (INSTANCES.name, CLUSTER),
                    (MEMBERS.name, f'"{which}"'),
                    (ACTIONS.name, f'"{which}"'),
                    (OUTCOMES.name, f'"{which}"'),
                ]
            )
            assert when == sorted(when)

        def serve() -> bool:
            rig.balance("shop-web-1", "shop-web-2")
            return len(rig.members(State.ACTIVE)) == 2

        wait_until(serve, within_s=DONE_S, what="both serve")
        rig.load.members = 1

        def drain() -> bool:
            rig.balance(*rig.members(State.ACTIVE))
            return len(rig.members(State.TERMINATED)) == 1

        wait_until(drain, within_s=DONE_S, what="one of them drains and ends")
        assert_once_each(rig, 1)
        (gone,) = rig.members(State.TERMINATED)
        (terminate,) = {a.action for a in rig.actions() if a.verb is Verb.TERMINATE}
        assert terminate == f"{gone}/terminate"
        assert [r.state for _, r in rig.log() if isinstance(r, Member) and r.member == gone] == [
            State.CREATED,
            State.STARTING,
            State.ACTIVE,
            State.DRAINING,
            State.TERMINATING,
            State.TERMINATED,
        ]
        assert {lead.member for lead in rig.reader.records(LEADTIMES, LEADTIME)} == {"shop-web-1", "shop-web-2"}
    assert actuators.stop() == 0
    assert_once_each(rig, 1)  # stopping Pileus ends no instance


def test_actuators_killed_while_they_launch_launch_nothing_twice_and_take_nothing_away(kafka_rig: Rig) -> None:
    rig, chance, actuators = kafka_rig, np.random.default_rng(5), kafka_rig.actuators()
    rig.declare()
    with running(actuators):
        rig.await_members(1, State.STARTING)
        for count in range(2, 6):
            actuators.says("partition open", times=2)
            rig.ticks(3)
            known = len(rig.members())
            rig.load.members = count
            wait_until(lambda: len(rig.members()) > known, within_s=DONE_S, what="the next intent")  # noqa: B023
            threading.Event().wait(float(chance.random()) * 0.3)  # any moment between intent and outcome
            actuators.kill()
            actuators.start()
        rig.await_members(5, State.STARTING)
        assert_once_each(rig, 5)
        assert len(rig.members()) == 5
        assert not [r for _, r in rig.log() if isinstance(r, Member) and r.state is State.DRAINING]


def test_decisions_over_kills_are_those_of_one_run(kafka_rig: Rig) -> None:
    rig, actuators = kafka_rig, kafka_rig.actuators()
    rig.declare()
    with running(actuators):
        for count in (2, 4, 3, 5):
            actuators.says("partition open", times=2)
            rig.ticks(3)
            rig.load.members = count
            wait_until(lambda: rig.decided() == count, within_s=DONE_S, what=f"{count} wanted")  # noqa: B023
            actuators.kill()
            actuators.start()
        actuators.says("partition open", times=2)
        rig.await_members(5, State.STARTING)
    rig.reader.drained()
    decided: dict[float, set[bytes]] = {}
    for message in rig.reader.of(DECISIONS, rig.partition):
        decided.setdefault(DECISION.decode(message.value).at, set()).add(message.value)
    ticks = {record.at for record in rig.reader.records(FORECASTS, FORECAST, rig.partition)}
    before = None
    for at, values in sorted(decided.items()):
        (value,) = values  # told twice, it is the same
        decision = DECISION.decode(value)
        assert at in ticks
        assert before in {None, decision.before}
        before = decision.wanted


def test_a_suspended_decider_that_wakes_up_is_refused(kafka_rig: Rig) -> None:
    rig, one, two = kafka_rig, kafka_rig.actuators("one"), kafka_rig.actuators("two")
    rig.declare()
    with running(one):
        rig.await_members(1, State.STARTING)
        with running(two):
            two.says("partition open")
            owner = {f"/{piece.pid}": piece for piece in (one, two)}
            holder = next(piece for end, piece in owner.items() if rig.claims()[-1][1].owner.endswith(end))
            other = two if holder is one else one
            old = rig.claims()[-1][0]
            holder.send(signal.SIGSTOP)
            wait_until(lambda: rig.claims()[-1][0] > old, within_s=DONE_S, what="the other claims")
            rig.load.members = 2
            rig.await_members(2, State.STARTING)
            rig.load.members = 3
            holder.send(signal.SIGCONT)
            rig.await_members(3, State.STARTING)
            assert other.alive()
            rig.load.members = 4
            rig.await_members(4, State.STARTING)
            assert_once_each(rig, 4)
            newest = max(epoch for epoch, _ in rig.claims())
            assert all(m.epoch <= newest for m in rig.members().values())


def test_an_older_decider_is_refused_and_its_late_claim_answered_by_another_of_the_owner(kafka_rig: Rig) -> None:
    rig = kafka_rig
    rig.hand.write(MEMBERS, rig.partition, a_claim("before", partition=rig.partition))  # an epoch is never below 0
    rig.declare()
    with running(rig.actuators()):
        rig.await_members(1, State.STARTING)
        (launch,) = {a.action: a for a in rig.actions()}.values()
        (member,) = rig.members().values()
        epoch = rig.claims()[-1][0]
        old = {"epoch": epoch - 1}
        rig.hand.write(
            MEMBERS, rig.partition, msgspec.structs.replace(member, state=State.DRAINING, **old), key=member.member
        )  # as one that woke up after the claim
        where = next(p for p in range(rig.settings.partitions) if rig.reader.of(ACTIONS, p))
        rig.hand.write(
            ACTIONS,
            where,
            msgspec.structs.replace(launch, action="shop-web-1/terminate", verb=Verb.TERMINATE, launch=None, **old),
        )

        wait_until(lambda: rig.outcomes(Result.REFUSED), within_s=DONE_S, what="a refusal")
        (refused,) = rig.outcomes(Result.REFUSED)
        assert refused.reason == f"epoch {epoch - 1} is older than {epoch}"
        assert rig.members()[member.member].state is State.STARTING
        assert_once_each(rig, 1)

        (late,) = rig.hand.write(MEMBERS, rig.partition, a_claim("late", partition=rig.partition))
        wait_until(lambda: rig.claims()[-1][0] > late, within_s=DONE_S, what="the owner claims again")
        rig.load.members = 2
        rig.await_members(2, State.STARTING)
        assert_once_each(rig, 2)
