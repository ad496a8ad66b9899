"""What no document shows alone: references, room, unique names. All problems at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from config.application import GROUPS, STALE_GROUPS, Application, ApplicationPolicy, CartridgeUse
from config.autoscaling import AutoscalingPolicy
from config.cartridge import Cartridge
from config.definition import Declaration
from config.deployment import DeploymentPolicy, NetworkPartitionUse, PartitionUse
from config.errors import ABSENT, Problem, did_you_mean, problem
from config.index import D, Identity, Index
from config.leftovers import Path
from config.network import LOCAL, PORT_RANGE, NetworkPartition, Partition
from config.resolve import cluster_id, in_order


def check(index: Index, broken: frozenset[Identity]) -> tuple[list[Problem], list[Problem]]:
    """Return the problems and the warnings of a whole catalogue; ``broken`` names what exists and is wrong itself."""
    checker = _Checker(index, broken)
    for network in index.all(NetworkPartition):
        checker.network_partition(network)
    for deployment in index.all(DeploymentPolicy):
        checker.deployment_policy(deployment)
    for policy in index.all(ApplicationPolicy):
        checker.application_policy(policy)
    for application in index.all(Application):
        checker.application(application)
    return checker.problems, checker.warnings


@dataclass(slots=True)
class _Checker:
    """Goes through a catalogue once and collects."""

    index: Index
    broken: frozenset[Identity]
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    ports: dict[int, str] = field(default_factory=dict)
    """Who has each port of the local cloud."""
    clusters: dict[str, str] = field(default_factory=dict)
    """Who has each cluster id."""

    def wrong(self, where: Declaration, path: Path, value: object, bound: str, hint: str = "") -> None:
        """Write down a problem."""
        self.problems.append(problem(self.index.files[where.identity], path, value, bound, hint))

    def doubt(self, where: Declaration, path: Path, value: object, what: str) -> None:
        """Write down a warning."""
        self.warnings.append(problem(self.index.files[where.identity], path, value, what))

    def find(self, kind: type[D], name: str, where: Declaration, path: Path) -> D | None:
        """Return what a reference names; a name that nothing has is a problem."""
        found = self.index.get(kind, where.tenant, name)
        if found is None and (kind.KIND, where.tenant, name) not in self.broken:
            names = {key[2] for key in self.index.definitions if key[:2] == (kind.KIND, where.tenant)}
            self.wrong(where, path, name, f"no such {kind.KIND}", did_you_mean(name, names))
        return found

    def unique(self, where: Declaration, names: Iterable[tuple[Path, str]]) -> None:
        """Check that no name stands there twice."""
        seen: set[str] = set()
        for path, name in names:
            if name in seen:
                self.wrong(where, path, name, "must be unique")
            seen.add(name)

    def network_partition(self, network: NetworkPartition) -> None:
        """Check providers, ids and ports."""
        self.unique(network, ((("partitions", i, "id"), each.id) for i, each in enumerate(network.partitions)))
        if not all(network.provider_of(each) for each in network.partitions):
            self.wrong(network, ("provider",), ABSENT, "must be given")
        for i, partition in enumerate(network.partitions):
            if partition.provider and partition.provider != network.provider:
                what = "obsolete, counts only while the network partition has none"
                self.doubt(network, ("partitions", i, "provider"), partition.provider, what)
            if network.provider_of(partition) == LOCAL:
                self.port_range(network, i, partition)

    def port_range(self, network: NetworkPartition, i: int, partition: Partition) -> None:
        """Check the ports of a partition of the local cloud: given, and nobody else's."""
        at = next((k for k, each in enumerate(partition.property) if each.name == PORT_RANGE), None)
        if at is None:
            self.wrong(network, ("partitions", i, "property"), ABSENT, f"must hold {PORT_RANGE}, as in 9100-9115")
            return
        path, value = ("partitions", i, "property", at, "value"), partition.property[at].value
        if partition.ports is None:
            self.wrong(network, path, value, "must be two ports, the lower first, as in 9100-9115")
            return
        mine = f"{network.tenant}/{network.id}/{partition.id}"
        taken = next((self.ports[port] for port in partition.ports if port in self.ports), None)
        if taken:
            self.wrong(network, path, value, f"must not overlap with the ports of {taken}")
        self.ports |= dict.fromkeys(partition.ports, mine)

    def deployment_policy(self, policy: DeploymentPolicy) -> None:
        """Check that network partitions and partitions exist and have the room that is promised."""
        uses = policy.network_partitions
        self.unique(policy, ((("networkPartitions", i, "id"), each.id) for i, each in enumerate(uses)))
        for i, use in enumerate(uses):
            path: Path = ("networkPartitions", i)
            names = (((*path, "partitions", k, "id"), each.id) for k, each in enumerate(use.partitions))
            self.unique(policy, names)
            network = self.find(NetworkPartition, use.id, policy, (*path, "id"))
            for k, each in enumerate(use.partitions if network else ()):
                self.partition_use(policy, network, each, (*path, "partitions", k))

    def partition_use(
        self, policy: DeploymentPolicy, network: NetworkPartition | None, use: PartitionUse, path: Path
    ) -> None:
        """Check one partition of a deployment policy. Ids count within their network partition (F25)."""
        if network is None:
            return
        partition = next((each for each in network.partitions if each.id == use.id), None)
        if partition is None:
            hint = did_you_mean(use.id, (each.id for each in network.partitions))
            self.wrong(policy, (*path, "id"), use.id, f"no such partition in network partition '{network.id}'", hint)
        elif network.provider_of(partition) == LOCAL and partition.ports and use.partition_max > len(partition.ports):
            bound = f"must be at most {len(partition.ports)}, the ports of partition '{partition.id}'"
            self.wrong(policy, (*path, "partitionMax"), use.partition_max, bound)

    def application_policy(self, policy: ApplicationPolicy) -> None:
        """Check that the network partitions exist, and that its groups name only those."""
        names = [(("networkPartitions", i), name) for i, name in enumerate(policy.network_partitions)]
        self.unique(policy, names)
        for path, name in names:
            self.find(NetworkPartition, name, policy, path)
        at = None
        for i, each in enumerate(policy.properties):
            at = i if each.name == GROUPS else at
            if each.name == STALE_GROUPS:
                self.doubt(policy, ("properties", i, "name"), each.name, f"stale name of {GROUPS}, not used")
        if at is None:
            return
        used = [name for wave in policy.waves() for name in wave]
        self.unique(policy, ((("properties", at, "value"), name) for name in used))
        for name in used:
            if name not in policy.network_partitions:
                bound = "must be one of networkPartitions"
                self.wrong(
                    policy, ("properties", at, "value"), name, bound, did_you_mean(name, policy.network_partitions)
                )

    def application(self, application: Application) -> None:
        """Check every cluster of an application."""
        policy = None
        if application.application_policy is not None:
            policy = self.find(ApplicationPolicy, application.application_policy, application, ("applicationPolicy",))
        uses = application.components.cartridges
        base: Path = ("components", "cartridges")
        alias = ("subscribableInfo", "alias")
        self.unique(application, (((*base, i, *alias), each.subscribable_info.alias) for i, each in enumerate(uses)))
        for i, use in enumerate(uses):
            self.cluster(application, policy, use, (*base, i))

    def cluster(
        self, application: Application, policy: ApplicationPolicy | None, use: CartridgeUse, path: Path
    ) -> None:
        """Check one cluster: what it refers to, its id, its room."""
        info, at = use.subscribable_info, (*path, "subscribableInfo")
        cartridge = self.find(Cartridge, use.type, application, (*path, "type"))
        self.find(AutoscalingPolicy, info.autoscaling_policy, application, (*at, "autoscalingPolicy"))
        self.cluster_id(application, info.alias, (*at, "alias"))
        if info.deployment_policy is None:
            self.wrong(application, (*at, "deploymentPolicy"), ABSENT, "must be given")
            return
        where = (*at, "deploymentPolicy")
        deployment = self.find(DeploymentPolicy, info.deployment_policy, application, where)
        if deployment is None:
            return
        self.policies(application, policy, deployment, where)
        order = in_order(deployment, policy)
        self.room(application, use, order, path)
        for network in order if cartridge else ():
            self.providers(application, cartridge, network, path)

    def cluster_id(self, application: Application, alias: str, path: Path) -> None:
        """Check that no other cluster of Pileus is called the same."""
        cluster = cluster_id(application.tenant, application.application_id, alias)
        mine = f"{application.tenant}/{application.application_id}/{alias}"
        if self.clusters.setdefault(cluster, mine) != mine:
            bound = f"makes the cluster '{cluster}', which {self.clusters[cluster]} is already"
            self.wrong(application, path, alias, bound)

    def policies(
        self, application: Application, policy: ApplicationPolicy | None, deployment: DeploymentPolicy, path: Path
    ) -> None:
        """Check that the deployment policy knows every network partition of the application policy."""
        if policy is None:
            return
        known = {each.id for each in deployment.network_partitions}
        for name in policy.network_partitions:
            if name not in known:
                bound = f"must place in network partition '{name}' of application policy '{policy.id}'"
                self.wrong(application, path, deployment.id, bound)
        if policy.algorithm == "all-at-once" and len(policy.network_partitions) > 1:
            bound = "must be one-after-another: all-at-once over several network partitions is not supported yet"
            self.wrong(application, ("applicationPolicy",), policy.id, bound)

    def room(
        self, application: Application, use: CartridgeUse, order: tuple[NetworkPartitionUse, ...], path: Path
    ) -> None:
        """Check that the minimum fits into each network partition; tell when the maximum fits nowhere."""
        for network in order:
            if use.cartridge_min > network.room:
                bound = f"must be at most {network.room}, the sum of partitionMax in network partition '{network.id}'"
                self.wrong(application, (*path, "cartridgeMin"), use.cartridge_min, bound)
        total = sum(network.room for network in order)
        if order and use.cartridge_max > total:
            what = f"more than {total}, the sum of partitionMax in all partitions"
            self.doubt(application, (*path, "cartridgeMax"), use.cartridge_max, what)

    def providers(
        self, application: Application, cartridge: Cartridge | None, use: NetworkPartitionUse, path: Path
    ) -> None:
        """Check that the cartridge says what it is on every cloud it is placed in."""
        network = self.index.get(NetworkPartition, application.tenant, use.id)
        if cartridge is None or network is None:
            return
        offered = {each.type for each in cartridge.iaas_provider}
        for provider in sorted({network.provider_of(each) for each in network.partitions} - offered - {""}):
            bound = f"has no iaasProvider '{provider}', which network partition '{network.id}' needs"
            self.wrong(application, (*path, "type"), cartridge.type, bound)
        local = LOCAL in {network.provider_of(each) for each in network.partitions}
        if local and LOCAL in offered and not cartridge.command:
            self.wrong(application, (*path, "type"), cartridge.type, "must have a command to be started as a process")
