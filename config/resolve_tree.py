"""From definitions to applications: the tree of groups and clusters, every order and every default filled in."""

from collections.abc import Mapping, Sequence

from config.application import Application, CartridgeUse, GroupUse, Place
from config.application_policy import ApplicationPolicy
from config.cluster import ClusterSpec
from config.composition import Level, compose
from config.definition import DEFAULT_TENANT
from config.deployment import DeploymentPolicy
from config.group import Edges, edges, plain
from config.index import Index
from config.resolve import Clusters, Waves, must, waves_of
from config.signup import ApplicationSignUp, DomainMapping
from config.tenant import Tenant
from config.tree import ApplicationSpec, BudgetSpec, DomainSpec, GroupSpec


def signed_up(index: Index) -> Mapping[str, Sequence[str]]:
    """Return by an application's id the tenants that signed up to one of that id, sorted."""
    found: dict[str, list[str]] = {}
    for each in index.all(ApplicationSignUp):
        found.setdefault(each.application_id or "", []).append(each.tenant)
    return found


def resolve(index: Index, application: Application, signed: Sequence[str]) -> ApplicationSpec:
    """Return one application of a valid catalogue, complete: nothing needs to be looked up any more.

    ``signed`` are the tenants that signed up to an application of its id.
    """
    places = {place.use.subscribable_info.alias: place for place in application.places()}
    policy = application.application_policy
    bursts = must(index, ApplicationPolicy, application.tenant, policy) if policy is not None else None
    waves = waves_of(index, bursts) if bursts else _common(index, application, places)
    algorithm = bursts.algorithm if bursts else "one-after-another"
    one_by_one = algorithm == "one-after-another"
    budget = application.budget
    return ApplicationSpec(
        tenant=application.tenant,
        application=application.application_id,
        multi_tenant=application.multi_tenant,
        root=_Resolver(index, application, places).group(
            compose(application, index), (), sum(map(len, waves[: 1 if one_by_one else None])), sum(map(len, waves))
        ),
        network_partitions=tuple(name for wave in waves for name in wave),
        waves=waves,
        algorithm=algorithm,
        burst=bursts.burst if bursts else "application",
        budget=BudgetSpec(members=budget.members, cost_per_hour=budget.cost_per_hour) if budget else BudgetSpec(),
        quota=_quota(index, application.tenant),
        sign_ups=_sign_ups(index, application, signed),
        domains=_domains(index, application),
    )


def _common(index: Index, application: Application, places: Mapping[str, Place]) -> Waves:
    """Return the waves of an application without a policy, one network partition in each.

    Those that every deployment policy has, in the order of the first; if there is none, the first.
    """
    names = [
        [use.id for use in must(index, DeploymentPolicy, application.tenant, place.policies[0][1]).network_partitions]
        for place in places.values()
    ]
    common = [name for name in names[0] if all(name in each for each in names)]
    return tuple((name,) for name in common or names[0][:1])


def _quota(index: Index, tenant: str) -> BudgetSpec:
    found = index.get(Tenant, DEFAULT_TENANT, tenant)
    given = found.quota if found else None
    if given is None:
        return BudgetSpec()
    return BudgetSpec(applications=given.applications, members=given.members, cost_per_hour=given.cost_per_hour)


def _sign_ups(index: Index, application: Application, signed: Sequence[str]) -> tuple[str, ...]:
    """Return who signed up: of other tenants only to the default tenant's, and only if they have none of this name."""
    if not application.multi_tenant:
        return ()
    name = application.application_id
    return tuple(
        tenant
        for tenant in signed
        if application.tenant == (tenant if index.get(Application, tenant, name) else DEFAULT_TENANT)
    )


def _domains(index: Index, application: Application) -> tuple[DomainSpec, ...]:
    found = index.get(DomainMapping, application.tenant, application.application_id)
    return tuple(
        DomainSpec(alias=each.cartridge_alias, domain=each.domain_name, context_path=each.context_path)
        for each in (found.domain_mappings if found else ())
    )


class _Resolver:
    """Goes down one application."""

    def __init__(self, index: Index, application: Application, places: dict[str, Place]) -> None:
        self.application, self.places, self.clusters = application, places, Clusters(index, application)

    def group(self, level: Level, above: tuple[str, ...], fewest: int, most: int) -> GroupSpec:
        """Return a level.

        ``above`` is what all below import, ``fewest`` and ``most`` how many instances of the level there may be.
        """
        use, given = level.use, level.dependencies
        order = edges(given.startup_orders)
        inner = {each.alias: each for each in level.groups}
        imports = {
            alias: (*above, *(name for each in _before(alias, order) for name in self.exports(each, level)))
            for alias in (plain(name) for name in level.children)
        }
        ends = edges(given.termination_order) if given.termination_order else tuple((b, a) for a, b in order)
        return GroupSpec(
            alias=level.alias or self.application.application_id,
            name=use.name if isinstance(use, GroupUse) else "",
            min=use.group_min_instances if isinstance(use, GroupUse) else 1,
            max=use.group_max_instances if isinstance(use, GroupUse) else 1,
            children=(
                *(self.cluster(each, imports[each.subscribable_info.alias], fewest, most) for each in use.cartridges),
                *(
                    self.group(
                        each,
                        imports[alias],
                        fewest * each.use.group_min_instances if isinstance(each.use, GroupUse) else fewest,
                        most * each.use.group_max_instances if isinstance(each.use, GroupUse) else most,
                    )
                    for alias, each in inner.items()
                ),
            ),
            order=order,
            dependents=tuple(frozenset(map(plain, each.aliases)) for each in given.scaling_dependents),
            termination=given.termination,
            termination_order=ends,
        )

    def cluster(self, use: CartridgeUse, imports: tuple[str, ...], fewest: int, most: int) -> ClusterSpec:
        """Return one cluster."""
        policy = self.places[use.subscribable_info.alias].policies[0][1]
        return self.clusters.cluster(use, policy, tuple(dict.fromkeys(imports)), fewest=fewest, most=most)

    def exports(self, alias: str, level: Level) -> tuple[str, ...]:
        """Return what a child exports: a cluster's keys, all those of a group."""
        inner = next((each for each in level.groups if each.alias == alias), None)
        uses = inner.clusters() if inner else (u for u in level.use.cartridges if u.subscribable_info.alias == alias)
        return tuple(name for use in uses for name in self.clusters.exports(use))


def _before(alias: str, order: Edges) -> tuple[str, ...]:
    """Return all that start before a child, nearest first."""
    found: dict[str, None] = {}
    waiting = [alias]
    while waiting:
        at = waiting.pop(0)
        new = [a for a, b in order if b == at and a not in found]
        found |= dict.fromkeys(new)
        waiting += new
    return tuple(found)
