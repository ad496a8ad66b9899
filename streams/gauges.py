"""What a worker tells of itself: counters that it adds to once a batch or a tick, and the state of its partitions."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Protocol

from prometheus_client import Counter, Histogram, Info, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from streams.ages import BOUNDS_S, Ages

CONTENT_TYPE = CONTENT_TYPE_LATEST
TICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
DELAY_S = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.25, 2.5, 5.0, 10.0, 30.0)
OF_PARTITION = ("partition",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one partition stands in this process."""

    partition: int
    lag: int | None
    """Messages that the log has and the fold has not; ``None``: not known yet."""
    lag_s: float | None
    """How old the oldest of them is, to one message (s); 0 when there is none, ``None``: not known yet."""
    clusters: int
    members: int
    checkpoint_age_s: float | None
    """Since the newest checkpoint of this process; ``None``: there is none yet."""
    checkpoint_bytes: int
    """0: there is none yet."""
    ages: Ages


class Watched(Protocol):
    """What the numbers are about."""

    def standings(self) -> Iterable[Standing]:
        """Return how each open partition stands now."""

    def unready(self) -> list[str]:
        """Say what keeps it from being ready; empty when nothing does."""

    def dead(self) -> list[str]:
        """Say why it should be started anew; empty when it should not."""


class Gauges:
    """The numbers of one worker."""

    def __init__(self, *, ingest: str) -> None:
        self._worker: Watched | None = None
        self._registry = registry = CollectorRegistry(auto_describe=False)
        self.messages = Counter(
            "pileus_worker_messages", "Messages of pileus.samples taken in.", OF_PARTITION, registry=registry
        )
        self.samples = Counter("pileus_worker_samples", "Samples that counted.", OF_PARTITION, registry=registry)
        self.rejected = Counter(
            "pileus_worker_rejected", "Samples that were refused.", ("topic", "reason"), registry=registry
        )
        self.left_out = Counter(
            "pileus_worker_ticks_left_out",
            "Ticks not written: the last one is unread.",
            OF_PARTITION,
            registry=registry,
        )
        self.evaluation = Histogram(
            "pileus_worker_tick_seconds", "Time to evaluate a tick.", unit="seconds", buckets=TICK_S, registry=registry
        )
        self.delay = Histogram(
            "pileus_worker_forecast_delay_seconds",
            "From a tick's being due to its forecasts' being readable.",
            unit="seconds",
            buckets=DELAY_S,
            registry=registry,
        )
        Info("pileus_worker", "How samples are taken in.", registry=registry).info(
            {"ingest": ingest, "faust": version("faust-streaming")}
        )
        ProcessCollector(registry=registry)

    def watch(self, worker: Watched) -> None:
        """Ask ``worker`` whenever somebody asks. Call it once."""
        self._worker = worker
        self._registry.register(_Partitions(worker.standings))

    def unready(self) -> list[str]:
        """Say what keeps the worker from being ready; empty when nothing does."""
        return ["it is being started"] if self._worker is None else self._worker.unready()

    def dead(self) -> list[str]:
        """Say why the worker should be started anew; empty when it should not."""
        return [] if self._worker is None else self._worker.dead()

    def text(self) -> bytes:
        """Write everything in the OpenMetrics text format."""
        text: bytes = generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return text


class _Partitions(Collector):
    """The metrics of each partition."""

    def __init__(self, standings: Callable[[], Iterable[Standing]]) -> None:
        self._standings = standings

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families; what is unknown is left out, never zero."""
        standings = list(self._standings())
        for name, says, values in (
            ("lag_messages", "Messages not taken in yet.", [s.lag for s in standings]),
            ("lag_seconds", "Age of the oldest of them.", [s.lag_s for s in standings]),
            ("clusters", "Clusters.", [s.clusters for s in standings]),
            ("members", "Members that samples are kept of.", [s.members for s in standings]),
            ("checkpoint_age_seconds", "Since the newest checkpoint.", [s.checkpoint_age_s for s in standings]),
            ("checkpoint_bytes", "Size of the newest checkpoint.", [s.checkpoint_bytes or None for s in standings]),
        ):
            family = GaugeMetricFamily(f"pileus_worker_{name}", says, labels=OF_PARTITION)
            for standing, value in zip(standings, values, strict=True):
                if value is not None:
                    family.add_metric([str(standing.partition)], value)
            yield family
        yield _ages(standings)


def _ages(standings: Iterable[Standing]) -> Metric:
    """Return the histograms of lateness."""
    family = HistogramMetricFamily(
        "pileus_worker_sample_age_seconds",
        "Age of a sample at the tick that counts it; above the period it came late.",
        labels=OF_PARTITION,
        unit="seconds",
    )
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    for standing in standings:
        total, buckets = 0, []
        for bound, count in zip(bounds, standing.ages.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        family.add_metric([str(standing.partition)], buckets, sum_value=standing.ages.total_s)
    return family
