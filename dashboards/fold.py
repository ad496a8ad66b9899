"""The fold: one record more in the read model. Deterministic: no clock, no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from dashboards import deployment
from dashboards import model as size
from dashboards.model import Bounds, Cluster, Decided, Level, Model, Point, TopicCount
from streams import explain, topics
from streams.records.action import OUTCOME, Outcome, Result
from streams.records.balancer import BALANCER, BalancerReport
from streams.records.control import CONTROL, Control
from streams.records.decision import DECISION, Decision, Given
from streams.records.forecast import FORECASTS, ClusterForecast, Forecasts
from streams.records.instance import INSTANCES, Announcement, BurstRequest, Deployed, Instance, InstanceRecord, Phase
from streams.records.log import LOG, REJECTED, LogLine, Rejected
from streams.records.member import LEADTIME, MEMBERS, LeadTime, Member, State
from streams.records.record import UNREADABLE, Record

DECODERS: Mapping[str, Callable[[bytes], Record]] = {
    topics.MEMBERS.name: MEMBERS.decode,
    topics.INSTANCES.name: INSTANCES.decode,
    topics.FORECASTS.name: FORECASTS.decode,
    topics.DECISIONS.name: DECISION.decode,
    topics.SHADOW.name: DECISION.decode,
    topics.OUTCOMES.name: OUTCOME.decode,
    topics.BALANCERS.name: BALANCER.decode,
    topics.LEADTIMES.name: LEADTIME.decode,
    topics.CONTROL.name: CONTROL.decode,
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
    """``forecast``, ``decision``, ``member``, ``cluster`` or ``application``."""
    key: str
    """The cluster, the member, or ``<tenant>/<application>``."""


def take(model: Model, topic: str, *, key: bytes, value: bytes | None, written_at: float) -> tuple[Change, ...]:
    """Decode one message and fold it in; one that cannot be decoded is counted, a tombstone forgets its key."""
    count = model.topics.setdefault(topic, TopicCount())
    count.records += 1
    count.newest_at = max(count.newest_at, written_at)
    if value is None:
        return forget(model, topic, key.decode(errors="replace"))
    try:
        record = DECODERS[topic](value)
    except UNREADABLE:
        count.bad += 1
        return ()
    if isinstance(record, Instance) and not deployment.has_place(record):
        count.bad += 1
        return ()
    return apply(model, record)


def apply(model: Model, record: Record) -> tuple[Change, ...]:  # noqa: C901, PLR0911 - one case and one return per kind of record
    """Fold one record into the model and return what it changed. A decider's claim is none of the view's business."""
    match record:
        case Decision() | Outcome() | LeadTime() if deployment.is_gone(model, record.cluster):
            return ()
        case Forecasts():
            return _forecasts(model, record)
        case Decision(given=Given(shadow=float())):
            _cluster(model, record.tenant, record.application, record.cluster).shadow = (record.at, record.wanted)
        case Decision():
            return (_decision(model, record),)
        case Member():
            return _member(model, record)
        case Instance() | Deployed() | BurstRequest() | Announcement():
            return _existence(model, record)
        case BalancerReport():
            return _report(model, record)
        case Control():
            return _ordered(model, record)
        case Outcome() if record.result not in {Result.RUNNING, Result.GONE}:
            _cluster(model, record.tenant, record.application, record.cluster).troubles.append(record)
            return (Change("cluster", record.cluster),)
        case LeadTime() | LogLine() | Rejected():
            _told(model, record)
    return ()


def forget(model: Model, topic: str, key: str) -> tuple[Change, ...]:
    """Remove what a tombstone names."""
    if topic == topics.CONTROL.name and isinstance(order := model.orders.forget(key), Control):
        return _held(model, order)
    if topic == topics.MEMBERS.name and key in model.members:
        del model.members[key]
        return (Change("member", key),)
    if topic == topics.INSTANCES.name and key in model.clusters:
        deployment.forget_cluster(model, key)
        return (Change("cluster", key),)
    if topic == topics.INSTANCES.name and (of := deployment.forget(model, key)):
        return (Change("application", "/".join(of)),)
    return ()


def _existence(model: Model, record: InstanceRecord) -> tuple[Change, ...]:
    """Note what exists of an application, or that it does no more."""
    application = Change("application", f"{record.tenant}/{record.application}")
    if not isinstance(record, Announcement):
        return (application,) if deployment.note(model, record) else ()
    if record.state == Phase.TERMINATED.value:
        deployment.forget_cluster(model, record.cluster)
        return (Change("cluster", record.cluster), application)
    deployment.expect_cluster(model, record.cluster)
    _cluster(model, record.tenant, record.application, record.cluster).instance = record
    return (Change("cluster", record.cluster),)


def _cluster(model: Model, tenant: str, application: str, cluster: str) -> Cluster:
    """Return the cluster, making room for it if need be; it counts as heard of now."""
    known = model.clusters.get(cluster)
    if known is None:
        if len(model.clusters) >= size.CLUSTERS:
            model.clusters.popitem(last=False)
        known = model.clusters[cluster] = Cluster(tenant, application, cluster)
    model.clusters.move_to_end(cluster)
    return known


def _forecasts(model: Model, given: Forecasts) -> tuple[Change, ...]:
    """Add one tick to the series of every cluster that is not gone."""
    there = (cluster for cluster in given.clusters if not deployment.is_gone(model, cluster.cluster))
    return tuple(_forecast(model, given.at, cluster) for cluster in there)


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
        Decided(
            decision=given.decision,
            at=given.at,
            wanted=given.wanted,
            before=given.before,
            factors=given.factors,
            reasons=given.reasons,
            said=explain.summary(given),
            loads=tuple(explain.loads(given)),
            gates=given.gates,
            otherwise=given.otherwise,
            alarm=explain.alarm(given),
        )
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
        if not deployment.is_gone(model, member.cluster):
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


def _ordered(model: Model, order: Control) -> tuple[Change, ...]:
    """Keep the newest order of each scope."""
    return _held(model, order) if model.orders.take(order) else ()


def _held(model: Model, order: Control) -> tuple[Change, ...]:
    """Return the clusters that a pause, or its end, is about."""
    return tuple(Change("cluster", name) for name, of in model.clusters.items() if _within(of, order))


def _within(of: Cluster, order: Control) -> bool:
    """Return whether an order is about a cluster."""
    alias = of.instance.alias if of.instance else order.cluster
    return of.tenant == order.tenant and order.application in {"", of.application} and order.cluster in {"", alias}


def _told(model: Model, line: LeadTime | LogLine | Rejected) -> None:
    """Keep a lead time, what was refused, or a log line, numbered, and cut if it is very long."""
    if isinstance(line, LeadTime):
        _cluster(model, line.tenant, line.application, line.cluster).lead_times_s.append(line.seconds)
        return
    if isinstance(line, Rejected):
        model.rejected[line.topic, line.reason] += line.count
        model.rejections.append(line)
        return
    model.lines += 1
    if len(line.text) > TEXT:
        line = msgspec.structs.replace(line, text=line.text[:TEXT] + " ...")
    model.logs.append((model.lines, line))
