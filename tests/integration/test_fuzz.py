"""A real worker on real brokers under mutated records: it goes on, and each sample is used or refused."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pileus.stack.broker import Broker
from streams.admin import create_topics
from streams.fold import Fold
from streams.partition import application_key, partition_of
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.log import REJECTED as REJECTION
from streams.records.record import encode
from streams.topics import FORECASTS, INSTANCES, MEMBERS, REJECTED, SAMPLES
from tests.builders import a_health, a_member, a_requests, a_tick, an_instance
from tests.fuzz.mutate import Mutator
from tests.fuzz.world import World, weight
from tests.pieces import Hand, Piece, Reader, fast, running
from tests.waiting import wait_until

MESSAGES, BATCH, FACTS = 3_000, 300, 20
HERE = partition_of(application_key("default", "shop"), 2)
TICKS_S = 30.0


@pytest.mark.timeout(240)
def test_a_worker_goes_on_and_accounts_for_every_sample(fresh_broker: Broker, tmp_path: Path) -> None:
    create_topics(fresh_broker.address, partitions=2, replication=1)
    worker = Piece("worker", fast(fresh_broker.address, tmp_path), tmp_path)
    hand, reader = Hand(fresh_broker.address), Reader(fresh_broker.address, [SAMPLES, FORECASTS, REJECTED], 2)
    with running(worker):
        worker.says("partition open", times=2)
        hand.write(INSTANCES, HERE, an_instance(), key="shop-web")
        hand.write(MEMBERS, HERE, a_member(epoch=2**40), key="shop-web-1")
        _flood(hand)
        _until(reader, lambda: _counted(reader, time.time()))
        hand.write(INSTANCES, HERE, an_instance(), key="shop-web")
        hand.write(MEMBERS, HERE, a_member(epoch=2**40), key="shop-web-1")
        _until(reader, lambda: _used(hand, reader) > 0)
        assert worker.alive()
        assert "Traceback" not in worker.said()
        used, refused, handed_in = _books(reader.drained())
    hand.close()
    reader.close()

    assert used + refused == handed_in
    assert handed_in > MESSAGES


def _flood(hand: Hand) -> None:
    """Write mutated records into three topics, and ticks that no worker wrote."""
    world, mutator = World(7), Mutator(np.random.default_rng(7))
    for _ in range(MESSAGES // BATCH):
        world.at = time.time()
        seeds = [*world.samples()[:-1], encode(a_tick(world.at - 3600.0, members=0, instances=0))]
        hand.write(SAMPLES, HERE, *(mutator.spoil(seeds) or b"" for _ in range(BATCH)))
        hand.write(MEMBERS, HERE, *(mutator.spoil(world.members()) or b"" for _ in range(FACTS)), key="x")
        hand.write(INSTANCES, HERE, *(mutator.spoil(world.instances()) or b"" for _ in range(FACTS)), key="x")
    of_the_future, of_nowhere = a_tick(4e9, members=0, instances=0), a_tick(time.time() + 1.0, members=10**9)
    hand.write(SAMPLES, HERE, of_the_future, of_nowhere)


def _until(reader: Reader, holds: Callable[[], bool]) -> None:
    wait_until(lambda: reader.look() is not None and holds(), within_s=TICKS_S, what="the worker goes on")


def _counted(reader: Reader, now: float) -> bool:
    """Say whether a tick of late has counted everything that was written."""
    ticks = [record.at for record in reader.records(FORECASTS, FORECAST, HERE)]
    refused = {record.topic for record in reader.records(REJECTED, REJECTION)}
    if not ticks or ticks[-1] <= now - 5.0 or refused != {SAMPLES.name, MEMBERS.name, INSTANCES.name}:
        return False
    return _books(reader)[2] > MESSAGES


def _used(hand: Hand, reader: Reader) -> int:
    """Send good samples, and return how many the newest tick has used."""
    at = time.time()
    hand.write(SAMPLES, HERE, a_requests(12.0, at=at, interval_s=0.5, balancer="good"), a_health(at=at))
    return sum(record.samples for record in reader.records(FORECASTS, FORECAST, HERE)[-1:])


def _books(reader: Reader) -> tuple[int, int, int]:
    """Return the samples used, those refused, and those handed in, up to the last tick that counted."""
    forecasts = {record.at: record.samples for record in reader.records(FORECASTS, FORECAST, HERE)}
    last = max(forecasts)
    refused = sum(
        record.count
        for record in reader.records(REJECTED, REJECTION)
        if record.topic == SAMPLES.name and record.partition == HERE and record.at <= last
    )
    raws = [message.value for message in reader.of(SAMPLES, HERE)]
    end = 1 + max(i for i, each in enumerate(raws) if each and b'"tick"' in each and _at(each) == last)
    return sum(forecasts.values()), refused, sum(map(weight, raws[:end])) - len(forecasts)


def _at(raw: bytes) -> float | None:
    tick = Fold.peek(raw)
    return None if tick is None else tick.at
