"""Reads the policies of a replay: applications as they are declared, or an autoscaling policy alone."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from config.autoscaling import AutoscalingPolicy
from config.catalogue import assemble
from config.cluster import ClusterSpec
from config.errors import ConfigError, Problem
from config.parse import Source, parse
from config.read import read

PLACE, NAME = "lab", "lab"
"""The application, its partition and so on that are made up around a policy that stands alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the command line says over the definitions; ``None``: what they say."""

    least: int | None = None
    most: int | None = None
    price: float | None = None
    """Of a member-hour, where a partition has none."""
    cluster: str | None = None
    """Which cluster of an application."""
    policy: str | None = None
    """Which of several policies that stand alone."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One policy that is to be replayed."""

    label: str
    spec: ClusterSpec
    definition: AutoscalingPolicy
    alone: bool
    """True when nothing says what its members are."""


def read_policy(path: Path, bounds: Bounds) -> Declared:
    """Read the one policy that a file or a folder declares, or that ``bounds`` name.

    Raises
    ------
    ConfigError
        If the definitions are not valid, or leave it open which one is meant.
    """
    sources, unread = read([path])
    parsed = [parse(source) for source in sources]
    found = [each.definition for each in parsed if each.definition is not None]
    policies = [each for each in found if isinstance(each, AutoscalingPolicy)]
    alone = not any(each.KIND == "application" for each in found)
    problems = [*unread, *(problem for each in parsed for problem in each.problems)]
    if problems:
        raise ConfigError(problems)
    if alone:
        policy = _one(path, policies, bounds)
        parsed += [parse(Source("(made up around the policy)", each)) for each in _around(policy, bounds)]
    catalogue, problems = assemble(parsed)
    if problems:
        raise ConfigError(problems)
    spec = _cluster(path, list(catalogue.clusters()), bounds)
    used = next(each for each in policies if each.id == spec.policy.policy and each.tenant == spec.tenant)
    return Declared(used.id, _bounded(spec, bounds), used, alone)


def _one(path: Path, policies: list[AutoscalingPolicy], bounds: Bounds) -> AutoscalingPolicy:
    """Return the policy that is meant."""
    named = [each for each in policies if bounds.policy in {None, each.id}]
    if len(named) == 1:
        return named[0]
    known = ", ".join(each.id for each in policies) or "none"
    bound = "must declare one autoscaling policy, or an application that uses one"
    raise ConfigError([Problem(file=str(path), bound=bound, hint=f"it declares {known}; --cluster or --id chooses")])


def _cluster(path: Path, specs: list[ClusterSpec], bounds: Bounds) -> ClusterSpec:
    """Return the cluster that is meant."""
    named = [each for each in specs if bounds.cluster in {None, each.cluster, each.alias}]
    if len(named) == 1:
        return named[0]
    known = ", ".join(each.cluster for each in specs) or "none"
    raise ConfigError([Problem(file=str(path), bound="must leave one cluster", hint=f"--cluster one of {known}")])


def _bounded(spec: ClusterSpec, bounds: Bounds) -> ClusterSpec:
    """Return the definition with what the command line says."""
    partitions = spec.partitions
    if bounds.price is not None:
        partitions = tuple(
            each if each.price_per_hour is not None else replace(each, price_per_hour=bounds.price)
            for each in partitions
        )
    least = spec.min_members if bounds.least is None else bounds.least
    most = max(least, spec.max_members if bounds.most is None else bounds.most)
    if bounds.most is not None:
        partitions = tuple(replace(each, max_members=max(each.max_members, most)) for each in partitions)
    return msgspec.structs.replace(spec, min_members=least, max_members=most, partitions=partitions)


def _around(policy: AutoscalingPolicy, bounds: Bounds) -> list[dict[str, Any]]:
    """Return an application of one cluster that uses a policy, and all that it needs."""
    most = bounds.most or 1000
    tenant = {"tenant": policy.tenant}
    use = {
        "type": NAME,
        "cartridgeMin": bounds.least or 1,
        "cartridgeMax": most,
        "subscribableInfo": {"alias": NAME, "autoscalingPolicy": policy.id, "deploymentPolicy": NAME},
    }
    place = {"id": PLACE, "partitionAlgo": "one-after-another", "partitions": [{"id": PLACE, "partitionMax": most}]}
    return [
        {
            "kind": "cartridge",
            "type": NAME,
            "category": "framework",
            "portMapping": [{"protocol": "http", "port": 80, "proxyPort": 80}],
            "iaasProvider": [{"type": "memory"}],
            **tenant,
        },
        {"kind": "networkPartition", "id": PLACE, "provider": "memory", "partitions": [{"id": PLACE}], **tenant},
        {"kind": "deploymentPolicy", "id": NAME, "networkPartitions": [place], **tenant},
        {"kind": "applicationPolicy", "id": NAME, "algorithm": "one-after-another", "networkPartitions": [PLACE]}
        | tenant,
        {
            "kind": "application",
            "applicationId": NAME,
            "alias": NAME,
            "applicationPolicy": NAME,
            "components": {"cartridges": [use]},
            **tenant,
        },
    ]
