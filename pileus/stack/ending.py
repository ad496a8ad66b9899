"""How a run ended, in a few lines."""

from collections.abc import Sequence

from pileus.report import Report


def summary(made: Report) -> str:
    """Return the report in two lines, and of several clusters in which order they served and were gone."""
    requests, members = made.requests, made.members
    kinds = ", ".join(f"{n} {kind}" for kind, n in requests.failed_by_kind.items())
    p50, p99 = (
        "?" if each is None else f"{each * 1000:.0f} ms" for each in (requests.latency_p50_s, requests.latency_p99_s)
    )
    return (
        f"requests  {requests.sent} sent, {requests.answered} answered, {requests.failed} failed"
        f"{f' ({kinds})' if kinds else ''}; p50 {p50}, p99 {p99}\n"
        f"members   {members.min} to {members.max}, {members.final} at the end; "
        f"{members.launched} launched, {members.drained} drained, {members.terminated} terminated"
        f"{_order('started', made.started, 'Active')}{_order('ended', made.ended, 'Terminated')}"
    )


def _order(label: str, told: Sequence[tuple[float, str, str]], word: str) -> str:
    """Return when each cluster came there, counted from the first change; nothing for a single cluster."""
    found = [f"{cluster} after {t - told[0][0]:.1f} s" for t, cluster, each in told if each == word]
    return f"\n{label:<9} {', '.join(found)}" if len({cluster for _, cluster, _ in told}) > 1 and found else ""
