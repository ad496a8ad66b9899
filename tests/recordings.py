"""A recording made without a broker: worker and decider, a cloud that needs four seconds, one balancer."""

from collections.abc import Callable

from actuators.cluster import ClusterState
from actuators.cluster import Rules as DeciderRules
from actuators.decider import Decider, Envelope
from config.cluster import ClusterSpec
from config.tree import ApplicationSpec, BudgetSpec
from streams.cluster import Rules as WorkerRules
from streams.fold import Fold
from streams.recording import Line
from streams.records.action import Action, Result, Verb
from streams.records.control import Shadow
from streams.records.decision import Decision
from streams.records.forecast import Forecasts
from streams.records.instance import Announcement, Deployed, Instance
from streams.records.member import Member, State
from streams.records.record import Record, encode
from streams.records.sample import Health, Requests, Tick
from streams.topics import CONTROL, DECISIONS, FORECASTS, INSTANCES, MEMBERS, SAMPLES, SHADOW, Topic
from tests.actuator_builders import a_backend, a_report, an_outcome
from tests.builders import a_health, a_requests, a_tick, an_application

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
        self.applications = [an_application(spec, budget=budget)]
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
        self.declare(*self.applications)

    def declare(self, *applications: ApplicationSpec) -> None:
        """Say what is declared from now on."""
        self.applications = list(applications)
        self._publish(self.decider.define(self.applications, self.at))

    def run(
        self, load: Callable[[int], float | None], *, seconds: int, busy: Callable[[int], float] | None = None
    ) -> list[Line]:
        """Let each cluster have a load of so many seconds (in flight; ``None``: the balancer says nothing).

        ``busy`` is the load average and the memory of every member that serves (percent).
        """
        begin = round(self.at - START)
        for second in range(begin, begin + seconds):
            self.at = START + second + 1.0
            if second == self._restart_at:
                self._restart()
            requests = load(second)
            for name, state in self.decider.clusters.items() if requests is not None else ():
                whose = state.spec.application
                mean = requests or 0.0
                self._sample(
                    a_requests(mean, at=self.at, interval_s=1.0, count=second, cluster=name, application=whose)
                )
            percent = None if busy is None else busy(second)
            for member in self._serving() if percent is not None else ():
                self._sample(a_health(member, at=self.at, load=percent, memory=percent, cluster=self.spec.cluster))
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
        known = [member for state in self.decider.clusters.values() for member in state.members.values()]
        self.decider = Decider(self.decider.rules)
        self.decider.restore(snapshot)
        for member in known:
            self.decider.recall(member)
        for order in self._orders:
            self.decider.control(order)
        self.declare(*self.applications)

    def _sample(self, sample: Health | Requests | Tick) -> None:
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
                    offset = self._write(MEMBERS, member, envelope.key)
                    self._fold.member(offset, member)
                    self.decider.written(member.member, member.cluster, offset)
                case Announcement() | Deployed() | Instance() as instance:
                    self._fold.instance(self._write(INSTANCES, instance, envelope.key), instance)
                case Decision() as decision:
                    self._write(SHADOW if envelope.aside else DECISIONS, decision, envelope.key)
                case Action(verb=Verb.LAUNCH) as action:
                    self._launched.setdefault(action.member, self.at)
                case _:
                    pass

    def _answer(self) -> None:
        """Let the cloud and the balancers answer."""
        for state in list(self.decider.clusters.values()):
            self._answer_of(state)
        self.serving.append(len(self._serving()))

    def _serving(self) -> list[str]:
        """Return the members of the cluster that serve."""
        known = self.decider.clusters.get(self.spec.cluster)
        return [] if known is None else [n for n, m in sorted(known.members.items()) if m.state is State.ACTIVE]

    def _answer_of(self, state: ClusterState) -> None:
        """Let them answer to one cluster."""
        members, cluster, application = state.members, state.spec.cluster, state.spec.application
        result = {State.CREATED: Result.RUNNING, State.TERMINATING: Result.GONE}
        for name, member in sorted(members.items()):
            if member.state in result:
                came = result[member.state]
                outcome = an_outcome(came, name, at=self.at, cluster=cluster, application=application)
                self._publish(self.decider.outcome(outcome))
        routed = [
            a_backend(name)
            for name, member in sorted(members.items())
            if member.state in {State.STARTING, State.ACTIVE} and self.at >= self._launched[name] + BOOT_S
        ]
        revision = self._next(MEMBERS)
        report = a_report(*routed, at=self.at, revision=revision, cluster=cluster, application=application)
        self._publish(self.decider.report(report))

    def _next(self, topic: Topic) -> int:
        """Return a topic's next offset."""
        return self._offsets.get(topic.name, 0)

    def _write(self, topic: Topic, record: Record, key: str = "") -> int:
        """Write a line and return its offset."""
        offset = self._next(topic)
        self._offsets[topic.name] = offset + 1
        value = encode(record).decode()
        self.lines.append(Line(topic=topic.name, partition=0, offset=offset, at=self.at, key=key, value=value))
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
