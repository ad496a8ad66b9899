"""What holds a burst, cycle by cycle: less than what the load asks for, and always more than home alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from config.tree import ApplicationSpec
from streams.records.member import Member

HOME, AWAY = "home", "away"
PRICES = {HOME: 1.0, AWAY: 3.0}
"""Of one member per hour, by network partition."""
HOME_MOST = 2


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds in force during a cycle, and how it is told that they hold it."""

    name: str
    says: str
    """What a reason of a decision, or of a request to burst, contains."""
    cost_per_hour: float | None = None
    """Of the application's budget."""
    members: int | None = None
    """Of the tenant's quota."""
    away: int = 4
    """``partitionMax`` away."""

    def exceeded(self, living: Iterable[Member]) -> list[str]:
        """Return every bound that these members, none of them gone, exceed."""
        where = [member.network_partition for member in living]
        cost = sum(PRICES[each] for each in where)
        used = [("members at home", where.count(HOME), HOME_MOST), ("members away", where.count(AWAY), self.away)]
        used += [("members", len(where), self.members)] if self.members is not None else []
        found = [f"{number} {what}, the limit is {most}" for what, number, most in used if number > most]
        over = self.cost_per_hour is not None and cost > self.cost_per_hour
        return [*found, f"{cost:g} per hour, the budget is {self.cost_per_hour:g}"] if over else found

    def is_in(self, spec: ApplicationSpec) -> bool:
        """Say whether an application is deployed with these bounds."""
        places = {p.partition: p.max_members for c in spec.clusters() for p in c.partitions}
        bounds = (spec.budget.cost_per_hour, spec.quota.members, places.get(f"{AWAY}-1"))
        return bounds == (self.cost_per_hour, self.members, self.away)


BUDGET = Limit("budget", "the application's budget of 8 per hour", cost_per_hour=8.0)
"""Two at home and two away."""
QUOTA = Limit("quota", "tenant default's quota of 3 members", members=3)
PLACES = Limit("places", "no network partition is left for", away=1)
LIMITS = (BUDGET, QUOTA, PLACES)
