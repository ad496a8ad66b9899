"""A *cartridge* is what the members of a cluster are made of."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from config.definition import Declaration, Definition, Id, Number, Property, Text, Truth, Whole

Port = Annotated[Whole, Field(ge=1, le=65535)]


class PortMapping(Definition):
    """A port that a member listens on, and the one that balancers offer for it."""

    name: Text = ""
    """Empty: ``<protocol>-<port>``."""
    protocol: Text = "http"
    port: Port
    proxy_port: Annotated[Whole, Field(ge=0, le=65535)] = 0
    """Port on the balancer; 0: the balancer's own choice."""
    kubernetes_port_type: Literal["NodePort", "ClusterIP"] = "NodePort"


class Deployment(Definition):
    """Where artifacts go. Read, not used yet."""

    base_dir: Text = ""
    dir: tuple[Text, ...] = ()


class FloatingNetwork(Definition):
    """A floating address of a network interface."""

    name: Text = ""
    network_uuid: Text = ""
    floating_ip: Annotated[Text, Field(alias="floatingIP")] = ""


class NetworkInterface(Definition):
    """A network that an instance is attached to."""

    STALE: ClassVar[dict[str, str]] = {"name": ""}

    network_uuid: Text = ""
    fixed_ip: Text = ""
    port_uuid: Text = ""
    floating_networks: tuple[FloatingNetwork, ...] = ()


class IaasProvider(Definition):
    """What the cartridge is on one cloud."""

    STALE: ClassVar[dict[str, str]] = {"maxInstanceLimit": ""}

    type: Id
    """The cloud, as network partitions name it in ``provider``."""
    name: Text = ""
    class_name: Text = ""
    image_id: Text = ""
    """Image on this cloud; not needed where processes are started."""
    provider: Text = ""
    identity: Text = ""
    credential: Text = ""
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
    """Volumes that outlive an instance. Read, not used yet."""

    is_required: Truth = False
    required: Truth = False
    volumes: tuple[Volume, ...] = ()
    volume: tuple[Volume, ...] = ()


class Drain(Definition):
    """How a member is taken away."""

    timeout_seconds: Annotated[Number, Field(ge=0, le=86400)] = 30.0
    """How long a draining member may take to end its requests (s)."""
    grace_seconds: Annotated[Number, Field(ge=0, le=3600)] = 10.0
    """From SIGTERM to SIGKILL (s)."""


class Cartridge(Declaration):
    """A cartridge: Stratos' document, with ``command``, ``healthProbe``, ``drain`` and times added."""

    KIND: ClassVar[str] = "cartridge"
    ID: ClassVar[str] = "type"

    type: Id
    category: Annotated[Text, Field(min_length=1)]
    """``framework``, ``data``, ``load-balancer`` ..."""
    provider: Text = ""
    host: Text = ""
    """DNS suffix of the clusters' host names."""
    display_name: Text = ""
    description: Text = ""
    version: Text = ""
    multi_tenant: Truth = False
    """Read, not used yet."""
    port_mapping: tuple[PortMapping, ...] = ()
    deployment: Deployment | None = None
    iaas_provider: Annotated[tuple[IaasProvider, ...], Field(min_length=1)]
    persistence: Persistence | None = None
    metadata_keys: tuple[Text, ...] = ()
    """What members export. Read, not used yet."""
    load_balancing_ip_type: Annotated[Literal["private", "public"], Field(alias="loadBalancingIPType")] = "private"
    property: tuple[Property, ...] = ()
    """``payload_parameter.X`` becomes the instance's environment ``X``."""

    command: tuple[Text, ...] = ()
    """Program and arguments, for clouds that run processes. ``{python}`` stands for the interpreter that the cloud
    adapter runs on, ``{port}`` for the port that the instance is to listen on (also in ``PILEUS_PORT``)."""
    health_probe: Annotated[Text, Field(pattern=r"^(|tcp|http:/\S*)$")] | None = None
    """How a member is asked whether it is well: ``http:/path``, ``tcp``, or empty for never.
    When not given: ``tcp`` with a port mapping, never without."""
    drain: Drain = Drain()
    boot_timeout_seconds: Annotated[Number, Field(gt=0, le=86400)] = 900.0
    """How long a member may take from launch to serving before it is replaced (s)."""
    lead_time_seconds: Annotated[Number, Field(gt=0, le=86400)] = 30.0
    """From asking for a member until it serves, assumed before any was measured (s)."""
