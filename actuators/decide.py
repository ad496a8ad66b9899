"""*Decide*: from demand to the number wanted, gate by gate, each with its reason.

The gates and their arithmetic are those of the Kubernetes HPA with ``behavior`` (``horizontal.go``): recommend,
stabilise, hold within minimum and maximum, limit the step. Percentages are reckoned in whole numbers, so a step
is never larger than the policy says (the HPA's floating point adds 11 to 100 at 10 %).
"""

from collections.abc import Sequence

from actuators.breaker import frozen
from actuators.demand import demand, needed
from config.cluster import Behavior, Policy, StepPolicy
from streams.records.decision import Code, Decision, Factor, Given, Memory, Reason, Recommendation


def decide(given: Given, *, at: float) -> tuple[Decision, Memory]:
    """Take a decision. Pure: the same arguments give the same decision and the same memory.

    ``at`` is the tick's time (s since the Unix epoch). The memory returned belongs to the next decision.
    Without a memory the members that are there count as wanted, and as recommended just now.
    """
    before, recommended, changes = _remember(given, at)
    factors = demand(given.forecast, given.policy)
    reasons: list[Reason] = []
    asked = _recommend(factors, before, given, reasons)
    asked = _hold_when_frozen(asked, before, given, at, reasons)
    recommended = _thin((*recommended, Recommendation(at, asked)))
    wanted = _stabilise(recommended, before, given.policy, at, reasons)
    wanted = _bound(wanted, before, given, reasons)
    wanted = _limit(wanted, before, given, reasons, changes=changes, at=at)
    if wanted == before and reasons[-1].code in {Code.DEMAND, Code.FORECAST}:
        reasons.append(Reason(Code.ALREADY_DESIRED, f"{_are(before)} wanted already"))
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
    return decision, Memory(wanted=wanted, recommended=recommended, changes=changes)


def _remember(given: Given, at: float) -> tuple[int, tuple[Recommendation, ...], tuple[Recommendation, ...]]:
    """Return the number wanted so far, and what still counts of earlier recommendations and changes."""
    memory, policy = given.memory, given.policy
    if memory.wanted is None:
        before = given.forecast.serving + given.forecast.starting
        return before, (Recommendation(at, before),), ()
    window_s = max(policy.up.stabilization_s, policy.down.stabilization_s)
    period_s = max((p.period_s for p in (*policy.up.policies, *policy.down.policies)), default=0.0)
    return memory.wanted, _since(memory.recommended, at - window_s), _since(memory.changes, at - period_s)


def _since(kept: Sequence[Recommendation], start: float) -> tuple[Recommendation, ...]:
    """Return what is younger than ``start``."""
    return tuple(r for r in kept if r.at > start)


def _thin(recommended: Sequence[Recommendation]) -> tuple[Recommendation, ...]:
    """Keep of the recommendations those that some window's minimum or maximum can hang on.

    Neither does when a later one is as low and a later one as high. So at most two are kept per number.
    """
    newest = recommended[-1]
    kept, low, high = [newest], newest.members, newest.members
    for older in reversed(recommended[:-1]):
        if not low <= older.members <= high:
            kept.append(older)
        low, high = min(low, older.members), max(high, older.members)
    return tuple(reversed(kept))


def _recommend(factors: Sequence[Factor], before: int, given: Given, reasons: list[Reason]) -> int:
    """Combine the factors by their maximum; an unknown one never lowers the number."""
    known = [(f.members, f) for f in factors if f.members is not None]
    best = max(known, key=lambda pair: pair[0], default=None)
    if best is None:
        what = f"nothing is known of {_unknown(factors, given)}" if factors else "the policy has no threshold"
        reasons.append(Reason(Code.METRIC_MISSING, f"{what}: held at {_members(before)}"))
        return before
    asked, factor = best
    _say_demand(factor, given, reasons)
    if asked < before and len(known) < len(factors):
        said = f"nothing is known of {_unknown(factors, given)}: not fewer than {_members(before)}"
        reasons.append(Reason(Code.METRIC_MISSING, said))
        return before
    return asked


def _unknown(factors: Sequence[Factor], given: Given) -> str:
    """Name the factors that are unknown, each with why."""
    why = {signal.signal.value: signal.why for signal in given.forecast.signals}
    return ", ".join(f"{_label(f.signal)} ({why[f.signal] or 'unknown'})" for f in factors if f.members is None)


def _say_demand(factor: Factor, given: Given, reasons: list[Reason]) -> None:
    """Say which load asks for how many members."""
    unit = "" if factor.signal == "requests_in_flight" else " %"
    observed = factor.observed or 0.0
    load = f"{_label(factor.signal)} {observed:.1f}{unit} now"
    if factor.forecast is not None:
        load += f", {factor.forecast:.1f}{unit} predicted"
    asked = needed(max(observed, factor.forecast or 0.0), factor.threshold)
    code = Code.FORECAST if factor.from_forecast else Code.DEMAND
    reasons.append(Reason(code, f"{load}, {factor.threshold:g}{unit} per member: {_members(asked)}"))
    if factor.within_tolerance:
        serving = _members(given.forecast.serving)
        said = f"that is {factor.ratio:.2f} of what {serving} should carry, within the tolerance: {serving}"
        reasons.append(Reason(Code.WITHIN_TOLERANCE, said))


