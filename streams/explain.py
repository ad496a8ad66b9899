"""A decision in sentences: what the load asks for, each gate, what the number hangs on, what would change it. Pure."""

from collections.abc import Iterator

from streams.moments import clock, written
from streams.records.control import Pause
from streams.records.decision import Code, Decision, Factor, Gate, GateName, Otherwise, Reason
from streams.records.forecast import Expected, SignalForecast

GATES = {
    GateName.DEMAND: "what the load asks for",
    GateName.BREAKER: "the breaker",
    GateName.STABILIZATION: "the stabilization window",
    GateName.FLAP_BUDGET: "the flap budget",
    GateName.BOUNDS: "minimum and maximum",
    GateName.BUDGET: "budget and quota",
    GateName.STEP: "the step limit",
    GateName.PAUSE: "the pause",
}
"""The gates in words."""
UNITS = {"requests_in_flight": "", "load_average": " %", "memory_consumption": " %"}
HELD = frozenset(
    {
        Code.STABILIZATION_WINDOW,
        Code.STEP_LIMITED,
        Code.FLAP_BUDGET,
        Code.BREAKER,
        Code.BUDGET,
        Code.PAUSED,
        Code.AT_MAXIMUM,
        Code.AT_MINIMUM,
        Code.BELOW_MINIMUM,
    }
)
"""Codes of a number that is not what the load asks for."""
ALARMS = (Code.BREAKER, Code.FALLBACK, Code.METRIC_MISSING)
"""Codes that somebody should see at once, the gravest first: what is measured cannot be trusted, or is not there."""


def explain(decision: Decision) -> list[str]:
    """Return the lines that tell a decision."""
    change = f"{_members(decision.wanted)} wanted"
    change += f", {decision.before} before" if decision.wanted != decision.before else ", as before"
    return [
        f"{decision.cluster} at {written(decision.at)}: {change}",
        f"  {summary(decision)}",
        "",
        "load:",
        *(f"  {line}" for line in loads(decision)),
        "gates:",
        *(f"  {line}" for line in _gates(decision)),
        "reasons, the last one counts:",
        *(f"  {reason.code.value}: {reason.said}" for reason in decision.reasons),
    ]


def summary(decision: Decision) -> str:
    """Return the whole in one sentence: ``7 needed; held at 5 by the step limit until 12:04:30Z``."""
    otherwise = decision.otherwise
    if otherwise is None:
        return decision.reasons[-1].said if decision.reasons else "nothing is known of why"
    asked = "an unknown load" if otherwise.asked is None else f"{_members(otherwise.asked)} needed"
    parts = [asked if otherwise.asked is None else f"{asked} for the load"]
    if otherwise.binding in HELD or otherwise.asked is None:
        until = "" if otherwise.until is None else f" until {clock(otherwise.until, beside=decision.at)}"
        parts.append(f"held at {decision.wanted} by {_binding(decision)} ({otherwise.binding.value}){until}")
    return "; ".join([*parts, *_turns(decision.wanted, otherwise)])


def _binding(decision: Decision) -> str:
    """Name what the number finally hangs on."""
    bitten = next((gate for gate in reversed(decision.gates) if gate.asked != gate.passed), None)
    if any(reason.code is Code.PAUSED for reason in decision.reasons):
        return GATES[GateName.PAUSE]
    if decision.otherwise is not None and decision.otherwise.binding in {Code.METRIC_MISSING, Code.FALLBACK}:
        return "the missing metrics"
    return GATES[bitten.gate] if bitten is not None else "the load"


def _turns(wanted: int, otherwise: Otherwise) -> Iterator[str]:
    """Say which loads would ask for another number, where the load does not ask for such a one already."""
    asked = wanted if otherwise.asked is None else otherwise.asked
    if otherwise.more_above and asked <= wanted:
        yield f"more above {' or '.join(_turn(*each) for each in otherwise.more_above.items())}"
    if any(load > 0.0 for load in otherwise.fewer_below.values()) and asked >= wanted:  # no load is below none
        yield f"fewer below {' and '.join(_turn(*each) for each in otherwise.fewer_below.items())}"


def _turn(signal: str, load: float) -> str:
    return f"{_load(signal, load)} {_label(signal)}"


