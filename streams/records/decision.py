"""A *decision* is the number of members wanted, with its reasons and all it was given (``pileus.decisions``)."""

from enum import StrEnum

import msgspec

from config.cluster import Policy
from streams.records.forecast import ClusterForecast
from streams.records.record import Record


class Code(StrEnum):
    """Why a decision came out as it did. Stable: they are also labels of metrics."""

    DEMAND = "Demand"
    """A factor asks for this number."""
    FORECAST = "Forecast"
    """The forecast asks for more than what is observed."""
    WITHIN_TOLERANCE = "WithinTolerance"
    """The load differs too little from what the members should carry."""
    STABILIZATION_WINDOW = "StabilizationWindow"
    """Within the window another number was recommended; it still holds."""
    STEP_LIMITED = "StepLimited"
    """The step policies allow no more at once."""
    AT_MINIMUM = "AtMinimum"
    AT_MAXIMUM = "AtMaximum"
    METRIC_MISSING = "MetricMissing"
    """A factor is unknown: nothing is removed."""
    ALREADY_DESIRED = "AlreadyDesired"
    """The number is right: nothing to do."""
    BELOW_MINIMUM = "BelowMinimum"
    """Fewer members than the minimum were wanted so far."""
    BREAKER = "Breaker"
    """Too much vanished at once: frozen."""


class Reason(msgspec.Struct, frozen=True):
    """One gate that the decision passed or met."""

    code: Code
    said: str
    """The same in words, with its numbers."""


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """The *demand* of one signal: how many members its load asks for."""

    signal: str
    threshold: float
    """Load that one member should carry."""
    observed: float | None
    """Total in the newest period; ``None`` when unknown."""
    forecast: float | None
    """Total at the horizon; ``None`` when unknown or not used."""
    ratio: float | None
    """The larger total / threshold / members, before rounding; ``None`` when unknown."""
    members: int | None
    """Members asked for; ``None`` when unknown."""
    within_tolerance: bool = False
    """True when the ratio is too near to one to act on: the members that serve are enough."""
    from_forecast: bool = False
    """True when the forecast asks for more than the observed load."""


class Recommendation(msgspec.Struct, frozen=True, gc=False):
    """What was recommended, or done, at one moment."""

    at: float
    members: int


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision remembers of earlier ones. Bounded by the longest window and period of the policy."""

    wanted: int | None = None
    """The number decided last; ``None`` before the first decision."""
    recommended: tuple[Recommendation, ...] = ()
    """Recommendations within the stabilisation windows, oldest first."""
    changes: tuple[Recommendation, ...] = ()
    """Changes within the step policies' periods: ``members`` is the difference made."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a decision was taken from: take it again and it comes out the same."""

    forecast: ClusterForecast
    policy: Policy
    min_members: int
    max_members: int
    memory: Memory


class Decision(Record, frozen=True, kw_only=True):
    """How many members a cluster should have, and why."""

    decision: str
    """``<cluster>@<tick time in ms>``."""
    tenant: str
    application: str
    cluster: str
    at: float
    """The tick's time (s since the Unix epoch)."""
    wanted: int
    before: int
    """The number wanted until now."""
    factors: tuple[Factor, ...]
    reasons: tuple[Reason, ...]
    """In the order of the gates; the last one is what the number finally hangs on."""
    given: Given


DECISION = msgspec.json.Decoder(Decision)
