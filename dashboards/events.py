"""From what changed in the read model to what the open pages are sent. Pure: the time is an argument."""

from collections.abc import Iterable, Iterator
from functools import cache

from dashboards import applications, roster, views
from dashboards.application_schemas import ApplicationEvent
from dashboards.fold import Change
from dashboards.model import Cluster, Model
from dashboards.schemas import ClusterSummary, DecisionEvent, MemberEvent, PointEvent, View


def events(model: Model, changes: Iterable[Change], *, now: float) -> Iterator[tuple[str, View]]:
    """Yield name and content of one event per thing that changed, however often it did."""
    counts = roster.count(model)
    index = cache(lambda: applications.index(model))
    for change in dict.fromkeys(changes):
        if change.name == "member":
            yield "member", MemberEvent(member=change.key, state=roster.member(model, change.key, now=now))
        elif change.name == "application":
            tenant, _, name = change.key.partition("/")
            state = applications.summary(model, (tenant, name), index())
            yield "application", ApplicationEvent(tenant=tenant, application=name, state=state)
        elif of := model.clusters.get(change.key):
            summary = views.summary(of, counts, now=now, pauses=views.pauses_of(model, of, now=now))
            yield change.name, _of_cluster(change.name, of, summary)


def _of_cluster(name: str, of: Cluster, summary: ClusterSummary) -> View:
    """Return the content of an event about a cluster."""
    if name == "forecast" and of.points:
        point = of.points[-1]
        return PointEvent(
            cluster=of.cluster,
            at=point.at,
            horizon_s=point.horizon_s,
            serving=point.serving,
            starting=point.starting,
            wanted=of.steps[-1][1] if of.steps else None,
            levels={
                signal: {"observed": v.observed, "forecast": v.forecast, "lower": v.lower, "upper": v.upper}
                for signal, v in point.levels.items()
            },
            summary=summary,
        )
    if name == "decision" and of.decisions:
        return DecisionEvent(cluster=of.cluster, decision=views.decision(of.decisions[-1]), summary=summary)
    return summary
