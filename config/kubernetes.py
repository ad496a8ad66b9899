"""A *Kubernetes cluster* is where partitions of provider ``kubernetes`` lie."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from config.cartridge import Port
from config.definition import Declaration, Definition, Id, Property, Remark, Text, not_yet

NO_KUBERNETES = not_yet("the Kubernetes adapter's settings say how to reach a cluster")


class Host(Definition):
    """A machine of the cluster."""

    host_id: Id
    """Unique in the cluster, the master's included."""
    hostname: Text = ""
    private_ip_address: Annotated[Text, Field(alias="privateIPAddress", min_length=1)]
    public_ip_address: Annotated[Text, Field(alias="publicIPAddress")] = ""
    property: tuple[Property, ...] = ()
    """``KUBERNETES_MASTER_PORT`` (master) ..."""


class PortRange(Definition):
    """Ports, both ends included."""

    lower: Port
    upper: Port

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.upper < self.lower:
            raise ValueError(f"upper = {self.upper} must be at least lower = {self.lower}")
        return self


class KubernetesCluster(Declaration):
    """A Kubernetes cluster: Stratos' document."""

    KIND: ClassVar[str] = "kubernetesCluster"
    ID: ClassVar[str] = "clusterId"

    cluster_id: Id
    """What the property ``cluster`` of a partition names."""
    description: Remark = ""
    kubernetes_master: Annotated[Host, NO_KUBERNETES]
    kubernetes_hosts: Annotated[tuple[Host, ...], NO_KUBERNETES] = ()
    port_range: Annotated[PortRange, NO_KUBERNETES]
    """Ports of services."""
    property: Annotated[tuple[Property, ...], NO_KUBERNETES] = ()
    """``payload_parameter.X`` becomes the environment ``X`` of the instances there."""

    def hosts(self) -> Iterator[tuple[tuple[str | int, ...], Host]]:
        """Yield every host with its path."""
        yield ("kubernetesMaster",), self.kubernetes_master
        for i, host in enumerate(self.kubernetes_hosts):
            yield ("kubernetesHosts", i), host
