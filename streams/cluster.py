"""One cluster in the stream worker: its windows, and what a tick makes of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from config.cluster import PredictionSpec
from predictors import kinematic
from predictors.horizon import horizon
from predictors.registry import ENSEMBLE
from streams.foresight import step_of
from streams.known_days import KnownDays
from streams.membership import Membership
from streams.prospect import Prospect, Way
from streams.records.forecast import ClusterForecast, Fault, MemberForecast, Signal, SignalForecast
from streams.records.instance import Announcement
from streams.records.member import Member
from streams.records.sample import Health, Requests
from streams.signals import Total, member_forecast, sum_over_serving
from streams.window import BalancerWindow, Floats, Grid, MemberWindow, hold

MEMORY_CEILING = 100.0
"""Percent of one member."""
BALANCERS = 100
"""Balancers of one cluster at most."""
FEWEST_SAMPLES = 20
"""Sample intervals that a window holds at least."""
LONGEST_S = 7200.0
"""How far back a window reaches at most for the sake of a horizon or a policy (s): its samples are kept in memory."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker goes by. The defaults are documented in :mod:`config.settings`; all in seconds."""

    sample_interval_s: float = 5.0
    evaluation_s: float = 5.0
    window_s: float = 300.0
    """The shortest window."""
    predictor: str = ENSEMBLE
    """By its name in :mod:`predictors.registry`; until it can be relied on, ``kinematic``."""
    stale_intervals: int = 3
    fault_s: float = 60.0
    max_future_s: float = 5.0
    horizon_grid_s: tuple[float, ...] = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0)

    @property
    def stale_s(self) -> float:
        """How old the newest sample may be."""
        return self.stale_intervals * self.sample_interval_s

    @property
    def stale_periods(self) -> int:
        """The same in periods of evaluation."""
        return max(1, round(self.stale_s / self.evaluation_s))

    @property
    def sample_periods(self) -> int:
        """Periods that lie between two samples at most: so long a member's value holds."""
        return math.ceil(self.sample_interval_s / self.evaluation_s)

    def window(self, horizon_s: float, given_s: float | None = None) -> float:
        """Return how long a window must be to look so far ahead: twice as far back, and 20 samples.

        One that is given counts, as far as it holds 20 samples and a predictor's step; two hours are enough.
        """
        least = FEWEST_SAMPLES * self.sample_interval_s
        if given_s is not None:
            return max(min(given_s, LONGEST_S), least, step_of(horizon_s, self.evaluation_s))
        return max(self.window_s, min(2.0 * horizon_s, LONGEST_S), least)

    def way(self, prediction: PredictionSpec, measured_s: float) -> Way:
        """Return how to look ahead; what is not said follows from the settings, and from the measured lead time."""
        given_s = prediction.horizon_s
        horizon_s = measured_s if given_s is None else max(given_s, self.evaluation_s)
        return Way(prediction.predictor or self.predictor, horizon_s, self.window(horizon_s, prediction.window_s))


@dataclass(frozen=True, slots=True)
class Rows:
    """The windows of a cluster's members on the grid of a tick: one row for each member."""

    names: list[str]
    windows: list[MemberWindow]
    load_average: Floats
    memory_consumption: Floats
    lead: int
    """Periods before the grid, at the beginning of each row."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one cluster's windows hold at a tick."""

    prospects: tuple[Prospect, ...]
    """By the policy's prediction; by that of a shadow policy too, where it differs."""
    rows: Rows
    known: int
    """Members whose load is known in the newest period."""
    grid: Grid
    """The periods of the longest window."""
    totals: tuple[Total, ...]
    """Requests, load, memory in those."""


