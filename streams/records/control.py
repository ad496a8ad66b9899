"""Orders: a *pause* keeps something as it is, a *shadow* decides beside a policy. Carried by ``pileus.control``."""

from typing import Any

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


class Shadow(Record, frozen=True, kw_only=True):
    """An autoscaling policy that decides beside the one in force and cannot act; or the end of that.

    The newest record of a key counts. It stands in every partition: clusters of any application may use the policy.
    """

    tenant: str
    policy: str
    """Id of the autoscaling policy in force."""
    document: dict[str, Any] | None
    """The policy that decides beside it, as ``pileus.definitions`` would carry it; ``None``: none does any more."""
    clusters: tuple[str, ...] = ()
    """Only for these clusters (ids); empty: for all that use the policy."""
    owner: str
    """Who has ordered it."""
    reason: str = ""
    at: float
    """When (s since the Unix epoch)."""
    promoted: bool = False
    """Of an end: it is the policy in force now."""

    @property
    def scope(self) -> str:
        """Return the record's key; no scope of a pause has so many parts."""
        return f"autoscalingPolicy/{self.tenant}/{self.policy}/shadow"

    def concerns(self, tenant: str, policy: str, cluster: str) -> bool:
        """Say whether it is about a cluster that uses a policy."""
        return (tenant, policy) == (self.tenant, self.policy) and (not self.clusters or cluster in self.clusters)


Order = Control | Shadow
"""Everything that ``pileus.control`` carries."""

CONTROL = msgspec.json.Decoder(Order)


def scope(tenant: str, application: str = "", cluster: str = "") -> str:
    """Return the key of what is paused: ``<tenant>[/<application>[/<cluster alias>]]``."""
    return "/".join(part for part in (tenant, application, cluster) if part)
