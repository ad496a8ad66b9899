"""A *sample* is what an agent measured; a *tick* is when samples are looked at. Both travel on ``pileus.samples``.

Two layouts of one meaning: :class:`Health` carries one member, :class:`HealthColumns` many members of
one application, a column per field; so do :class:`Requests` and :class:`RequestsColumns` with clusters.
Anything that can send this JSON to Kafka is an agent.
"""

import msgspec

from streams.records.record import Record


class Health(Record, frozen=True, kw_only=True, gc=False):
    """What one cartridge agent measured beside one member."""

    tenant: str = "default"
    application: str
    cluster: str
    """Cluster instance that the member belongs to."""
    member: str
    at: float
    """When it was measured (s since the Unix epoch)."""
    load_average: float | None = None
    """Load: run queue / cores on a host, CPU time / allowed CPUs elsewhere (percent, >= 0; may exceed 100)."""
    memory_consumption: float | None = None
    """Memory in use, page cache not counted, of what the instance may use (percent, 0..100)."""
    healthy: bool | None = None
    """What the application's own probe said; ``None`` when there is no probe."""


class HealthColumns(Record, frozen=True, kw_only=True, tag="health-columns"):
    """What a node agent measured on many members: row i of every column is one :class:`Health`."""

    tenant: str = "default"
    application: str
    cluster: str = ""
    """The cluster of all of them."""
    clusters: list[str] | None = None
    """The cluster of each, in place of ``cluster``, when they are of several."""
    member: list[str]
    at: list[float]
    load_average: list[float | None] | None = None
    memory_consumption: list[float | None] | None = None
    healthy: list[bool | None] | None = None


class Requests(Record, frozen=True, kw_only=True, gc=False):
    """The requests of one cluster as one balancer sees them; several balancers of a cluster are summed."""

    tenant: str = "default"
    application: str
    cluster: str
    balancer: str
    """Identity of the balancer that counted."""
    at: float
    """End of the interval (s since the Unix epoch)."""
    interval_s: float
    """Length of the interval (s, > 0)."""
    in_flight: float
    """Mean number of requests in flight during the interval (requests, >= 0)."""
    count: int
    """Requests since the balancer started (cumulative, >= 0)."""


class RequestsColumns(Record, frozen=True, kw_only=True, tag="requests-columns"):
    """The requests of many clusters as one balancer saw them in one interval: row i is one :class:`Requests`."""

    tenant: str = "default"
    application: str
    balancer: str
    at: float
    interval_s: float
    cluster: list[str]
    in_flight: list[float]
    count: list[int]


class Tick(Record, frozen=True, kw_only=True, gc=False):
    """Time, as a record of the log: windows are evaluated on ticks and on nothing else.

    The owner of a partition writes one per evaluation period. The offsets say how much of the
    partition's ``pileus.members`` and ``pileus.instances`` counts for this evaluation (next
    offset to be read, exclusive), so that a replay sees what the live run saw.
    """

    at: float
    """Time of the evaluation (s since the Unix epoch)."""
    members_offset: int
    instances_offset: int


Sample = Health | HealthColumns | Requests | RequestsColumns | Tick
"""Everything that ``pileus.samples`` carries."""

SAMPLE = msgspec.json.Decoder(Sample)
