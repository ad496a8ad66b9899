"""A *forecast* is the load expected at the horizon, per cluster and signal. Carried by ``pileus.forecasts``."""

from enum import StrEnum

import msgspec

from predictors.motion import Motion
from streams.records.own import MemberColumns
from streams.records.record import Count, Record


class Signal(StrEnum):
    """The three things that are measured; each is a total over the members that serve."""

    REQUESTS_IN_FLIGHT = "requests_in_flight"
    """Requests (requests)."""
    LOAD_AVERAGE = "load_average"
    """Load (percent of one member, summed)."""
    MEMORY_CONSUMPTION = "memory_consumption"
    """Memory (percent of one member, summed)."""


class Score(msgspec.Struct, frozen=True, gc=False):
    """How a predictor's forecasts of late compare with the last value, by what came."""

    predictor: str
    """Whose forecasts: on probation it is not the one that is published."""
    relmae: float
    """Mean absolute error / the last value's, at most 1000; below 1 the predictor is better."""
    scored: int
    """Forecasts compared since this cluster is forecast so."""
    since: float | None = None
    """Since when it is on probation (s since the Unix epoch); ``None``: it is not."""


class Expected(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the calendar of the policy expects at the horizon."""

    events: tuple[str, ...]
    """The events that hold then."""
    factor: float
    """What they multiply the load by."""
    since: float
    """When the newest of them begins (s since the Unix epoch)."""
    until: float
    """When the factor changes next (s since the Unix epoch)."""


class SignalForecast(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One signal of one cluster: what it is, how it moves, where it is heading.

    ``ready`` is false when the signal cannot be judged; ``why`` then says so and every
    number is ``None``: missing is unknown, never zero.
    """

    signal: Signal
    ready: bool
    why: str = ""
    """Why not ready: ``NoSample``, ``Stale``. ``TooFewSamples``: ready, but the forecast is the last value."""
    observed: float | None = None
    """Total in the newest complete period that is known, in the signal's unit."""
    motion: Motion | None = None
    """Level, slope and curvature; ``None`` with too few samples (the forecast is then the last value)."""
    forecast: float | None = None
    """Total expected at ``at + horizon_s``."""
    lower: float | None = None
    upper: float | None = None
    predictor: str = ""
    age_s: float | None = None
    """Age of the newest sample used, at the tick (s); for requests that of the balancer heard longest ago."""
    score: Score | None = None
    """``None`` while no forecast was compared yet. On probation ``forecast`` is the last value."""
    expected: Expected | None = None
    """The events that the forecast stands on; ``None``: no event holds at the horizon."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A member that serves but is silent or unhealthy for longer than the fault time."""

    member: str
    reason: str
    """``Silent`` or ``Unhealthy``."""
    since: float
    """Since when (s since the Unix epoch)."""


class Skew(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A member whose clock is wrong: by that nothing of it is known, and so it is not called silent."""

    member: str
    seconds: float
    """How far its samples lie ahead of the tick that they come before (s), at least; below 0: behind, at most."""
    since: float
    """The first tick that found it so (s since the Unix epoch)."""


class ClusterForecast(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One cluster instance at one tick."""

    tenant: str
    application: str
    cluster: str
    horizon_s: float
    serving: Count
    """Members that take requests, by the membership that the tick names."""
    known: Count
    """Serving members whose load was known in the newest period."""
    starting: Count
    """Members asked for that do not serve yet."""
    signals: list[SignalForecast]
    """Always all three, in the order of :class:`Signal`."""
    count: Count | None = None
    """Cumulative requests over all balancers; ``None`` while one of them is silent."""
    own: MemberColumns = MemberColumns()
    """The members that serve or are on their way, each with its own load ahead."""
    faults: list[Fault] = []
    skewed: list[Skew] = []
    """The members whose clocks are wrong, sorted by name."""
    shadow: list[SignalForecast] = []
    """The signals as the prediction of a shadow policy has them; empty when there is none that differs."""
    shadow_horizon_s: float | None = None
    """Their horizon (s); ``None`` when there are none."""


class Forecasts(Record, frozen=True, kw_only=True):
    """All clusters of one partition at one tick: one record per partition and tick.

    Version 1 had the members' own forecasts as a list ``members`` of each cluster: it is passed over, and what they
    carry is then unknown.
    """

    v: int = 2
    at: float
    """The tick's time (s since the Unix epoch)."""
    partition: Count
    members_offset: Count
    """The membership that counted (see :class:`streams.records.sample.Tick`)."""
    clusters: list[ClusterForecast]
    """Sorted by cluster."""
    samples: Count = 0
    """Samples that counted since the last tick; the others are in :class:`streams.records.log.Rejected`."""


FORECASTS = msgspec.json.Decoder(Forecasts)
