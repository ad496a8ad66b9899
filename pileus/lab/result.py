"""What a replay tells: numbers, beside those of the last value with headroom at equal cost. Written as JSON."""

import math
from itertools import pairwise

import msgspec
import numpy as np

from actuators.lab.elasticity import merged, speed_up
from actuators.lab.report import Outcome
from actuators.lab.score import Scores, demand_of, supply_of
from actuators.lab.skill import Skill

SHOWN = 10
"""Shortages that are told."""
BETTER, WORSE = 0.95, 1.05
"""A ratio of shortages between these is no difference."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One replay in numbers; percent, minutes and hours as their names say. ``None``: unknown."""

    theta_u: float | None
    """Mean shortage of members, relative to the demand (percent)."""
    theta_o: float | None
    """Mean surplus (percent)."""
    tau_u: float | None
    """Share of the time with too few members (percent)."""
    tau_o: float | None
    instability: float | None
    slo_minutes: float
    """Time with too few members (min)."""
    lost_load: float
    """Share of the load that the members could not carry (percent)."""
    member_hours: float
    cost: float | None
    starts: int
    stops: int
    changes: int
    starts_per_hour: float | None
    failed: int


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which too few members served."""

    begin: float
    """s, on the load's own clock."""
    minutes: float
    members: int
    """How many were missing at the worst moment."""


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """The last value with headroom that costs the same."""

    headroom: float
    """0.2: thresholds divided by 1.2."""
    figures: Figures
    theta_u_ratio: float | None
    """This policy's shortage / the baseline's; below 1 the policy is better."""
    speed_up: float | None
    """Elastic speed-up over the baseline; above 1 the policy is better."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One policy with one predictor on one load."""

    load: str
    policy: str
    predictor: str
    signals: dict[str, float]
    """The policy's thresholds that counted, by signal."""
    capacity: dict[str, float]
    """What one member was taken to carry: demand is reckoned with it."""
    step_s: float
    start: float
    """s, on the load's own clock; what lies before ``start + skip_s`` is not scored."""
    skip_s: float
    hours: float
    horizon_s: float
    boot_s: float
    """Median lead time."""
    figures: Figures
    unknown_minutes: float
    saturated_minutes: float
    skills: list[Skill]
    beside: Beside | None
    shortages: list[Shortage]
    """The worst, by members missing times minutes."""
    verdict: str
    """``better``, ``even``, ``worse`` than the last value with headroom, or ``same``: it is that."""
    said: str
    """The verdict in words."""


def result_of(outcome: Outcome) -> Result:
    """Return what an outcome tells."""
    trial, scores = outcome.trial, outcome.scores
    beside = _beside(outcome)
    verdict, said = _verdict(outcome, beside)
    return Result(
        load=trial.load.name,
        policy=trial.label,
        predictor=trial.predictor,
        signals=dict(trial.spec.policy.thresholds),
        capacity=dict(trial.capacity),
        step_s=trial.load.step_s,
        start=trial.load.start,
        skip_s=trial.skip_s,
        hours=scores.hours,
        horizon_s=outcome.loop.course.horizon_s,
        boot_s=float(np.median(trial.world.boot_s)),
        figures=figures(scores),
        unknown_minutes=scores.unknown_minutes,
        saturated_minutes=scores.saturated_minutes,
        skills=list(outcome.skills),
        beside=beside,
        shortages=_shortages(outcome),
        verdict=verdict,
        said=said,
    )


def figures(scores: Scores) -> Figures:
    """Return scores as they are written; what is no number is ``None``."""
    made = scores.elasticity
    return Figures(
        theta_u=_known(made.theta_u),
        theta_o=_known(made.theta_o),
        tau_u=_known(made.tau_u),
        tau_o=_known(made.tau_o),
        instability=_known(made.instability),
        slo_minutes=scores.slo_minutes,
        lost_load=scores.lost_load,
        member_hours=scores.member_hours,
        cost=scores.cost,
        starts=scores.starts,
        stops=scores.stops,
        changes=scores.changes,
        starts_per_hour=_known(scores.starts_per_hour),
        failed=scores.failed,
    )


def _beside(outcome: Outcome) -> Beside | None:
    """Return the baseline's figures, and how the policy compares."""
    baseline = outcome.baseline
    if baseline is None:
        return None
    mine, other = outcome.scores.elasticity, baseline.scores.elasticity
    return Beside(
        headroom=baseline.headroom,
        figures=figures(baseline.scores),
        theta_u_ratio=_ratio(mine.theta_u, other.theta_u),
        speed_up=speed_up(mine, other),
    )


def _ratio(mine: float, other: float) -> float | None:
    """Return a ratio; 1 where both are 0, ``None`` where there is none."""
    if mine == other:
        return 1.0
    return mine / other if other > 0.0 else None


def _verdict(outcome: Outcome, beside: Beside | None) -> tuple[str, str]:
    """Say how a policy compares with the last value at equal cost."""
    if beside is None or outcome.baseline is None:
        return "same", "not compared with the last value"
    if outcome.baseline.loop is outcome.loop:
        return "same", "the forecast adds nothing here: this is the last value itself, without headroom"
    mine, other = outcome.scores.slo_minutes, beside.figures.slo_minutes
    rule = f"the last value with {100.0 * beside.headroom:.1f} % headroom"
    minutes = f"{mine:.0f} minutes short of members, {rule} {other:.0f} at the same cost"
    ratio = beside.theta_u_ratio
    if ratio is None:
        return "worse", f"{minutes}: use the simple rule"
    change = f"{abs(1.0 - ratio):.0%} {'less' if ratio < 1.0 else 'more'} shortage"
    if ratio <= BETTER:
        return "better", f"{minutes}: {change}"
    if ratio < WORSE:
        return "even", f"{minutes}: no real difference ({change})"
    return "worse", f"{minutes}: {change}, use the simple rule"


def _shortages(outcome: Outcome) -> list[Shortage]:
    """Return the worst times with too few members."""
    trial, load = outcome.trial, outcome.trial.load
    begin, end = load.start + trial.skip_s, load.start + load.periods * load.step_s
    starts = load.start + np.arange(load.periods, dtype=np.float64) * load.step_s
    edges, (demand, supply) = merged(
        (starts, demand_of(load, trial.capacity)), supply_of(outcome.loop.fleet), begin=begin, end=end
    )
    lack = np.where(np.isfinite(demand), np.maximum(demand - supply, 0.0), 0.0)
    short = lack > 0.0
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], short, [False])).astype(np.int8))).tolist()
    lasts = np.diff(edges)
    found = [
        (float((lack[a:b] * lasts[a:b]).sum()), a, b)
        for a, b in (pair for k, pair in enumerate(pairwise(bounds)) if k % 2 == 0)
    ]
    worst = sorted(found, reverse=True)[:SHOWN]
    return [
        Shortage(begin=float(edges[a]), minutes=float(lasts[a:b].sum()) / 60.0, members=int(lack[a:b].max()))
        for _, a, b in worst
    ]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
