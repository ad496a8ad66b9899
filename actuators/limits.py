"""Who uses how much of which budget and quota, tick by tick. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from actuators.budget import FREE, Allowance, Use
from actuators.cluster import ClusterState
from actuators.place import name, place_of
from config.tree import ApplicationSpec, BudgetSpec
from streams.records.member import Member, State

Limit = tuple[str, BudgetSpec, Use]
"""Whose limit it is, the limit, and what others use of it."""
NOBODY = Use()


class Limits:
    """Budgets of applications, and quotas of tenants, whose applications may be in other partitions too."""

    def __init__(self) -> None:
        self.elsewhere: Mapping[str, Use] = {}
        """What tenants use in other partitions."""
        self._wanted: dict[str, Use] = {}
        """What tenants with a quota use here, by what their clusters want."""
        self._there: dict[str, Use] = {}
        """The same, by the members that are there."""

    def begin(self, quotas: Collection[str], clusters: Iterable[ClusterState]) -> None:
        """Begin a tick: count what each tenant with a quota uses."""
        self._wanted = {tenant: self.elsewhere.get(tenant, NOBODY) for tenant in quotas}
        self._there = dict(self._wanted)
        for state in clusters if quotas else ():
            tenant = state.spec.tenant
            if tenant in self._wanted:
                self._wanted[tenant] += state.use()
                self._there[tenant] += state.used()

    def of(self, spec: ApplicationSpec, mine: ClusterState, own: Iterable[ClusterState]) -> list[Limit]:
        """Return the limits of one cluster, with what all others use; ``own`` are its application's clusters."""
        found = list[Limit]()
        if spec.budget != FREE:
            others = sum((state.use() for state in own if state is not mine), NOBODY)
            found.append(("the application's budget", spec.budget, others))
        if spec.tenant in self._wanted:
            found.append((f"tenant {spec.tenant}'s quota", spec.quota, self._wanted[spec.tenant] - mine.use()))
        return found

    def decided(self, spec: ApplicationSpec, before: Use, after: Use) -> None:
        """Count what a cluster uses after its decision."""
        if spec.tenant in self._wanted:
            self._wanted[spec.tenant] += after - before

    def allowance(self, spec: ApplicationSpec, own: Iterable[ClusterState]) -> Allowance:
        """Return what the clusters of an application may still launch now, all together."""
        left = list[tuple[BudgetSpec, Use]]()
        if spec.budget != FREE:
            left.append((spec.budget, sum((state.used() for state in own), NOBODY)))
        if spec.tenant in self._there:
            left.append((spec.quota, self._there[spec.tenant]))
        return Allowance(left)

    def launched(self, spec: ApplicationSpec, allowance: Allowance) -> None:
        """Count what was launched."""
        if spec.tenant in self._there:
            self._there[spec.tenant] += allowance.taken


def elsewhere(
    members: Iterable[Member], specs: Iterable[ApplicationSpec], *, here: Callable[[str, str], bool]
) -> dict[str, Use]:
    """Return what the members of tenants with a quota use, those of applications that are ``here`` left out."""
    quotas, prices = set[str](), dict[tuple[str, str], float]()
    for spec in specs:
        if spec.quota != FREE:
            quotas.add(spec.tenant)
            prices |= {(c.cluster, name(p)): p.price_per_hour or 0.0 for c in spec.clusters() for p in c.partitions}
    found, known = defaultdict[str, Use](Use), dict[tuple[str, str], bool]()
    for member in members if quotas else ():
        if member.tenant not in quotas or member.state is State.TERMINATED:
            continue
        whose = member.tenant, member.application
        if whose not in known:
            known[whose] = here(*whose)
        if not known[whose]:
            found[member.tenant] += Use(1, prices.get((member.cluster, place_of(member)), 0.0))
    return dict(found)
