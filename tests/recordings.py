"""A recording made without a broker: worker and decider, a cloud that needs four seconds, one balancer."""

from collections.abc import Callable

from actuators.cluster import Rules as DeciderRules
from actuators.decider import Decider, Envelope
from config.cluster import ClusterSpec
from config.tree import BudgetSpec
from streams.cluster import Rules as WorkerRules
from streams.fold import Fold
from streams.recording import Line
from streams.records.action import Action, Result, Verb
from streams.records.control import Shadow
from streams.records.decision import Decision
from streams.records.forecast import Forecasts
from streams.records.instance import Announcement
from streams.records.member import Member, State
from streams.records.record import Record, encode
from streams.records.sample import Requests, Tick
from streams.topics import CONTROL, DECISIONS, FORECASTS, INSTANCES, MEMBERS, SAMPLES, SHADOW, Topic
from tests.actuator_builders import a_backend, a_report, an_outcome
from tests.builders import a_requests, a_tick, an_application

START = 10_000.0
BOOT_S = 4.0
"""From a launch to the first answer."""
WORKER = WorkerRules(
    sample_interval_s=1.0, evaluation_s=1.0, window_s=20.0, fault_s=5.0, horizon_grid_s=(5.0, 10.0, 15.0, 30.0)
)
HEARTBEAT_S = 30.0


class Recorder:
    """A small world that goes second by second, and everything that it writes."""

    def __init__(self, spec: ClusterSpec, *, restart_at: int | None = None, budget: BudgetSpec | None = None) -> None:
        self.spec = spec
        self.application = an_application(spec, budget=budget)
        self.lines: list[Line] = []
        self.serving: list[int] = []
        """Members that serve, by second."""
        self.at = START
        self._restart_at = restart_at
        self._fold = Fold(0, WORKER)
        self.decider = Decider(DeciderRules(heartbeat_s=HEARTBEAT_S, stale_s=3.0))
        self._offsets: dict[str, int] = {}
        self._orders: list[Shadow] = []
        self._launched: dict[str, float] = {}
        self._publish(self.decider.define([self.application], self.at))

    def run(self, load: Callable[[int], float | None], *, seconds: int) -> list[Line]:
        """Let a load of so many seconds come (requests in flight; ``None``: the balancer says nothing)."""
        begin = round(self.at - START)
        for second in range(begin, begin + seconds):
            self.at = START + second + 1.0
            if second == self._restart_at:
                self._restart()
            requests = load(second)
            if requests is not None:
                self._sample(a_requests(requests, at=self.at, interval_s=1.0, count=second))
            self._sample(a_tick(self.at, members=self._next(MEMBERS), instances=self._next(INSTANCES)))
            self._answer()
        return self.lines

    def order(self, order: Shadow) -> None:
        """Let an operator order a shadow, or its end."""
        self._write(CONTROL, order)
        self._orders.append(order)
        self._publish(self.decider.control(order))

    def _restart(self) -> None:
        """Go on with another decider: its memory from a checkpoint, its members from the log."""
        snapshot = self.decider.snapshot()
        known = self.decider.clusters[self.spec.cluster]
        self.decider = Decider(self.decider.rules)
        self.decider.restore(snapshot)
        for member in known.members.values():
            self.decider.recall(member)
        for order in self._orders:
            self.decider.control(order)
        self._publish(self.decider.define([self.application], self.at))

    def _sample(self, sample: Requests | Tick) -> None:
        """Let a sample pass the worker, and what it makes of it the decider."""
        self._write(SAMPLES, sample)
        for record in self._fold.message(encode(sample)):
            if isinstance(record, Forecasts):
                self._write(FORECASTS, record)
                self._publish(self.decider.forecasts(record))

    def _publish(self, envelopes: list[Envelope]) -> None:
        """Write down what the decider returns, and begin what it orders."""
        for envelope in envelopes:
            match envelope.record:
                case Member() as member:
                    offset = self._write(MEMBERS, member)
                    self._fold.member(offset, member)
                    self.decider.written(member.member, member.cluster, offset)
                case Announcement() as instance:
                    self._fold.instance(self._write(INSTANCES, instance), instance)
                case Decision() as decision:
                    self._write(SHADOW if envelope.aside else DECISIONS, decision)
                case Action(verb=Verb.LAUNCH) as action:
                    self._launched.setdefault(action.member, self.at)
                case _:
                    pass

    def _answer(self) -> None:
        """Let the cloud and the balancer answer."""
        members = self.decider.clusters[self.spec.cluster].members
        for name, member in sorted(members.items()):
            if member.state is State.CREATED:
                self._publish(self.decider.outcome(an_outcome(Result.RUNNING, name, at=self.at)))
            elif member.state is State.TERMINATING:
                self._publish(self.decider.outcome(an_outcome(Result.GONE, name, at=self.at)))
        routed = [
            a_backend(name)
            for name, member in sorted(members.items())
            if member.state in {State.STARTING, State.ACTIVE} and self.at >= self._launched[name] + BOOT_S
        ]
        self._publish(self.decider.report(a_report(*routed, at=self.at, revision=self._next(MEMBERS))))
        self.serving.append(sum(member.state is State.ACTIVE for member in members.values()))

    def _next(self, topic: Topic) -> int:
        """Return a topic's next offset."""
        return self._offsets.get(topic.name, 0)

    def _write(self, topic: Topic, record: Record) -> int:
        """Write a line and return its offset."""
        offset = self._next(topic)
        self._offsets[topic.name] = offset + 1
        value = encode(record).decode()
        self.lines.append(Line(topic=topic.name, partition=0, offset=offset, at=self.at, value=value))
        return offset


def steps(second: int) -> float:
    """Return a load of 6, 30, 60, 20 and 6 requests in flight, a minute each."""
    return (6.0, 30.0, 60.0, 20.0, 6.0)[min(second // 60, 4)]


def ramp(second: int) -> float:
    """Return a load that climbs from 5 to 65 requests in two minutes, stays for one, and falls as it climbed."""
    return 5.0 + 0.5 * max(0, min(second, 120, 300 - second))


def blackout(second: int) -> float | None:
    """Return a steady load of which nothing is known for a minute."""
    return None if 60 <= second < 120 else 40.0
