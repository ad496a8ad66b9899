"""Apache Kafka goes away for a minute under a running worker and actuators, and comes back with what it had."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from actuators.clouds.local import LocalCloud
from config.settings import Settings
from pileus.stack.broker import Broker
from pileus.stack.folders import local_folder
from streams.admin import create_topics, publish_definitions
from streams.partition import application_key
from streams.producer import connect
from streams.publisher import Publisher
from streams.records.balancer import Backend, BalancerReport
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.log import REJECTED as REJECTION
from streams.records.member import Member, State
from streams.records.record import encode
from streams.records.sample import SAMPLE, Health, Requests
from streams.topics import ACTIONS, BALANCERS, FORECASTS, OUTCOMES, REJECTED, SAMPLES
from tests.acting import CLUSTER, THRESHOLD, Scene, demo
from tests.brokers import start_kafka
from tests.builders import a_requests
from tests.chaos.stream import Sent
from tests.chaos.unbroken import TOPICS, alike, evaluated, samples_in
from tests.pieces import Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

AWAY_S = 60.0
"""Longer than a session, a request and the delivery of a record may take, and than any of them tries again."""
WINDOW_S = 150.0
"""What was measured while the broker was away is in the windows afterwards."""
INTERVAL_S = 0.2
DONE_S = 60.0


def test_a_broker_that_goes_for_a_minute_takes_nothing_with_it(fresh_kafka: Broker, tmp_path: Path) -> None:
    settings = fast(fresh_kafka.address, tmp_path, window_s=WINDOW_S)
    create_topics(settings.broker, partitions=settings.partitions, replication=1)
    publish_definitions(settings.broker, demo(tmp_path / "definitions").documents())
    worker, actuators = Piece("worker", settings, tmp_path), Piece("actuate", settings, tmp_path)
    with _nothing_left(tmp_path), running(worker, actuators), Load(settings) as load:
        with _scene(settings) as scene:
            wait_until(lambda: len(scene.members(State.STARTING)) == 2, within_s=DONE_S, what="two members")
            load.serving = sorted(scene.members())
            wait_until(lambda: len(scene.members(State.ACTIVE)) == 2, within_s=DONE_S, what="they serve")
            before = scene.instances()

        away = time.time()
        fresh_kafka.stop()
        _stays(scene, before, worker, actuators)
        again, back = start_kafka(fresh_kafka.log.parent), time.time()
        try:
            load.members = 3
            with _scene(settings) as scene:
                wait_until(lambda: len(scene.instances()) > len(before), within_s=DONE_S, what="one more member")
                wait_until(lambda: load.publisher.pending < 5, within_s=DONE_S, what="the agent's buffer is empty")
                load.end()
                done = time.time()
                wait_until(lambda: _evaluated(scene, done), within_s=DONE_S, what="all is evaluated")
                assert worker.alive()
                assert actuators.alive()
                after = scene.instances()
                assert {name: after.get(name) for name in before} == before
                assert not [r for _, r in scene.log() if isinstance(r, Member) and r.state is State.DRAINING]
                _nothing_lost(scene, load, away=away, back=back)
        finally:
            actuators.stop()
            worker.stop()
            again.stop()


def _stays(scene: Scene, before: dict[str, list[str]], *pieces: Piece) -> None:
    """See that every instance and every part stays, all the time that the broker is away."""
    until, pause = time.monotonic() + AWAY_S, threading.Event()
    while time.monotonic() < until:
        assert scene.instances() == before
        assert all(piece.alive() for piece in pieces), [piece.said()[-2000:] for piece in pieces]
        pause.wait(1.0)


def _evaluated(scene: Scene, done: float) -> bool:
    """Say whether there is a tick after a moment, and its forecast."""
    return any(f.at > done for f in scene.reader.look().records(FORECASTS, FORECAST, scene.partition))


def _nothing_lost(scene: Scene, load: "Load", *, away: float, back: float) -> None:
    """See that each sample arrived and was used, those of the outage too, as if there had been none.

    The requests are ours; beside each member the executor has started an agent, a process of its own.
    """
    scene.reader.drained()
    log = samples_in(scene.reader, scene.partition)
    samples = {value: SAMPLE.decode(value) for value in log.values()}
    assert load.publisher.dropped == 0
    assert {value for value, sample in samples.items() if isinstance(sample, Requests)} == set(load.sent)
    for member in load.serving:
        measured = [s for s in samples.values() if isinstance(s, Health) and s.member == member and away < s.at < back]
        assert len(measured) > 0.8 * (back - away) / scene.settings.sample_interval_s, member

    until = evaluated(scene.reader, scene.partition)
    alike(scene.reader, scene.settings, scene.partition, Sent(log, sum(offset < until for offset in log)))
    refused = {r.reason for r in scene.reader.records(REJECTED, REJECTION) if r.at > away}
    assert refused <= {"Duplicate", "UnknownMember"}, refused  # sent twice as the broker went; not yet launched


class Load:
    """What a balancer's agent measures and reports, published as it does: never waiting for the broker."""

    def __init__(self, settings: Settings) -> None:
        self.members = 2
        """How many should carry the requests."""
        self.serving: list[str] = []
        """Those that the balancer sends requests to."""
        self.sent: list[bytes] = []
        self.publisher = Publisher(partial(connect, settings.broker), partitions=settings.partitions)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Send no more; deliver what waits."""
        self._ended.set()
        self._thread.join(30)
        self.publisher.close(DONE_S)

    def _publish(self) -> None:
        key = application_key("default", "shop")
        while not self._ended.wait(INTERVAL_S):
            at, serving = time.time(), self.serving
            sample = a_requests(self.members * THRESHOLD, at=at, interval_s=INTERVAL_S, cluster=CLUSTER)
            self.publisher.publish(SAMPLES, sample, key=key)
            self.sent.append(encode(sample))
            self.publisher.publish(BALANCERS, _report(serving, at), key=b"lb-1", owner=key)


def _report(serving: Sequence[str], at: float) -> BalancerReport:
    """Return what a balancer that sends requests to these members reports."""
    return BalancerReport(
        balancer="lb-1",
        tenant="default",
        application="shop",
        cluster=CLUSTER,
        at=at,
        revision=0,
        backends=[Backend(member=name, routed=True, in_flight=1) for name in serving],
    )


@contextmanager
def _scene(settings: Settings) -> Iterator[Scene]:
    with (
        closing(Hand(settings.broker)) as hand,
        Reader(settings.broker, [*TOPICS, ACTIONS, OUTCOMES], settings.partitions) as reader,
    ):
        yield Scene(settings, hand, reader)


@contextmanager
def _nothing_left(directory: Path) -> Iterator[None]:
    """End the instances at last."""
    try:
        yield
    finally:
        left = asyncio.run(LocalCloud(local_folder(directory)).destroy_all(1.0))
    assert not left
