"""One cluster in the stream worker: its windows, and what a tick makes of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import numpy as np

from config.cluster import PredictionSpec
from predictors.horizon import horizon
from predictors.registry import ENSEMBLE
from streams import skew
from streams.foresight import step_of
from streams.known_days import KnownDays
from streams.membership import Membership, Move
from streams.prospect import Prospect, Way
from streams.records.forecast import ClusterForecast, Fault, Signal, SignalForecast
from streams.records.instance import Announcement
from streams.records.own import MemberColumns
from streams.records.sample import Requests
from streams.signals import Total
from streams.skew import Clocks
from streams.window import BalancerWindow, Floats, Grid

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

    @property
    def lead_periods(self) -> int:
        """Periods before a window that are kept: a value in them may hold into it."""
        return max(self.sample_periods, self.stale_periods)

    def window(self, horizon_s: float, given_s: float | None = None) -> float:
        """Return how long a window must be to look so far ahead: twice as far back, and 20 samples.

        One that is given counts, as far as it holds 20 samples and a predictor's step; two hours are enough.
        """
        least = FEWEST_SAMPLES * self.sample_interval_s
        if given_s is not None:
            return max(min(given_s, LONGEST_S), least, step_of(horizon_s, self.evaluation_s))
        return max(self.window_s, min(2.0 * horizon_s, LONGEST_S), least)

    def grid(self, window_s: float, at: float) -> Grid:
        """Return the periods of a window that ends at a tick."""
        return Grid.ending(at, width=self.evaluation_s, span=window_s)

    def way(self, prediction: PredictionSpec, measured_s: float) -> Way:
        """Return how to look ahead; what is not said follows from the settings, and from the measured lead time."""
        given_s = prediction.horizon_s
        horizon_s = measured_s if given_s is None else max(given_s, self.evaluation_s)
        return Way(prediction.predictor or self.predictor, horizon_s, self.window(horizon_s, prediction.window_s))


@dataclass(frozen=True, slots=True)
class Measured:
    """What one cluster's windows hold at a tick."""

    prospects: tuple[Prospect, ...]
    """By the policy's prediction; by that of a shadow policy too, where it differs."""
    grid: Grid
    """The periods of the longest window."""
    totals: tuple[Total, ...]
    """Requests, load, memory in those."""
    known: int
    """Members whose load is known in the newest period."""
    serving: int
    starting: int
    own: MemberColumns
    faults: list[Fault]


