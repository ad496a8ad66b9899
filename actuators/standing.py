"""How the members of one cluster stand: what follows from their records, and changes only when one of them does."""

from collections.abc import Sequence
from dataclasses import dataclass

from actuators.application import Unit
from actuators.life import Seen
from actuators.lifecycle import PRESENT
from actuators.place import misplaced
from config.cluster import PartitionSpec
from streams.records.member import Member, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The members that are not known to be gone."""

    of: dict[str, list[Member]]
    """By instance of the cluster; those that have none are left out."""
    seen: dict[str, Seen]
    """How many each instance has."""
    misplaced: set[str]
    """Those that the policy has no place for."""


def standing(members: Sequence[Member], units: Sequence[Unit], partitions: Sequence[PartitionSpec]) -> Standing:
    """Return how members stand that are not known to be gone, among the instances of their cluster."""
    of: dict[str, list[Member]] = {}
    for member in members:
        of.setdefault(instance_of(member, units), []).append(member)
    return Standing(
        of=of,
        seen={name: _count([m.state for m in here]) for name, here in of.items()},
        misplaced=misplaced(partitions, members),
    )


def instance_of(member: Member, units: Sequence[Unit]) -> str:
    """Return the instance that a member belongs to: one that names none belongs to the first where it is."""
    known = [unit.instance for unit in units]
    if member.cluster_instance in known or not known:
        return member.cluster_instance
    here = [unit.instance for unit in units if unit.network_partition == member.network_partition]
    return (here or known)[0]


def _count(states: Sequence[State]) -> Seen:
    """Count the members of one instance."""
    return Seen(active=states.count(State.ACTIVE), present=sum(s in PRESENT for s in states), alive=len(states))
