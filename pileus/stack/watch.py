"""What a run sees of the topics: everything written since it began, and its newest state for the view."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka.structs import ConsumerRecord

from pileus.lives import Lives
from pileus.stages import Written
from streams.follow import Follower
from streams.records.action import ACTION, OUTCOME
from streams.records.balancer import BALANCER
from streams.records.decision import DECISION, Decision
from streams.records.forecast import FORECASTS as FORECAST
from streams.records.forecast import ClusterForecast, Forecasts, Signal
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.instance import Instance
from streams.records.member import LEADTIME, Member, State
from streams.records.member import MEMBERS as MEMBER
from streams.records.record import UNREADABLE
from streams.topics import ACTIONS, BALANCERS, DECISIONS, FORECASTS, INSTANCES, LEADTIMES, MEMBERS, OUTCOMES, Topic

DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    FORECASTS.name: FORECAST,
    DECISIONS.name: DECISION,
    MEMBERS.name: MEMBER,
    INSTANCES.name: INSTANCE,
    ACTIONS.name: ACTION,
    OUTCOMES.name: OUTCOME,
    BALANCERS.name: BALANCER,
    LEADTIMES.name: LEADTIME,
}
CHART = 60
"""Observations that the view charts."""
KEPT = 2_000_000
"""Records kept for the report at most, the newest."""


@dataclass
class Watch:
    """The records since ``since`` (s since the Unix epoch), and the newest of one cluster.

    The lives of all applications are known from their beginning.
    """

    cluster: str
    since: float
    lives: Lives = field(default_factory=Lives)
    written: deque[Written] = field(default_factory=lambda: deque(maxlen=KEPT))
    members: dict[str, Member] = field(default_factory=dict)
    forecast: ClusterForecast | None = None
    observed: deque[float | None] = field(default_factory=lambda: deque(maxlen=CHART))
    decision: Decision | None = None
    change: Decision | None = None
    """The last decision that changed the number."""

    def follower(self, broker: str, partitions: int) -> Follower:
        """Return what feeds this watch."""
        topics: list[Topic] = [FORECASTS, DECISIONS, MEMBERS, INSTANCES, ACTIONS, OUTCOMES, BALANCERS, LEADTIMES]
        take: Callable[[ConsumerRecord], None] = self.take
        return Follower(broker, {(t.name, p): take for t in topics for p in range(partitions)})

    def take(self, message: ConsumerRecord) -> None:
        """Take in one message; one that cannot be read is somebody else's to refuse."""
        at = message.timestamp / 1000.0
        if not message.value:
            if message.topic == INSTANCES.name:
                self.lives.forget((message.key or b"").decode(errors="replace"))
            return
        try:
            record = DECODERS[message.topic].decode(message.value)
        except UNREADABLE:
            return
        self._live(record, at)
        if at < self.since:
            return
        self.written.append(Written(message.topic, at, record))
        match record:
            case Member() if record.cluster == self.cluster:
                self.members[record.member] = record
            case Decision() if record.cluster == self.cluster:
                self.decision = record
                self.change = record if record.wanted != record.before else self.change
            case Forecasts():
                self._forecasts(record)
            case _:
                pass

    def _live(self, record: Any, at: float) -> None:
        """Follow the lives of all applications, whenever that was written."""
        if isinstance(record, Instance):
            self.lives.instance(record, at, new=at >= self.since)
        elif isinstance(record, Member):
            self.lives.member(record)

    @property
    def serving(self) -> int:
        """Return how many members serve."""
        return sum(m.state is State.ACTIVE for m in self.members.values())

    def _forecasts(self, record: Forecasts) -> None:
        """Note the newest forecast of the cluster."""
        for forecast in record.clusters:
            if forecast.cluster == self.cluster:
                self.forecast = forecast
                self.observed.append(forecast.signals[0].observed)

    @property
    def predicted(self) -> float | None:
        """Return the requests in flight expected at the horizon."""
        if self.forecast is None:
            return None
        of = {signal.signal: signal.forecast for signal in self.forecast.signals}
        return of[Signal.REQUESTS_IN_FLIGHT]