def alarm(decision: Decision) -> Reason | None:
    """Return the gravest reason that somebody should see at once, whatever the number hangs on; usually ``None``."""
    found = [reason for reason in decision.reasons if reason.code in ALARMS]
    return min(found, key=lambda reason: ALARMS.index(reason.code), default=None)


def paused(pause: Pause, *, of: str = "") -> str:
    """Tell a pause, of what is named: ``web is paused until 12:04:30Z by ada: migration``."""
    until = clock(pause.until, beside=pause.at)
    return f"{of and f'{of} is '}paused until {until} by {pause.owner}: {pause.reason}"


def loads(decision: Decision) -> Iterator[str]:
    """Tell each factor: observed, predicted, what it asks for."""
    forecast = decision.given.forecast
    for factor in decision.factors:
        yield f"{_label(factor.signal)}: {_factor(factor, decision)}"
    starting = f", {forecast.starting} on the way" if forecast.starting else ""
    yield f"{_members(forecast.serving)} {'serves' if forecast.serving == 1 else 'serve'}{starting}"


def _factor(factor: Factor, decision: Decision) -> str:
    """Tell one factor."""
    signal = next((s for s in decision.given.forecast.signals if s.signal == factor.signal), None)
    if factor.observed is None or factor.members is None:
        why = signal.why if signal is not None and signal.why else "unknown"
        return f"unknown ({why})"
    parts = [f"{_load(factor.signal, factor.observed)} now"]
    if factor.forecast is not None:
        ahead = clock(decision.at + decision.given.forecast.horizon_s, beside=decision.at)
        by = _by(signal) if signal is not None else ""
        parts.append(f"{_load(factor.signal, factor.forecast)} predicted for {ahead}{by}")
        if signal is not None and signal.expected is not None:
            parts.append(_expected(signal.expected, beside=decision.at))
    parts.append(f"{_load(factor.signal, factor.threshold)} per member")
    near = ", within the tolerance" if factor.within_tolerance else ""
    return f"{', '.join(parts)}: {_members(factor.members)}{near}"


def _by(signal: SignalForecast) -> str:
    """Tell who predicts, and what its forecasts were worth."""
    if (score := signal.score) is None:
        return f" by {signal.predictor}" if signal.predictor else ""
    worth = f"{score.relmae:.2f} times the last value's error in {score.scored} forecasts"
    on = "" if score.since is None else f", for {score.predictor} is on probation"
    return f" by {signal.predictor}{on} ({worth})"


def _expected(expected: Expected, *, beside: float) -> str:
    """Tell which events a forecast stands on."""
    names = " and ".join(f"'{name}'" for name in expected.events)
    since, until = (clock(at, beside=beside) for at in (expected.since, expected.until))
    return f"the calendar expects x{expected.factor:g} for {names} from {since} until {until}"


def _gates(decision: Decision) -> Iterator[str]:
    """Tell each gate: what came, what went, its limits."""
    width = max((len(gate.gate.value) for gate in decision.gates), default=0)
    for gate in decision.gates:
        yield f"{gate.gate.value:<{width}}  {passage(gate, at=decision.at)}"


def passage(gate: Gate, *, at: float) -> str:
    """Tell what came to a gate at a time, what went, and its limits: ``7 -> 5 (at most 5) until 12:04:30Z``."""
    went = f"{gate.asked} -> {gate.passed}" if gate.asked != gate.passed else f"{gate.passed} passes"
    until = "" if gate.until is None else f" until {clock(gate.until, beside=at)}"
    return f"{went}{_limits(gate)}{until}"


def _limits(gate: Gate) -> str:
    """Tell what a gate lets pass."""
    if gate.least is not None and gate.most is not None:
        return f" (only {gate.least})" if gate.least == gate.most else f" ({gate.least} to {gate.most})"
    if gate.least is not None:
        return f" (at least {gate.least})"
    return f" (at most {gate.most})" if gate.most is not None else ""


def _load(signal: str, value: float) -> str:
    return f"{value:.4g}{UNITS.get(signal, '')}"


def _label(signal: str) -> str:
    return signal.replace("_", " ")


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"
