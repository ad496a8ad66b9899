"""Workers that are killed, suspended and joined by others in the middle of the stream, on Apache Kafka.

Every forecast that was published must be, to the byte, what one unbroken fold makes of the same log.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from config.settings import Settings
from pileus.rules import worker_rules
from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.fold import Fold
from streams.partition import application_key, partition_of
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.forecast import Forecasts
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.member import MEMBERS as MEMBER
from streams.records.member import State
from streams.records.record import encode
from streams.topics import FORECASTS, INSTANCES, MEMBERS, SAMPLES
from tests.builders import a_health, a_member, a_requests, an_instance
from tests.pieces import Hand, Piece, Reader, fast
from tests.waiting import wait_until

PARTITIONS = 2
APPLICATIONS = ("shop", "lost", "bank")
PERIOD_S = 0.5
RESUME_S = 40.0
"""Most that a take-over may take on a busy machine."""


@dataclass
class Rig:
    """A broker with a steady stream of samples, and the settings of its workers."""

    settings: Settings
    directory: Path
    reader: Reader

    def worker(self, label: str) -> Piece:
        return Piece("worker", self.settings, self.directory, label=label)

    def published(self, partition: int) -> int:
        return len(self.reader.look().of(FORECASTS, partition))

    def resumes(self, *, records: int = 3) -> float:
        """Wait until every partition has new forecasts; return how long it took (s)."""
        before, began = [self.published(p) for p in range(PARTITIONS)], time.monotonic()
        wait_until(
            lambda: all(self.published(p) >= n + records for p, n in enumerate(before)),
            within_s=RESUME_S,
            what="new forecasts in every partition",
        )
        return time.monotonic() - began


@pytest.fixture
def rig(fresh_kafka: Broker, tmp_path: Path) -> Iterator[Rig]:
    settings = fast(fresh_kafka.address, tmp_path, partitions=PARTITIONS, evaluation_s=PERIOD_S, checkpoint_s=1.0)
    create_topics(settings.broker, partitions=PARTITIONS, replication=1)
    reader = Reader(settings.broker, [SAMPLES, MEMBERS, INSTANCES, FORECASTS], PARTITIONS)
    with _sampling(settings.broker):
        yield Rig(settings, tmp_path, reader)
    reader.close()


@contextmanager
def _sampling(broker: str) -> Iterator[None]:
    """Publish samples and members all the time."""
    hand, ended = Hand(broker), threading.Event()
    for application in APPLICATIONS:
        cluster = f"{application}-web"
        hand.write(INSTANCES, _partition(application), an_instance(cluster, application=application))
    thread = threading.Thread(target=_sample, args=(hand, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(20)
        hand.close()


def _sample(hand: Hand, ended: threading.Event) -> None:
    """Publish the samples of three growing and shrinking clusters, ten times a second."""
    chance, count = np.random.default_rng(7), 0
    while not ended.wait(0.1):
        count += 1
        for application in APPLICATIONS:
            at, partition, cluster = time.time(), _partition(application), f"{application}-web"
            requests = partial(a_requests, interval_s=0.1, count=count, application=application, cluster=cluster)
            health = partial(a_health, at=at, application=application, cluster=cluster)
            hand.write(
                SAMPLES,
                partition,
                requests(float(chance.gamma(9.0)), at=at, balancer="lb-1"),
                requests(3.0, at=at - float(chance.random()), balancer="lb-2"),
                *(health(f"{cluster}-{i}", load=float(chance.gamma(40.0))) for i in (1, 2, 3)),
                b"no sample",
            )
            if count % 9 == 0:
                name = f"{cluster}-{1 + count // 9 % 3}"
                state = State.ACTIVE if chance.random() < 0.7 else State.DRAINING
                member = a_member(name, state=state, at=at, application=application, cluster=cluster)
                hand.write(MEMBERS, partition, member, key=name)


def _partition(application: str) -> int:
    return partition_of(application_key("default", application), PARTITIONS)


def unbroken(rig: Rig, partition: int) -> dict[float, bytes]:
    """Return the forecasts that one fold makes of the whole log, by tick."""
    fold = Fold(partition, worker_rules(rig.settings))
    for message in rig.reader.of(MEMBERS, partition):
        fold.member(message.offset, MEMBER.decode(message.value))
    for message in rig.reader.of(INSTANCES, partition):
        fold.instance(message.offset, INSTANCE.decode(message.value))
    made = [record for m in rig.reader.of(SAMPLES, partition) for record in fold.message(m.value)]
    return {record.at: encode(record) for record in made if isinstance(record, Forecasts)}


def assert_as_if_unbroken(rig: Rig) -> None:
    """Compare everything published with what one fold makes: nothing else, nothing missing, the same each time."""
    rig.reader.drained()
    for partition in range(PARTITIONS):
        made = unbroken(rig, partition)
        published: dict[float, set[bytes]] = {}
        for message, record in zip(
            rig.reader.of(FORECASTS, partition), rig.reader.records(FORECASTS, FORECAST, partition), strict=True
        ):
            published.setdefault(record.at, set()).add(message.value)
        newest = max(published)
        assert published == {at: {value} for at, value in made.items() if at <= newest}
        assert any(forecast.own.member for forecast in FORECAST.decode(made[newest]).clusters)


def test_a_worker_killed_again_and_again_forecasts_as_if_it_never_was(rig: Rig) -> None:
    chance, worker = np.random.default_rng(3), rig.worker("worker")
    try:
        for _ in range(3):
            worker.start()
            worker.says("partition open", times=PARTITIONS)
            rig.resumes(records=1 + int(chance.integers(6)))
            threading.Event().wait(float(chance.random()))  # any moment of a period
            worker.kill()
        worker.start()
        rig.resumes()
    finally:
        worker.stop()

    assert_as_if_unbroken(rig)


def test_workers_that_join_die_and_are_suspended_hand_over_without_a_trace(rig: Rig) -> None:
    one, two = rig.worker("one"), rig.worker("two")
    try:
        one.start()
        one.says("partition open", times=PARTITIONS)
        two.start()
        two.says("partition open")
        rig.resumes()
        one.kill()
        rig.resumes()
        one.start()
        one.says("partition open")
        rig.resumes()
        two.send(signal.SIGSTOP)
        one.says("partition open", times=1 + PARTITIONS)
        rig.resumes()
        two.send(signal.SIGCONT)
        two.says("partitions assigned", times=3)
        rig.resumes()
    finally:
        codes = one.stop(), two.stop()

    assert codes == (0, 0)
    assert_as_if_unbroken(rig)
