"""*Decide*: from demand to the number wanted, gate by gate, each with its reason.

The gates and their arithmetic are those of the Kubernetes HPA with ``behavior`` (``horizontal.go``): recommend,
stabilise, hold within minimum and maximum, limit the step. What Pileus adds only ever holds a number: the breaker, the
flap budget, budgets and pauses.
"""

from collections.abc import Sequence

from actuators.breaker import watch
from actuators.demand import demand
from actuators.gates import Gates, members
from actuators.otherwise import complete
from config.cluster import Policy
from streams.records.decision import Code, Decision, Factor, Given, Memory, Reason, Recommendation

ASKED = (Code.DEMAND, Code.FORECAST)
"""Codes of the last reason when no gate has met the number that the load asks for."""


def decide(given: Given, *, at: float) -> tuple[Decision, Memory]:
    """Take a decision, whole. Pure: the same arguments give the same decision and the same memory.

    ``at`` is the tick's time (s since the Unix epoch). The memory returned belongs to the next decision.
    Without a memory the members that are there count as wanted, and as recommended just now.
    """
    decision, memory = choose(given, at=at)
    return complete(decision), memory


def choose(given: Given, *, at: float) -> tuple[Decision, Memory]:
    """Take a decision that need not be told: the same, without what else it would be."""
    before, recommended, changes = _remember(given, at)
    factors = (
        () if given.room else demand(given.forecast, given.policy, least=given.min_members, most=given.max_members)
    )
    missing = 0 if given.room or any(factor.members is not None for factor in factors) else given.memory.missing + 1
    pulse = watch(given.memory.pulse, given.forecast, given.policy, at=at)
    gates = Gates(given, before, at)
    asked = gates.breaker(gates.demand(factors, missing=missing), pulse)
    recommended = _thin((*recommended, Recommendation(at, asked)))
    wanted = gates.bound(gates.flap(gates.stabilise(recommended), changes))
    wanted = gates.pause(gates.step(gates.budget(wanted), changes))
    if wanted == before and gates.reasons[-1].code in ASKED:
        gates.reasons.append(Reason(Code.ALREADY_DESIRED, f"{_are(before)} wanted already"))
    if wanted != before:
        changes = (*changes, Recommendation(at, wanted - before))
    memory = Memory(wanted=wanted, recommended=recommended, changes=changes, missing=missing, pulse=pulse)
    return _decision(given, factors, gates, wanted=wanted), memory


def _decision(given: Given, factors: tuple[Factor, ...], gates: Gates, *, wanted: int) -> Decision:
    """Write down what was decided."""
    return Decision(
        decision=f"{given.forecast.cluster}@{round(gates.at * 1000)}",
        tenant=given.forecast.tenant,
        application=given.forecast.application,
        cluster=given.forecast.cluster,
        at=gates.at,
        wanted=wanted,
        before=gates.before,
        factors=factors,
        reasons=tuple(gates.reasons),
        given=given,
        gates=tuple(gates.passed),
    )


def _remember(given: Given, at: float) -> tuple[int, tuple[Recommendation, ...], tuple[Recommendation, ...]]:
    """Return the number wanted so far, and what still counts of earlier recommendations and changes."""
    memory, policy = given.memory, given.policy
    if memory.wanted is None:
        before = given.forecast.serving + given.forecast.starting
        return before, (Recommendation(at, before),), ()
    window_s = max(policy.up.stabilization_s, policy.down.stabilization_s)
    changes = _since(memory.changes, at - _kept_s(policy)) if memory.changes else ()
    return memory.wanted, _since(memory.recommended, at - window_s), changes


def _kept_s(policy: Policy) -> float:
    """Return how long a change counts: in the longest period of a step policy, or the window of the flap budget."""
    periods = [p.period_s for p in (*policy.up.policies, *policy.down.policies)]
    return max(periods, default=0.0) if policy.flap is None else max(*periods, policy.flap.window_s, 0.0)


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


def _are(count: int) -> str:
    """Write that so many members are."""
    return f"{members(count)} {'is' if count == 1 else 'are'}"
