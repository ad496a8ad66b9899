"""From the read model to what the API answers about clusters. Pure: the time is an argument."""

from collections import Counter
from collections.abc import Sequence
from statistics import quantiles

from dashboards import roster
from dashboards.model import Cluster, Decided, Model
from dashboards.schemas import (
    AlarmView,
    ClusterSummary,
    ClusterView,
    DecisionView,
    FactorView,
    GateView,
    LeadTimeView,
    LogView,
    OtherwiseView,
    OutcomeView,
    PauseView,
    ReasonView,
    SeriesView,
    SignalView,
)
from dashboards.series import align
from streams import explain
from streams.records.action import Outcome
from streams.records.control import Pause
from streams.records.decision import Code, Gate, Otherwise
from streams.records.forecast import Signal, SignalForecast

UNITS = {
    Signal.REQUESTS_IN_FLIGHT: "requests",
    Signal.LOAD_AVERAGE: "% of one member",
    Signal.MEMORY_CONSUMPTION: "% of one member",
}
STALE_S = 30.0
"""A cluster without a forecast for this long is stale: six ticks of the default period."""


def summaries(model: Model, *, now: float) -> list[ClusterSummary]:
    """List the clusters by name."""
    counts = roster.count(model)
    return [
        summary(of, counts, now=now, pauses=pauses_of(model, of, now=now)) for _, of in sorted(model.clusters.items())
    ]


def summary(
    of: Cluster, counts: Counter[tuple[str, str]], *, now: float, pauses: Sequence[Pause] = ()
) -> ClusterSummary:
    """Say one cluster in a line."""
    wanted = of.steps[-1][1] if of.steps else None
    main = main_signal(of)
    signals = [s for s in of.newest.signals if s.signal is main] if of.newest else []
    changes = [d for d in of.decisions if d.wanted != d.before] or list(of.decisions)
    newest = of.points[-1] if of.points else None
    return ClusterSummary(
        tenant=of.tenant,
        application=of.application,
        cluster=of.cluster,
        status=_status(of, wanted, counts, now=now),
        wanted=wanted,
        serving=counts[of.cluster, "serving"],
        starting=counts[of.cluster, "starting"],
        draining=counts[of.cluster, "draining"],
        min_members=of.bounds.min_members if of.bounds else None,
        max_members=of.bounds.max_members if of.bounds else None,
        at=newest.at if newest else None,
        horizon_s=newest.horizon_s if newest else None,
        main=signal_view(of, signals[0]) if signals else None,
        decision=decision(changes[-1]) if changes else None,
        alarms=_alarms(of, pauses),
    )


def cluster(model: Model, of: Cluster, *, now: float) -> ClusterView:
    """Say everything of one cluster."""
    return ClusterView(
        summary=summary(of, roster.count(model), now=now, pauses=pauses_of(model, of, now=now)),
        alias=of.instance.alias if of.instance else "",
        cartridge=of.instance.cartridge if of.instance else "",
        policy=of.bounds.policy.policy if of.bounds else "",
        thresholds=of.bounds.policy.thresholds if of.bounds else {},
        newest=decision(of.decisions[-1]) if of.decisions else None,
        pauses=[pause(each) for each in pauses_of(model, of, now=now)],
        signals=[signal_view(of, given) for given in of.newest.signals] if of.newest else [],
        members=roster.members(model, now=now, cluster=of.cluster),
        lead_time=_lead_time(list(of.lead_times_s)),
        troubles=[outcome(o) for o in reversed(of.troubles)],
    )


def outcome(of: Outcome) -> OutcomeView:
    """Say an action that failed."""
    return OutcomeView(at=of.at, member=of.member, result=of.result.value, reason=of.reason)


def series(of: Cluster, *, signal: Signal) -> SeriesView:
    """Put observed, forecast, wanted and serving side by side, oldest first."""
    rows = align(of.points, steps=list(of.steps), signal=signal.value)
    return SeriesView(
        cluster=of.cluster,
        signal=signal.value,
        unit=UNITS[signal],
        threshold=_threshold(of, signal),
        t=[r.t for r in rows],
        observed=[r.observed for r in rows],
        forecast=[r.forecast for r in rows],
        lower=[r.lower for r in rows],
        upper=[r.upper for r in rows],
        wanted=[r.wanted for r in rows],
        serving=[r.serving for r in rows],
        starting=[r.starting for r in rows],
    )


def main_signal(of: Cluster) -> Signal:
    """Return the signal that the cluster is scaled by first: one with a threshold, else one that is known."""
    thresholds = of.bounds.policy.thresholds if of.bounds else {}
    ready = {s.signal for s in of.newest.signals if s.ready} if of.newest else set()
    ranked = sorted(Signal, key=lambda s: (s.value not in thresholds, s not in ready))
    return ranked[0]


def decisions(of: Cluster, *, limit: int) -> list[DecisionView]:
    """List the decisions of one cluster, newest first."""
    return [decision(d) for d in list(of.decisions)[: -limit - 1 : -1]]


