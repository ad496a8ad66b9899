"""The read model: what the records on the topics add up to, bounded in memory, without a clock and without I/O."""

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field

from config.cluster import Policy
from streams.orders import Orders
from streams.records.action import Outcome
from streams.records.balancer import BalancerReport
from streams.records.decision import Factor, Gate, Otherwise, Reason
from streams.records.forecast import ClusterForecast
from streams.records.instance import Announcement, BurstRequest, Instance
from streams.records.log import LogLine, Rejected
from streams.records.member import Member

POINTS = 900
"""Forecasts kept per cluster: 15 minutes at one tick per second."""
DECISIONS = 200
"""Decisions kept per cluster."""
LOG_LINES = 500
TERMINATED = 50
"""Members kept after their end, over all clusters."""
CLUSTERS = 256
"""Clusters kept; the one that was silent for longest makes room."""
MEMBERS = 20_000
"""Living members kept."""
INSTANCES = 20_000
"""Instances kept that are not terminated, of applications, groups and clusters."""
APPLICATIONS = 1_000
"""Applications of which it is kept that they are deployed, and requests for more room."""
ENDED = 2_000
"""What ended, of which the epoch is kept: a decider that was replaced cannot bring it back."""
REPORTS = 1_000
"""Balancers' reports kept, one per balancer and cluster."""
LEAD_TIMES = 100
"""Lead times kept per cluster."""
TROUBLES = 50
"""Failed actions kept per cluster, and refusals of the worker kept in all."""


Name = tuple[str, str]
"""An application: its tenant and its id."""


@dataclass(frozen=True, slots=True)
class Level:
    """One signal of one cluster at one tick; ``None`` is unknown, never zero."""

    observed: float | None
    forecast: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One cluster at one tick."""

    at: float
    horizon_s: float
    serving: int
    starting: int
    levels: dict[str, Level]
    """By signal."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision without what it was given."""

    decision: str
    at: float
    wanted: int
    before: int
    factors: tuple[Factor, ...]
    reasons: tuple[Reason, ...]
    said: str = ""
    """The whole in one sentence, as ``pileus explain`` tells it."""
    loads: tuple[str, ...] = ()
    """Each factor in words: observed, predicted by whom, what it asks for."""
    gates: tuple[Gate, ...] = ()
    otherwise: Otherwise | None = None
    alarm: Reason | None = None
    """What somebody should see at once: a breaker, a fallback, missing metrics."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What limits a cluster: as in the newest decision."""

    policy: Policy
    min_members: int
    max_members: int


@dataclass(slots=True)
class Cluster:
    """Everything known of one cluster."""

    tenant: str
    application: str
    cluster: str
    instance: Announcement | None = None
    newest: ClusterForecast | None = None
    bounds: Bounds | None = None
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=POINTS))
    """Oldest first."""
    decisions: deque[Decided] = field(default_factory=lambda: deque(maxlen=DECISIONS))
    """Oldest first."""
    steps: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=POINTS))
    """Since when which number was wanted, oldest first."""
    shadow: tuple[float, int] | None = None
    """When its shadow was heard last (s since the Unix epoch), and the members that it wants."""
    codes: Counter[str] = field(default_factory=Counter)
    """Decisions by the code that they finally hung on."""
    lead_times_s: deque[float] = field(default_factory=lambda: deque(maxlen=LEAD_TIMES))
    troubles: deque[Outcome] = field(default_factory=lambda: deque(maxlen=TROUBLES))


@dataclass(frozen=True, slots=True)
class Declared:
    """An application that is deployed, without all that it is made of."""

    at: float
    """When it was deployed (s since the Unix epoch)."""
    epoch: int
    network_partitions: tuple[str, ...]
    """In the order they are used."""
    parts: int
    """Groups and clusters that it consists of, each once."""


@dataclass(slots=True)
class TopicCount:
    """What was read of one topic."""

    records: int = 0
    bad: int = 0
    """Records that could not be decoded."""
    newest_at: float = 0.0
    """When the newest record was written (s since the Unix epoch)."""


@dataclass(slots=True)
class Model:
    """The whole view. Only :mod:`dashboards.fold` changes it; every collection has an upper bound."""

    clusters: OrderedDict[str, Cluster] = field(default_factory=OrderedDict)
    """By cluster; the one heard of last stands last."""
    members: dict[str, Member] = field(default_factory=dict)
    """Those that are not terminated, by member."""
    terminated: OrderedDict[str, Member] = field(default_factory=OrderedDict)
    """The last ones, oldest first."""
    instances: dict[str, Instance] = field(default_factory=dict)
    """Those that are not terminated, by instance."""
    declared: OrderedDict[Name, Declared] = field(default_factory=OrderedDict)
    """The applications that are deployed; the one deployed last stands last."""
    bursts: OrderedDict[Name, BurstRequest] = field(default_factory=OrderedDict)
    """The newest request of each application, withdrawn ones included."""
    ended: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Epochs of instances, applications and clusters that ended, the last one last. A cluster has none: 0."""
    reports: OrderedDict[tuple[str, str], BalancerReport] = field(default_factory=OrderedDict)
    """By balancer and cluster."""
    logs: deque[tuple[int, LogLine]] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    """With their numbers, oldest first."""
    lines: int = 0
    """Log lines ever read: the number of the newest."""
    orders: Orders = field(default_factory=Orders)
    """What operators have paused."""
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Messages that the worker could not use, by topic and reason."""
    rejections: deque[Rejected] = field(default_factory=lambda: deque(maxlen=TROUBLES))
    topics: dict[str, TopicCount] = field(default_factory=dict)
    overflow: int = 0
    """Members and instances not kept because there are more than :data:`MEMBERS`, :data:`INSTANCES`."""

    def clear(self) -> None:
        """Forget everything but the number of the newest log line: the topics are read anew."""
        for by_name in (self.clusters, self.members, self.terminated, self.reports, self.rejected):
            by_name.clear()
        for deployed in (self.instances, self.declared, self.bursts, self.ended):
            deployed.clear()
        self.orders.clear()
        self.logs.clear()
        self.rejections.clear()
        self.topics.clear()
        self.overflow = 0