class Cluster(msgspec.Struct):
    """The state of one cluster: a fold over its samples and members."""

    instance: Announcement
    membership: Membership = msgspec.field(default_factory=Membership)
    balancers: dict[str, BalancerWindow] = {}
    horizon_s: float = 0.0
    """The horizon that follows from the lead times; 0 before the first tick."""
    window_s: float = 0.0
    """How far back the windows reach; 0 before the first tick."""
    clocks: Clocks = {}
    """The members' clocks that seem wrong."""
    reporting_since: float | None = None
    """Since when some member reports without a break: a member is silent only while others are not."""

    def apply(self, move: Move) -> None:
        """Take in the newest record of a member."""
        self.membership.apply(move)

    def belongs_to(self, tenant: str, application: str) -> bool:
        """Say whose it is."""
        return (self.instance.tenant, self.instance.application) == (tenant, application)

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

    def look(self, rules: Rules) -> tuple[Way, ...]:
        """Follow the measured lead times, and return how each prediction looks ahead; the longest window counts."""
        self.horizon_s = horizon(
            self.membership.lead_times,
            default_s=self.instance.default_lead_time_s,
            period_s=rules.evaluation_s,
            grid_s=rules.horizon_grid_s,
            before_s=self.horizon_s or None,
        )
        ways = tuple(rules.way(prediction, self.horizon_s) for prediction in self._predictions())
        self.window_s = max(way.window_s for way in ways)
        return ways

    def prospects(self, ways: Sequence[Way], totals: Sequence[Total], at: float, rules: Rules) -> tuple[Prospect, ...]:
        """Return the newest part of the totals for each way, as far as it goes back."""
        each = zip(ways, self._predictions(), strict=True)
        return tuple(self._prospect(way, prediction, totals, at, rules) for way, prediction in each)

    def conclude(self, measured: Measured, settled: Sequence[SignalForecast]) -> ClusterForecast:
        """Return what is to be said of a cluster; ``settled`` are the signals of its prospects, in their order."""
        count, skewed = len(Signal), skew.told(self.clocks)
        wrong = {each.member for each in skewed}
        first, *others = measured.prospects
        return ClusterForecast(
            tenant=self.instance.tenant,
            application=self.instance.application,
            cluster=self.instance.cluster,
            horizon_s=first.way.horizon_s,
            serving=measured.serving,
            known=measured.known,
            starting=measured.starting,
            signals=list(settled[:count]),
            count=None if first.totals[0].why else sum(b.count for b in self.balancers.values()),
            own=measured.own,
            faults=[f for f in measured.faults if f.reason != "Silent" or f.member not in wrong],
            skewed=skewed,
            shadow=list(settled[count:]),
            shadow_horizon_s=others[0].way.horizon_s if others else None,
        )

    def _predictions(self) -> list[PredictionSpec]:
        """Return how the load is to be forecast: by the policy, and by a shadow of it that differs."""
        own, shadow = self.instance.prediction, self.instance.shadow
        return [own] if shadow is None or shadow == own else [own, shadow]

    def _prospect(
        self, way: Way, prediction: PredictionSpec, totals: Sequence[Total], at: float, rules: Rules
    ) -> Prospect:
        grid = rules.grid(way.window_s, at)
        return Prospect(
            cluster=self.instance.cluster,
            way=way,
            grid=grid,
            totals=tuple(total.newest(grid.n) for total in totals),
            days=KnownDays.of(prediction.calendar, grid, at, way.horizon_s),
            calendar=prediction.calendar,
            apart="" if prediction.calendar == self.instance.prediction.calendar else "/shadow",
        )

    def forget(self, before: float, at: float, rules: Rules, *, ended: float) -> bool:
        """Drop what lies before the window, and a silent balancer once another one reports.

        ``ended`` is when the first of its members that served ended to serve; say whether such a one is forgotten.
        """
        for balancer in self.balancers.values():
            balancer.in_flight.forget(before)
        if any(b.newest >= at - rules.stale_s for b in self.balancers.values()):
            silent = at - max(rules.fault_s, rules.stale_s)
            for name in [n for n, b in self.balancers.items() if b.newest < silent]:
                del self.balancers[name]
        if ended >= before:
            return False
        self.membership.forget(before)
        return True

    def reports(self, at: float, *, any_: bool) -> float:
        """Note whether any member reports; return since when some do without a break, NaN when none does."""
        if not any_:
            self.reporting_since = None
        elif self.reporting_since is None:
            self.reporting_since = at
        return math.nan if self.reporting_since is None else self.reporting_since

    def requests_total(self, grid: Grid, at: float, rules: Rules) -> Total:
        """Sum the requests in flight over the balancers; unknown while one of them is silent.

        A balancer counts from its first interval on: before that it carried nothing that the others did not.
        """
        if not self.balancers:
            return Total(Signal.REQUESTS_IN_FLIGHT, _unknown(grid.n), None, "NoSample")
        balancers = [balancer for _, balancer in sorted(self.balancers.items())]
        rows = grid.filled([balancer.in_flight for balancer in balancers], rules.stale_periods)
        since = np.array([balancer.since for balancer in balancers])
        begun = grid.middles(at) + at >= since[:, None]
        total = np.add.reduce(np.where(begun, rows, 0.0), axis=0)
        age_s = max(0.0, at - min(balancer.newest for balancer in balancers))
        why = "Stale" if age_s > rules.stale_s else ""
        return Total(Signal.REQUESTS_IN_FLIGHT, np.where(begun.any(axis=0), total, np.nan), age_s, why)


@lru_cache(maxsize=64)
def _unknown(n: int) -> Floats:
    """Return so many periods of which nothing is known."""
    nothing = np.full(n, np.nan)
    nothing.flags.writeable = False
    return nothing
