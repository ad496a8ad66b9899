"""``/metrics``: the read model in the OpenMetrics text format."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from dashboards import roster
from dashboards.health import sample_age_s
from dashboards.model import Cluster, Model
from dashboards.status import Status
from dashboards.views import pauses_of
from streams.records.instance import Phase

CONTENT_TYPE = CONTENT_TYPE_LATEST
OF_CLUSTER = ("tenant", "application", "cluster")
SILENT_S = 180.0
"""A shadow that was not heard for so long does not decide any more: three heartbeats."""
LIVING = (Phase.CREATED, Phase.ACTIVE, Phase.INACTIVE, Phase.TERMINATING)


def exposition(model: Model, status: Status, *, now: float) -> bytes:
    """Write every metric; what is unknown is left out, never zero. Counters start with the dashboard's connection."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(model, status, now))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


class _Snapshot(Collector):
    """The metrics of one moment."""

    def __init__(self, model: Model, status: Status, now: float) -> None:
        self._model, self._status, self._now = model, status, now

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families."""
        yield from _of_clusters(self._model, now=self._now)
        yield from _of_forecasts(self._model)
        yield _of_applications(self._model)
        yield _pauses(self._model, now=self._now)
        yield from _of_pileus(self._model, self._status)


def _of_clusters(model: Model, *, now: float) -> Iterator[Metric]:
    """Yield what is said of each cluster."""
    wanted = GaugeMetricFamily("pileus_members_wanted", "Members that the newest decision asks for.", labels=OF_CLUSTER)
    shadow = GaugeMetricFamily("pileus_shadow_members_wanted", "Members that the shadow asks for.", labels=OF_CLUSTER)
    members = GaugeMetricFamily("pileus_members", "Members by role.", labels=[*OF_CLUSTER, "role"])
    load = GaugeMetricFamily(
        "pileus_load", "Total load, observed and predicted.", labels=[*OF_CLUSTER, "signal", "kind"]
    )
    horizon = GaugeMetricFamily("pileus_horizon_seconds", "How far ahead is looked.", unit="seconds", labels=OF_CLUSTER)
    age = GaugeMetricFamily(
        "pileus_samples_age_seconds", "Age of the newest sample.", unit="seconds", labels=OF_CLUSTER
    )
    taken = CounterMetricFamily("pileus_decisions", "Decisions by the code they hung on.", labels=[*OF_CLUSTER, "code"])
    binding = GaugeMetricFamily(
        "pileus_decision_code", "1 for each code among the newest decision's reasons.", labels=[*OF_CLUSTER, "code"]
    )
    paused = GaugeMetricFamily("pileus_paused", "1 while a pause holds it, else 0.", labels=OF_CLUSTER)
    counts = roster.count(model)
    for of in model.clusters.values():
        labels = (of.tenant, of.application, of.cluster)
        if of.steps:
            wanted.add_metric(labels, of.steps[-1][1])
        if of.shadow is not None and now - of.shadow[0] <= SILENT_S:
            shadow.add_metric(labels, of.shadow[1])
        for role in ("serving", "starting", "draining"):
            members.add_metric([*labels, role], counts[of.cluster, role])
        for code, number in of.codes.items():
            taken.add_metric([*labels, code], number)
        for code in dict.fromkeys(r.code.value for r in of.decisions[-1].reasons) if of.decisions else ():
            binding.add_metric([*labels, code], 1)
        paused.add_metric(labels, bool(pauses_of(model, of, now=now)))
        _add_load(load, horizon, of)
        if (seconds := sample_age_s(of, now=now)) is not None:
            age.add_metric(labels, seconds)
    yield from (wanted, shadow, members, load, horizon, age, taken, binding, paused)


def _pauses(model: Model, *, now: float) -> Metric:
    """Return when each pause in force ends by itself."""
    ends = GaugeMetricFamily(
        "pileus_pause_end_timestamp_seconds",
        "When a pause in force ends by itself.",
        unit="seconds",
        labels=["scope", "owner"],
    )
    for pause in model.orders.pauses(at=now):
        ends.add_metric([pause.scope, pause.owner], pause.until)
    return ends


def _of_forecasts(model: Model) -> Iterator[Metric]:
    """Yield what forecasts were worth, those of a shadow policy too."""
    names = [*OF_CLUSTER, "signal", "predictor", "policy"]
    error = GaugeMetricFamily("pileus_forecast_relmae", "Forecast error / the last value's error.", labels=names)
    on = GaugeMetricFamily("pileus_forecast_probation", "1 while the last value counts instead.", labels=names)
    for of in model.clusters.values():
        newest = of.newest
        for policy, signals in (("live", newest.signals), ("shadow", newest.shadow)) if newest else ():
            for signal in signals:
                if (score := signal.score) is not None:
                    labels = (of.tenant, of.application, of.cluster, signal.signal.value, score.predictor, policy)
                    error.add_metric(labels, score.relmae)
                    on.add_metric(labels, float(score.since is not None))
    yield from (error, on)


def _of_applications(model: Model) -> Metric:
    """Return how many instances of each level are in each phase; of a level that an application has, none is 0."""
    instances = GaugeMetricFamily(
        "pileus_instances", "Instances by phase.", labels=("tenant", "application", "level", "phase")
    )
    counts = Counter((i.tenant, i.application, i.level.value, i.phase) for i in model.instances.values())
    for labels in sorted({known[:3] for known in counts}):
        for phase in LIVING:
            instances.add_metric([*labels, phase.value], counts[*labels, phase])
    return instances


def _add_load(load: GaugeMetricFamily, horizon: GaugeMetricFamily, of: Cluster) -> None:
    """Add the newest forecast of one cluster."""
    if not of.points:
        return
    labels = (of.tenant, of.application, of.cluster)
    horizon.add_metric(labels, of.points[-1].horizon_s)
    for signal, level in of.points[-1].levels.items():
        for kind, value in (("observed", level.observed), ("predicted", level.forecast)):
            if value is not None:
                load.add_metric([*labels, signal, kind], value)


def _of_pileus(model: Model, status: Status) -> Iterator[Metric]:
    """Yield what is said of Pileus itself."""
    rejected = CounterMetricFamily("pileus_rejected", "Messages that could not be used.", labels=["topic", "reason"])
    for (topic, reason), number in model.rejected.items():
        rejected.add_metric([topic, reason], number)
    newest = GaugeMetricFamily(
        "pileus_topic_newest_timestamp_seconds", "When the newest record was written.", unit="seconds", labels=["topic"]
    )
    bad = CounterMetricFamily("pileus_dashboard_bad_records", "Records that could not be decoded.", labels=["topic"])
    for topic, count in model.topics.items():
        newest.add_metric([topic], count.newest_at)
        bad.add_metric([topic], count.bad)
    lag = GaugeMetricFamily("pileus_dashboard_lag_records", "Records not read yet.", unit="records", labels=["topic"])
    for topic, records in status.lag.items():
        lag.add_metric([topic], records)
    up = GaugeMetricFamily("pileus_broker_up", "1 when the broker answers.", value=float(status.reachable))
    yield from (rejected, newest, bad, lag, up)
