"""A container as the engine lists it, and the labels that make it ours. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from actuators.ports import Instance, Where
from streams.records.action import Launch

STACK = "pileus.stack"
MEMBER = "pileus.member"
PORT = "pileus.port"
HEALTH = "pileus.health"
EXPORTS = "pileus.exports"
WHERE = {
    "tenant": "pileus.tenant",
    "application": "pileus.application",
    "cluster": "pileus.cluster",
    "member": MEMBER,
    "network_partition": "pileus.network-partition",
    "partition": "pileus.partition",
}
"""The label of each field of :class:`actuators.ports.Where`."""
STACK_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ID_SHOWN = 12


class Phase(StrEnum):
    """What a container's state means here."""

    CREATED = "created"
    """It has never run."""
    ALIVE = "alive"
    ENDED = "ended"
    """It has run, and will not run again."""


_PHASES = {
    "created": Phase.CREATED,
    "running": Phase.ALIVE,
    "paused": Phase.ALIVE,
    "restarting": Phase.ALIVE,
    "exited": Phase.ENDED,
    "dead": Phase.ENDED,
    "removing": Phase.ENDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One container of ours."""

    id: str
    where: Where
    port: int
    """Where it is reached on its host."""
    phase: Phase
    health: str = ""
    """How its agent probes it."""
    exports: tuple[str, ...] = ()
    """Metadata that it may export."""

    def instance(self, host: str) -> Instance:
        """Return it as an instance; one that has never run has no address yet."""
        up = self.phase is Phase.ALIVE
        named = f"container-{self.id[:ID_SHOWN]}"
        return Instance(where=self.where, instance=named, host=host if up else "", port=self.port if up else 0)


def labels(where: Where, launch: Launch, *, stack: str, port: int) -> dict[str, str]:
    """Return the labels of a container: everything that must be known of it later stands there."""
    own = {STACK: stack, PORT: str(port), HEALTH: launch.health, EXPORTS: " ".join(launch.exports)}
    return own | {label: getattr(where, name) for name, label in WHERE.items()}


def box(listed: Mapping[str, Any], *, stack: str) -> Box | None:
    """Read one entry of the engine's list; ``None`` for what is not ours, whole and under its member's name."""
    found: Mapping[str, str] = listed.get("Labels") or {}
    if found.get(STACK) != stack or not all(label in found for label in (PORT, *WHERE.values())):
        return None
    if f"/{found[MEMBER]}" not in (listed.get("Names") or ()) or not found[PORT].isdigit():
        return None
    phase = _PHASES.get(str(listed.get("State", "")).lower())
    if phase is None:
        return None
    where = Where(**{name: found[label] for name, label in WHERE.items()})
    return Box(
        id=str(listed["Id"]),
        where=where,
        port=int(found[PORT]),
        phase=phase,
        health=found.get(HEALTH, ""),
        exports=tuple(found.get(EXPORTS, "").split()),
    )


def tombstone(member: str, *, stack: str) -> str:
    """Return the name of the volume that says a member has ended. No member or stack has a dot in it."""
    return f"pileus.{stack}.{member}"
