"""How long each stage took, from a sample to the first request on a new member.

============================= ===============================================================================
sample_to_forecast            newest sample used (its own time) -> forecast written
forecast_to_decision          forecast written -> decision of the same tick written
decision_to_action            decision written -> action of the same tick written
action_to_process_up          launch written -> its outcome ``running`` written
process_up_to_in_balancer     outcome ``running`` written -> member ``Active`` written
in_balancer_to_first_request  member ``Active`` written -> first request seen on it
============================= ===============================================================================

"Written" is the time that the record has in Kafka (ms). Clocks are not finer, and a member may
carry a request before its record says so: what comes out negative counts as 0.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from pileus.load.quantiles import quantile
from streams.records.action import Action, Outcome, Result, Verb
from streams.records.balancer import BalancerReport
from streams.records.decision import Decision
from streams.records.forecast import Forecasts
from streams.records.member import Member, State
from streams.records.record import Record

K = TypeVar("K")

NAMES = (
    "sample_to_forecast",
    "forecast_to_decision",
    "decision_to_action",
    "action_to_process_up",
    "process_up_to_in_balancer",
    "in_balancer_to_first_request",
)


class Written(NamedTuple):
    """A record as it was read from Kafka."""

    topic: str
    at: float
    """When it was written to Kafka (s since the Unix epoch)."""
    record: Record


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """How long one stage took."""

    p50_s: float | None
    """``None`` when it never happened."""
    p99_s: float | None
    n: int


class _Moments:
    """When each thing happened first."""

    def __init__(self) -> None:
        self.forecasts: dict[float, float] = {}
        """Written, by tick."""
        self.sampled: list[float] = []
        """From the newest sample to the forecast (s)."""
        self.decisions: dict[float, float] = {}
        """Written, by tick."""
        self.actions: list[tuple[float, float]] = []
        """Tick and written, each action once."""
        self.launches: dict[str, float] = {}
        """Written, by action."""
        self.running: dict[str, tuple[str, float]] = {}
        """Action and written, by member."""
        self.active: dict[str, float] = {}
        """Written, by member."""
        self.requested: dict[str, float] = {}
        """First request, by member."""
        self._known: set[str] = set()

    def forecast(self, record: Forecasts, at: float, cluster: str) -> None:
        """Note a tick's forecast, and how old the newest sample in it was."""
        for c in record.clusters:
            if c.cluster != cluster:
                continue
            self.forecasts.setdefault(record.at, at)
            if ages := [s.age_s for s in c.signals if s.ready and s.age_s is not None]:
                self.sampled.append(at - record.at + min(ages))

    def action(self, record: Action, at: float) -> None:
        """Note an action, the first time that it is seen."""
        if record.action in self._known:
            return
        self._known.add(record.action)
        self.actions.append((record.at, at))
        if record.verb is Verb.LAUNCH:
            self.launches[record.action] = at

    def outcome(self, record: Outcome, at: float) -> None:
        """Note that a launch succeeded; what was merely seen to run is no outcome of a launch."""
        if record.result is Result.RUNNING and record.action:
            self.running.setdefault(record.member, (record.action, at))

    def reported(self, record: BalancerReport) -> None:
        """Note the first request of each member, the earliest that any balancer saw."""
        for b in record.backends:
            if b.first_request_at is not None:
                self.requested[b.member] = min(b.first_request_at, self.requested.get(b.member, b.first_request_at))


def stages(written: Iterable[Written], *, cluster: str) -> dict[str, Stage]:
    """Measure every stage of ``cluster``, in the order of the flow."""
    moments = _gather(sorted(written, key=lambda w: w.at), cluster)
    took = {
        "sample_to_forecast": moments.sampled,
        "forecast_to_decision": _apart(moments.forecasts, moments.decisions.items()),
        "decision_to_action": _apart(moments.decisions, moments.actions),
        "action_to_process_up": _apart(moments.launches, moments.running.values()),
        "process_up_to_in_balancer": _apart({m: at for m, (_, at) in moments.running.items()}, moments.active.items()),
        "in_balancer_to_first_request": _apart(moments.active, moments.requested.items()),
    }
    return {name: _stage(took[name]) for name in NAMES}


def _gather(written: Sequence[Written], cluster: str) -> _Moments:
    """Note every moment that counts; ``written`` is in order of time."""
    moments = _Moments()
    for _, at, record in written:
        match record:
            case Forecasts():
                moments.forecast(record, at, cluster)
            case Decision(cluster=c) if c == cluster:
                moments.decisions.setdefault(record.at, at)
            case Action(cluster=c) if c == cluster:
                moments.action(record, at)
            case Outcome(cluster=c) if c == cluster:
                moments.outcome(record, at)
            case Member(cluster=c, state=State.ACTIVE) if c == cluster:
                moments.active.setdefault(record.member, at)
            case BalancerReport(cluster=c) if c == cluster:
                moments.reported(record)
            case _:
                pass
    return moments


def _apart(begins: dict[K, float], ends: Iterable[tuple[K, float]]) -> list[float]:
    """Return how long after its beginning each end came (s); an end without a beginning is left out."""
    return [at - begins[key] for key, at in ends if key in begins]


def _stage(took: Sequence[float]) -> Stage:
    """Sum up one stage."""
    times = [max(t, 0.0) for t in took]
    return Stage(p50_s=quantile(times, 0.5), p99_s=quantile(times, 0.99), n=len(times))
