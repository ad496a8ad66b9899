"""What exists of an application: its clusters, and the *instances* of application, groups and clusters.

Carried by ``pileus.instances``, written by the decider of the application alone.
"""

from enum import StrEnum

import msgspec

from config.cluster import ClusterSpec, PredictionSpec
from config.tree import ApplicationSpec
from streams.records.record import Count, Record


class Level(StrEnum):
    """What an instance is one of."""

    APPLICATION = "application"
    GROUP = "group"
    CLUSTER = "cluster"


class Phase(StrEnum):
    """Where an instance stands in its life. The legal moves are in :mod:`actuators.phases`."""

    CREATED = "Created"
    """It exists and was not Active yet."""
    ACTIVE = "Active"
    """A cluster: at least its minimum serves. A group, an application: all its children are Active."""
    INACTIVE = "Inactive"
    """It was Active, and something of it is missing now."""
    TERMINATING = "Terminating"
    """It ends: what starts after it first, then it drains."""
    TERMINATED = "Terminated"
    """Nothing of it is left."""


class Instance(Record, frozen=True, kw_only=True):
    """The whole record of one instance; the newest one counts.

    An application has one in each network partition that it uses, a group as many as its load asks for in each
    instance of what is around it, a cluster exactly one in each.
    """

    instance: str
    """``<tenant>/<application>/<network partition>``, then ``/<group alias>.<number>`` for each group around it,
    then ``/<cluster alias>``."""
    level: Level
    tenant: str
    application: str
    alias: str
    """Of the group or the cluster; the application's id."""
    parent: str = ""
    """The instance around it; empty for an application's."""
    network_partition: str
    phase: Phase
    at: float
    """Since when it is in this phase (s since the Unix epoch)."""
    epoch: Count
    """The decider that wrote this: a later one has a higher epoch."""
    since: dict[str, float] = msgspec.field(default_factory=dict)
    """When each phase was reached last, by phase (s since the Unix epoch)."""
    started: bool = False
    """True once everything that starts before it was Active: from then on its members may start."""
    restart: bool = False
    """Of one that ends: it starts anew when everything that ends with it is gone."""
    least: Count = 0
    """Members that a cluster instance has had when it became Active: with fewer it is Inactive, if its minimum is not
    lower by now. A minimum that is raised counts once it was reached; 0 before, and for the other levels."""
    wanted: Count = 0
    """Members that a cluster instance is to have; 0 for the other levels."""
    why: str = ""
    """Why it is so, for people: what it waits for, why it ends, why it has this many members."""


class Deployed(Record, frozen=True, kw_only=True):
    """An application as it is brought to life: what it takes to end it in order, and to know what counts when."""

    tenant: str
    application: str
    at: float
    """The first tick on which it counts (s since the Unix epoch)."""
    epoch: Count
    spec: ApplicationSpec | None
    """``None``: nothing of it is left."""
    leaving: tuple[ClusterSpec, ...] = ()
    """Clusters that are not declared any more, and not gone yet."""
    ending: bool = False
    """True once its definition is gone: nothing of it is decided any more."""


class BurstRequest(Record, frozen=True, kw_only=True, tag="burst-request"):
    """An application needs more than its network partitions have room for; or does so no more."""

    tenant: str
    application: str
    at: float
    epoch: Count
    to: tuple[str, ...]
    """The network partitions it asks for; empty: the request is withdrawn, or there is no other (see ``why``)."""
    missing: dict[str, int] = msgspec.field(default_factory=dict)
    """Members that find no room, by alias of the cluster."""
    lost: tuple[str, ...] = ()
    """Network partitions that are cut off: their members are silent, and no balancer reaches them."""
    why: str = ""


class Announcement(Record, frozen=True, kw_only=True, tag="cluster"):
    """A cluster that exists, all its instances together; samples of any other are refused."""

    tenant: str
    application: str
    cluster: str
    alias: str
    cartridge: str
    network_partition: str
    """The first it may use."""
    at: float
    state: str = "Created"
    """``Terminated``: it is no more; what was known of it is forgotten."""
    default_lead_time_s: float = 30.0
    """Lead time assumed before any was measured (s)."""
    prediction: PredictionSpec = PredictionSpec()
    """How its load is to be forecast."""
    shadow: PredictionSpec | None = None
    """How a shadow policy would have it forecast, where that differs."""


InstanceRecord = Instance | Deployed | BurstRequest | Announcement
"""Everything that ``pileus.instances`` carries."""

INSTANCES = msgspec.json.Decoder(InstanceRecord)
