"""The decider's shell, for tests: it publishes what the decider returns, and lets clouds and balancers answer."""

from collections.abc import Iterable, Sequence

from actuators.cluster import ClusterState, Rules
from actuators.decider import Decider, Envelope
from config.cluster import ClusterSpec
from streams.records.action import Action, Result, Verb
from streams.records.balancer import Backend
from streams.records.control import Order
from streams.records.decision import Decision
from streams.records.forecast import Fault
from streams.records.member import Member, State
from streams.records.own import MemberForecast
from streams.records.record import Record
from tests.actuator_builders import a_backend, a_report, an_outcome, forecasts_of
from tests.builders import a_forecast, an_application

RULES = Rules(resend_s=5.0, full_s=30.0, stale_s=3.0)


class Shell:
    """One decider of one cluster, from the second 1000 on. Offsets count from 1."""

    def __init__(
        self,
        spec: ClusterSpec,
        *,
        log: Iterable[Member] = (),
        snapshot: bytes | None = None,
        at: float = 1000.0,
        orders: Iterable[Order] = (),
    ) -> None:
        self.at = at
        self.log = list(log)
        self.decisions: list[Decision] = []
        self.published: list[Record] = []
        self.shadows: list[Decision] = []
        """What shadows decided, that was told."""
        self.decider = Decider(RULES, epoch=len(self.log))
        if snapshot is not None:
            self.decider.restore(snapshot)
        for member in {m.member: m for m in self.log}.values():
            self.decider.recall(member)
        for order in orders:
            self.decider.control(order)
        self.publish(self.decider.define([an_application(spec)], self.at))
        for offset, member in enumerate(self.log, 1):
            self.decider.written(member.member, member.cluster, offset)

    @property
    def cluster(self) -> ClusterState:
        """The one cluster."""
        (state,) = self.decider.clusters.values()
        return state

    def publish(self, envelopes: Iterable[Envelope]) -> list[Record]:
        """Write records down and return them; what shadows decide goes elsewhere."""
        envelopes = list(envelopes)
        self.shadows += [each.record for each in envelopes if each.aside and isinstance(each.record, Decision)]
        records = [envelope.record for envelope in envelopes if not envelope.aside]
        for record in records:
            if isinstance(record, Member):
                self.log.append(record)
                self.decider.written(record.member, record.cluster, len(self.log))
            elif isinstance(record, Decision):
                self.decisions.append(record)
        self.published += records
        return records

    # --- what comes in -----------------------------------------------------------------------------------------------

    def tick(
        self,
        requests: float | None,
        *,
        seconds: float = 1.0,
        faulty: Sequence[str] = (),
        loads: Sequence[MemberForecast] = (),
    ) -> list[Record]:
        """Let time pass, and decide on a load (10 requests per member in most tests)."""
        self.at += seconds
        forecast = a_forecast(
            requests=requests,
            serving=len(self.names(State.ACTIVE)),
            starting=len(self.names(State.CREATED, State.STARTING)),
            members=loads,
            faults=[Fault(member=name, reason="Silent", since=self.at - 60.0) for name in faulty],
        )
        return self.publish(self.decider.forecasts(forecasts_of(forecast, at=self.at)))

    def ticks(self, requests: float | None, *, times: int, seconds: float = 1.0) -> list[Record]:
        """Do that several times."""
        return [record for _ in range(times) for record in self.tick(requests, seconds=seconds)]

    def answer(self, result: Result, member: str, *, port: int = 8080, reason: str = "") -> list[Record]:
        """Let the executor report."""
        return self.publish(self.decider.outcome(an_outcome(result, member, at=self.at, port=port, reason=reason)))

    def report(self, *backends: Backend, balancer: str = "lb-1", revision: int | None = None) -> list[Record]:
        """Let a balancer report; without a revision it has applied all that was written."""
        applied = len(self.log) + 1 if revision is None else revision
        return self.publish(self.decider.report(a_report(*backends, at=self.at, revision=applied, balancer=balancer)))

    def route(self, *, balancer: str = "lb-1") -> list[Record]:
        """Let a balancer route to all that may serve, and say so."""
        return self.report(*map(a_backend, self.names(State.STARTING, State.ACTIVE)), balancer=balancer)

    def serve(self, requests: float) -> None:
        """Let everything work until the members that a load asks for serve."""
        for _ in range(3):
            self.tick(requests)
            for name in self.names(State.CREATED):
                self.answer(Result.RUNNING, name)
            self.route()

    # --- what came of it ---------------------------------------------------------------------------------------------

    def names(self, *states: State) -> list[str]:
        """Return the members in these states."""
        return sorted(name for name, member in self.cluster.members.items() if member.state in states)

    def state(self, member: str) -> State:
        """Return a member's state."""
        return self.cluster.members[member].state


def actions(records: Iterable[Record], verb: Verb) -> list[str]:
    """Return the members of the actions of one kind, in order."""
    return [record.member for record in records if isinstance(record, Action) and record.verb is verb]


def launches(records: Iterable[Record]) -> list[str]:
    """Return the members that are to be launched."""
    return actions(records, Verb.LAUNCH)


def terminations(records: Iterable[Record]) -> list[str]:
    """Return the members that are to be terminated."""
    return actions(records, Verb.TERMINATE)
