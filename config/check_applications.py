"""Check applications: every cluster finds what it refers to, and room."""

import math

from config import check_groups
from config.application import DEEPEST, Application, GroupUse, Path, Place
from config.application_policy import ApplicationPolicy
from config.autoscaling import AutoscalingPolicy
from config.cartridge import Cartridge
from config.composition import Level, compose
from config.definition import DEFAULT_TENANT, properties
from config.deployment import DeploymentPolicy, NetworkPartitionUse
from config.errors import ABSENT
from config.findings import Document
from config.hosting import HOSTS
from config.network import LOCAL, NetworkPartition, Partition
from config.resolve import balances, cluster_id, in_order
from config.routing import CLUSTERS
from config.tenant import Tenant


def application(document: Document[Application]) -> None:
    """Check one application."""
    definition = document.definition
    policy = None
    if definition.application_policy is not None:
        policy = document.find(ApplicationPolicy, definition.application_policy, ("applicationPolicy",))
    places = list(definition.places())
    if any(len(place.groups) > DEEPEST for place in places):
        document.wrong(("components", "groups"), ABSENT, f"must be nested at most {DEEPEST} deep")
        return
    root = compose(definition, document.index)
    _aliases(document, root, places)
    check_groups.root(document, root)
    for level in root.levels():
        if isinstance(level.use, GroupUse):
            check_groups.group(document, level, level.use)
    for place in places:
        _cluster(document, policy, place)
    _hosts(document, places)
    _balancers(document, places)
    _budget(document, root)
    _prices(document, places)


def _aliases(document: Document[Application], root: Level, places: list[Place]) -> None:
    """Check that aliases are unique in the application, and make no two clusters of one id."""
    groups: list[tuple[Path, str]] = [((*level.path, "alias"), level.alias) for level in root.levels() if level.alias]
    document.unique([*((_alias(place), place.use.subscribable_info.alias) for place in places), *groups])
    for path, alias in groups:
        if alias != alias.lower():
            document.doubt(path, alias, "should be lower-case words joined by single dashes")
    tenant, name = document.definition.tenant, document.definition.application_id
    clusters = document.findings.clusters
    for place in places:
        alias = place.use.subscribable_info.alias
        cluster, mine = cluster_id(tenant, name, alias), f"{tenant}/{name}/{alias}"
        if clusters.setdefault(cluster, mine) != mine:
            bound = f"makes the cluster '{cluster}', which {clusters[cluster]} is already"
            document.wrong(_alias(place), alias, bound)


def _alias(place: Place) -> Path:
    return (*place.path, "subscribableInfo", "alias")


def _cluster(document: Document[Application], policy: ApplicationPolicy | None, place: Place) -> None:
    """Check one cluster: what it refers to, its room."""
    use, at = place.use, (*place.path, "subscribableInfo")
    cartridge = document.find(Cartridge, use.type, (*place.path, "type"))
    scaling = use.subscribable_info.autoscaling_policy
    document.find(AutoscalingPolicy, scaling, (*at, "autoscalingPolicy"))
    policies = place.policies
    if not policies:
        bound = "must be given, here or at a group above" if place.groups else "must be given"
        document.wrong((*at, "deploymentPolicy"), ABSENT, bound)
        return
    (where, name), *more = policies
    deployment = document.find(DeploymentPolicy, name, where)
    for path, other in more:
        document.wrong(path, other, f"must not be given: a group above has '{name}'")
    if deployment is None:
        return
    _policies(document, policy, deployment, where)
    order = in_order(deployment, policy.waves() if policy is not None else None)
    _room(document, place, order)
    if cartridge is not None:
        _providers(document, cartridge, order, place.path)


def _policies(
    document: Document[Application], policy: ApplicationPolicy | None, deployment: DeploymentPolicy, path: Path
) -> None:
    """Check that the deployment policy knows every network partition of the application policy."""
    if policy is None:
        return
    known = {each.id for each in deployment.network_partitions}
    for name in policy.network_partitions:
        if name not in known:
            bound = f"must place in network partition '{name}' of application policy '{policy.id}'"
            document.wrong(path, deployment.id, bound)


def _room(document: Document[Application], place: Place, order: tuple[NetworkPartitionUse, ...]) -> None:
    """Check that the minimum of all groups fits into each network partition; tell when the maximum fits nowhere."""
    use, total = place.use, 0
    groups = math.prod(group.group_min_instances for _, group in place.groups)
    for network in order:
        room = network.room
        total += room
        if use.cartridge_min * groups > room:
            most = f"{room}, the sum of partitionMax in network partition '{network.id}'"
            bound = f"must be at most {most}" if groups == 1 else f"times {groups}, for its groups, exceeds {most}"
            document.wrong((*place.path, "cartridgeMin"), use.cartridge_min, bound)
    if order and use.cartridge_max > total:
        what = f"more than {total}, the sum of partitionMax in all partitions"
        document.doubt((*place.path, "cartridgeMax"), use.cartridge_max, what)


