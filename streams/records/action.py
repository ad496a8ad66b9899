"""An *action* is one thing the executor is to do; an *outcome* is what came of it.

Actions travel on ``pileus.actions`` (per cloud account), outcomes on ``pileus.outcomes``.
"""

from enum import StrEnum

import msgspec

from streams.records.record import Count, Record


class Verb(StrEnum):
    """What an action asks for."""

    LAUNCH = "launch"
    TERMINATE = "terminate"


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance is made of: enough to start it without asking anybody."""

    command: list[str] = []
    """Program and arguments (clouds that run processes)."""
    image: str = ""
    """Image (clouds that run images)."""
    environment: dict[str, str] = {}
    ports: list[int] = []
    """Ports it may listen on; the cloud picks one that is free. Empty: the cloud's own choice."""
    health: str = ""
    """Probe: ``http:/path``, ``tcp`` or empty (none)."""
    grace_s: float = 10.0
    """From SIGTERM to SIGKILL (s)."""
    properties: dict[str, str] = {}
    """The partition's and the cartridge's properties."""
    exports: list[str] = []
    """Metadata that it may export: ``<alias>-<key>``."""


class Action(Record, frozen=True, kw_only=True):
    """One order to the executor. Carrying it out twice has the effect of once."""

    action: str
    """Idempotency key: ``<member>/<verb>``."""
    verb: Verb
    tenant: str
    application: str
    cluster: str
    member: str
    cartridge: str
    provider: str
    """Which cloud adapter."""
    network_partition: str
    partition: str
    epoch: Count
    """Refused by the executor when it has seen a higher one for this application."""
    at: float
    """The tick that led to it (s since the Unix epoch)."""
    launch: Launch | None = None
    """Set for ``launch`` alone."""
    grace_s: float = 10.0
    """From SIGTERM to SIGKILL (s), for ``terminate``."""


class Result(StrEnum):
    """What came of an action, or what was observed of an instance."""

    RUNNING = "running"
    """The instance exists (after a launch, or seen again)."""
    GONE = "gone"
    """The instance does not exist (after a terminate, or it ended by itself)."""
    OUT_OF_CAPACITY = "out-of-capacity"
    """No room in this partition: place elsewhere."""
    CREDENTIALS = "credentials"
    """The cloud does not let the account do it: place elsewhere until a person acts."""
    TRANSIENT = "transient"
    """Not now; the same action may succeed later."""
    INVALID = "invalid"
    """Will never succeed: the definition is wrong."""
    REFUSED = "refused"
    """An older epoch, or no intent stood: nothing was done."""


class Outcome(Record, frozen=True, kw_only=True):
    """What came of one action, or (with an empty ``action``) what the cloud was seen to have."""

    action: str = ""
    result: Result
    tenant: str
    application: str
    cluster: str
    member: str
    at: float
    """When it was known (s since the Unix epoch)."""
    took_s: float = 0.0
    host: str = ""
    port: Count = 0
    instance: str = ""
    reason: str = ""


ACTION = msgspec.json.Decoder(Action)
OUTCOME = msgspec.json.Decoder(Outcome)
