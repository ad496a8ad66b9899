"""The fold: one record more in the read model. Deterministic: no clock, no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from dashboards import model as size
from dashboards.model import Bounds, Cluster, Decided, Level, Model, Point, TopicCount
from streams import topics
from streams.records.action import OUTCOME, Outcome, Result
from streams.records.balancer import BALANCER, BalancerReport
from streams.records.decision import DECISION, Decision
from streams.records.forecast import FORECASTS, ClusterForecast, Forecasts
from streams.records.instance import INSTANCES, Announcement
from streams.records.log import LOG, REJECTED, LogLine, Rejected
from streams.records.member import LEADTIME, MEMBERS, Claim, LeadTime, Member, State
from streams.records.record import Record

DECODERS: Mapping[str, Callable[[bytes], Record]] = {
    topics.MEMBERS.name: MEMBERS.decode,
    topics.INSTANCES.name: INSTANCES.decode,
    topics.FORECASTS.name: FORECASTS.decode,
    topics.DECISIONS.name: DECISION.decode,
    topics.OUTCOMES.name: OUTCOME.decode,
    topics.BALANCERS.name: BALANCER.decode,
    topics.LEADTIMES.name: LEADTIME.decode,
    topics.REJECTED.name: REJECTED.decode,
    topics.LOGS.name: LOG.decode,
}
"""The topics that the dashboard reads, each with what decodes it."""

TEXT = 2_000
"""A longer log line is cut (characters)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a record changed."""

    name: str
    """``forecast``, ``decision``, ``member`` or ``cluster``."""
    key: str
    """The cluster, or the member."""


def take(model: Model, topic: str, *, key: bytes, value: bytes | None, written_at: float) -> tuple[Change, ...]:
    """Decode one message and fold it in; one that cannot be decoded is counted, a tombstone forgets its key."""
    count = model.topics.setdefault(topic, TopicCount())
    count.records += 1
    count.newest_at = max(count.newest_at, written_at)
    if value is None:
        return forget(model, topic, key.decode(errors="replace"))
    try:
        record = DECODERS[topic](value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        count.bad += 1
        return ()
    return apply(model, record)


def apply(model: Model, record: Record) -> tuple[Change, ...]:  # noqa: PLR0911 - one return per kind of record
    """Fold one record into the model and return what it changed."""
    match record:
        case Forecasts():
            return tuple(_forecast(model, record.at, cluster) for cluster in record.clusters)
        case Decision():
            return (_decision(model, record),)
        case Member():
            return _member(model, record)
        case Announcement():
            _cluster(model, record.tenant, record.application, record.cluster).instance = record
            return (Change("cluster", record.cluster),)
        case BalancerReport():
            return _report(model, record)
        case Outcome() if record.result not in {Result.RUNNING, Result.GONE}:
            _cluster(model, record.tenant, record.application, record.cluster).troubles.append(record)
            return (Change("cluster", record.cluster),)
        case LeadTime():
            _cluster(model, record.tenant, record.application, record.cluster).lead_times_s.append(record.seconds)
        case LogLine():
            _log(model, record)
        case Rejected():
            model.rejected[record.topic, record.reason] += record.count
            model.rejections.append(record)
        case Claim() | _:
            pass
    return ()


def forget(model: Model, topic: str, key: str) -> tuple[Change, ...]:
    """Remove what a tombstone names."""
    if topic == topics.MEMBERS.name and key in model.members:
        del model.members[key]
        return (Change("member", key),)
    if topic == topics.INSTANCES.name and key in model.clusters:
        del model.clusters[key]
        return (Change("cluster", key),)
    return ()


def _cluster(model: Model, tenant: str, application: str, cluster: str) -> Cluster:
    """Return the cluster, making room for it if need be; it counts as heard of now."""
    known = model.clusters.get(cluster)
    if known is None:
        if len(model.clusters) >= size.CLUSTERS:
            model.clusters.popitem(last=False)
        known = model.clusters[cluster] = Cluster(tenant, application, cluster)
    model.clusters.move_to_end(cluster)
    return known


def _forecast(model: Model, at: float, given: ClusterForecast) -> Change:
    """Add one tick to a cluster's series."""
    cluster = _cluster(model, given.tenant, given.application, given.cluster)
    cluster.newest = given
    levels = {s.signal.value: Level(s.observed, s.forecast, s.lower, s.upper) for s in given.signals}
    cluster.points.append(Point(at, given.horizon_s, given.serving, given.starting, levels))
    return Change("forecast", given.cluster)


def _decision(model: Model, given: Decision) -> Change:
    """Add one decision, without what it was given but for the policy's bounds."""
    cluster = _cluster(model, given.tenant, given.application, given.cluster)
    cluster.bounds = Bounds(given.given.policy, given.given.min_members, given.given.max_members)
    cluster.decisions.append(
        Decided(given.decision, given.at, given.wanted, given.before, given.factors, given.reasons)
    )
    if not cluster.steps or cluster.steps[-1][1] != given.wanted:
        cluster.steps.append((given.at, given.wanted))
    if given.reasons:
        cluster.codes[given.reasons[-1].code.value] += 1
    return Change("decision", given.cluster)


def _member(model: Model, member: Member) -> tuple[Change, ...]:
    """Keep the newest record of a member; of those at their end only the last ones."""
    if member.state is State.TERMINATED:
        model.members.pop(member.member, None)
        model.terminated[member.member] = member
        model.terminated.move_to_end(member.member)
        if len(model.terminated) > size.TERMINATED:
            model.terminated.popitem(last=False)
    elif member.member in model.members or len(model.members) < size.MEMBERS:
        _cluster(model, member.tenant, member.application, member.cluster)
        model.members[member.member] = member
    else:
        model.overflow += 1
        return ()
    return (Change("member", member.member),)


def _report(model: Model, report: BalancerReport) -> tuple[Change, ...]:
    """Keep the newest report of each balancer on each cluster."""
    key = (report.balancer, report.cluster)
    model.reports[key] = report
    model.reports.move_to_end(key)
    if len(model.reports) > size.REPORTS:
        model.reports.popitem(last=False)
    return (Change("cluster", report.cluster),)


def _log(model: Model, line: LogLine) -> None:
    """Keep a log line, numbered, and cut if it is very long."""
    model.lines += 1
    if len(line.text) > TEXT:
        line = msgspec.structs.replace(line, text=line.text[:TEXT] + " ...")
    model.logs.append((model.lines, line))