def decision(of: Decided) -> DecisionView:
    """Say one decision with its factors and reasons."""
    last = of.reasons[-1] if of.reasons else None
    return DecisionView(
        decision=of.decision,
        at=of.at,
        wanted=of.wanted,
        before=of.before,
        why=last.said if last else "",
        code=last.code.value if last else "",
        said=of.said,
        loads=list(of.loads),
        factors=[
            FactorView(
                signal=f.signal,
                threshold=f.threshold,
                observed=f.observed,
                forecast=f.forecast,
                ratio=f.ratio,
                members=f.members,
                from_forecast=f.from_forecast,
            )
            for f in of.factors
        ],
        reasons=[ReasonView(code=r.code.value, said=r.said) for r in of.reasons],
        gates=[gate(each, at=of.at) for each in of.gates],
        otherwise=_otherwise(of.otherwise) if of.otherwise else None,
    )


def gate(of: Gate, *, at: float) -> GateView:
    """Say one gate of a decision taken ``at`` a time."""
    return GateView(
        gate=of.gate.value,
        what=explain.GATES[of.gate],
        asked=of.asked,
        passed=of.passed,
        bites=of.asked != of.passed,
        least=of.least,
        most=of.most,
        until=of.until,
        said=explain.passage(of, at=at),
    )


def _otherwise(of: Otherwise) -> OtherwiseView:
    """Say what else the number would be."""
    return OtherwiseView(
        asked=of.asked,
        binding=of.binding.value,
        until=of.until,
        more_above=of.more_above,
        fewer_below=of.fewer_below,
    )


def pauses_of(model: Model, of: Cluster, *, now: float) -> list[Pause]:
    """Return the pauses that hold a cluster, the widest first."""
    return model.orders.upon(of.tenant, of.application, of.instance.alias if of.instance else "", at=now)


def pause(of: Pause) -> PauseView:
    """Say one pause."""
    said = explain.paused(of, of=of.scope)
    return PauseView(scope=of.scope, owner=of.owner, reason=of.reason, at=of.at, until=of.until, said=said)


def _alarms(of: Cluster, pauses: Sequence[Pause]) -> list[AlarmView]:
    """Say what somebody should see at once."""
    alarm = of.decisions[-1].alarm if of.decisions else None
    measured = [AlarmView(code=alarm.code.value, said=alarm.said)] if alarm else []
    return [*measured, *(AlarmView(code=Code.PAUSED.value, said=explain.paused(p, of=p.scope)) for p in pauses)]


def logs(model: Model, *, member: str | None, after: int, limit: int) -> list[LogView]:
    """List the newest log lines with a number above ``after``, oldest first."""
    found = [(n, line) for n, line in model.logs if n > after and (member is None or line.member == member)]
    return [
        LogView(number=n, at=line.at, cluster=line.cluster, member=line.member, level=line.level, text=line.text)
        for n, line in found[-limit:]
    ]


def signal_view(of: Cluster, given: SignalForecast) -> SignalView:
    """Say one signal of one cluster."""
    motion = given.motion
    return SignalView(
        signal=given.signal.value,
        unit=UNITS[given.signal],
        ready=given.ready,
        why=given.why,
        threshold=_threshold(of, given.signal),
        observed=given.observed,
        forecast=given.forecast,
        lower=given.lower,
        upper=given.upper,
        level=motion.level if motion else None,
        slope=motion.slope if motion else None,
        curvature=motion.curvature if motion else None,
        predictor=given.predictor,
        age_s=given.age_s,
    )


def _threshold(of: Cluster, signal: Signal) -> float | None:
    """Return the load that one member should carry; ``None`` when the policy does not use the signal."""
    return of.bounds.policy.thresholds.get(signal.value) if of.bounds else None


def _status(of: Cluster, wanted: int | None, counts: Counter[tuple[str, str]], *, now: float) -> str:
    """Say in one word how the cluster stands."""
    if not of.points or wanted is None:
        return "unknown"
    if now - of.points[-1].at > STALE_S:
        return "stale"
    if not of.newest or not any(s.ready and s.signal is main_signal(of) for s in of.newest.signals):
        return "unknown"
    serving, leaving = counts[of.cluster, "serving"], counts[of.cluster, "draining"]
    if wanted > serving:
        return "growing"
    return "shrinking" if wanted < serving or leaving else "steady"


def _lead_time(seconds: Sequence[float]) -> LeadTimeView:
    """Sum up the lead times measured."""
    if not seconds:
        return LeadTimeView(count=0, newest_s=None, p50_s=None, p90_s=None)
    tenths = quantiles(seconds, n=10, method="inclusive") if len(seconds) > 1 else [seconds[0]] * 9
    return LeadTimeView(count=len(seconds), newest_s=seconds[-1], p50_s=tenths[4], p90_s=tenths[8])
