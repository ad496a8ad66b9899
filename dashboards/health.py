"""The health of Pileus itself, as far as its topics show it. Pure: the time is an argument."""

from dashboards.fold import DECODERS
from dashboards.model import Cluster, Model, TopicCount
from dashboards.schemas import BrokerView, HealthView, RejectionView, SampleAge, TopicView
from dashboards.status import Status
from dashboards.views import STALE_S
from streams import topics as names


def health(model: Model, status: Status, *, now: float) -> HealthView:
    """Say how Pileus is, and in words what is wrong."""
    samples = [
        SampleAge(cluster=name, age_s=sample_age_s(model.clusters[name], now=now)) for name in sorted(model.clusters)
    ]
    topics = [_topic(model, status, name, now=now) for name in DECODERS]
    said = _said(status, topics, samples)
    state = "ok" if not said else "degraded" if status.reachable else "unreachable"
    return HealthView(
        now=now,
        status=state,
        said=said,
        broker=broker(status),
        topics=topics,
        rejected=_rejected(model),
        samples=samples,
        overflow=model.overflow,
    )


def broker(status: Status) -> BrokerView:
    """Say whether the broker answers."""
    return BrokerView(
        address=status.broker,
        reachable=status.reachable,
        caught_up=status.caught_up,
        since=status.since,
        error=status.error,
        connections=status.connections,
    )


def sample_age_s(of: Cluster, *, now: float) -> float | None:
    """Return the age of the newest sample that the cluster is judged by (s); ``None`` when there is none."""
    ages = [s.age_s for s in of.newest.signals if s.age_s is not None] if of.newest else []
    return now - of.points[-1].at + min(ages) if ages else None


def _topic(model: Model, status: Status, name: str, *, now: float) -> TopicView:
    """Say one topic."""
    count = model.topics.get(name, TopicCount())
    return TopicView(
        topic=name,
        partitions=status.partitions.get(name, 0),
        records=count.records,
        bad=count.bad,
        age_s=max(0.0, now - count.newest_at) if count.records else None,
        lag=status.lag.get(name),
    )


def _rejected(model: Model) -> list[RejectionView]:
    """List what the worker refused, most frequent first, each with the newest examples."""
    examples = {(r.topic, r.reason): r.examples for r in model.rejections}
    return [
        RejectionView(topic=topic, reason=reason, count=count, examples=list(examples.get((topic, reason), ())))
        for (topic, reason), count in model.rejected.most_common()
    ]


def _said(status: Status, topics: list[TopicView], samples: list[SampleAge]) -> list[str]:
    """Say what is wrong."""
    if not status.reachable:
        return [f"broker {status.broker} does not answer{f': {status.error}' if status.error else ''}"]
    by_name = {t.topic: t for t in topics}
    said = [f"topic {t.topic} does not exist yet" for t in topics if not t.partitions]
    said += [f"{t.bad} records of {t.topic} could not be read" for t in topics if t.bad]
    age_s = by_name[names.FORECASTS.name].age_s
    if age_s is not None and age_s > STALE_S:
        said.append(f"the newest forecast is {age_s:.0f} s old: is the worker running?")
    said += [f"{s.cluster}: no sample known" for s in samples if s.age_s is None]
    said += [f"{s.cluster}: the newest sample is {s.age_s:.0f} s old" for s in samples if (s.age_s or 0) > STALE_S]
    return said
