"""A *pause* keeps a cluster, an application or all of a tenant's as it is. Carried by ``pileus.control``."""

import msgspec

from streams.records.record import Record


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Who has paused what, why, and for how long."""

    scope: str
    """``<tenant>[/<application>[/<cluster alias>]]``."""
    owner: str
    reason: str
    at: float
    """Since when (s since the Unix epoch)."""
    until: float
    """It ends by itself then (s since the Unix epoch)."""


class Control(Record, frozen=True, kw_only=True):
    """What an operator has ordered last for one scope; the newest record of a key counts.

    One of a whole tenant stands in every partition, so that each decider reads it.
    """

    tenant: str
    application: str = ""
    """Empty: all of the tenant's (a freeze)."""
    cluster: str = ""
    """Alias; empty: the whole application."""
    paused: bool
    """False: resumed."""
    owner: str
    """Who has ordered it."""
    reason: str = ""
    at: float
    """When (s since the Unix epoch)."""
    until: float = 0.0
    """Of a pause: when it ends by itself (s since the Unix epoch)."""

    @property
    def scope(self) -> str:
        """Return what it is about, which is the record's key."""
        return scope(self.tenant, self.application, self.cluster)

    @property
    def pause(self) -> Pause | None:
        """Return the pause; ``None`` when this ends one."""
        if not self.paused:
            return None
        return Pause(scope=self.scope, owner=self.owner, reason=self.reason, at=self.at, until=self.until)


CONTROL = msgspec.json.Decoder(Control)


def scope(tenant: str, application: str = "", cluster: str = "") -> str:
    """Return the key of what is paused: ``<tenant>[/<application>[/<cluster alias>]]``."""
    return "/".join(part for part in (tenant, application, cluster) if part)
