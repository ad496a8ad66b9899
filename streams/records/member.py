"""A *member* is one instance of a cluster, asked for or alive. Its life is kept in ``pileus.members``."""

from enum import StrEnum

import msgspec

from streams.records.record import Count, Record


class State(StrEnum):
    """Where a member stands in its life. The legal moves are in :mod:`actuators.lifecycle`."""

    CREATED = "Created"
    """Intended: this record stands before the cloud is called."""
    STARTING = "Starting"
    """The cloud has accepted; the instance boots."""
    ACTIVE = "Active"
    """It serves: its application answers and its balancers send it requests."""
    DRAINING = "Draining"
    """It takes no new request and ends those it has."""
    TERMINATING = "Terminating"
    """The cloud was told to end it: no way back."""
    TERMINATED = "Terminated"
    """Gone."""


class Member(Record, frozen=True, kw_only=True):
    """The whole record of one member; the newest one counts."""

    member: str
    """``<cluster>-<ordinal>``, never used again."""
    tenant: str
    application: str
    cluster: str
    cartridge: str
    provider: str = ""
    """Which cloud adapter has it."""
    network_partition: str
    partition: str
    cluster_instance: str = ""
    """Which instance of the cluster it belongs to (see :mod:`streams.records.instance`)."""
    on: str = ""
    """The host that it is on: a member of another cluster; empty: it is on none."""
    state: State
    at: float
    """Since when it is in this state (s since the Unix epoch)."""
    epoch: Count
    """The decider that wrote this: a later one has a higher epoch."""
    since: dict[str, float] = msgspec.field(default_factory=dict)
    """When each state was first reached, by state (s since the Unix epoch)."""
    host: str = ""
    port: Count = 0
    """Where it serves; 0 until the cloud has said so."""
    instance: str = ""
    """The cloud's own name for the instance."""
    reason: str = ""
    """Why it is in this state, for people."""


class Claim(Record, frozen=True, kw_only=True):
    """A decider takes a partition of the applications. The offset of this record is its epoch."""

    partition: Count
    owner: str
    at: float


MEMBERS = msgspec.json.Decoder(Member | Claim)


class LeadTime(Record, frozen=True, kw_only=True, tag="lead-time"):
    """One measured lead time: asked for until serving. Carried by ``pileus.leadtimes``."""

    tenant: str
    application: str
    cluster: str
    cartridge: str
    network_partition: str
    partition: str
    member: str
    at: float
    seconds: float


LEADTIME = msgspec.json.Decoder(LeadTime)
