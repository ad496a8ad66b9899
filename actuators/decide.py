"""*Decide*: from demand to the number wanted, gate by gate, each with its reason.

The gates and their order are those of the Kubernetes HPA with ``behavior`` (``horizontal.go``):
recommend, stabilise, limit the step, clamp.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from actuators.demand import demand
from config.cluster import Behavior, Policy, StepPolicy
from streams.records.decision import Code, Decision, Factor, Given, Memory, Reason, Recommendation


def decide(given: Given, *, at: float) -> tuple[Decision, Memory]:
    """Take a decision. Pure: the same arguments give the same decision and the same memory.

    ``at`` is the tick's time (s since the Unix epoch). The memory returned belongs to the next decision.
    """
    memory, policy = given.memory, given.policy
    before = memory.wanted if memory.wanted is not None else given.forecast.serving + given.forecast.starting
    factors = demand(given.forecast, policy)
    reasons: list[Reason] = []
    asked = _recommend(factors, before, reasons)
    recommended = _within(memory.recommended, at, max(policy.up.stabilization_s, policy.down.stabilization_s))
    recommended = (*recommended, Recommendation(at, asked))
    wanted = _stabilise(recommended, before, policy, at, reasons)
    changes = _within(memory.changes, at, _longest_period(policy))
    wanted = _limit(wanted, before, policy, _Steps(changes, at), reasons)
    wanted = _clamp(wanted, before, given, reasons)
    if wanted == before and all(r.code is Code.DEMAND or r.code is Code.FORECAST for r in reasons):
        reasons.append(Reason(Code.ALREADY_DESIRED, f"{before} members are wanted already"))
    decision = Decision(
        decision=f"{given.forecast.cluster}@{round(at * 1000)}",
        tenant=given.forecast.tenant,
        application=given.forecast.application,
        cluster=given.forecast.cluster,
        at=at,
        wanted=wanted,
        before=before,
        factors=factors,
        reasons=tuple(reasons),
        given=given,
    )
    if wanted != before:
        changes = (*changes, Recommendation(at, wanted - before))
    return decision, Memory(wanted=wanted, recommended=_thin(recommended), changes=changes)


def _recommend(factors: Sequence[Factor], before: int, reasons: list[Reason]) -> int:
    """Combine the factors by their maximum; an unknown one never lowers the number."""
    known = [(f.members, f) for f in factors if f.members is not None]
    unknown = [f.signal for f in factors if f.members is None]
    best = max(known, key=lambda pair: pair[0], default=None)
    if best is None:
        what = ", ".join(unknown) or "no threshold in the policy"
        reasons.append(Reason(Code.METRIC_MISSING, f"nothing is known of the load ({what}): held at {before}"))
        return before
    asked, factor = best
    _say_demand(factor, asked, reasons)
    if unknown and asked < before:
        reasons.append(Reason(Code.METRIC_MISSING, f"{', '.join(unknown)} unknown: not fewer than {before}"))
        return before
    return asked


def _say_demand(factor: Factor, asked: int, reasons: list[Reason]) -> None:
    """Say which load asks for how many members."""
    code = Code.FORECAST if factor.from_forecast else Code.DEMAND
    load = f"{factor.signal} observed {_number(factor.observed)}"
    if factor.forecast is not None:
        load += f", predicted {_number(factor.forecast)}"
    reasons.append(Reason(code, f"{load}, {factor.threshold:g} per member: {asked} members"))
    if factor.within_tolerance:
        said = f"that is {factor.ratio:.2f} of what the {asked} serving members should carry, within the tolerance"
        reasons.append(Reason(Code.WITHIN_TOLERANCE, said))


def _stabilise(
    recommended: Sequence[Recommendation], before: int, policy: Policy, at: float, reasons: list[Reason]
) -> int:
    """Follow the lowest recommendation of the window when growing, the highest when shrinking."""
    asked = recommended[-1].members
    up = min(r.members for r in recommended if r.at >= at - policy.up.stabilization_s)
    down = max(r.members for r in recommended if r.at >= at - policy.down.stabilization_s)
    wanted = min(max(before, up), down) if up <= down else before
    if wanted != asked:
        window = policy.up.stabilization_s if asked > wanted else policy.down.stabilization_s
        said = f"{asked} members recommended now, {wanted} within the last {window:g} s"
        reasons.append(Reason(Code.STABILIZATION_WINDOW, said))
    return wanted


@dataclass(frozen=True, slots=True)
class _Steps:
    """What was changed of late."""

    changes: Sequence[Recommendation]
    at: float

    def since(self, period_s: float) -> int:
        """Return by how many members the number changed within the last ``period_s``."""
        return sum(c.members for c in self.changes if c.at > self.at - period_s)


def _limit(wanted: int, before: int, policy: Policy, steps: _Steps, reasons: list[Reason]) -> int:
    """Hold the change within the step policies."""
    if wanted == before:
        return wanted
    growing = wanted > before
    bound = _step_bound(policy.up if growing else policy.down, before, steps, growing=growing)
    limited = min(wanted, max(bound, before)) if growing else max(wanted, min(bound, before))
    if limited != wanted:
        said = f"{wanted} members wanted, the step policies allow {limited} now"
        reasons.append(Reason(Code.STEP_LIMITED, said))
    return limited


def _step_bound(behavior: Behavior, before: int, steps: _Steps, *, growing: bool) -> int:
    """Return how far one direction may go now."""
    if behavior.select == "Disabled" or not behavior.policies:
        return before
    bounds = [_policy_bound(p, before - steps.since(p.period_s), growing=growing) for p in behavior.policies]
    widest = behavior.select == "Max"
    return max(bounds) if growing == widest else min(bounds)


def _policy_bound(policy: StepPolicy, start: int, *, growing: bool) -> int:
    """Return what one step policy allows, counted from the number at the start of its period."""
    if policy.kind == "Pods":
        return start + policy.value if growing else start - policy.value
    share = policy.value / 100.0
    return math.ceil(start * (1.0 + share)) if growing else math.floor(start * (1.0 - share))


def _clamp(wanted: int, before: int, given: Given, reasons: list[Reason]) -> int:
    """Hold the number within the minimum and the maximum."""
    if wanted > given.max_members:
        reasons.append(Reason(Code.AT_MAXIMUM, f"{wanted} members wanted, at most {given.max_members} allowed"))
        return given.max_members
    if wanted < given.min_members:
        code = Code.BELOW_MINIMUM if before < given.min_members else Code.AT_MINIMUM
        reasons.append(Reason(code, f"{wanted} members wanted, at least {given.min_members} required"))
        return given.min_members
    return wanted


def _within(kept: Sequence[Recommendation], at: float, window_s: float) -> tuple[Recommendation, ...]:
    """Return what still counts."""
    return tuple(r for r in kept if r.at >= at - window_s)


def _thin(recommended: Sequence[Recommendation]) -> tuple[Recommendation, ...]:
    """Drop each recommendation that neither a minimum nor a maximum of a later window can need.

    Of a run of equal numbers the newest says the same for longer, so the older ones go.
    """
    kept = [older for older, newer in pairwise(recommended) if older.members != newer.members]
    return (*kept, recommended[-1])


def _longest_period(policy: Policy) -> float:
    """Return how far back changes count."""
    return max((p.period_s for p in (*policy.up.policies, *policy.down.policies)), default=0.0)


def _number(value: float | None) -> str:
    """Write a load for people."""
    return "unknown" if value is None else f"{value:.1f}"