def _hold_when_frozen(asked: int, before: int, given: Given, at: float, reasons: list[Reason]) -> int:
    """Take nothing away while the breaker holds."""
    if not frozen(given.forecast, at=at):
        return asked
    faulty = f"{len(given.forecast.faults)} of {_members(given.forecast.serving)} silent or unhealthy at once"
    said = Reason(Code.BREAKER, f"{faulty}: none is replaced, not fewer than {before}")
    reasons.insert(len(reasons) if asked < before else 0, said)
    return max(asked, before)


def _stabilise(
    recommended: Sequence[Recommendation], before: int, policy: Policy, at: float, reasons: list[Reason]
) -> int:
    """Grow to the lowest recommendation of the window at most, shrink to the highest at least."""
    asked = recommended[-1].members
    up_s, down_s = policy.up.stabilization_s, policy.down.stabilization_s
    lowest = min((r.members for r in recommended if r.at > at - up_s), default=asked)
    highest = max((r.members for r in recommended if r.at > at - down_s), default=asked)
    wanted = min(max(before, min(lowest, asked)), max(highest, asked))
    if wanted != asked:
        other, window_s = (lowest, up_s) if asked > wanted else (highest, down_s)
        held = f": held at {wanted}" if other != wanted else ""
        said = f"{_members(asked)} needed now, {other} within the last {window_s:g} s{held}"
        reasons.append(Reason(Code.STABILIZATION_WINDOW, said))
    return wanted


def _bound(wanted: int, before: int, given: Given, reasons: list[Reason]) -> int:
    """Hold the number within the minimum and the maximum."""
    if wanted > given.max_members:
        reasons.append(Reason(Code.AT_MAXIMUM, f"{_members(wanted)} needed, the maximum is {given.max_members}"))
        return given.max_members
    if wanted < given.min_members:
        code = Code.BELOW_MINIMUM if before < given.min_members else Code.AT_MINIMUM
        reasons.append(Reason(code, f"{_members(wanted)} needed, the minimum is {given.min_members}"))
        return given.min_members
    return wanted


def _limit(
    wanted: int, before: int, given: Given, reasons: list[Reason], *, changes: Sequence[Recommendation], at: float
) -> int:
    """Hold the change within the step policies. They hold nobody below the minimum or above the maximum."""
    if wanted == before:
        return wanted
    growing = wanted > before
    behavior = given.policy.up if growing else given.policy.down
    if behavior.select == "Disabled" or not behavior.policies:
        bound = before
    else:
        bounds = [_policy_bound(p, _start(p, before, given, changes, at), growing=growing) for p in behavior.policies]
        bound = max(bounds) if growing == (behavior.select == "Max") else min(bounds)
    if growing:
        limited = min(wanted, max(bound, before, given.min_members))
    else:
        limited = max(wanted, min(bound, before, given.max_members))
    if limited != wanted:
        said = f"{_members(wanted)} needed, {_rule(behavior, growing=growing)}: {limited} now"
        reasons.append(Reason(Code.STEP_LIMITED, said))
    return limited


def _start(policy: StepPolicy, before: int, given: Given, changes: Sequence[Recommendation], at: float) -> int:
    """Return the number at the start of a policy's period. What minimum and maximum have forced was no step."""
    start = before - sum(change.members for change in _since(changes, at - policy.period_s))
    return min(max(start, given.min_members), given.max_members)


def _policy_bound(policy: StepPolicy, start: int, *, growing: bool) -> int:
    """Return what one step policy allows, counted from the number at the start of its period."""
    if policy.kind == "Pods":
        return start + policy.value if growing else start - policy.value
    return -(-start * (100 + policy.value) // 100) if growing else start * (100 - policy.value) // 100


def _rule(behavior: Behavior, *, growing: bool) -> str:
    """Say in words what the step policies allow."""
    if behavior.select == "Disabled" or not behavior.policies:
        return f"scaling {'up' if growing else 'down'} is disabled"
    steps = [
        f"{_members(p.value) if p.kind == 'Pods' else f'{p.value} %'} in {p.period_s:g} s" for p in behavior.policies
    ]
    return f"at most {(' or ' if behavior.select == 'Max' else ' and ').join(steps)}"


def _label(signal: str) -> str:
    """Write a signal for people."""
    return signal.replace("_", " ")


def _members(count: int) -> str:
    """Write a number of members for people."""
    return "1 member" if count == 1 else f"{count} members"


def _are(count: int) -> str:
    """Write that so many members are."""
    return "1 member is" if count == 1 else f"{count} members are"