def _providers(
    document: Document[Application], cartridge: Cartridge, order: tuple[NetworkPartitionUse, ...], path: Path
) -> None:
    """Check that the cartridge says what it is on every cloud it is placed in."""
    offered = {each.type for each in cartridge.iaas_provider}
    for use in order:
        network = document.index.get(NetworkPartition, document.definition.tenant, use.id)
        clouds = {network.provider_of(each) for each in _used(network, use)} - {""} if network else set()
        for provider in sorted(clouds - offered):
            bound = f"has no iaasProvider '{provider}', which network partition '{use.id}' needs"
            document.wrong((*path, "type"), cartridge.type, bound)
        if LOCAL in clouds & offered and not cartridge.command:
            document.wrong((*path, "type"), cartridge.type, "must have a command to be started as a process")


def _used(network: NetworkPartition, use: NetworkPartitionUse) -> list[Partition]:
    """Return the partitions of a network partition that a deployment policy uses."""
    names = {each.id for each in use.partitions}
    return [each for each in network.partitions if each.id in names]


def _hosts(document: Document[Application], places: list[Place]) -> None:
    """Check that whoever is placed on hosts names a cluster of hosts of this application."""
    tenant, index = document.definition.tenant, document.index
    kinds = {p.use.subscribable_info.alias: index.get(Cartridge, tenant, p.use.type) for p in places}
    hosts = {alias for alias, cartridge in kinds.items() if cartridge is not None and cartridge.hosting is not None}
    for place in places:
        deployments = (index.get(DeploymentPolicy, tenant, name) for _, name in place.policies)
        for use in (use for each in deployments if each for use in each.network_partitions):
            network = index.get(NetworkPartition, tenant, use.id)
            for partition in _used(network, use) if network else ():
                if network is None or network.provider_of(partition) != HOSTS:
                    continue
                given = (*network.properties, *partition.property)
                named = {each.name: each.value for each in given}.get(HOSTS, "")
                if named not in hosts:
                    where = f"partition '{partition.id}' of network partition '{use.id}'"
                    bound = f"is placed on hosts '{named}' in {where}: must be an alias whose cartridge has hosting"
                    document.wrong(_alias(place), place.use.subscribable_info.alias, bound)


def _balancers(document: Document[Application], places: list[Place]) -> None:
    """Tell when a balancer is to serve a cluster that the application does not have."""
    aliases = {place.use.subscribable_info.alias for place in places}
    for place in places:
        cartridge = document.index.get(Cartridge, document.definition.tenant, place.use.type)
        if cartridge is None or not balances(cartridge):
            continue
        given = (*cartridge.property, *document.definition.property, *place.use.subscribable_info.property)
        named = properties(given).get(CLUSTERS, "")
        for alias in sorted({each.strip() for each in named.split(",")} - aliases - {""}):
            what = f"its {CLUSTERS} names '{alias}', which is no alias of this application: passed over"
            document.doubt(_alias(place), place.use.subscribable_info.alias, what)


def _budget(document: Document[Application], root: Level) -> None:
    """Check that the budget suffices for the minimums."""
    budget = document.definition.budget
    least = least_members(root)
    if budget and budget.members is not None and budget.members < least:
        document.wrong(("budget", "members"), budget.members, f"must be at least {least}, the sum of the minimums")


def _prices(document: Document[Application], places: list[Place]) -> None:
    """Check that there is a price wherever a budget or a quota in money needs it: an unknown price is not zero."""
    tenant, budget = document.definition.tenant, document.definition.budget
    owner = document.index.get(Tenant, DEFAULT_TENANT, tenant)
    paths: list[tuple[Path, object, str]] = []
    if budget is not None and budget.cost_per_hour is not None:
        paths.append((("budget", "costPerHour"), budget.cost_per_hour, "needs"))
    elif owner is not None and owner.quota is not None and owner.quota.cost_per_hour is not None:
        paths.append((("tenant",), tenant, "has a quota in costPerHour, which needs"))
    for path, value, what in paths:
        if unpriced := _unpriced(document, places):
            which = ", ".join(f"'{partition}' of network partition '{network}'" for network, partition in unpriced)
            document.wrong(path, value, f"{what} pricePerHour of partition {which}")


def _unpriced(document: Document[Application], places: list[Place]) -> list[tuple[str, str]]:
    """Return the partitions without a price that members may be placed in."""
    tenant, found = document.definition.tenant, dict[tuple[str, str], None]()
    for deployment in (document.index.get(DeploymentPolicy, tenant, name) for p in places for _, name in p.policies):
        for use in deployment.network_partitions if deployment else ():
            network = document.index.get(NetworkPartition, tenant, use.id)
            prices = {each.id: each.price_per_hour for each in network.partitions} if network else {}
            found |= {(use.id, each.id): None for each in use.partitions if prices.get(each.id, 0.0) is None}
    return list(found)


def least_members(level: Level) -> int:
    """Return how many members a level has when every cluster and group is at its minimum."""
    here = sum(each.cartridge_min for each in level.use.cartridges)
    times = level.use.group_min_instances if isinstance(level.use, GroupUse) else 1
    return times * (here + sum(least_members(each) for each in level.groups))
