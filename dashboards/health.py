"""The health of Pileus itself, as far as its topics show it. Pure: the time is an argument."""

from collections.abc import Iterator

from dashboards import applications
from dashboards.application_schemas import ApplicationView
from dashboards.fold import DECODERS
from dashboards.model import Cluster, Model, Name, TopicCount
from dashboards.schemas import BrokerView, HealthView, RejectionView, SampleAge, TopicView
from dashboards.status import Status
from dashboards.views import STALE_S
from streams import topics as names
from streams.records.instance import Level, Phase
from streams.records.member import State

LONG_S = 300.0
"""An application that is not Active for this long is told of (s); one that is Inactive at once."""
UNBORN_S = 60.0
"""An application that is deployed and of which nothing exists for this long is told of (s)."""
TOLD = 20
"""Lines about applications at most."""


def health(model: Model, status: Status, *, now: float) -> HealthView:
    """Say how Pileus is, and in words what is wrong."""
    samples = [
        SampleAge(cluster=name, age_s=sample_age_s(model.clusters[name], now=now)) for name in sorted(model.clusters)
    ]
    topics = [_topic(model, status, name, now=now) for name in DECODERS]
    unborn = _unborn(model)
    said = _said(status, topics, [s for s in samples if s.age_s is not None or s.cluster not in unborn])
    if status.reachable:
        said += _unwell(model, now=now)
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


def _unborn(model: Model) -> set[str]:
    """Return the clusters that have instances and no member that serves: nobody can measure them yet."""
    there = {(i.tenant, i.application, i.alias) for i in model.instances.values()}
    serving = {m.cluster for m in model.members.values() if m.state is State.ACTIVE}
    announced = (c for c in model.clusters.values() if c.instance and c.cluster not in serving)
    return {c.cluster for c in announced if c.instance and (c.tenant, c.application, c.instance.alias) in there}


def _unwell(model: Model, *, now: float) -> list[str]:
    """Say which applications are Inactive, take long, or find no room: at most :data:`TOLD` lines."""
    found = applications.index(model)
    known = (applications.summary(model, name, found) for name in sorted(_suspects(model)))
    said = [line for each in known if each for line in _of_application(each, now=now)]
    more = len(said) - TOLD
    return [*said[:TOLD], f"{more} more like these: see /api/applications"] if more > 0 else said


def _suspects(model: Model) -> set[Name]:
    """Return the applications that may be unwell; the others, nearly all, need no closer look."""
    whole = {(i.tenant, i.application) for i in model.instances.values()}
    roots = (i for i in model.instances.values() if i.level is Level.APPLICATION and i.phase is not Phase.ACTIVE)
    return {(i.tenant, i.application) for i in roots} | (set(model.declared) - whole) | set(model.bursts)


def _of_application(of: ApplicationView, *, now: float) -> Iterator[str]:
    """Say what is wrong with one application."""
    name = of.application if of.tenant == "default" else f"{of.tenant}/{of.application}"
    age_s = max(0.0, now - of.at) if of.at is not None else 0.0
    if of.phase is None and of.at is not None and age_s > UNBORN_S:
        yield f"{name}: deployed {age_s:.0f} s ago, and nothing of it exists: is the decider running?"
    elif of.phase == Phase.INACTIVE or (of.phase not in {None, Phase.ACTIVE} and age_s > LONG_S):
        yield f"{name}: {of.phase} for {age_s:.0f} s{_because(of)}"
    if of.burst is not None:
        if not (of.burst.to or of.burst.missing):
            yield f"{name}: {of.burst.why}"
            return
        missing = ", ".join(f"{count} of {alias}" for alias, count in sorted(of.burst.missing.items())) or "members"
        asks = f"asks for network partition {', '.join(of.burst.to)}" if of.burst.to else "there is no other partition"
        yield f"{name}: no room for {missing}; {asks}"


def _because(of: ApplicationView) -> str:
    """Say what holds an application up."""
    if not of.causes or of.causes[0].level == Level.APPLICATION:
        return f": {of.why}" if of.why else ""
    first = of.causes[0]
    said = f" ({first.said})" if first.said else ""
    others = f", and {of.stuck - 1} more" if of.stuck > 1 else ""
    return f": {first.alias} has {first.serving} of {first.wanted} serving{said}{others}"


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
