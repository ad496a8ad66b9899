"""One cluster in the stream worker: its windows, and what a tick makes of them."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from predictors import kinematic
from predictors.horizon import horizon
from streams.membership import Membership
from streams.records.forecast import ClusterForecast, Fault, MemberForecast, Signal, SignalForecast
from streams.records.member import ClusterInstance, Member
from streams.window import Grid, Series, hold

MEMORY_CEILING = 100.0
"""Percent of one member."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker goes by. The defaults are documented in :mod:`config.settings`; all in seconds."""

    sample_interval_s: float = 5.0
    evaluation_s: float = 5.0
    window_s: float = 300.0
    stale_intervals: int = 3
    fault_s: float = 60.0
    max_future_s: float = 5.0
    horizon_grid_s: tuple[float, ...] = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0)

    @property
    def stale_s(self) -> float:
        """How old the newest sample may be."""
        return self.stale_intervals * self.sample_interval_s


class MemberWindow(msgspec.Struct):
    """What is known of one member."""

    load_average: Series = msgspec.field(default_factory=Series)
    memory_consumption: Series = msgspec.field(default_factory=Series)
    newest: float | None = None
    """Time of its newest sample of any kind."""
    healthy: bool | None = None
    unhealthy_since: float | None = None


class BalancerWindow(msgspec.Struct):
    """What one balancer said of the cluster's requests."""

    in_flight: Series = msgspec.field(default_factory=Series)
    newest: float = 0.0
    count: int = 0


class Cluster(msgspec.Struct):
    """The state of one cluster: a fold over its samples and members."""

    instance: ClusterInstance
    membership: Membership = msgspec.field(default_factory=Membership)
    members: dict[str, MemberWindow] = {}
    balancers: dict[str, BalancerWindow] = {}
    horizon_s: float | None = None
    reporting_since: float | None = None
    """Since when some member reports without a break: a member is silent only while others are not."""

    def apply(self, member: Member) -> None:
        """Take in the newest record of a member."""
        self.membership.apply(member)

    def knows(self, member: str) -> bool:
        """Say whether this is a member, alive or within the window."""
        return member in self.membership.alive or member in self.membership.served

    def evaluate(self, at: float, rules: Rules) -> ClusterForecast:
        """Return what the windows say at a tick, and forget what no later tick needs."""
        self._forget(at, rules)
        self._choose_horizon(rules)
        grid = Grid.ending(at, width=rules.evaluation_s, span=rules.window_s)
        serving = self.membership.serving()
        load, known = self._member_total(grid, at, "load_average")
        memory, _ = self._member_total(grid, at, "memory_consumption")
        requests, missing = self._requests_total(grid, at, rules)
        ceilings = {Signal.MEMORY_CONSUMPTION: MEMORY_CEILING * max(1, len(serving))}
        totals = {
            Signal.REQUESTS_IN_FLIGHT: requests,
            Signal.LOAD_AVERAGE: load,
            Signal.MEMORY_CONSUMPTION: memory,
        }
        return ClusterForecast(
            tenant=self.instance.tenant,
            application=self.instance.application,
            cluster=self.instance.cluster,
            horizon_s=self._horizon(),
            serving=len(serving),
            known=known,
            starting=self.membership.starting(),
            signals=[
                _judge(
                    signal,
                    total,
                    grid=grid,
                    at=at,
                    rules=rules,
                    horizon_s=self._horizon(),
                    ceiling=ceilings.get(signal, np.inf),
                    missing=missing if signal is Signal.REQUESTS_IN_FLIGHT else "",
                )
                for signal, total in totals.items()
            ],
            count=None if missing else sum(b.count for b in self.balancers.values()),
            members=[self._member_forecast(name, grid, at) for name in self.membership.wanted()],
            faults=self._faults(serving, at, rules),
        )

    def _horizon(self) -> float:
        """Return the horizon in force (s)."""
        return 0.0 if self.horizon_s is None else self.horizon_s

    def _choose_horizon(self, rules: Rules) -> None:
        """Follow the measured lead times."""
        self.horizon_s = horizon(
            self.membership.lead_times,
            default_s=self.instance.default_lead_time_s,
            period_s=rules.evaluation_s,
            grid_s=rules.horizon_grid_s,
            before_s=self.horizon_s,
        )

    def _forget(self, at: float, rules: Rules) -> None:
        """Drop samples, spans and windows that lie before the window; a silent balancer once another one reports."""
        before = at - rules.window_s - rules.evaluation_s
        self.membership.forget(before)
        for name in [n for n in self.members if not self.knows(n)]:
            del self.members[name]
        for window in self.members.values():
            window.load_average.forget(before)
            window.memory_consumption.forget(before)
        for balancer in self.balancers.values():
            balancer.in_flight.forget(before)
        newest = max((b.newest for b in self.balancers.values()), default=at)
        if newest >= at - rules.stale_s:
            gone = [n for n, b in self.balancers.items() if b.newest < at - max(rules.fault_s, rules.stale_s)]
            for name in gone:
                del self.balancers[name]

    def _member_total(self, grid: Grid, at: float, name: str) -> tuple[NDArray[np.float64], int]:
        """Sum a signal over the members that served in each period, scaled by serving / known.

        Returns the totals (NaN where no serving member is known) and how many are known in the newest period.
        """
        middles = grid.middles(at) + at
        total, known, serving = np.zeros(grid.n), np.zeros(grid.n), np.zeros(grid.n)
        for member, span in sorted(self.membership.served.items()):
            served = span.covers(middles)
            serving += served
            if (window := self.members.get(member)) is None:
                continue
            means = grid.means(getattr(window, name))
            use = served & np.isfinite(means)
            total += np.where(use, means, 0.0)
            known += use
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.where(known > 0, total * serving / known, np.nan)
        return scaled, int(known[-1])

    def _requests_total(self, grid: Grid, at: float, rules: Rules) -> tuple[NDArray[np.float64], str]:
        """Sum the requests in flight over the balancers; say why they are unknown when one of them is silent.

        A balancer counts from its first sample on: before that it carried nothing that the others did not.
        """
        if not self.balancers:
            return np.full(grid.n, np.nan), "NoSample"
        periods = max(1, round(rules.stale_s / rules.evaluation_s))
        rows = np.array([hold(grid.means(b.in_flight), periods) for _, b in sorted(self.balancers.items())])
        begun = np.logical_or.accumulate(np.isfinite(rows), axis=1)
        total = np.where(begun.any(axis=0), np.add.reduce(np.where(begun, rows, 0.0), axis=0), np.nan)
        silent = any(b.newest < at - rules.stale_s for b in self.balancers.values())
        return total, "Stale" if silent else ""

    def _member_forecast(self, name: str, grid: Grid, at: float) -> MemberForecast:
        """Return one member's own load at the horizon."""
        window = self.members.get(name)
        if window is None:
            return MemberForecast(member=name)
        return MemberForecast(
            member=name,
            load_average=_ahead(window.load_average, grid, at, self._horizon(), np.inf),
            memory_consumption=_ahead(window.memory_consumption, grid, at, self._horizon(), MEMORY_CEILING),
            healthy=window.healthy,
            age_s=None if window.newest is None else max(0.0, at - window.newest),
        )

    def _faults(self, serving: list[str], at: float, rules: Rules) -> list[Fault]:
        """Name the members that serve and are silent, or unhealthy, for longer than the fault time."""
        heard = [self._heard(name) for name in serving]
        if not any(at - t <= rules.stale_s for t in heard):
            self.reporting_since = None
        elif self.reporting_since is None:
            self.reporting_since = at
        faults = []
        for name, t in zip(serving, heard, strict=True):
            window = self.members.get(name)
            if window is not None and window.unhealthy_since is not None:
                if at - window.unhealthy_since > rules.fault_s:
                    faults.append(Fault(member=name, reason="Unhealthy", since=window.unhealthy_since))
            elif self.reporting_since is not None and at - max(t, self.reporting_since) > rules.fault_s:
                faults.append(Fault(member=name, reason="Silent", since=t))
        return faults

    def _heard(self, name: str) -> float:
        """Return when a serving member was last heard of: its newest sample, or when it began to serve."""
        window = self.members.get(name)
        start = self.membership.served[name].start
        return start if window is None or window.newest is None else max(start, window.newest)


