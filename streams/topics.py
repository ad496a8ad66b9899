"""The topics, as data: name, key, record, partitions, retention, cleanup."""

from dataclasses import dataclass

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

LARGE = 16 * 1024 * 1024
"""Largest record that holds a whole state or a whole application (bytes)."""

PER_APPLICATION = 0
"""Partitions of a per-application topic: as many as the settings say, the same for all of them."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: what it carries and how long the broker keeps it."""

    name: str
    key: str
    """What the key is, in words."""
    carries: str
    """The kinds of its records."""
    partitions: int = PER_APPLICATION
    compacted: bool = False
    """True: the newest record of each key is kept for ever."""
    retention_ms: int = 7 * DAY_MS
    """How long a record is kept when the topic is not compacted."""
    compaction_lag_ms: int = 0
    """How long every version of a key is kept at least: a restart reads back that far."""

    segment_bytes: int = 0
    """How much of a compacted topic is never compacted, at its end; 0 leaves it to the broker (Kafka: 1 GB)."""
    max_message_bytes: int = 0
    """Largest record that the broker takes; 0 leaves it to the broker (Kafka: 1 MB)."""

    def configs(self) -> dict[str, str]:
        """Return the broker's settings for this topic."""
        largest = {"max.message.bytes": str(self.max_message_bytes)} if self.max_message_bytes else {}
        if not self.compacted:
            return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)} | largest
        if self.segment_bytes:
            largest |= {"segment.bytes": str(self.segment_bytes), "min.cleanable.dirty.ratio": "0.2"}
        return {"cleanup.policy": "compact", "min.compaction.lag.ms": str(self.compaction_lag_ms)} | largest


SAMPLES = Topic(
    "pileus.samples",
    "tenant/application",
    "health, health-columns, requests, requests-columns, tick",
    retention_ms=DAY_MS,
)
LOGS = Topic("pileus.logs", "member", "log", partitions=1, retention_ms=7 * DAY_MS)
DEFINITIONS = Topic("pileus.definitions", "kind/tenant/id", "definition", partitions=1, compacted=True)
MEMBERS = Topic("pileus.members", "member", "member, claim", compacted=True, compaction_lag_ms=HOUR_MS)
INSTANCES = Topic(
    "pileus.instances",
    "instance",
    "instance, deployed, burst-request, cluster",
    compacted=True,
    compaction_lag_ms=HOUR_MS,
    max_message_bytes=LARGE,
)
METADATA = Topic("pileus.metadata", "application/key", "metadata", compacted=True)
FORECASTS = Topic("pileus.forecasts", "tenant/application", "forecasts", retention_ms=DAY_MS, max_message_bytes=LARGE)
"""A record takes about 40 bytes per member of its partition."""
HISTORY = Topic("pileus.history", "cluster/signal/slot", "history", compacted=True, compaction_lag_ms=HOUR_MS)
DECISIONS = Topic("pileus.decisions", "cluster instance", "decision", retention_ms=30 * DAY_MS)
ACTIONS = Topic("pileus.actions", "cloud account", "action", retention_ms=7 * DAY_MS)
OUTCOMES = Topic("pileus.outcomes", "tenant/application", "outcome", retention_ms=7 * DAY_MS)
LEADTIMES = Topic("pileus.leadtimes", "cartridge/partition", "lead-time", retention_ms=30 * DAY_MS)
BALANCERS = Topic("pileus.balancers", "balancer", "balancer-report", retention_ms=HOUR_MS)
CONTROL = Topic("pileus.control", "tenant[/application[/cluster]]", "control, shadow", compacted=True)
SHADOW = Topic("pileus.shadow", "cluster instance", "decision", retention_ms=7 * DAY_MS)
REJECTED = Topic("pileus.rejected", "source topic", "rejected", partitions=1, retention_ms=7 * DAY_MS)
CHECKPOINTS = Topic(
    "pileus.checkpoints",
    "role/partition/writer[/number]",
    "checkpoint, checkpoint-part",
    compacted=True,
    segment_bytes=64 * 1024 * 1024,
    max_message_bytes=LARGE,
)
"""A head of at most half a megabyte, and parts of at most 350 kB: in all some 300 bytes per member of the partition. A
restart reads the topic from its beginning, so little of it may wait for compaction."""

TOPICS = (
    SAMPLES,
    LOGS,
    DEFINITIONS,
    MEMBERS,
    INSTANCES,
    METADATA,
    FORECASTS,
    HISTORY,
    DECISIONS,
    ACTIONS,
    OUTCOMES,
    LEADTIMES,
    BALANCERS,
    CONTROL,
    SHADOW,
    REJECTED,
    CHECKPOINTS,
)
"""Every topic of Pileus."""
