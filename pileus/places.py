"""What an application uses of the room that it has: members and cost per hour, by partition and in all. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from config.tree import ApplicationSpec, BudgetSpec
from streams.records.member import Member, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One cluster in one partition."""

    cluster: str
    """Its alias."""
    network_partition: str
    partition: str
    members: int
    """Those that are not gone."""
    most: int
    """``partitionMax``."""
    price_per_hour: float | None
    """Of one member; ``None``: not known."""

    @property
    def cost_per_hour(self) -> float | None:
        """Return what its members cost; ``None``: not known."""
        return None if self.price_per_hour is None else self.members * self.price_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What an application uses, and may use."""

    places: tuple[Place, ...]
    """By cluster, in the order that partitions are used."""
    budget: BudgetSpec
    """The application's; its tenant's quota bounds all of the tenant's applications together."""
    quota: BudgetSpec

    @property
    def members(self) -> int:
        """Return how many members there are."""
        return sum(place.members for place in self.places)

    @property
    def cost_per_hour(self) -> float | None:
        """Return what they cost; ``None`` when the price of one that there is is not known."""
        costs = [place.cost_per_hour for place in self.places if place.members]
        return None if None in costs else sum(cost for cost in costs if cost is not None)


def room(spec: ApplicationSpec, members: Iterable[Member]) -> Room:
    """Return what an application's members use of what its definitions allow."""
    living = (each for each in members if each.state is not State.TERMINATED)
    there = Counter((each.cluster, each.network_partition, each.partition) for each in living)
    places = [
        Place(
            cluster=cluster.alias,
            network_partition=each.network_partition,
            partition=each.partition,
            members=there[cluster.cluster, each.network_partition, each.partition],
            most=each.max_members,
            price_per_hour=each.price_per_hour,
        )
        for cluster in spec.clusters()
        for each in cluster.partitions
    ]
    return Room(places=tuple(places), budget=spec.budget, quota=spec.quota)


def in_json(of: Room) -> dict[str, object]:
    """Return it as JSON has it; ``null``: not known, or no bound."""
    return {
        "members": of.members,
        "cost_per_hour": of.cost_per_hour,
        "budget": {"members": of.budget.members, "cost_per_hour": of.budget.cost_per_hour},
        "tenant_quota": {"members": of.quota.members, "cost_per_hour": of.quota.cost_per_hour},
        "partitions": [
            {
                "cluster": place.cluster,
                "network_partition": place.network_partition,
                "partition": place.partition,
                "members": place.members,
                "most": place.most,
                "price_per_hour": place.price_per_hour,
                "cost_per_hour": place.cost_per_hour,
            }
            for place in of.places
        ],
    }


def usage(of: Room, *, everything: bool) -> list[str]:
    """Return it as lines: the budget where there is one; with ``everything`` each partition too."""
    lines = []
    if of.budget != BudgetSpec():
        members = _of(of.members, of.budget.members, "members")
        lines.append(f"budget: {members}, {_of(of.cost_per_hour, of.budget.cost_per_hour, 'per hour')}")
    if everything:
        lines += [
            f"{place.cluster} at {place.network_partition}/{place.partition}: "
            + _of(place.members, place.most, "members")
            + ("" if place.price_per_hour is None else f", {place.cost_per_hour:g} per hour")
            for place in of.places
        ]
    return lines


def _of(number: float | None, most: float | None, unit: str) -> str:
    """Write ``3 of 4 members``, ``3 members``, ``unknown of 4 per hour``."""
    there = "unknown" if number is None else f"{number:g}"
    return f"{there} {unit}" if most is None else f"{there} of {most:g} {unit}"
