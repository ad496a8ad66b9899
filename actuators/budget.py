"""*Budgets* and *quotas*: what an application, or all of a tenant's, may use at most. Pure.

A budget keeps members from being added; it takes nobody away, and a cluster keeps its minimum.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from actuators.place import name, place
from config.cluster import PartitionSpec
from config.tree import BudgetSpec
from streams.records.decision import Cap

FREE = BudgetSpec()
"""No bound at all."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is used."""

    members: int = 0
    cost: float = 0.0
    """Per hour, in the unit of the partitions' prices."""

    def __add__(self, other: "Use") -> "Use":
        """Return both together."""
        return Use(self.members + other.members, self.cost + other.cost)

    def __sub__(self, other: "Use") -> "Use":
        """Return this without the other."""
        return Use(self.members - other.members, self.cost - other.cost)


def use(partitions: Sequence[PartitionSpec], counts: Mapping[str, int], wanted: int) -> Use:
    """Return what a cluster uses: the members it has, or those that it wants if they are more, where they would go."""
    there = Counter(counts)
    missing = wanted - sum(there.values())
    cost = sum(number * _price(partitions, where) for where, number in there.items())
    for _ in range(missing if any(p.price_per_hour for p in partitions) else 0):
        chosen = place(partitions, members=there)
        if chosen is None:
            break
        there[name(chosen)] += 1
        cost += chosen.price_per_hour or 0.0
    return Use(sum(counts.values()) + max(0, missing), cost)


def cap(
    limits: Iterable[tuple[str, BudgetSpec, Use]],
    partitions: Sequence[PartitionSpec],
    counts: Mapping[str, int],
) -> Cap | None:
    """Return how many members budget and quota leave to a cluster: the fewest of all.

    Parameters
    ----------
    limits
        Whose limit, the limit, and what others use of it.
    counts
        The cluster's members by partition.
    """
    found = list[Cap]()
    for whose, limit, others in limits:
        if limit.members is not None:
            found.append(Cap(members=max(0, limit.members - others.members), by=f"{whose} of {limit.members} members"))
        if limit.cost_per_hour is not None:
            members = _paid(partitions, counts, limit.cost_per_hour - others.cost)
            found.append(Cap(members=members, by=f"{whose} of {limit.cost_per_hour:g} per hour"))
    return min(found, key=lambda each: each.members, default=None)


def _paid(partitions: Sequence[PartitionSpec], counts: Mapping[str, int], left: float) -> int:
    """Return how many members a sum pays for: those that are there, then others where they would go."""
    there = Counter(counts)
    left -= sum(number * _price(partitions, where) for where, number in there.items())
    while (chosen := place(partitions, members=there)) is not None and left >= (chosen.price_per_hour or 0.0) - 1e-9:
        left -= chosen.price_per_hour or 0.0
        there[name(chosen)] += 1
    return sum(there.values())


@dataclass(slots=True)
class Allowance:
    """What may still be launched now: the last word, whatever groups and ratios ask for."""

    left: list[tuple[BudgetSpec, Use]] = field(default_factory=list)
    """Each limit, and all that is used of it."""
    taken: Use = Use()
    """What was launched."""

    def allows(self, partition: PartitionSpec | None) -> bool:
        """Say whether a member in a partition is within every limit."""
        price = 0.0 if partition is None else partition.price_per_hour or 0.0
        return all(_within(limit, used + Use(1, price)) for limit, used in self.left)

    def take(self, partition: PartitionSpec) -> None:
        """Count a member that is launched."""
        one = Use(1, partition.price_per_hour or 0.0)
        self.left = [(limit, used + one) for limit, used in self.left]
        self.taken += one


def _within(limit: BudgetSpec, used: Use) -> bool:
    members = limit.members is None or used.members <= limit.members
    return members and (limit.cost_per_hour is None or used.cost <= limit.cost_per_hour + 1e-9)


def _price(partitions: Sequence[PartitionSpec], where: str) -> float:
    """Return what a member costs in a partition; one that is not declared any more is not known to cost anything."""
    return next((p.price_per_hour or 0.0 for p in partitions if name(p) == where), 0.0)
