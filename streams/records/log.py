"""A line that an application logged (``pileus.logs``), and what could not be used (``pileus.rejected``)."""

import msgspec

from streams.records.record import Record


class LogLine(Record, frozen=True, kw_only=True, tag="log", gc=False):
    """One line of an application's log."""

    tenant: str = "default"
    application: str
    cluster: str
    member: str
    at: float
    """Time in the line itself; when it was read if the line has none (s since the Unix epoch)."""
    level: str = ""
    """As written in the line, upper case; empty when it has none."""
    text: str
    source: str = ""
    """File it came from, or ``stdin``."""


class Rejected(Record, frozen=True, kw_only=True):
    """Messages that could not be used: one record per partition, reason and tick."""

    topic: str
    partition: int
    reason: str
    """``BadJson`` (no JSON), ``BadValue`` (a field's type or bound), ``UnknownCluster``, ``UnknownMember``, ``Late``,
    ``Future``, ``Duplicate`` (the larger value stays), ``Overload`` (more than is held of a member or a cluster),
    ``Skipped`` (given up for newer ones: more than 32 MB came between two ticks)."""
    count: int
    """Samples, or records of another topic; a message that cannot be taken apart counts once."""
    at: float
    """The tick's time (s since the Unix epoch)."""
    examples: tuple[str, ...] = ()
    """The first few, cut to 200 characters, each with what was wrong."""


LOG = msgspec.json.Decoder(LogLine)
REJECTED = msgspec.json.Decoder(Rejected)