class Cluster(msgspec.Struct):
    """The state of one cluster: a fold over its samples and members."""

    instance: Announcement
    membership: Membership = msgspec.field(default_factory=Membership)
    members: dict[str, MemberWindow] = {}
    balancers: dict[str, BalancerWindow] = {}
    horizon_s: float = 0.0
    """The horizon that follows from the lead times; 0 before the first tick."""
    window_s: float = 0.0
    """How far back the windows reach; 0 before the first tick."""
    reporting_since: float | None = None
    """Since when some member reports without a break: a member is silent only while others are not."""

    def apply(self, member: Member) -> None:
        """Take in the newest record of a member."""
        self.membership.apply(member)

    def knows(self, member: str) -> bool:
        """Say whether this is a member, alive or within the window."""
        return member in self.membership.alive or member in self.membership.served

    def take_health(self, health: Health, rules: Rules) -> str:
        """Take in a sample of a member that it knows; return why it cannot, or an empty text."""
        window = self.members.setdefault(health.member, MemberWindow())
        if window.load_average.full or window.memory_consumption.full:
            return "Overload"
        return "" if window.take(health, rules.stale_s) else "Duplicate"

    def take_requests(self, requests: Requests) -> str:
        """Take in a sample of a balancer; return why it cannot, or an empty text."""
        window = self.balancers.get(requests.balancer)
        if window is None:
            if len(self.balancers) >= BALANCERS:
                return "Overload"
            window = self.balancers[requests.balancer] = BalancerWindow()
        if window.in_flight.full:
            return "Overload"
        return "" if window.take(requests) else "Duplicate"

    def measure(self, at: float, rules: Rules) -> Measured:
        """Return what the windows hold at a tick, and forget what no later tick needs."""
        self._choose_horizon(rules)
        predictions = self._predictions()
        ways = [rules.way(prediction, self.horizon_s) for prediction in predictions]
        self.window_s = max(way.window_s for way in ways)
        grid = Grid.ending(at, width=rules.evaluation_s, span=self.window_s)
        self._forget(grid, at, rules)
        requests = self._requests_total(grid, at, rules)
        rows = self._rows(grid, rules)
        load, memory, known = self._member_totals(rows, grid, at)
        totals = (requests, load, memory)
        prospects = tuple(self._prospect(*each, totals, at, rules) for each in zip(ways, predictions, strict=True))
        return Measured(prospects, rows, known, grid, totals)

    def conclude(
        self, measured: Measured, settled: Sequence[SignalForecast], at: float, rules: Rules
    ) -> ClusterForecast:
        """Return what is to be said of a cluster; ``settled`` are the signals of its prospects, in their order."""
        serving, count = self.membership.serving(), len(Signal)
        first, *others = measured.prospects
        return ClusterForecast(
            tenant=self.instance.tenant,
            application=self.instance.application,
            cluster=self.instance.cluster,
            horizon_s=first.way.horizon_s,
            serving=len(serving),
            known=measured.known,
            starting=self.membership.starting(),
            signals=list(settled[:count]),
            count=None if first.totals[0].why else sum(b.count for b in self.balancers.values()),
            members=self._member_forecasts(measured.rows, first, at, rules),
            faults=self._faults(serving, at, rules),
            shadow=list(settled[count:]),
            shadow_horizon_s=others[0].way.horizon_s if others else None,
        )

    def _predictions(self) -> list[PredictionSpec]:
        """Return how the load is to be forecast: by the policy, and by a shadow of it that differs."""
        own, shadow = self.instance.prediction, self.instance.shadow
        return [own] if shadow is None or shadow == own else [own, shadow]

    def _prospect(
        self, way: Way, prediction: PredictionSpec, totals: Iterable[Total], at: float, rules: Rules
    ) -> Prospect:
        """Return the newest part of the totals, as far as one way goes back."""
        grid = Grid.ending(at, width=rules.evaluation_s, span=way.window_s)
        return Prospect(
            cluster=self.instance.cluster,
            way=way,
            grid=grid,
            totals=tuple(total.newest(grid.n) for total in totals),
            days=KnownDays.of(prediction.calendar, grid, at, way.horizon_s),
            calendar=prediction.calendar,
            apart="" if prediction.calendar == self.instance.prediction.calendar else "/shadow",
        )

    def _choose_horizon(self, rules: Rules) -> None:
        """Follow the measured lead times."""
        self.horizon_s = horizon(
            self.membership.lead_times,
            default_s=self.instance.default_lead_time_s,
            period_s=rules.evaluation_s,
            grid_s=rules.horizon_grid_s,
            before_s=self.horizon_s or None,
        )

    def _forget(self, grid: Grid, at: float, rules: Rules) -> None:
        """Drop what lies before the window, and a silent balancer once another one reports."""
        before = grid.longer(max(rules.sample_periods, rules.stale_periods)).start
        self.membership.forget(before)
        for name in [n for n in self.members if not self.knows(n)]:
            del self.members[name]
        for window in self.members.values():
            window.forget(before)
        for balancer in self.balancers.values():
            balancer.in_flight.forget(before)
        if any(b.newest >= at - rules.stale_s for b in self.balancers.values()):
            silent = at - max(rules.fault_s, rules.stale_s)
            for name in [n for n, b in self.balancers.items() if b.newest < silent]:
                del self.balancers[name]

    def _requests_total(self, grid: Grid, at: float, rules: Rules) -> Total:
        """Sum the requests in flight over the balancers; unknown while one of them is silent.

        A balancer counts from its first interval on: before that it carried nothing that the others did not.
        """
        if not self.balancers:
            return Total(Signal.REQUESTS_IN_FLIGHT, np.full(grid.n, np.nan), None, "NoSample")
        balancers = [balancer for _, balancer in sorted(self.balancers.items())]
        rows = grid.filled([balancer.in_flight for balancer in balancers], rules.stale_periods)
        since = np.array([balancer.since for balancer in balancers])
        begun = grid.middles(at) + at >= since[:, None]
        total = np.add.reduce(np.where(begun, rows, 0.0), axis=0)
        age_s = max(0.0, at - min(balancer.newest for balancer in balancers))
        why = "Stale" if age_s > rules.stale_s else ""
        return Total(Signal.REQUESTS_IN_FLIGHT, np.where(begun.any(axis=0), total, np.nan), age_s, why)

    def _rows(self, grid: Grid, rules: Rules) -> Rows:
        """Lay the members' windows on the grid: those that served in it, and those that will."""
        names = sorted({*self.membership.served, *self.membership.wanted()})
        windows = [self.members.get(name) or MemberWindow() for name in names]
        series = [w.load_average for w in windows] + [w.memory_consumption for w in windows]
        means = grid.longer(rules.sample_periods).means(series)
        return Rows(names, windows, means[: len(names)], means[len(names) :], rules.sample_periods)

    def _member_totals(self, rows: Rows, grid: Grid, at: float) -> tuple[Total, Total, int]:
        """Sum load and memory over the members that served in each period, scaled by serving / known.

        Returns both totals, and of how many members the load is known in the newest period.
        """
        served = self.membership.covers(rows.names, grid.middles(at) + at)
        ceiling = MEMORY_CEILING * max(1, len(self.membership.serving()))
        load, known = sum_over_serving(hold(rows.load_average, rows.lead)[:, rows.lead :], served)
        memory, _ = sum_over_serving(hold(rows.memory_consumption, rows.lead)[:, rows.lead :], served)
        return (
            Total(Signal.LOAD_AVERAGE, load, self._age("load_average", at)),
            Total(Signal.MEMORY_CONSUMPTION, memory, self._age("memory_consumption", at), ceiling=ceiling),
            known,
        )

    def _age(self, name: str, at: float) -> float | None:
        """Return the age of the newest sample of a signal over the members that serve (s)."""
        windows = [self.members[member] for member in self.membership.serving() if member in self.members]
        newest = [t for window in windows if (t := getattr(window, name).newest(at)) is not None]
        return at - max(newest) if newest else None

    def _member_forecasts(self, rows: Rows, prospect: Prospect, at: float, rules: Rules) -> list[MemberForecast]:
        """Return the own load at the horizon of each member that serves or is on its way."""
        predictions = kinematic.predict(
            prospect.grid.middles(at),
            np.concatenate((rows.load_average, rows.memory_consumption))[:, -prospect.grid.n :],
            horizon_s=prospect.way.horizon_s,
            ceiling=np.repeat([np.inf, MEMORY_CEILING], len(rows.names)),
        )
        wanted, m = set(self.membership.wanted()), len(rows.names)
        return [
            member_forecast(name, window, load, memory, at=at, stale_s=rules.stale_s)
            for name, window, load, memory in zip(
                rows.names, rows.windows, predictions[:m], predictions[m:], strict=True
            )
            if name in wanted
        ]

    def _faults(self, serving: list[str], at: float, rules: Rules) -> list[Fault]:
        """Name the members that serve and are silent, or unhealthy, for longer than the fault time."""
        windows = [self.members.get(name) or MemberWindow() for name in serving]
        if not any(w.newest is not None and at - w.newest <= rules.stale_s for w in windows):
            self.reporting_since = None
        elif self.reporting_since is None:
            self.reporting_since = at
        faults = (self._fault(*each, at, rules) for each in zip(serving, windows, strict=True))
        return [fault for fault in faults if fault is not None]

    def _fault(self, name: str, window: MemberWindow, at: float, rules: Rules) -> Fault | None:
        """Say what is wrong with a serving member. While none reports, it is not the members that are ill."""
        if self.reporting_since is None:
            return None
        sick = window.unhealthy_since
        if sick is not None and window.probed is not None and at - window.probed <= rules.stale_s:
            return Fault(member=name, reason="Unhealthy", since=sick) if at - sick > rules.fault_s else None
        start = self.membership.served[name].start
        heard = start if window.newest is None else max(start, window.newest)
        if at - max(heard, self.reporting_since) > rules.fault_s:
            return Fault(member=name, reason="Silent", since=heard)
        return None
