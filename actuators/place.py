"""*Placement*: in which partition a member goes."""

from collections.abc import Collection, Mapping, Sequence

from config.cluster import PartitionSpec


def place(
    partitions: Sequence[PartitionSpec],
    *,
    algorithm: str,
    members: Mapping[str, int],
    full: Collection[str] = (),
) -> PartitionSpec | None:
    """Choose the partition of the next member, or ``None`` when none has room.

    Parameters
    ----------
    partitions
        In the order of the policy.
    algorithm
        ``one-after-another``: the first with room. ``round-robin``: the emptiest with room.
    members
        How many members each partition has that are not terminated, by :func:`name`.
    full
        Partitions whose cloud said that it has no room.
    """
    room = [p for p in partitions if members.get(name(p), 0) < p.max_members and name(p) not in full]
    if algorithm == "round-robin":
        return min(room, key=lambda p: members.get(name(p), 0), default=None)
    return next(iter(room), None)


def name(partition: PartitionSpec) -> str:
    """Return a partition's name: its id is unique only within its network partition."""
    return f"{partition.network_partition}/{partition.partition}"
