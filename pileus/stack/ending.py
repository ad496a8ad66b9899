"""How a run ended, in three lines."""

from pileus.report import Report


def summary(made: Report) -> str:
    """Return the report in three lines."""
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
    )