def _ahead(series: Series, grid: Grid, at: float, horizon_s: float, ceiling: float) -> float | None:
    """Return a series' value at the horizon; its newest value when it is too short, ``None`` when empty."""
    prediction = kinematic.predict(grid.middles(at), grid.means(series), horizon_s=horizon_s, ceiling=ceiling)
    if prediction is not None:
        return prediction.value
    return series.values[-1] if series.values else None


def _judge(
    signal: Signal,
    total: NDArray[np.float64],
    *,
    grid: Grid,
    at: float,
    rules: Rules,
    horizon_s: float,
    ceiling: float,
    missing: str,
) -> SignalForecast:
    """Return what one signal's totals say: unknown, its last value, or its forecast."""
    middles = grid.middles(at)
    known = np.flatnonzero(np.isfinite(total))
    if missing or known.size == 0:
        return SignalForecast(signal=signal, ready=False, why=missing or "NoSample")
    age_s = float(-middles[known[-1]]) - rules.evaluation_s / 2.0
    if age_s > rules.stale_s:
        return SignalForecast(signal=signal, ready=False, why="Stale", age_s=age_s)
    observed = float(total[known[-1]])
    prediction = kinematic.predict(middles, total, horizon_s=horizon_s, ceiling=ceiling)
    if prediction is None:
        return SignalForecast(
            signal=signal,
            ready=True,
            why="TooFewSamples",
            observed=observed,
            forecast=observed,
            predictor="last",
            age_s=age_s,
        )
    return SignalForecast(
        signal=signal,
        ready=True,
        observed=observed,
        motion=prediction.motion,
        forecast=prediction.value,
        lower=prediction.lower,
        upper=prediction.upper,
        predictor=kinematic.NAME,
        age_s=age_s,
    )
