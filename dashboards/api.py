"""The JSON part of the application: one function per question, each answered from the read model."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query

from dashboards import applications as parts
from dashboards import roster, views
from dashboards.application_schemas import ApplicationTree, ApplicationView
from dashboards.model import DECISIONS, LOG_LINES, Cluster, Model
from dashboards.problem import RESPONSES, not_found
from dashboards.schemas import (
    ClusterSummary,
    ClusterView,
    DecisionView,
    LogView,
    MemberView,
    PauseView,
    SeriesView,
)
from streams.records.forecast import Signal


def read(app: FastAPI, path: str, answer: Callable[..., Any]) -> None:
    """Serve ``path`` by GET and HEAD. There is no way here to serve anything else."""
    app.add_api_route(path, answer, methods=["GET"], responses=RESPONSES)
    app.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)


def install(app: FastAPI, *, model: Model, clock: Callable[[], float]) -> None:
    """Add the questions about applications, clusters, members and logs."""
    _add_clusters(app, model, clock)
    _add_one_cluster(app, model, clock)
    _add_members(app, model, clock)


def _add_clusters(app: FastAPI, model: Model, clock: Callable[[], float]) -> None:
    """Add the lists."""

    async def applications() -> list[ApplicationView]:
        """List the applications by tenant and name: phase, what waits, and what to look at first."""
        return parts.applications(model)

    async def application(tenant: str, application: str) -> ApplicationTree:
        """Say everything of one application: its groups, clusters and members as a tree, and its wish for room."""
        if (found := parts.application(model, (tenant, application))) is None:
            known = ("/".join(name) for name in parts.names(model))
            raise not_found("application", f"{tenant}/{application}", known)
        return found

    async def clusters() -> list[ClusterSummary]:
        """List the clusters."""
        return views.summaries(model, now=clock())

    read(app, "/api/applications", applications)
    read(app, "/api/applications/{tenant}/{application}", application)

    async def pauses() -> list[PauseView]:
        """List the pauses in force, by scope: who has paused what, why, until when."""
        return [views.pause(each) for each in model.orders.pauses(at=clock())]

    read(app, "/api/clusters", clusters)
    read(app, "/api/pauses", pauses)


def _add_one_cluster(app: FastAPI, model: Model, clock: Callable[[], float]) -> None:
    """Add what is said of one cluster."""

    def find(name: str) -> Cluster:
        if name not in model.clusters:
            raise not_found("cluster", name, model.clusters)
        return model.clusters[name]

    async def cluster(cluster: str) -> ClusterView:
        """Say everything of one cluster: members, signals, thresholds, lead time."""
        return views.cluster(model, find(cluster), now=clock())

    async def series(cluster: str, signal: Signal | None = None) -> SeriesView:
        """Put observed, forecast, wanted and serving side by side; without ``signal`` of the one scaled by first."""
        found = find(cluster)
        return views.series(found, signal=signal or views.main_signal(found))

    async def decisions(
        cluster: str, limit: Annotated[int, Query(ge=1, le=DECISIONS)] = DECISIONS
    ) -> list[DecisionView]:
        """List the decisions with factors, gates, reasons and what else they would be, newest first."""
        return views.decisions(find(cluster), limit=limit)

    read(app, "/api/clusters/{cluster}", cluster)
    read(app, "/api/clusters/{cluster}/series", series)
    read(app, "/api/clusters/{cluster}/decisions", decisions)


def _add_members(app: FastAPI, model: Model, clock: Callable[[], float]) -> None:
    """Add members and what they log."""

    async def members(cluster: str | None = None) -> list[MemberView]:
        """List the members, the living ones first."""
        return roster.members(model, now=clock(), cluster=cluster)

    async def logs(
        member: str | None = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=LOG_LINES)] = 200,
    ) -> list[LogView]:
        """List the newest log lines, oldest first; ``after`` is the number of the last line already known."""
        return views.logs(model, member=member, after=after, limit=limit)

    read(app, "/api/members", members)
    read(app, "/api/logs", logs)
