"""A policy and its shadow side by side, for people. Pure."""

from collections.abc import Iterator

from pileus.comparing import Compared, Side
from pileus.promoting import SILENT_S
from streams.moments import clock, written
from streams.records.control import Shadow


def text(compared: Compared, order: Shadow, *, moments: int) -> list[str]:
    """Return the lines that tell a comparison."""
    return [
        f"{compared.cluster}: {order.policy} in force, {compared.shadow.policy} as its shadow since {_since(order)}",
        f"from {written(compared.since)} to {clock(compared.until, beside=compared.since)}, {_minutes(compared)}",
        *_silence(compared),
        "",
        *_table(compared),
        "",
        _difference(compared),
        *_moments(compared, moments),
    ]


def _since(order: Shadow) -> str:
    why = f": {order.reason}" if order.reason else ""
    return f"{written(order.at)} by {order.owner}{why}"


def _minutes(compared: Compared) -> str:
    """Say how long the period is, and how much of its load nobody knows."""
    unknown = f", the load unknown for {compared.unknown_minutes:.1f}" if compared.unknown_minutes else ""
    return f"{(compared.until - compared.since) / 60.0:.1f} min{unknown}"


def _silence(compared: Compared) -> Iterator[str]:
    if compared.until - compared.heard > SILENT_S:
        yield f"the shadow has not decided since {written(compared.heard)}: does 'pileus actuate' run?"


def _table(compared: Compared) -> list[str]:
    """Return the two sides as columns."""
    cells = zip(_labels(), _cells(compared.in_force), _cells(compared.shadow), strict=True)
    rows = [("", "in force", "shadow"), *cells]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [
        f"{label:<{widths[0]}}  {mine:>{widths[1]}}  {other:>{widths[2]}}".rstrip()
        for label, mine, other in rows
        if (mine, other) != ("-", "-")
    ]


def _labels() -> tuple[str, ...]:
    return (
        "wanted now",
        "hangs on",
        "member-hours wanted",
        "cost",
        "changes per hour",
        "starts per hour",
        "too few for the load (min)",
        "shortage, theta_U (%)",
        "surplus, theta_O (%)",
    )


def _cells(side: Side) -> tuple[str, ...]:
    """Return one column; what is unknown is a dash."""
    return (
        str(side.wanted),
        side.codes[-1] if side.codes else "",
        f"{side.member_hours:.2f}",
        "-" if side.cost is None else f"{side.cost:.2f}",
        f"{side.changes_per_hour:.1f}",
        f"{side.starts_per_hour:.1f}",
        f"{side.short_minutes:.1f}",
        "-" if side.theta_u is None else f"{side.theta_u:.1f}",
        "-" if side.theta_o is None else f"{side.theta_o:.1f}",
    )


def _difference(compared: Compared) -> str:
    if compared.largest_at is None:
        return "they never differed"
    at = clock(compared.largest_at, beside=compared.since)
    mean, largest = compared.mean_difference, compared.largest_difference
    return f"the shadow wants {mean:+.2f} members on the average, {largest:+d} at most (at {at})"


def _moments(compared: Compared, most: int) -> Iterator[str]:
    """Yield the last moments at which they began to differ, with both reasons."""
    shown = compared.moments[-most:] if most else ()
    if shown:
        of = f"last {len(shown)} of {len(compared.moments)}" if len(shown) < len(compared.moments) else f"{len(shown)}"
        yield f"times at which they differed, {of}:"
    for each in shown:
        yield f"  {clock(each.at, beside=compared.since)}  in force {each.wanted}: {each.said}"
        yield f"  {'':<9}  shadow   {each.shadow_wanted}: {each.shadow_said}"
