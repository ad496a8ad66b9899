"""A *decision* is the number of members wanted, with its reasons and all it was given (``pileus.decisions``)."""

from enum import StrEnum

import msgspec

from config.cluster import FallbackSpec, Policy
from streams.records.control import Pause
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
    FALLBACK = "Fallback"
    """Nothing was known for too long: the policy's fallback counts."""
    ALREADY_DESIRED = "AlreadyDesired"
    """The number is right: nothing to do."""
    BELOW_MINIMUM = "BelowMinimum"
    """Fewer members than the minimum were wanted so far."""
    BREAKER = "Breaker"
    """Too much vanished at once: members, or the whole load while requests still arrive. Nothing is removed."""
    FLAP_BUDGET = "FlapBudget"
    """So many members were started of late that none is removed: it would only be started again."""
    BUDGET = "Budget"
    """The application's budget or its tenant's quota allows no more."""
    PAUSED = "Paused"
    """Somebody has paused it: the number stays."""
    ROOM = "Room"
    """Of a cluster of hosts: so many are needed for the containers that are wanted."""
    PROBATION = "Probation"
    """A predictor erred more than the last value of late: the last value counts in its place."""


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One gate that the decision passed or met."""

    code: Code
    said: str
    """The same in words, with its numbers."""


class Factor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The *demand* of one signal: how many members its load asks for."""

    signal: str
    threshold: float
    """Load that one member should carry."""
    observed: float | None
    """Total in the newest period; ``None`` when unknown."""
    forecast: float | None
    """Total at the horizon, at the policy's quantile; ``None`` when unknown or not used."""
    ratio: float | None
    """The larger total / threshold / members, before rounding; ``None`` when unknown."""
    members: int | None
    """Members asked for; ``None`` when unknown."""
    within_tolerance: bool = False
    """True when the ratio is too near to one to act on: the members that serve are enough."""
    from_forecast: bool = False
    """True when the forecast asks for more than the observed load."""


class GateName(StrEnum):
    """The gates, in the order in which a number passes them."""

    DEMAND = "Demand"
    """The largest number that a factor asks for; without any, what is held or falls back."""
    BREAKER = "Breaker"
    STABILIZATION = "Stabilization"
    FLAP_BUDGET = "FlapBudget"
    BOUNDS = "Bounds"
    """Minimum and maximum, those of a schedule while one holds."""
    BUDGET = "Budget"
    """The application's budget and the tenant's quota."""
    STEP = "Step"
    PAUSE = "Pause"


class Gate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One gate: it lets a number pass, or brings it within its limits."""

    gate: GateName
    asked: int
    """The number that came to it."""
    passed: int
    """The number that it let through."""
    least: int | None = None
    """The lowest that it lets pass now; ``None``: no limit."""
    most: int | None = None
    until: float | None = None
    """Of a gate that has changed the number: when it lets more of it pass if nothing else changes, at the latest
    (s since the Unix epoch); ``None``: that is not known, or never."""


class Otherwise(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The counterfactual: what the load alone asks for, and which load would ask for another number."""

    asked: int | None
    """Members that the load alone asks for; ``None`` when nothing is known of it."""
    binding: Code
    """What the number finally hangs on: the code of the last reason."""
    until: float | None = None
    """When that lets go at the latest (s since the Unix epoch); ``None``: it does not by itself."""
    more_above: dict[str, float] = {}
    """By signal: a total above this, of any of them, asks for more than the number wanted."""
    fewer_below: dict[str, float] = {}
    """By signal: totals at or below this, of all of them, ask for fewer."""


class Recommendation(msgspec.Struct, frozen=True, gc=False):
    """What was recommended, or done, at one moment."""

    at: float
    members: int


class Pulse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the breaker has seen of load and requests, so that it notices when one of them lies."""

    loaded: bool
    """The load, when it was known last, was above what one member should carry."""
    count: int | None = None
    """The balancers' count of requests, when it was known last."""
    moved_at: float
    """When that count changed last (s since the Unix epoch)."""
    zero_since: float | None = None
    """Since when the load is zero although requests arrive, or nobody counts them any more."""


class Memory(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a decision remembers of earlier ones. Bounded by the longest window and period of the policy."""

    wanted: int | None = None
    """The number decided last; ``None`` before the first decision."""
    recommended: tuple[Recommendation, ...] = ()
    """Recommendations within the stabilisation windows, oldest first."""
    changes: tuple[Recommendation, ...] = ()
    """Changes within the step policies' periods and the flap budget's window: ``members`` is the difference made."""
    missing: int = 0
    """Evaluations in a row in which no factor was known."""
    pulse: Pulse | None = None
    """``None`` before the first decision."""


class Cap(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The members that a budget or a quota leaves to one cluster."""

    members: int
    by: str
    """Whose it is and how much, for people."""


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A schedule that holds now."""

    schedule: str
    """Its start and end, for people."""
    until: float
    """When it ends (s since the Unix epoch)."""


class Room(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What containers ask of a cluster of hosts: its load."""

    containers: int
    """On hosts that take containers, or waiting."""
    waiting: int
    """Of those, the ones that have no room on the hosts that are there."""
    reserve: int
    """Containers for which room is kept free."""
    hosts: int
    """Hosts needed for all of that."""
    never: int = 0
    """Of those that wait, the ones that are larger than a whole host."""


class Given(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything a decision was taken from: take it again and it comes out the same."""

    forecast: ClusterForecast
    policy: Policy
    min_members: int
    max_members: int
    memory: Memory
    fallback: FallbackSpec | None = None
    schedules: tuple[Holding, ...] = ()
    """Those that hold: minimum and maximum above are theirs."""
    cap: Cap | None = None
    """Set when it is less than the cluster would have."""
    pause: Pause | None = None
    room: Room | None = None
    """Set for a cluster of hosts: it counts, and no load does."""
    shadow: float | None = None
    """Of a shadow's decision: when that shadow was ordered (s since the Unix epoch)."""


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
    gates: tuple[Gate, ...] = ()
    """Every gate, passed or not, with its numbers, in their order."""
    otherwise: Otherwise | None = None
    """What else it would be."""


DECISION = msgspec.json.Decoder(Decision)
