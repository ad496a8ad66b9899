"""The report of a run: what the client saw beside what the topics say. Pure: records in, report out."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import msgspec

from pileus.lives import STARTS, Application, Change, Lives
from pileus.load.result import Result as ClientResult
from pileus.stages import Stage, Written, stages
from streams.records.decision import Decision
from streams.records.forecast import ClusterForecast, Forecasts, Signal, SignalForecast
from streams.records.instance import Instance, Level, Phase
from streams.records.member import Member, State

HELD_TICKS = 1.5
"""A forecast stands for this many usual ticks: a worker that is away leaves a hole, not a flat line."""


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """The requests as the client saw them; latency counts from when a request was due (s)."""

    sent: int
    answered: int
    failed: int
    failed_by_kind: dict[str, int]
    latency_p50_s: float | None
    latency_p99_s: float | None
    lateness_p99_s: float | None
    """How late the client itself was (s)."""


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """The members that serve: how many while the client sent, and what became of all of them."""

    min: int
    max: int
    final: int
    launched: int
    drained: int
    terminated: int


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """One second of the run. ``None`` is unknown, never zero."""

    t: int
    """Since the client started (s)."""
    in_flight: float | None
    """Observed at the balancers (mean of the newest period)."""
    forecast: float | None
    """What was expected for ``t``, a horizon earlier."""
    wanted: int | None
    serving: int


class DecisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, without what it was given."""

    t: float
    """Since the client started (s)."""
    at: float
    """The tick's time (s since the Unix epoch)."""
    before: int
    wanted: int
    observed: float | None
    """Requests in flight."""
    forecast: float | None
    reasons: list[dict[str, str]]
    """``code`` and ``said``, in the order of the gates."""


class InstanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """An instance of an application, a group or a cluster did something new."""

    t: float
    """Since the client started (s); before that it is negative."""
    at: float
    """When it was written (s since the Unix epoch)."""
    instance: str
    phase: str
    started: bool
    """False while it waits for what starts before it."""
    why: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run."""

    load: str
    url: str
    cluster: str
    started_at: float
    """When the client started (s since the Unix epoch)."""
    ended_at: float
    requests: Requests
    members: Members
    seconds: list[Second]
    decisions: list[DecisionLine]
    stages: dict[str, Stage]
    """From sample to first request, in this order: see :mod:`pileus.stages`."""
    instances: list[InstanceLine] = []
    """Every change of every instance of any application, in order."""
    started: list[tuple[float, str, str]] = []
    """What of the application started: ``t``, the cluster, and ``starts`` or ``Active``, in order."""
    ended: list[tuple[float, str, str]] = []
    """What of it ended: ``t``, the cluster, and ``Terminating`` or ``Terminated``, in order."""


def report(
    client: ClientResult, written: Iterable[Written], *, cluster: str, application: Application = ("", "")
) -> Report:
    """Build the report of one cluster's run from the client's result and everything read from the topics.

    ``application`` is the one whose clusters' start and end are told: the cluster's own.
    """
    log = list(written)
    states = [w.record for w in log if isinstance(w.record, Member) and w.record.cluster == cluster]
    decisions = [w.record for w in log if isinstance(w.record, Decision) and w.record.cluster == cluster]
    decisions.sort(key=lambda d: d.at)
    serving, changes = _serving(states), _changes(log)
    return Report(
        load=client.load,
        url=client.url,
        cluster=cluster,
        started_at=client.started_at,
        ended_at=client.ended_at,
        requests=_requests(client),
        members=_members(client, states, serving),
        seconds=_seconds(client, _looks(log, cluster), decisions, serving),
        decisions=[_line(d, client.started_at) for d in decisions],
        stages=stages(log, cluster=cluster),
        instances=[_instance(change, client.started_at) for change in changes],
        started=_told(changes, application, {STARTS, Phase.ACTIVE}, client.started_at),
        ended=_told(changes, application, {Phase.TERMINATING, Phase.TERMINATED}, client.started_at),
    )


class _Steps(NamedTuple):
    """A value that changes at moments and holds between them."""

    at: Sequence[float]
    value: Sequence[int]

    def look(self, t: float) -> int | None:
        """Return the value at ``t``; None before the first change."""
        i = bisect_right(self.at, t)
        return self.value[i - 1] if i else None


class _Readings(NamedTuple):
    """A value that was read at moments and stands for ``held_s`` after each of them."""

    at: Sequence[float]
    value: Sequence[float | None]
    held_s: float

    def look(self, t: float) -> float | None:
        """Return the newest value at ``t``; None when there is none, or it is too old."""
        i = bisect_right(self.at, t)
        return self.value[i - 1] if i and t - self.at[i - 1] <= self.held_s else None


def _requests(client: ClientResult) -> Requests:
    """Take the client's word."""
    return Requests(
        sent=client.sent,
        answered=client.answered,
        failed=client.failed,
        failed_by_kind=client.failed_by_kind,
        latency_p50_s=client.latency_p50_s,
        latency_p99_s=client.latency_p99_s,
        lateness_p99_s=client.lateness_p99_s,
    )


