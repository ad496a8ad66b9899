"""What a *host* offers to containers, and what a container takes of it."""

import re
from dataclasses import dataclass, field

UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}
MEMORY = re.compile(r"(\d{1,15})([bkmg]?)(?:i?b?)", re.IGNORECASE)
HOSTS = "hosts"
"""Provider whose members are containers on the members of another cluster of the application; also the property of
its partitions that names that cluster by its alias."""
EPSILON = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Size:
    """Room: of a host, or what a container takes of one. What is 0 of a host is not looked at."""

    slots: int = 1
    """Containers."""
    cpus: float = 0.0
    memory_bytes: int = 0

    def __add__(self, other: "Size") -> "Size":
        """Return both together."""
        return Size(
            slots=self.slots + other.slots,
            cpus=self.cpus + other.cpus,
            memory_bytes=self.memory_bytes + other.memory_bytes,
        )

    def within(self, total: "Size") -> bool:
        """Say whether this is not more than ``total``."""
        return (
            self.slots <= total.slots
            and (not total.cpus or self.cpus <= total.cpus + EPSILON)
            and (not total.memory_bytes or self.memory_bytes <= total.memory_bytes)
        )

    def share_of(self, total: "Size") -> float:
        """Return the largest share of ``total`` that this is."""
        cpus = self.cpus / total.cpus if total.cpus else 0.0
        memory = self.memory_bytes / total.memory_bytes if total.memory_bytes else 0.0
        return max(self.slots / total.slots, cpus, memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostingSpec:
    """What each member of a cluster of hosts offers, and when there are too few or too many of them."""

    room: Size = field(default_factory=Size)
    reserve: int = 0
    """Containers for which room is kept free."""
    drain_below: float = 0.5
    """A host that is used to this share at most (0..1) is emptied when the others have room for all that is on it."""


def memory_bytes(text: str) -> int | None:
    """Read a size such as ``256m``; ``None`` when it is none."""
    found = MEMORY.fullmatch(text.strip())
    return int(found[1]) * UNITS[found[2].lower()] if found is not None and int(found[1]) else None


def size_of(properties: dict[str, str]) -> Size:
    """Return what a container takes, by its ``cpus`` and ``memory``; what cannot be read is refused at its launch."""
    try:
        cpus = max(0.0, float(properties.get("cpus", "") or 0.0))
    except ValueError:
        cpus = 0.0
    return Size(cpus=cpus, memory_bytes=memory_bytes(properties.get("memory", "")) or 0)
