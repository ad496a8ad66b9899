"""*Placement*: in which partition a member goes, and from which one goes."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from actuators.lifecycle import PRESENT, asked_for
from config.cluster import PartitionSpec
from streams.records.member import Member, State

KEPT_FIRST = {State.ACTIVE: 0, State.STARTING: 1, State.CREATED: 2, State.DRAINING: 3}
"""Who keeps a place when there are too few."""


def place(
    partitions: Sequence[PartitionSpec], *, members: Mapping[str, int], full: Collection[str] = ()
) -> PartitionSpec | None:
    """Choose the partition of the next member, or ``None`` when none has room.

    The first network partition with room, and within it what its algorithm says: ``one-after-another`` takes the
    first partition with room; ``round-robin`` the emptiest with room for its weight, of several the cheapest, of
    those the first. So members stand to each other as the weights (the method of highest averages).

    Parameters
    ----------
    partitions
        In the order of the policy.
    members
        How many members each partition has that are not terminated, by :func:`name`.
    full
        Partitions whose cloud said that it has no room.
    """
    room = [p for p in partitions if members.get(name(p), 0) < p.max_members and name(p) not in full]
    here = [p for p in room if p.network_partition == room[0].network_partition]
    if here and here[0].algorithm == "round-robin":
        return min(here, key=lambda p: ((members.get(name(p), 0) + 1) / p.weight, _price(p)))
    return next(iter(here), None)


def vacate(partitions: Sequence[PartitionSpec], *, members: Mapping[str, int]) -> str | None:
    """Choose the partition that gives up the next member: :func:`place` the other way round.

    The last network partition that has a member, and within it the last partition (``one-after-another``) or the
    fullest for its weight, of several the most expensive, of those the last (``round-robin``). One that the policy
    does not name goes before all others.
    ``None`` when ``members``, by :func:`name`, has none.
    """
    known = {name(p) for p in partitions}
    if strange := sorted(where for where, count in members.items() if count > 0 and where not in known):
        return strange[-1]
    taken = [p for p in reversed(partitions) if members.get(name(p), 0) > 0]
    here = [p for p in taken if p.network_partition == taken[0].network_partition]
    if here and here[0].algorithm == "round-robin":
        return name(max(here, key=lambda p: (members.get(name(p), 0) / p.weight, _price(p))))
    return name(here[0]) if here else None


def _price(partition: PartitionSpec) -> float:
    """Return a price to compare: an unknown one is not known to be cheap."""
    return math.inf if partition.price_per_hour is None else partition.price_per_hour


def misplaced(partitions: Sequence[PartitionSpec], members: Iterable[Member]) -> set[str]:
    """Return the members that the policy has no place for: partition not declared, or beyond its maximum.

    Members that serve keep their places before those that start, older ones before newer ones, draining ones last.
    """
    room = {name(p): p.max_members for p in partitions}
    out = set()
    staying = [m for m in members if m.state in PRESENT or m.state is State.DRAINING]
    for member in sorted(staying, key=lambda m: (KEPT_FIRST[m.state], asked_for(m), m.member)):
        where = place_of(member)
        room[where] = room.get(where, 0) - 1
        if room[where] < 0:
            out.add(member.member)
    return out


def counts(members: Iterable[Member]) -> Counter[str]:
    """Return how many of the members each partition has, by :func:`name`; terminated ones do not count."""
    return Counter(place_of(member) for member in members if member.state is not State.TERMINATED)


def place_of(member: Member) -> str:
    """Return the name of a member's partition."""
    return f"{member.network_partition}/{member.partition}"


def name(partition: PartitionSpec) -> str:
    """Return a partition's name: its id is unique only within its network partition."""
    return f"{partition.network_partition}/{partition.partition}"
