"""The kinds of definitions, and how a document without ``kind:`` is recognised."""

from collections.abc import Mapping
from typing import Any

from config.application import Application
from config.application_policy import ApplicationPolicy
from config.autoscaling import AutoscalingPolicy
from config.cartridge import Cartridge
from config.definition import Declaration
from config.deployment import DeploymentPolicy
from config.group import CartridgeGroup
from config.kubernetes import KubernetesCluster
from config.network import NetworkPartition
from config.signup import ApplicationSignUp, DomainMapping
from config.tenant import Tenant

KINDS: dict[str, type[Declaration]] = {
    kind.KIND: kind
    for kind in (
        Tenant,
        KubernetesCluster,
        Cartridge,
        CartridgeGroup,
        AutoscalingPolicy,
        NetworkPartition,
        DeploymentPolicy,
        ApplicationPolicy,
        Application,
        ApplicationSignUp,
        DomainMapping,
    )
}
"""Every kind, in the order in which they refer to each other."""

NO_DEFINITION: dict[str, str] = {
    "user": "Pileus has no users: who may publish definitions is a right of the broker",
    "gitHook": "Pileus fetches no artifacts",
}
"""Documents of Stratos that are recognised and declare nothing here, with the reason."""

MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("applicationSignUp", frozenset({"artifactRepositories"})),
    ("domainMapping", frozenset({"domainMappings"})),
    ("application", frozenset({"components"})),
    ("application", frozenset({"applicationId"})),
    ("autoscalingPolicy", frozenset({"loadThresholds"})),
    ("kubernetesCluster", frozenset({"kubernetesMaster"})),
    ("kubernetesCluster", frozenset({"kubernetesHosts"})),
    ("cartridge", frozenset({"iaasProvider"})),
    ("cartridge", frozenset({"type", "category"})),
    ("applicationPolicy", frozenset({"algorithm"})),
    ("deploymentPolicy", frozenset({"networkPartition"})),
    ("deploymentPolicy", frozenset({"partitionGroup"})),
    ("networkPartition", frozenset({"partitions"})),
    ("tenant", frozenset({"tenantDomain"})),
    ("cartridgeGroup", frozenset({"name", "cartridges"})),
    ("cartridgeGroup", frozenset({"name", "groups"})),
    ("user", frozenset({"userName", "credential"})),
    ("gitHook", frozenset({"repository"})),
)
"""Keys that only one kind has, in the order they are tried."""


def recognise(document: Mapping[str, Any]) -> str:
    """Return the kind that a document is, by its keys; empty when it is none."""
    keys = document.keys()
    found = next((kind for kind, marks in MARKS if marks <= keys), "")
    if found or "networkPartitions" not in keys:
        return found
    uses = document["networkPartitions"]
    named = isinstance(uses, list) and all(isinstance(use, str) for use in uses)
    return "applicationPolicy" if named else "deploymentPolicy"
