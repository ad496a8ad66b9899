"""What a balancer agent says of one cluster: a sample per interval, and a report when something changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from actuators.lb_intervals import Intervals, Mean, Total
from actuators.ports import ClusterTraffic, TargetState
from streams.records.balancer import Backend, BalancerReport
from streams.records.sample import Requests, RequestsColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which balancer it stands beside, and whose clusters that balancer serves."""

    balancer: str
    tenant: str
    application: str
    clusters: tuple[str, ...]
    network_partitions: tuple[str, ...] = ()
    """Whose members it serves; empty: all."""


class ClusterView:
    """Looks at one cluster on one balancer, and remembers what earlier looks have shown."""

    def __init__(self, who: Identity, cluster: str, *, interval_s: float) -> None:
        self._who = who
        self._cluster = cluster
        self._interval_s = interval_s
        self._intervals = Intervals(interval_s)
        self._total = Total()
        self._first: dict[str, float | None] | None = None
        self._said: tuple[int, list[tuple[str, bool, bool, float | None, bool | None]]] | None = None

    def look(
        self, traffic: ClusterTraffic, at: float, *, revision: int | None, answers: Mapping[str, bool] | None = None
    ) -> tuple[Requests | None, BalancerReport | None]:
        """Take in one look at time ``at``; return what is to be published.

        A sample for an interval that has ended (none where requests in flight are unknown); a report then, and at once
        when ``revision`` or who is routed has changed, or a member that leaves has ended its last request. No report
        before anything was applied.
        """
        mean = self._intervals.look(traffic.in_flight or 0, at)
        self._note_first(traffic, at)
        sample = None
        if traffic.in_flight is not None and traffic.count is not None:
            count = self._total.of(traffic.count)
            sample = None if mean is None else self._sample(mean, count)
        if revision is None:
            return sample, None
        report = self._report(traffic, at, revision, answers or {})
        said = [
            (b.member, b.routed, b.routed or b.in_flight != 0, b.first_request_at, b.answers) for b in report.backends
        ]
        changed, self._said = (revision, said) != self._said, (revision, said)
        return sample, report if changed or mean is not None else None

    def _note_first(self, traffic: ClusterTraffic, at: float) -> None:
        """Note who carries a request for the first time. Of those that were there before us it is not known."""
        if self._first is None:
            self._first = {state.target.member: None for state in traffic.targets}
        known, self._first = self._first, {}
        for state in traffic.targets:
            member = state.target.member
            if member in known:
                self._first[member] = known[member]
            elif state.in_flight:
                self._first[member] = at

    def _sample(self, mean: Mean, count: int) -> Requests:
        """Return the sample of an interval."""
        return Requests(
            tenant=self._who.tenant,
            application=self._who.application,
            cluster=self._cluster,
            balancer=self._who.balancer,
            at=mean.at,
            interval_s=self._interval_s,
            in_flight=mean.value,
            count=count,
        )

    def _report(self, traffic: ClusterTraffic, at: float, revision: int, answers: Mapping[str, bool]) -> BalancerReport:
        """Return the report of this look."""
        return BalancerReport(
            balancer=self._who.balancer,
            tenant=self._who.tenant,
            application=self._who.application,
            cluster=self._cluster,
            at=at,
            revision=revision,
            backends=[
                self._backend(state, answers) for state in sorted(traffic.targets, key=lambda s: s.target.member)
            ],
            network_partitions=list(self._who.network_partitions),
        )

    def _backend(self, state: TargetState, answers: Mapping[str, bool]) -> Backend:
        """Return one member's line."""
        member = state.target.member
        first = (self._first or {}).get(member)
        return Backend(
            member=member,
            routed=state.routed,
            in_flight=state.in_flight,
            first_request_at=first,
            answers=answers.get(member),
        )


def together(samples: Iterable[Requests]) -> list[Requests | RequestsColumns]:
    """Return one balancer's samples as one message for each interval; what is alone in its interval stays as it is."""
    of: dict[float, list[Requests]] = {}
    for sample in samples:
        of.setdefault(sample.at, []).append(sample)
    return [each[0] if len(each) == 1 else _columns(each) for each in of.values()]


def _columns(samples: list[Requests]) -> RequestsColumns:
    """Return the samples of one interval in columns."""
    first = samples[0]
    return RequestsColumns(
        tenant=first.tenant,
        application=first.application,
        balancer=first.balancer,
        at=first.at,
        interval_s=first.interval_s,
        cluster=[each.cluster for each in samples],
        in_flight=[each.in_flight for each in samples],
        count=[each.count for each in samples],
    )
