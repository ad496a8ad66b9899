"""The kinds of definitions, and how a document without ``kind:`` is recognised."""

from collections.abc import Mapping
from typing import Any

from config.application import Application, ApplicationPolicy
from config.autoscaling import AutoscalingPolicy
from config.cartridge import Cartridge
from config.definition import Declaration
from config.deployment import DeploymentPolicy
from config.network import NetworkPartition

KINDS: dict[str, type[Declaration]] = {
    kind.KIND: kind
    for kind in (Cartridge, AutoscalingPolicy, NetworkPartition, DeploymentPolicy, ApplicationPolicy, Application)
}
"""Every kind, in the order in which they refer to each other."""

LATER = ("cartridgeGroup", "kubernetesCluster", "applicationSignUp", "domainMapping", "tenant")
"""Kinds of Stratos that are recognised and not supported yet."""

MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("application", frozenset({"applicationId"})),
    ("application", frozenset({"components"})),
    ("autoscalingPolicy", frozenset({"loadThresholds"})),
    ("kubernetesCluster", frozenset({"kubernetesMaster"})),
    ("kubernetesCluster", frozenset({"kubernetesHosts"})),
    ("cartridge", frozenset({"iaasProvider"})),
    ("cartridge", frozenset({"type", "category"})),
    ("applicationPolicy", frozenset({"algorithm"})),
    ("deploymentPolicy", frozenset({"networkPartition"})),
    ("networkPartition", frozenset({"partitions"})),
    ("applicationSignUp", frozenset({"artifactRepositories"})),
    ("domainMapping", frozenset({"domainMappings"})),
    ("tenant", frozenset({"tenantDomain"})),
    ("cartridgeGroup", frozenset({"name", "cartridges"})),
    ("cartridgeGroup", frozenset({"name", "groups"})),
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
