"""The stream worker as a process on real brokers: samples written by hand in, forecasts out."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pileus.stack.broker import Broker
from pileus.stack.tansu import start_tansu
from streams.admin import create_topics
from streams.partition import application_key, partition_of
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.forecast import ClusterForecast, Signal
from streams.records.log import REJECTED as REJECTION
from streams.records.sample import SAMPLE, Tick
from streams.topics import FORECASTS, INSTANCES, MEMBERS, REJECTED, SAMPLES
from tests.brokers import MissingPartError, free_port, start_kafka
from tests.builders import a_health, a_member, a_requests, an_instance
from tests.pieces import Hand, Piece, Reader, fast
from tests.waiting import wait_until

PARTITIONS = 2
TICKS_S = 15.0
"""Most that a few ticks may take on a busy machine."""


@dataclass
class Rig:
    """A worker at work, and a hand on its topics."""

    worker: Piece
    hand: Hand
    reader: Reader

    def cluster(self, application: str) -> int:
        """Make a cluster ``<application>-web`` of one active member known; return its partition."""
        partition = partition_of(application_key("default", application), PARTITIONS)
        name = f"{application}-web"
        self.hand.write(INSTANCES, partition, an_instance(name, application=application), key=name)
        member = a_member(f"{name}-1", cluster=name, application=application)
        self.hand.write(MEMBERS, partition, member, key=member.member)
        return partition

    def newest(self, application: str) -> ClusterForecast | None:
        """Return the newest forecast of an application's cluster."""
        for record in reversed(self.reader.look().records(FORECASTS, FORECAST)):
            for forecast in record.clusters:
                if forecast.application == application:
                    return forecast  # type: ignore[no-any-return]
        return None

    def refused(self) -> Counter[tuple[str, int]]:
        """Return how many messages were refused, by reason and partition."""
        found: Counter[tuple[str, int]] = Counter()
        for record in self.reader.look().records(REJECTED, REJECTION):
            found[record.reason, record.partition] += record.count
        return found


@pytest.fixture(scope="module", params=["tansu", "kafka"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("worker")
    broker = _broker(request.param, directory)
    create_topics(broker.address, partitions=PARTITIONS, replication=1)
    worker = Piece("worker", fast(broker.address, directory, partitions=PARTITIONS), directory).start()
    hand, reader = Hand(broker.address), Reader(broker.address, [SAMPLES, FORECASTS, REJECTED], PARTITIONS)
    try:
        worker.says("partition open", times=PARTITIONS)
        yield Rig(worker, hand, reader)
    finally:
        hand.close()
        reader.close()
        code = worker.stop()
        broker.stop()
    assert code == 0


def _broker(kind: str, directory: Path) -> Broker:
    try:
        return start_tansu(free_port(), directory=directory) if kind == "tansu" else start_kafka(directory)
    except MissingPartError as error:
        pytest.skip(str(error))


def test_samples_written_by_hand_become_a_forecast(rig: Rig) -> None:
    partition = rig.cluster("shop")

    def send() -> ClusterForecast | None:
        at = time.time()
        rig.hand.write(
            SAMPLES,
            partition,
            a_requests(12.0, at=at, interval_s=0.5),
            a_health(at=at, load=40.0),
            b'{"kind":"health","application":"shop","cluster":"shop-web","member":"shop-web-1","at":%f,'
            b'"memory_consumption":50.0,"unheard_of":1}' % at,
        )
        return rig.newest("shop")

    wait_until(
        lambda: (f := send()) is not None and all(s.ready for s in f.signals), within_s=TICKS_S, what="a forecast"
    )
    forecast = rig.newest("shop")
    assert forecast is not None
    assert (forecast.cluster, forecast.serving, forecast.known) == ("shop-web", 1, 1)
    assert {s.signal: s.observed for s in forecast.signals} == {
        Signal.REQUESTS_IN_FLIGHT: pytest.approx(12.0),
        Signal.LOAD_AVERAGE: pytest.approx(40.0),
        Signal.MEMORY_CONSUMPTION: pytest.approx(50.0),
    }


def test_each_tick_of_a_partition_gives_one_record_and_ticks_come_period_by_period(rig: Rig) -> None:
    def counts() -> list[int]:
        return [len(rig.reader.look().of(FORECASTS, p)) for p in range(PARTITIONS)]

    before = counts()
    wait_until(
        lambda: all(n >= b + 4 for n, b in zip(counts(), before, strict=True)), within_s=TICKS_S, what="four ticks"
    )
    for partition in range(PARTITIONS):
        samples = rig.reader.records(SAMPLES, SAMPLE, partition)
        ticks = [sample.at for sample in samples if isinstance(sample, Tick)]
        forecasts = [record.at for record in rig.reader.records(FORECASTS, FORECAST, partition)]
        assert {at % 1.0 for at in ticks} == {0.0}
        assert len(set(ticks)) == len(ticks)
        assert forecasts == ticks[: len(forecasts)]


def test_what_cannot_be_used_is_refused_with_its_reason_and_the_rest_goes_on(rig: Rig) -> None:
    partition = rig.cluster("bad")
    wait_until(lambda: rig.newest("bad") is not None, within_s=TICKS_S, what="the cluster is known")
    now, before = time.time(), rig.refused()

    rig.hand.write(
        SAMPLES,
        partition,
        b"bad-web: no JSON {",
        a_requests(-3.0, at=now, application="bad", cluster="bad-web"),
        a_requests(3.0, at=now + 3600, application="bad", cluster="bad-web"),
        a_requests(3.0, at=now - 3600, application="bad", cluster="bad-web"),
        a_health("bad-web-9", at=now, application="bad", cluster="bad-web"),
        a_requests(3.0, at=now, interval_s=0.5, application="bad", cluster="bad-web", balancer="lb-7"),
    )

    wanted = Counter((reason, partition) for reason in ("BadJson", "BadValue", "Future", "Late", "UnknownMember"))
    wait_until(lambda: rig.refused() - before == wanted, within_s=TICKS_S, what=f"refusals {wanted}")
    wait_until(lambda: _in_flight(rig.newest("bad")) == 3.0, within_s=TICKS_S, what="the good sample counts")


def test_a_sample_in_a_wrong_partition_is_refused_there_as_of_an_unknown_cluster(rig: Rig) -> None:
    partition = rig.cluster("lost")
    wait_until(lambda: rig.newest("lost") is not None, within_s=TICKS_S, what="the cluster is known")
    before = rig.refused()

    # kcat's default partitioner is not murmur2
    rig.hand.write(SAMPLES, 1 - partition, a_requests(3.0, at=time.time(), application="lost", cluster="lost-web"))

    wanted = Counter({("UnknownCluster", 1 - partition): 1})
    wait_until(lambda: rig.refused() - before == wanted, within_s=TICKS_S, what=f"refusals {wanted}")
    assert _in_flight(rig.newest("lost")) is None


def _in_flight(forecast: ClusterForecast | None) -> float | None:
    return None if forecast is None else forecast.signals[0].observed
