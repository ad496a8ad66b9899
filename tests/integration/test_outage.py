"""Apache Kafka goes away under a running worker and running actuators, and comes back with what it had."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from actuators.clouds.local import LocalCloud
from config.settings import Settings
from pileus.stack.broker import Broker
from pileus.stack.folders import local_folder
from streams.admin import create_topics, publish_definitions
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.member import Member, State
from streams.topics import ACTIONS, FORECASTS, MEMBERS, OUTCOMES, SAMPLES
from tests.acting import CLUSTER, THRESHOLD, Scene, demo
from tests.brokers import start_kafka
from tests.builders import a_requests
from tests.pieces import Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

AWAY_S = 12.0
"""Longer than a session, a request and the delivery of a record may take."""
DONE_S = 60.0


def test_a_broker_that_goes_and_comes_back_takes_nothing_with_it(fresh_kafka: Broker, tmp_path: Path) -> None:
    settings = fast(fresh_kafka.address, tmp_path)
    create_topics(settings.broker, partitions=settings.partitions, replication=1)
    publish_definitions(settings.broker, demo(tmp_path / "definitions").documents())
    worker, actuators = Piece("worker", settings, tmp_path), Piece("actuate", settings, tmp_path)
    with _nothing_left(tmp_path), running(worker, actuators):
        with _loaded(settings, members=2) as scene:
            wait_until(lambda: len(scene.members(State.STARTING)) == 2, within_s=DONE_S, what="two members")
        before = scene.instances()

        fresh_kafka.stop()
        threading.Event().wait(AWAY_S)
        assert scene.instances() == before
        again, back = start_kafka(fresh_kafka.log.parent), time.time()
        try:
            with _loaded(settings, members=3) as scene:
                wait_until(lambda: _forecast_since(scene, back, worker, actuators), within_s=DONE_S, what="forecasts")
                wait_until(lambda: len(scene.instances()) > len(before), within_s=DONE_S, what="one more member")
                after = scene.instances()
                assert {name: after.get(name) for name in before} == before
                assert not [r for _, r in scene.log() if isinstance(r, Member) and r.state is State.DRAINING]
        finally:
            actuators.stop()
            worker.stop()
            again.stop()


def _forecast_since(scene: Scene, back: float, *pieces: Piece) -> bool:
    """Say whether the load was forecast since ``back``; start a piece again that ended, as a supervisor would."""
    for piece in pieces:
        if not piece.alive():
            piece.start()
    return any(f.at > back and f.clusters for f in scene.reader.look().records(FORECASTS, FORECAST))


@contextmanager
def _loaded(settings: Settings, *, members: int) -> Iterator[Scene]:
    """Publish the requests that so many members should carry."""
    ended = threading.Event()
    with (
        closing(Hand(settings.broker)) as hand,
        Reader(settings.broker, [MEMBERS, ACTIONS, OUTCOMES, FORECASTS], settings.partitions) as reader,
    ):
        scene = Scene(settings, hand, reader)

        def send() -> None:
            while not ended.wait(0.2):
                sample = a_requests(members * THRESHOLD, at=time.time(), interval_s=0.2, cluster=CLUSTER)
                hand.write(SAMPLES, scene.partition, sample)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield scene
        finally:
            ended.set()
            thread.join(30)


@contextmanager
def _nothing_left(directory: Path) -> Iterator[None]:
    """End the instances at last."""
    try:
        yield
    finally:
        left = asyncio.run(LocalCloud(local_folder(directory)).destroy_all(1.0))
    assert not left
