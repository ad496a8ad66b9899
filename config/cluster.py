"""What one cluster is, resolved: everything that a decision needs, without looking anything up."""

from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from config.hosting import HostingSpec

LEAST_FACTOR, MOST_FACTOR = 0.01, 100.0
"""Bounds of what an event multiplies the load by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionSpec:
    """A place for members: one partition of one network partition, as the deployment policy allows it."""

    network_partition: str
    partition: str
    provider: str
    """Which cloud adapter: ``local``, ``memory`` ..."""
    max_members: int
    """``partitionMax``."""
    properties: dict[str, str] = field(default_factory=dict)
    """The partition's properties over the network partition's, over the cartridge's for this provider."""
    environment: dict[str, str] = field(default_factory=dict)
    """What instances here get besides the cartridge's environment (``payload_parameter.*``)."""
    image: str = ""
    """The cartridge's image at this provider."""
    ports: tuple[int, ...] = ()
    """Ports that instances here may listen on (``portRange`` of the local cloud)."""
    algorithm: str = "one-after-another"
    """How members are spread over the partitions of this network partition."""
    weight: float = 1.0
    """Share of the members, relative to the other partitions'."""
    price_per_hour: float | None = None
    """What one member costs here per hour; ``None``: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPolicy:
    """How fast a cluster may change, in the words of the Kubernetes HPA."""

    kind: str
    """``Pods`` (members) or ``Percent``."""
    value: int
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """One direction of scaling."""

    stabilization_s: float
    policies: tuple[StepPolicy, ...]
    select: str = "Max"
    """``Max``, ``Min`` or ``Disabled``: which of the policies counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlapSpec:
    """How many members may be started within a window before none is removed any more."""

    starts: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The autoscaling policy of one cluster, complete: every default filled in."""

    policy: str
    """Its id."""
    thresholds: dict[str, float]
    """Load that one member should carry, by signal (``requests_in_flight`` in requests, the others in percent)."""
    tolerance: float = 0.1
    up: Behavior
    down: Behavior
    forecast: str = "Enabled"
    """``Disabled``, ``ForecastOnly`` or ``Enabled``."""
    quantile: float = 0.5
    """Which line of a forecast asks for members (0.5..0.9); 0.5 in records that do not say it."""
    demand: str = "target-tracking"
    """How a load becomes a number: ``target-tracking`` or ``stratos-4.1``."""
    flap: FlapSpec | None = None
    """``None``: no bound on starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CartridgeSpec:
    """What a member of the cluster is made of."""

    cartridge: str
    """Its type."""
    command: tuple[str, ...] = ()
    image: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    protocol: str = "http"
    balanced: bool = True
    """True when a balancer sends it requests: its members serve once they are routed, and drain out of it."""
    balances: bool = False
    """True when it is a balancer itself: its members route requests to other clusters of the application."""
    host: str = ""
    """What the cluster's host name ends with; empty: it has none of its own."""
    health: str = "http:/health"
    """``http:/path``, ``tcp``, or empty."""
    drain_s: float = 30.0
    """How long a draining member may take to end its requests (s)."""
    grace_s: float = 10.0
    """From SIGTERM to SIGKILL (s)."""
    boot_s: float = 900.0
    """How long a member may take from launch to serving before it is replaced (s)."""
    lead_time_s: float = 30.0
    """Lead time assumed before any was measured (s)."""
    properties: dict[str, str] = field(default_factory=dict)
    hosting: HostingSpec | None = None
    """What a member offers to containers; ``None``: it is no host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """A time in which the load is multiplied; times in s since the Unix epoch, ``end`` not included."""

    name: str
    start: float
    end: float
    factor: Annotated[float, msgspec.Meta(ge=LEAST_FACTOR, le=MOST_FACTOR)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadDaySpec:
    """A time that seasons learn nothing from; times in s since the Unix epoch, ``end`` not included."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSpec:
    """Known days."""

    events: tuple[EventSpec, ...] = ()
    bad_days: tuple[BadDaySpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSpec:
    """How load is to be forecast; ``None``: as the settings say, and as far ahead as members take to serve."""

    predictor: str | None = None
    """By its name in :mod:`predictors.registry`."""
    window_s: float | None = None
    """How much of the past ``kinematic`` fits (s); at least 20 samples and a predictor's step, at most two hours."""
    horizon_s: float | None = None
    """Not rounded; at least one period of evaluation (s)."""
    calendar: CalendarSpec = CalendarSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackSpec:
    """What counts when nothing is measured any more."""

    failure_threshold: int
    replicas: int
    behavior: str
    """``static``, ``currentReplicas`` or ``currentReplicasIfHigher``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """Other bounds from one cron time to another."""

    start: str
    end: str
    timezone: str
    min_members: int | None
    max_members: int | None


class ClusterSpec(msgspec.Struct, frozen=True, kw_only=True, tag="cluster"):
    """One cluster of one application, all its instances together."""

    tenant: str
    application: str
    cluster: str
    """Its id, unique in Pileus: ``<application>-<alias>``, tenant first when it is not ``default``."""
    alias: str
    cartridge: CartridgeSpec
    min_members: int
    """Members at least, in each instance of the cluster."""
    max_members: int
    """Members at most, in each instance of the cluster."""
    policy: Policy
    partitions: tuple[PartitionSpec, ...]
    """In the order of the application policy's network partitions, within one in the deployment policy's."""
    exports: tuple[str, ...] = ()
    """Metadata that its members export: ``<alias>-<key>``."""
    imports: tuple[str, ...] = ()
    """Metadata that its members need before they start: the exports of all clusters that start before them (F32)."""
    prediction: PredictionSpec = PredictionSpec()
    fallback: FallbackSpec | None = None
    schedules: tuple[ScheduleSpec, ...] = ()
    victim: str = "lowest-load"
    """``lowest-load``, ``newest``, ``oldest`` or ``most-expensive``."""
    fewest: int = 1
    """Instances of the cluster at least: those of the groups and network partitions around it, multiplied."""
    most: int = 1
    """Instances of the cluster at most."""
    ratio: int = 0
    """Its part among those that scale together, when that is not ``min_members``: a schedule changes no ratio."""

    @property
    def least_members(self) -> int:
        """Return the members at least, all instances together."""
        return self.min_members * self.fewest

    @property
    def most_members(self) -> int:
        """Return the members at most, all instances together."""
        return self.max_members * self.most
