"""The counterfactual of a decision: which load would ask for another number of members."""

import msgspec

from actuators.demand import Asking
from streams.records.decision import Decision, Gate, GateName, Given, Otherwise

BESIDE = 1e-6
"""How far beside a load it is looked what that load asks for, as a share of it."""
TINY = 1e-6
"""The same beside no load at all."""


def complete(decision: Decision) -> Decision:
    """Return a decision with what else it would be."""
    return msgspec.structs.replace(decision, otherwise=otherwise(decision))


def otherwise(decision: Decision) -> Otherwise:
    """Return what else the number would be.

    ``more_above`` and ``fewer_below`` are the loads at which a factor's own demand passes the number wanted.
    """
    given, factors, wanted = decision.given, decision.factors, decision.wanted
    known = [(f.signal, asking(given, f.signal)) for f in factors if f.members is not None]
    more = ((signal, _more(each, wanted)) for signal, each in known)
    fewer = ((signal, _fewer(each, wanted)) for signal, each in known)
    return Otherwise(
        asked=given.room.hosts
        if given.room
        else max((f.members for f in factors if f.members is not None), default=None),
        binding=decision.reasons[-1].code,
        until=next((gate.until for gate in reversed(decision.gates) if _bites(gate, given)), None),
        more_above={signal: load for signal, load in more if load is not None},
        fewer_below={signal: load for signal, load in fewer if load is not None},
    )


def asking(given: Given, signal: str) -> Asking:
    """Return how a signal's load becomes a number of members."""
    return Asking(given.forecast, given.policy, signal, least=given.min_members, most=given.max_members)


def _bites(gate: Gate, given: Given) -> bool:
    """Say whether a gate has changed the number, or would have."""
    return gate.asked != gate.passed or (gate.gate is GateName.PAUSE and given.pause is not None)


def _more(asking: Asking, wanted: int) -> float | None:
    """Return the load above which more than ``wanted`` members are asked for; ``None``: there is none."""
    loads = (load for load in asking.turns(wanted) if asking.members(load * (1.0 + BESIDE) + TINY) > wanted)
    return next(loads, None)


def _fewer(asking: Asking, wanted: int) -> float | None:
    """Return the load below which fewer than ``wanted`` members are asked for; ``None``: there is none."""
    loads = reversed(asking.turns(wanted - 1))
    return next((load for load in loads if asking.members(load * (1.0 - BESIDE)) < wanted), None)
