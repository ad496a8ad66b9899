"""Who vouches for a draining member: what the balancers of one cluster said last."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from streams.records.balancer import BalancerReport
from streams.records.member import Member

LOST_S = 60.0
"""A balancer that was not heard of for this long is taken for gone: it is not asked for any more."""
BREAK = 3.0
"""Ticks that come this many times later than the one before did come after a break."""


@dataclass(slots=True)
class Balancers:
    """The newest report of each balancer. Time is the decider's, so that no balancer's clock matters."""

    stale_s: float
    """A balancer that said nothing for this long cannot vouch for a member."""
    began: float = -math.inf
    """Since when reports are heard: before ``stale_s`` have passed there may be a balancer not heard of yet."""
    ticked: float = -math.inf
    """When time passed last ..."""
    every: float = 0.0
    """... and how long after the time before that (s)."""
    reports: dict[str, BalancerReport] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    serving: frozenset[str] = frozenset()
    """Balancers that are members of the application, and there: one that was not heard of yet may route already."""
    known: frozenset[str] = frozenset()
    """Those that served and are not gone, also where the definition says by now that they serve others."""
    gone: dict[str, float] = field(default_factory=dict)
    """Those that ended, and when: what they said before may come in late."""

    def appoint(self, serving: frozenset[str], *, alive: frozenset[str], at: float) -> None:
        """Take in which members of the application are balancers of the cluster; one that is gone is not asked again.

        ``serving`` are those that are there and serve it, ``alive`` all balancers of the application that are not gone.
        """
        for balancer in self.known - alive:
            self.gone[balancer] = at
            self._forget(balancer)
        self.serving, self.known = serving, (self.known & alive) | serving

    def hear(self, report: BalancerReport, *, at: float) -> bool:
        """Take in a report; one that is older than the last does not count."""
        before = self.reports.get(report.balancer)
        if report.balancer in self.gone or (before is not None and report.at < before.at):
            return False
        self.reports[report.balancer], self.heard[report.balancer] = report, at
        return True

    def tick(self, at: float) -> None:
        """Let time pass. After a break, as that of a broker that was away, all are heard anew."""
        passed = at - self.ticked
        if passed > max(self.stale_s, BREAK * self.every):
            self.began = at
        self.ticked, self.every = at, passed if math.isfinite(passed) else 0.0
        for balancer in [b for b, heard in self.heard.items() if at - heard > LOST_S]:
            self._forget(balancer)
        self.gone = {balancer: ended for balancer, ended in self.gone.items() if at - ended <= LOST_S}

    def vouch(self, member: Member, *, revision: int | None, at: float) -> bool:
        """Say whether every balancer that serves a draining member confirms that it gets no request and has none.

        ``revision`` is where its record stands in ``pileus.members``; ``None`` when that is not known.
        """
        if member.port == 0:
            return True  # nobody was ever told where it is
        if self.serving - self.heard.keys():
            return False
        serving = {name: report for name, report in self.reports.items() if _serves(report, member)}
        if revision is None or not self._complete(at, serving) or any(r.revision <= revision for r in serving.values()):
            return False
        backends = [b for r in serving.values() for b in r.backends if b.member == member.member]
        return not any(backend.routed or backend.in_flight != 0 for backend in backends)

    def reached(self, members: Collection[Member], *, at: float) -> dict[str, bool]:
        """Say of members whether a balancer reaches them.

        Nothing is said of those whose network partition no balancer serves, or one that was not heard of lately.
        """
        reports = self.reports.values()
        up = {b.member for report in reports for b in report.backends if b.routed and b.answers is not False}
        judged = {where: self._complete(at, self._serving(where)) for where in {m.network_partition for m in members}}
        return {m.member: m.member in up for m in members if judged[m.network_partition]}

    def _serving(self, network_partition: str) -> list[str]:
        """Return the balancers that serve a network partition."""
        served = {name: report.network_partitions for name, report in self.reports.items()}
        return [name for name, partitions in served.items() if not partitions or network_partition in partitions]

    def _forget(self, balancer: str) -> None:
        """Ask a balancer no more."""
        self.reports.pop(balancer, None)
        self.heard.pop(balancer, None)

    def settled(self, at: float) -> bool:
        """Say whether reports are heard for long enough, without a break: who is silent has nothing to say."""
        return at - self.began >= self.stale_s

    def _complete(self, at: float, balancers: Collection[str]) -> bool:
        """Say whether all of these balancers, one at least, were heard of lately."""
        if not self.settled(at) or not balancers:
            return False
        return all(at - self.heard[balancer] <= self.stale_s for balancer in balancers)


def _serves(report: BalancerReport, member: Member) -> bool:
    """Say whether a balancer serves the member's network partition, or has the member all the same."""
    served = report.network_partitions
    return not served or member.network_partition in served or any(b.member == member.member for b in report.backends)
