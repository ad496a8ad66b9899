"""Check where members are placed: network partitions, partitions and policies fit each other."""

from config.application import Path
from config.application_policy import GROUPS, STALE_GROUPS, ApplicationPolicy
from config.deployment import DeploymentPolicy, PartitionUse
from config.errors import ABSENT, did_you_mean
from config.findings import Document
from config.kubernetes import KubernetesCluster
from config.network import CLUSTER, KUBERNETES, LOCAL, PORT_RANGE, NetworkPartition, Partition


def kubernetes_cluster(document: Document[KubernetesCluster]) -> None:
    """Check that host ids are unique, the master's included."""
    document.unique(((*path, "hostId"), host.host_id) for path, host in document.definition.hosts())


def network_partition(document: Document[NetworkPartition]) -> None:
    """Check providers, ids and ports."""
    network = document.definition
    document.unique((("partitions", i, "id"), each.id) for i, each in enumerate(network.partitions))
    if not all(network.provider_of(each) for each in network.partitions):
        document.wrong(("provider",), ABSENT, "must be given")
    for i, partition in enumerate(network.partitions):
        if partition.provider and partition.provider != network.provider:
            what = "obsolete, counts only while the network partition has none"
            document.doubt(("partitions", i, "provider"), partition.provider, what)
        if network.provider_of(partition) == LOCAL:
            _port_range(document, i, partition)
        if network.provider_of(partition) == KUBERNETES:
            _kubernetes(document, i, partition)


def _kubernetes(document: Document[NetworkPartition], i: int, partition: Partition) -> None:
    """Check that the Kubernetes cluster exists, where one is named."""
    for k, each in enumerate(partition.property):
        if each.name == CLUSTER:
            document.find(KubernetesCluster, each.value, ("partitions", i, "property", k, "value"))


def _port_range(document: Document[NetworkPartition], i: int, partition: Partition) -> None:
    """Check the ports of a partition of the local cloud: given, and nobody else's."""
    network, ports = document.definition, document.findings.ports
    at = next((k for k, each in enumerate(partition.property) if each.name == PORT_RANGE), None)
    if at is None:
        document.wrong(("partitions", i, "property"), ABSENT, f"must hold {PORT_RANGE}, as in 9100-9115")
        return
    path, value = ("partitions", i, "property", at, "value"), partition.property[at].value
    if partition.ports is None:
        document.wrong(path, value, "must be two ports, the lower first, as in 9100-9115")
        return
    taken = next((ports[port] for port in partition.ports if port in ports), None)
    if taken:
        document.wrong(path, value, f"must not overlap with the ports of {taken}")
    ports |= dict.fromkeys(partition.ports, f"{network.tenant}/{network.id}/{partition.id}")


def deployment_policy(document: Document[DeploymentPolicy]) -> None:
    """Check that network partitions and partitions exist and have the room that is promised."""
    uses = document.definition.network_partitions
    document.unique((("networkPartitions", i, "id"), each.id) for i, each in enumerate(uses))
    for i, use in enumerate(uses):
        path: Path = ("networkPartitions", i)
        document.unique(((*path, "partitions", k, "id"), each.id) for k, each in enumerate(use.partitions))
        network = document.find(NetworkPartition, use.id, (*path, "id"))
        for k, each in enumerate(use.partitions if network else ()):
            _partition_use(document, network, each, (*path, "partitions", k))


def _partition_use(
    document: Document[DeploymentPolicy], network: NetworkPartition | None, use: PartitionUse, path: Path
) -> None:
    """Check one partition of a deployment policy. Ids count within their network partition (F25)."""
    if network is None:
        return
    partition = next((each for each in network.partitions if each.id == use.id), None)
    if partition is None:
        hint = did_you_mean(use.id, (each.id for each in network.partitions))
        document.wrong((*path, "id"), use.id, f"no such partition in network partition '{network.id}'", hint)
    elif network.provider_of(partition) == LOCAL and partition.ports and use.partition_max > len(partition.ports):
        bound = f"must be at most {len(partition.ports)}, the ports of partition '{partition.id}'"
        document.wrong((*path, "partitionMax"), use.partition_max, bound)


def application_policy(document: Document[ApplicationPolicy]) -> None:
    """Check that the network partitions exist, and that its groups name only those."""
    policy = document.definition
    names: list[tuple[Path, str]] = [
        (("networkPartitions", i), name) for i, name in enumerate(policy.network_partitions)
    ]
    document.unique(names)
    for path, name in names:
        document.find(NetworkPartition, name, path)
    at = None
    for i, each in enumerate(policy.properties):
        at = i if each.name == GROUPS else at
        if each.name == STALE_GROUPS:
            document.doubt(("properties", i, "name"), each.name, f"stale name of {GROUPS}, not used")
    if at is None:
        return
    used = [name for wave in policy.waves() for name in wave]
    document.unique((("properties", at, "value"), name) for name in used)
    for name in used:
        if name not in policy.network_partitions:
            hint = did_you_mean(name, policy.network_partitions)
            document.wrong(("properties", at, "value"), name, "must be one of networkPartitions", hint)
