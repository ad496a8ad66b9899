"""A *deployment policy* says which partitions members are placed in, in which order, and how many each may take."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from config.definition import Declaration, Definition, Id, Number, Remark, Whole


class PartitionUse(Definition):
    """One partition, and how many members it may take."""

    STALE: ClassVar[dict[str, str]] = {"max": "partitionMax", "partitionMin": "", "min": ""}

    id: Id
    """A partition of that network partition."""
    partition_max: Annotated[Whole, Field(ge=1)]
    weight: Annotated[Number, Field(gt=0, le=1000)] = 1.0
    """Share of the members, relative to the other partitions'."""


class NetworkPartitionUse(Definition):
    """One network partition, and how members are spread over its partitions."""

    STALE: ClassVar[dict[str, str]] = {"partition": "partitions"}

    id: Id
    partition_algo: Literal["one-after-another", "round-robin"] = "one-after-another"
    partitions: Annotated[tuple[PartitionUse, ...], Field(min_length=1)]

    @property
    def room(self) -> int:
        """Return how many members fit in."""
        return sum(partition.partition_max for partition in self.partitions)


class DeploymentPolicy(Declaration):
    """A deployment policy: Stratos' document."""

    KIND: ClassVar[str] = "deploymentPolicy"
    STALE: ClassVar[dict[str, str]] = {
        "networkPartition": "networkPartitions",
        "partitionGroup": "networkPartitions",
        "isPublic": "",
    }

    id: Id
    description: Remark = ""
    network_partitions: Annotated[tuple[NetworkPartitionUse, ...], Field(min_length=1)]
