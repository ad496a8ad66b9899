"""A worker that comes back to more than it may hold: it skips to what is fresh, by a rule that stands in the log."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from config.settings import Settings
from pileus.rules import worker_rules
from pileus.stack.broker import Broker
from streams.admin import create_topics, publish_messages
from streams.fold import Fold
from streams.follow import end_of, read_range
from streams.intake import HELD
from streams.lag import Lag, lags
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.forecast import Forecasts
from streams.records.log import REJECTED as REJECTION
from streams.records.log import Rejected
from streams.records.record import Record, encode
from streams.topics import FORECASTS, INSTANCES, MEMBERS, REJECTED, SAMPLES
from tests.brokers import free_port
from tests.builders import a_health, a_member, an_instance, health_columns
from tests.pieces import Piece, Reader, fast
from tests.waiting import wait_until

EACH = 1000
CLUSTER = an_instance()
SERVING = [a_member(f"shop-web-{i}") for i in range(EACH)]
CATCH_UP_S = 60.0
"""Most that it may take on a busy machine."""


@dataclass
class Rig:
    """A broker of one partition, and the settings of its worker."""

    settings: Settings
    worker: Piece
    reader: Reader

    def fill(self, size: int) -> int:
        """Write envelopes of all members until there are ``size`` bytes of them; return how many samples they hold."""
        rows = [a_health(each.member, at=time.time(), load=20.0 + i % 50) for i, each in enumerate(SERVING)]
        whole = encode(health_columns(*rows))
        count = 1 + size // len(whole)
        asyncio.run(self._write(whole, count))
        return count * EACH

    async def _write(self, message: bytes, count: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.settings.broker, max_batch_size=500_000) as producer:
            for _ in range(count):
                await producer.send(SAMPLES.name, message, key=b"default/shop", partition=0)

    def page(self, path: str) -> tuple[int, str]:
        """Ask the worker."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.health_port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, OSError) as error:
            return 0, str(error)

    def number(self, name: str) -> float | None:
        """Return a metric of the partition."""
        families = text_string_to_metric_families(self.page("/metrics")[1])  # type: ignore[no-untyped-call]
        found = [s.value for f in families for s in f.samples if s.name == name]
        return found[0] if found else None

    def forecasts(self) -> list[Forecasts]:
        return self.reader.look().records(FORECASTS, FORECAST)

    def skipped(self) -> int:
        """Return how many samples were refused as skipped."""
        refused: list[Rejected] = self.reader.look().records(REJECTED, REJECTION)
        return sum({each.at: each.count for each in refused if each.reason == "Skipped"}.values())

    def lag(self) -> Lag:
        (found,) = asyncio.run(lags(self.settings.broker, [0], now=time.time(), within_s=30.0))
        return found

    def status(self) -> dict[str, Any]:
        """Ask ``pileus status``."""
        command = [sys.executable, "-m", "pileus", "status", "-o", "json", "--broker", self.settings.broker]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return dict(json.loads(done.stdout))

    def unbroken(self) -> list[Record]:
        """Return what one fold makes of the whole log."""
        fold = Fold(0, worker_rules(self.settings))
        fold.instance(0, CLUSTER)
        for offset, member in enumerate(SERVING):
            fold.member(offset, member)
        end = asyncio.run(end_of(self.settings.broker, SAMPLES.name, 0, near=0))
        log = asyncio.run(read_range(self.settings.broker, SAMPLES.name, 0, start=0, end=end))
        return [record for message in log for record in fold.message(message.value)]


@pytest.fixture
def rig(fresh_broker: Broker, tmp_path: Path) -> Iterator[Rig]:
    settings = fast(fresh_broker.address, tmp_path, partitions=1, checkpoint_s=1.0, health_port=free_port())
    create_topics(settings.broker, partitions=1, replication=1)
    publish_messages(settings.broker, INSTANCES, [(0, CLUSTER.cluster, encode(CLUSTER))])
    publish_messages(settings.broker, MEMBERS, ((0, each.member, encode(each)) for each in SERVING))
    reader = Reader(settings.broker, [FORECASTS, REJECTED], 1)
    worker = Piece("worker", settings, tmp_path)
    try:
        yield Rig(settings, worker, reader)
    finally:
        worker.stop()
        reader.close()


def test_a_worker_that_was_away_for_long_skips_to_fresh_samples_and_says_so(rig: Rig) -> None:
    assert rig.page("/healthz")[0] == 0
    rig.worker.start().says("partition open")
    rig.fill(1)
    wait_until(lambda: any(each.samples for each in rig.forecasts()), within_s=CATCH_UP_S, what="forecasts")
    assert rig.worker.stop() == 0
    before, samples = len(rig.forecasts()), rig.fill(HELD + HELD // 4)
    messages = samples // EACH

    assert messages <= rig.lag().messages <= messages + 3  # ticks that the worker wrote and did not read
    assert [each["messages"] for each in rig.status()["lag"]] == [rig.lag().messages]
    rig.worker.start()
    wait_until(rig.skipped, within_s=CATCH_UP_S, what="the skip is told")
    wait_until(lambda: len(rig.forecasts()) >= before + 4, within_s=CATCH_UP_S, what="forecasts go on")
    wait_until(lambda: rig.page("/readyz") == (200, "ok\n"), within_s=CATCH_UP_S, what="the worker is ready")
    wait_until(lambda: rig.number("pileus_worker_lag_messages") == 0.0, within_s=CATCH_UP_S, what="nothing waits")
    wait_until(lambda: rig.lag().messages == 0, within_s=CATCH_UP_S, what="what was taken in is committed")
    assert rig.page("/healthz") == (200, "ok\n")
    assert rig.worker.stop() == 0

    published = {each.at: encode(each) for each in rig.forecasts()}
    made = rig.unbroken()
    assert published == {each.at: encode(each) for each in made if isinstance(each, Forecasts) and each.at in published}
    skips = [each for each in made if isinstance(each, Rejected) and each.reason == "Skipped"]
    assert sum(each.count for each in skips) == rig.skipped()
    assert 0 < rig.skipped() < samples
