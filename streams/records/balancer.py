"""What a balancer agent reports on ``pileus.balancers``: whom it sends requests to, and how many are open."""

import msgspec

from streams.records.record import Record, Whole


class Backend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One member as one balancer has it."""

    member: str
    routed: bool
    """True while new requests may go to it."""
    in_flight: Whole | None
    """Requests open on it now; ``null``: this balancer cannot tell."""
    first_request_at: float | None = None
    """When it was first seen to carry a request (s since the Unix epoch)."""
    answers: bool | None = None
    """Whether it answers the balancer agent's probe; one that does not may stay routed when nobody else is there."""


class BalancerReport(Record, frozen=True, kw_only=True, tag="balancer-report"):
    """The state of one cluster on one balancer. A member not listed is neither routed nor carries a request."""

    balancer: str
    tenant: str
    application: str
    cluster: str
    at: float
    revision: Whole
    """How much of ``pileus.members`` is applied (next offset to be read)."""
    backends: list[Backend]
    """Sorted by member."""
    network_partitions: list[str] = msgspec.field(default_factory=list)
    """Whose members it serves; empty: those of all network partitions."""


BALANCER = msgspec.json.Decoder(BalancerReport)
