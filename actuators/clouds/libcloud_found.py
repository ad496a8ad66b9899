"""One instance of ours, as it was found, and what is to be thought of it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from actuators.clouds.libcloud_labels import port_of
from actuators.ports import Instance, Where


class Fate(StrEnum):
    """What is to be thought of an instance."""

    ALIVE = "alive"
    BROKEN = "broken"
    """It will never serve, and is to be cleared away."""
    ENDING = "ending"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Found:
    """One instance of ours."""

    region: str
    node: Any
    """libcloud's."""
    instance: Instance
    fate: Fate

    @property
    def member(self) -> str:
        """Return whose instance it is."""
        return self.instance.where.member


def found(region: str, node: Any, where: Where, tags: Mapping[str, str], *, address: str) -> Found:
    """Return an instance with the address that counts; a port without an address is not told."""
    addresses = node.private_ips if address == "private" else node.public_ips
    host = next(iter(addresses), "")
    instance = Instance(where=where, instance=str(node.id), host=host, port=port_of(tags) if host else 0)
    return Found(region, node, instance, fate(node))


def fate(node: Any) -> Fate:
    """Return what is to be thought of an instance. A state that is not known is no reason to give it up."""
    said = {str(node.extra.get(name)).lower() for name in ("status", "vm_state", "task_state")}
    state = str(node.state.value)
    if state == "error" or "error" in said:
        return Fate.BROKEN
    if state == "terminated" or said & {"destroyed", "expunging", "soft-delete", "deleted"}:
        return Fate.ENDED
    return Fate.ENDING if said & {"shutting-down", "deleting"} else Fate.ALIVE


def kept(there: Iterable[Found]) -> Found | None:
    """Return the one instance of a member that counts: the first by creation, then by id, for everybody alike."""
    return min((each for each in there if each.fate is Fate.ALIVE), key=_age, default=None)


def spare(there: Iterable[Found], counts: Found | None) -> list[Found]:
    """Return the instances of a member to clear away: broken ones, and those alive beside the one that counts."""
    return [
        each
        for each in there
        if each.fate is Fate.BROKEN
        or (each.fate is Fate.ALIVE and counts is not None and each.node.id != counts.node.id)
    ]


def pending(counts: Found | None) -> bool:
    """Say whether the cloud has not begun to run an instance yet."""
    return counts is not None and str(counts.node.state.value) == "pending"


def _age(each: Found) -> tuple[str, str]:
    """Return what orders a member's instances."""
    return str(each.node.created_at or each.node.extra.get("created") or ""), str(each.node.id)