def _serving(states: Sequence[Member]) -> _Steps:
    """Count the members that are Active, from each of their records on."""
    active: set[str] = set()
    at, count = [], []
    for m in sorted(states, key=lambda m: m.at):
        (active.add if m.state is State.ACTIVE else active.discard)(m.member)
        at.append(m.at)
        count.append(len(active))
    return _Steps(at, count)


def _members(client: ClientResult, states: Sequence[Member], serving: _Steps) -> Members:
    """Sum up the lives of the members; minimum and maximum are those while the client ran."""
    within = [n for at, n in zip(*serving, strict=True) if client.started_at < at <= client.ended_at]
    counts = [serving.look(client.started_at) or 0, *within]

    def reached(state: State) -> int:
        return len({m.member for m in states if m.state is state or state in m.since})

    return Members(
        min=min(counts),
        max=max(counts),
        final=serving.look(client.ended_at) or 0,
        launched=reached(State.STARTING),
        drained=reached(State.DRAINING),
        terminated=reached(State.TERMINATED),
    )


def _looks(log: Sequence[Written], cluster: str) -> list[tuple[float, ClusterForecast]]:
    """Return each tick's time and what was forecast for the cluster, by time."""
    found = [
        (w.record.at, c)
        for w in log
        if isinstance(w.record, Forecasts)
        for c in w.record.clusters
        if c.cluster == cluster
    ]
    return sorted(found, key=lambda look: look[0])


def requests_in_flight(forecast: ClusterForecast) -> SignalForecast | None:
    """Return the forecast of the requests in flight; None when it is missing or not ready."""
    return next((s for s in forecast.signals if s.signal is Signal.REQUESTS_IN_FLIGHT and s.ready), None)


def _readings(looks: Sequence[tuple[float, ClusterForecast]]) -> tuple[_Readings, _Readings]:
    """Return what was observed at each moment, and what had been expected for it."""
    ticks = [at for at, _ in looks]
    held_s = HELD_TICKS * median([b - a for a, b in pairwise(ticks)] or [1.0])
    signals = [requests_in_flight(c) for _, c in looks]
    expected = [(at + c.horizon_s, s.forecast if s else None) for (at, c), s in zip(looks, signals, strict=True)]
    expected.sort(key=lambda pair: pair[0])  # stable: of two for one moment the later one counts
    return (
        _Readings(ticks, [s.observed if s else None for s in signals], held_s),
        _Readings([at for at, _ in expected], [f for _, f in expected], held_s),
    )


def _seconds(
    client: ClientResult,
    looks: Sequence[tuple[float, ClusterForecast]],
    decisions: Sequence[Decision],
    serving: _Steps,
) -> list[Second]:
    """Lay observed, expected, wanted and serving side by side, for each second of the client's run."""
    observed, expected = _readings(looks)
    wanted = _Steps([d.at for d in decisions], [d.wanted for d in decisions])
    return [
        Second(
            t=t,
            in_flight=observed.look(client.started_at + t),
            forecast=expected.look(client.started_at + t),
            wanted=wanted.look(client.started_at + t),
            serving=serving.look(client.started_at + t) or 0,
        )
        for t in range(int(client.ended_at - client.started_at) + 1)
    ]


def _changes(log: Iterable[Written]) -> list[Change]:
    """Return what became of the instances."""
    lives = Lives()
    for each in log:
        if isinstance(each.record, Instance):
            lives.instance(each.record, each.at)
    return lives.changes


def _instance(change: Change, started_at: float) -> InstanceLine:
    """Return a change as a line."""
    of = change.instance
    return InstanceLine(
        t=round(change.at - started_at, 3),
        at=change.at,
        instance=of.instance,
        phase=of.phase.value,
        started=of.started,
        why=of.why,
    )


def _told(
    changes: Iterable[Change], application: Application, words: Collection[str], started_at: float
) -> list[tuple[float, str, str]]:
    """Return the changes of an application's clusters that are called so."""
    return [
        (round(each.at - started_at, 3), each.name, each.word)
        for each in changes
        if each.instance.level is Level.CLUSTER
        and (each.instance.tenant, each.instance.application) == application
        and each.word in words
    ]


def _line(decision: Decision, started_at: float) -> DecisionLine:
    """Return a decision in short."""
    signal = requests_in_flight(decision.given.forecast)
    return DecisionLine(
        t=round(decision.at - started_at, 3),
        at=decision.at,
        before=decision.before,
        wanted=decision.wanted,
        observed=signal.observed if signal else None,
        forecast=signal.forecast if signal else None,
        reasons=[{"code": r.code.value, "said": r.said} for r in decision.reasons],
    )
