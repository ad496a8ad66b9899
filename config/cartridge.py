"""A *cartridge* is what the members of a cluster are made of."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from config.definition import (
    Declaration,
    Definition,
    Id,
    Number,
    Property,
    Remark,
    Text,
    Truth,
    Whole,
    ignored,
    not_yet,
)

NO_ARTIFACTS = ignored("Pileus fetches no artifacts: the image or the command brings them")
NO_CLOUD = not_yet("no cloud adapter reads it yet")
NO_ADDRESS = not_yet("no cloud adapter gives members addresses of their own choice")
NO_VOLUMES = not_yet("no cloud adapter attaches volumes")

Port = Annotated[Whole, Field(ge=1, le=65535)]


class PortMapping(Definition):
    """A port that a member listens on, and the one that balancers offer for it."""

    name: Text = ""
    """Empty: ``<protocol>-<port>``."""
    protocol: Text = "http"
    port: Port
    """Where a member on a machine of its own serves (the first mapping); processes find theirs in ``PILEUS_PORT``."""
    proxy_port: Annotated[Whole, Field(ge=0, le=65535), not_yet()] = 0
    """Port on the balancer; 0: the balancer's own choice."""
    kubernetes_port_type: Annotated[Literal["NodePort", "ClusterIP"], NO_CLOUD] = "NodePort"


class Deployment(Definition):
    """Where artifacts go."""

    base_dir: Annotated[Text, NO_ARTIFACTS] = ""
    dir: Annotated[tuple[Text, ...], NO_ARTIFACTS] = ()


class FloatingNetwork(Definition):
    """A floating address of a network interface."""

    name: Annotated[Text, NO_ADDRESS] = ""
    network_uuid: Annotated[Text, NO_ADDRESS] = ""
    floating_ip: Annotated[Text, Field(alias="floatingIP"), NO_ADDRESS] = ""


class NetworkInterface(Definition):
    """A network that an instance is attached to."""

    STALE: ClassVar[dict[str, str]] = {"name": ""}

    network_uuid: Text = ""
    """A network by its id, for clouds that take networks (OpenStack)."""
    fixed_ip: Annotated[Text, NO_ADDRESS] = ""
    port_uuid: Annotated[Text, NO_ADDRESS] = ""
    floating_networks: Annotated[tuple[FloatingNetwork, ...], NO_ADDRESS] = ()


class IaasProvider(Definition):
    """What the cartridge is on one cloud."""

    STALE: ClassVar[dict[str, str]] = {"maxInstanceLimit": ""}

    type: Id
    """The cloud, as network partitions name it in ``provider``."""
    name: Annotated[Text, ignored("the type says which cloud")] = ""
    class_name: Annotated[Text, ignored("cloud adapters are chosen by the network partition's provider")] = ""
    image_id: Text = ""
    """Image on this cloud; not needed where processes are started."""
    provider: Annotated[Text, ignored("the type says which cloud")] = ""
    identity: Annotated[Text, ignored("cloud accounts are settings, not definitions")] = ""
    credential: Annotated[Text, ignored("cloud accounts are settings, not definitions")] = ""
    property: tuple[Property, ...] = ()
    network_interfaces: tuple[NetworkInterface, ...] = ()


class Volume(Definition):
    """A volume of an instance."""

    id: Text = ""
    size: Text = ""
    device: Text = ""
    remove_on_termination: Truth = False
    mapping_path: Text = ""
    snapshot_id: Text = ""
    volume_id: Text = ""


class Persistence(Definition):
    """Volumes that outlive an instance."""

    is_required: Truth = False
    required: Truth = False
    """Older word for ``isRequired``."""
    volumes: tuple[Volume, ...] = ()
    volume: tuple[Volume, ...] = ()
    """Older word for ``volumes``."""


class Drain(Definition):
    """How a member is taken away."""

    timeout_seconds: Annotated[Number, Field(ge=0, le=86400)] = 30.0
    """How long a draining member may take to end its requests (s)."""
    grace_seconds: Annotated[Number, Field(ge=0, le=3600)] = 10.0
    """From SIGTERM to SIGKILL (s)."""


class Hosting(Definition):
    """What each member offers to containers, as a host of them, and when there are too few or too many hosts."""

    slots: Annotated[Whole, Field(ge=1, le=1000)]
    """Containers at most."""
    cpus: Annotated[Number, Field(ge=0)] = 0.0
    """CPUs, which the ``cpus`` of containers are counted against; 0: not looked at."""
    memory: Annotated[Text, Field(pattern=r"^(|[1-9]\d{0,14}[bkmgBKMG]?)$")] = ""
    """Memory such as ``4g``, which the ``memory`` of containers is counted against; empty: not looked at."""
    reserve: Annotated[Whole, Field(ge=0, le=1000)] = 0
    """Containers for which room is kept free, as hosts take their time to come."""
    drain_below: Annotated[Number, Field(ge=0, le=1)] = 0.5
    """A host that is used to this share at most is emptied when all that is on it has room elsewhere."""


class Cartridge(Declaration):
    """A cartridge: Stratos' document, with ``command``, ``healthProbe``, ``drain`` and times added."""

    KIND: ClassVar[str] = "cartridge"
    ID: ClassVar[str] = "type"

    type: Id
    category: Annotated[Text, Field(min_length=1)]
    """``load-balancer`` or ``lb``, however it is written: members are balancers. Any other word decides nothing."""
    provider: Annotated[Text, ignored("who offers the cartridge; for people")] = ""
    host: Text = ""
    """DNS suffix of the clusters' host names: ``<alias>.<host>``, by which balancers that are cartridges route."""
    display_name: Remark = ""
    description: Remark = ""
    version: Remark = ""
    multi_tenant: Annotated[Truth, not_yet()] = False
    """One cluster serves every tenant that signs up."""
    port_mapping: tuple[PortMapping, ...] = ()
    deployment: Annotated[Deployment | None, NO_ARTIFACTS] = None
    iaas_provider: Annotated[tuple[IaasProvider, ...], Field(min_length=1)]
    persistence: Annotated[Persistence | None, NO_VOLUMES] = None
    metadata_keys: tuple[Annotated[Text, Field(pattern=r"^[^\s=#]+$", max_length=100)], ...] = ()
    """What members export, as ``<alias>-<key>``; those that start after them import it under the same name."""
    load_balancing_ip_type: Annotated[Literal["private", "public"], Field(alias="loadBalancingIPType"), not_yet()] = (
        "private"
    )
    """Which address of an instance balancers send requests to."""
    property: tuple[Property, ...] = ()
    """``payload_parameter.X`` becomes the instance's environment ``X``."""

    command: tuple[Text, ...] = ()
    """Program and arguments, for clouds that run processes. ``{python}`` stands for the interpreter that the cloud
    adapter runs on, ``{port}`` for the port that the instance is to listen on (also in ``PILEUS_PORT``)."""
    health_probe: Annotated[Text, Field(pattern=r"^(|tcp|http:/\S*)$")] | None = None
    """How a member is asked whether it is well: ``http:/path``, ``tcp``, or empty for never.
    When not given: ``tcp`` with a port mapping, never without."""
    drain: Drain = Drain()
    hosting: Hosting | None = None
    """Set for hosts: containers in a network partition of the provider ``hosts`` are placed on the members."""
    boot_timeout_seconds: Annotated[Number, Field(gt=0, le=86400)] = 900.0
    """How long a member may take from launch to serving before it is replaced (s)."""
    lead_time_seconds: Annotated[Number, Field(gt=0, le=86400)] = 30.0
    """From asking for a member until it serves, assumed before any was measured (s)."""
