"""A policy and its shadow side by side: what each wants, what that costs, where it would have been too little. Pure.

Both are wishes: the load is the one that the members in force have carried, and nothing says how soon members would
have served. A decision holds until the next one is published.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from actuators.demand import needed, number
from actuators.lab.elasticity import Floats, elasticity, merged
from config.cluster import ClusterSpec
from streams.explain import summary
from streams.records.decision import Decision

HOUR_S = 3600.0
STEP_S = 60.0
"""How often the load is known at least: a heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two, over the period."""

    policy: str
    wanted: int
    """Now."""
    codes: tuple[str, ...]
    """Why, now."""
    said: str
    """The same in words."""
    member_hours: float
    cost: float | None
    """At the partitions' price; ``None`` when it is unknown, or they have different ones."""
    changes: int
    changes_per_hour: float
    starts: int
    """Members added."""
    starts_per_hour: float
    short_minutes: float
    """Time with fewer members wanted than the observed load needs (min)."""
    theta_u: float | None
    """Mean shortage, relative to the need (percent); ``None`` when no load is known."""
    theta_o: float | None
    """Mean surplus, relative to the need (percent)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When the two began to differ, or to differ otherwise."""

    at: float
    wanted: int
    said: str
    shadow_wanted: int
    shadow_said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One cluster under its policy and under the shadow."""

    cluster: str
    since: float
    until: float
    """The period (s since the Unix epoch)."""
    heard: float
    """When the shadow was heard last (s since the Unix epoch)."""
    unknown_minutes: float
    """Time in which nobody knew the load: no shortage is counted (min)."""
    in_force: Side
    shadow: Side
    mean_difference: float
    """Members that the shadow wants more, on the average."""
    largest_difference: int
    """The largest, either way; 0: they never differed."""
    largest_at: float | None
    moments: tuple[Moment, ...]
    """The last times at which they began to differ, oldest first."""


def compare(
    spec: ClusterSpec, decisions: Sequence[Decision], shadows: Sequence[Decision], *, since: float, until: float
) -> Compared | None:
    """Compare what was decided from ``since`` to ``until`` (s since the Unix epoch).

    ``None``: at no time both have decided. Decisions are sorted by their time; each list may begin with one that held
    already at ``since``. What one member should carry is what the policy in force says: for both.
    """
    if not decisions or not shadows:
        return None
    begin = max(since, decisions[0].at, shadows[0].at)
    if begin >= until:
        return None
    ours, theirs, need = _wanted(decisions), _wanted(shadows), _needs(decisions, shadows)
    edges, (mine, other, asked) = merged(ours, theirs, need, begin=begin, end=until)
    lasts, differ = np.diff(edges), other - mine
    worst = int(np.argmax(np.abs(differ)))
    return Compared(
        cluster=spec.cluster,
        since=begin,
        until=until,
        heard=shadows[-1].at,
        unknown_minutes=float(lasts[np.isnan(asked)].sum()) / 60.0,
        in_force=_side(spec, decisions, edges, mine, asked),
        shadow=_side(spec, shadows, edges, other, asked),
        mean_difference=float((differ * lasts).sum() / lasts.sum()),
        largest_difference=int(differ[worst]),
        largest_at=float(edges[worst]) if differ[worst] else None,
        moments=tuple(_moments(edges, decisions, shadows)),
    )


def _wanted(decisions: Sequence[Decision]) -> tuple[Floats, Floats]:
    """Return when the number wanted was decided, and that number."""
    return np.array([each.at for each in decisions]), np.array([float(each.wanted) for each in decisions])


def _needs(decisions: Sequence[Decision], shadows: Sequence[Decision]) -> tuple[Floats, Floats]:
    """Return when the load was told, and the members that it needed at least: at least one; NaN where unknown."""
    thresholds = decisions[-1].given.policy.thresholds
    told = {each.at: _need(each, thresholds) for each in (*shadows, *decisions)}
    times = sorted(told)
    return np.array(times), np.array([told[at] for at in times])


def _need(decision: Decision, thresholds: Mapping[str, float]) -> float:
    """Return the members that the observed load needs; NaN when a factor is unknown."""
    loads = {s.signal.value: number(s.observed) if s.ready else None for s in decision.given.forecast.signals}
    asked = [loads.get(signal) for signal in thresholds]
    counts = [needed(load, each) for load, each in zip(asked, thresholds.values(), strict=True) if load is not None]
    return float(max([1, *counts])) if thresholds and len(counts) == len(thresholds) else math.nan


def _side(spec: ClusterSpec, decisions: Sequence[Decision], edges: Floats, wanted: Floats, need: Floats) -> Side:
    """Sum up one of the two."""
    lasts, last = np.diff(edges), decisions[-1]
    hours = float(lasts.sum()) / HOUR_S
    member_hours = float((wanted * lasts).sum()) / HOUR_S
    steps, price = np.diff(wanted), _price(spec)
    changes, starts = int(np.count_nonzero(steps)), int(steps[steps > 0.0].sum())
    short = elasticity(edges, need, wanted, step_s=STEP_S)
    return Side(
        policy=last.given.policy.policy,
        wanted=last.wanted,
        codes=tuple(reason.code.value for reason in last.reasons),
        said=summary(last),
        member_hours=member_hours,
        cost=None if price is None else member_hours * price,
        changes=changes,
        changes_per_hour=changes / hours,
        starts=starts,
        starts_per_hour=starts / hours,
        short_minutes=float(lasts[need > wanted].sum()) / 60.0,
        theta_u=number(short.theta_u),
        theta_o=number(short.theta_o),
    )


def _price(spec: ClusterSpec) -> float | None:
    """Return what a member costs per hour; ``None`` when it is unknown or depends on the partition."""
    prices = {each.price_per_hour for each in spec.partitions}
    return prices.pop() if len(prices) == 1 else None


def _moments(edges: Floats, decisions: Sequence[Decision], shadows: Sequence[Decision]) -> Iterator[Moment]:
    """Yield the moments at which they began to differ, or to differ otherwise."""
    before: tuple[int, int] | None = None
    ours, theirs = [each.at for each in decisions], [each.at for each in shadows]
    for at in edges[:-1].tolist():
        mine, other = decisions[_holding(ours, at)], shadows[_holding(theirs, at)]
        pair = mine.wanted, other.wanted
        if pair != before and mine.wanted != other.wanted:
            yield Moment(
                at=at,
                wanted=mine.wanted,
                said=summary(mine),
                shadow_wanted=other.wanted,
                shadow_said=summary(other),
            )
        before = pair


def _holding(times: Sequence[float], at: float) -> int:
    """Return which decision holds at a time."""
    return int(np.searchsorted(times, at, side="right")) - 1
