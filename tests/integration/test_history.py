"""A worker keeps two days of load in ``pileus.history``; one whose checkpoint is lost knows yesterday's load.

Two days of samples stand in the log before the worker starts, with ticks of their own time.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics
from streams.records.checkpoint import CHECKPOINT, Checkpoint
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.forecast import Forecasts, Signal, SignalForecast
from streams.records.history import HISTORY as SLOT
from streams.records.history import SLOT_S, History, key
from streams.topics import CHECKPOINTS, FORECASTS, HISTORY, INSTANCES, MEMBERS, SAMPLES
from tests.brokers import free_port
from tests.builders import a_member, a_requests, a_tick, an_instance
from tests.pieces import Hand, Piece, Reader, fast
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

DAY_S = 86_400.0
HEAD = 2
"""Slashes in the key of a checkpoint's head; its parts have more."""
SLOTS = 576
WITHIN_S = 90.0


def load_at(t: float) -> float:
    """Return a load that goes up and down in two hours, every day the same."""
    return 1000.0 + 500.0 * math.sin(2.0 * math.pi * 12.0 * t / DAY_S)


@dataclass
class Rig:
    """A broker with two days in its log, and a worker that forecasts by season."""

    settings: Settings
    directory: Path
    hand: Hand
    reader: Reader

    def worker(self, label: str) -> Piece:
        return Piece("worker", self.settings, self.directory, label=label).start()

    def checkpoint(self) -> Checkpoint | None:
        found = self.reader.look().records(CHECKPOINTS, CHECKPOINT, 0)
        return found[-1] if found else None

    def lose_checkpoints(self) -> None:
        """Make every checkpoint one that nobody can use."""
        heads = {m.key: m.value for m in self.reader.look().of(CHECKPOINTS, 0) if m.key.count(b"/") == HEAD}
        for name, value in heads.items():
            if value:
                lost = msgspec.structs.replace(CHECKPOINT.decode(value), layout=0)
                self.hand.write(CHECKPOINTS, 0, lost, key=name.decode())

    def past(self) -> list[History]:
        """Return what was kept of the two days."""
        found: list[History] = self.reader.look().records(HISTORY, SLOT, 0)
        return [record for record in found if record.at < time.time() - 2 * SLOT_S]

    def live(self) -> tuple[float, SignalForecast] | None:
        """Send a sample of now, and return the newest forecast of the requests, and for when it is."""
        at = time.time()
        self.hand.write(SAMPLES, 0, a_requests(load_at(at - 0.25), at=at, interval_s=0.5, count=int(at)))
        found: list[Forecasts] = self.reader.look().records(FORECASTS, FORECAST, 0)
        if not found or found[-1].at < at - 5.0:
            return None
        (cluster,) = found[-1].clusters
        (signal,) = (each for each in cluster.signals if each.signal is Signal.REQUESTS_IN_FLIGHT)
        return found[-1].at + cluster.horizon_s, signal


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    broker = start_tansu(free_port(), directory=tmp_path)
    settings = fast(broker.address, tmp_path, partitions=1, predictor="seasonal", window_s=400.0, checkpoint_s=1.0)
    create_topics(settings.broker, partitions=1, replication=1)
    hand = Hand(settings.broker)
    reader = Reader(settings.broker, [FORECASTS, HISTORY, CHECKPOINTS], 1)
    try:
        _two_days(hand)
        yield Rig(settings, tmp_path, hand, reader)
    finally:
        hand.close()
        reader.close()
        broker.stop()


def _two_days(hand: Hand) -> None:
    """Write a cluster, its member, and its samples with a tick at the end of each slot."""
    first = int(time.time() // SLOT_S) - SLOTS
    hand.write(INSTANCES, 0, an_instance(at=first * SLOT_S - 600.0), key="shop-web")
    hand.write(MEMBERS, 0, a_member("shop-web-1", at=first * SLOT_S - 600.0), key="shop-web-1")
    for slot in range(first, first + SLOTS):
        times = [slot * SLOT_S + at for at in (30.0, 90.0, 150.0, 210.0, 270.0)]
        samples = [a_requests(load_at(t), at=t, interval_s=1.0, count=int(t)) for t in times]
        hand.write(SAMPLES, 0, *samples, a_tick((slot + 1) * SLOT_S, members=1, instances=1))


def test_a_worker_whose_checkpoint_is_lost_forecasts_with_yesterdays_season(rig: Rig) -> None:
    first = rig.worker("first")
    try:
        wait_until(lambda: rig.live() is not None, within_s=WITHIN_S, what="a forecast of now")
        wait_until(lambda: len(rig.past()) >= SLOTS - 3, within_s=WITHIN_S, what="two days of history")
        kept = rig.past()
        wait_until(lambda: rig.checkpoint() is not None, within_s=WITHIN_S, what="a checkpoint")
    finally:
        first.stop()
    assert [each.slot for each in kept] == list(range(kept[0].slot, kept[0].slot + len(kept)))
    assert all(abs(each.value - load_at(each.at + SLOT_S / 2.0)) < 20.0 for each in kept)
    assert {m.key for m in rig.reader.of(HISTORY, 0)} >= {key(k.cluster, k.signal, k.slot).encode() for k in kept}

    rig.lose_checkpoints()
    second = rig.worker("second")
    try:
        second.says("checkpoint of another layout: not used")
        found: list[tuple[float, SignalForecast]] = []

        def by_season() -> bool:
            found[:] = [each for each in [rig.live()] if each is not None and each[1].predictor == "seasonal"]
            return bool(found)

        wait_until(by_season, within_s=WITHIN_S, what="a season")
    finally:
        second.stop()
    ((target, signal),) = found
    assert signal.forecast == pytest.approx(load_at(target), abs=15.0)
