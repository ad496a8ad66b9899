"""What one message says of many clusters, cluster by cluster: an envelope equals its single samples."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from streams.records.sample import Health, HealthColumns, Requests, RequestsColumns

T = TypeVar("T")


def apart(
    sample: Health | HealthColumns | Requests | RequestsColumns,
) -> Sequence[Health | HealthColumns | Requests]:
    """Return a sample as those that are of one cluster each: most are, and stay as they are.

    Raises
    ------
    msgspec.ValidationError
        Columns of several clusters make no rows; the message says why.
    """
    if isinstance(sample, RequestsColumns):
        return _requests(sample)
    if isinstance(sample, HealthColumns) and sample.clusters is not None:
        return by_cluster(sample)
    return (sample,)


def misfit(many: HealthColumns) -> str:
    """Say why columns make no rows; empty when they do."""
    return _misfit(
        len(many.member), "members", (many.at, many.load_average, many.memory_consumption, many.healthy, many.clusters)
    )


def by_cluster(many: HealthColumns) -> list[HealthColumns]:
    """Return columns of several clusters as those of each, in the order in which they come up.

    Raises
    ------
    msgspec.ValidationError
        The columns make no rows.
    """
    if why := misfit(many):
        raise msgspec.ValidationError(why)
    rows: dict[str, list[int]] = {}
    for i, cluster in enumerate(many.clusters or [many.cluster] * len(many.member)):
        rows.setdefault(cluster, []).append(i)
    return [
        HealthColumns(
            tenant=many.tenant,
            application=many.application,
            cluster=cluster,
            member=_chosen(many.member, which),
            at=_chosen(many.at, which),
            load_average=many.load_average and _chosen(many.load_average, which),
            memory_consumption=many.memory_consumption and _chosen(many.memory_consumption, which),
            healthy=many.healthy and _chosen(many.healthy, which),
        )
        for cluster, which in rows.items()
    ]


def _requests(many: RequestsColumns) -> list[Requests]:
    """Return each cluster's requests.

    Raises
    ------
    msgspec.ValidationError
        The columns make no rows.
    """
    if why := _misfit(len(many.cluster), "clusters", (many.in_flight, many.count)):
        raise msgspec.ValidationError(why)
    return [
        Requests(
            tenant=many.tenant,
            application=many.application,
            cluster=cluster,
            balancer=many.balancer,
            at=many.at,
            interval_s=many.interval_s,
            in_flight=in_flight,
            count=count,
        )
        for cluster, in_flight, count in zip(many.cluster, many.in_flight, many.count, strict=True)
    ]


def _misfit(n: int, what: str, columns: Sequence[Sequence[object] | None]) -> str:
    """Say why columns make no rows; empty when they do."""
    lengths = [len(column) for column in columns if column is not None]
    if n and all(length == n for length in lengths):
        return ""
    return f"{n} {what} but columns of {', '.join(map(str, lengths))}; need at least one row"


def _chosen(column: Sequence[T], which: Sequence[int]) -> list[T]:
    """Return some of a column, in that order."""
    return [column[i] for i in which]
