"""A *network partition* is one cloud or region; its *partitions* are places in it (zones, clusters, port ranges)."""

import builtins
import re
from typing import Annotated, ClassVar

from pydantic import Field

from config.definition import Declaration, Definition, Id, Number, Property, Remark, Text, properties
from config.hosting import HOSTS

LOCAL = "local"
"""Provider whose instances are processes of this machine."""
CLUSTER = "cluster"
"""Property of a partition of Kubernetes: the ``kubernetesCluster`` it lies in."""
KUBERNETES = "kubernetes"
BUILT_IN = frozenset({LOCAL, "memory", "docker", HOSTS})
"""Providers that need no account. Any other is an account of the settings' ``clouds_file``, for machines or pods."""
PORT_RANGE = "portRange"
"""Property of a partition of the local cloud: ``9100-9115``, both ends included."""


class Partition(Definition):
    """A place in a network partition. Its id counts within its network partition alone."""

    id: Id
    description: Remark = ""
    provider: Annotated[Text, Field(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """Counts only when the network partition has none: so machines and containers on them may share one."""
    property: tuple[Property, ...] = ()
    """``region``, ``zone``, ``cluster`` (Kubernetes), ``portRange`` (local) ..."""
    price_per_hour: Annotated[Number, Field(ge=0)] | None = None
    """What one member costs here per hour, in a unit of your own."""

    @builtins.property
    def ports(self) -> range | None:
        """Return the ports of ``portRange``; ``None`` when there is none or it is none."""
        found = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", properties(self.property).get(PORT_RANGE, ""))
        if not found:
            return None
        lower, upper = int(found[1]), int(found[2])
        return range(lower, upper + 1) if 1 <= lower <= upper <= 65535 else None  # noqa: PLR2004 - highest port


class NetworkPartition(Declaration):
    """A network partition: Stratos' document. ``provider: local`` starts processes on this machine."""

    KIND: ClassVar[str] = "networkPartition"

    id: Id
    provider: Annotated[Text, Field(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """Which cloud: ``local``, ``memory``, ``kubernetes``, or an account in the settings' ``clouds_file``."""
    partitions: Annotated[tuple[Partition, ...], Field(min_length=1)]
    properties: tuple[Property, ...] = ()
    """Of every partition; a partition's own property of the same name counts more."""

    def provider_of(self, partition: Partition) -> str:
        """Return the provider that counts for a partition."""
        return self.provider or partition.provider
