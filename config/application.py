"""An *application* is a set of clusters; an *application policy* says in which network partitions they live."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from config.cartridge import Persistence
from config.definition import Alias, Declaration, Definition, Id, Property, Text, Truth, Whole, properties

GROUPS = "networkPartitionGroups"
"""Property of an application policy: waves apart by ``,``, network partitions of one wave apart by ``|``."""
STALE_GROUPS = "network-partition-groups"
"""Its older name, which Stratos did not read any more."""


def _not_yet(value: object) -> object:
    """Refuse what is not built yet, rather than leave it out in silence."""
    if value:
        raise ValueError("must be empty: not supported yet")
    return ()


Later = Annotated[tuple[Any, ...], BeforeValidator(_not_yet)]


class ArtifactRepository(Definition):
    """Where the application's own files come from. Read, not used yet."""

    alias: Text = ""
    private_repo: Truth = False
    repo_url: Text = ""
    repo_username: Text = ""
    repo_password: Text = ""


class SubscribableInfo(Definition):
    """How one cluster of an application is called, scaled and placed."""

    STALE: ClassVar[dict[str, str]] = {"minMembers": "", "maxMembers": ""}

    alias: Alias
    """Unique in the application."""
    autoscaling_policy: Id
    deployment_policy: Id | None = None
    artifact_repository: ArtifactRepository | None = None
    property: tuple[Property, ...] = ()
    persistence: Persistence | None = None
    dependency_aliases: tuple[Text, ...] = ()
    lvs_virtual_ip: Annotated[Text, Field(alias="lvsVirtualIP")] = ""
    """Read, not used yet."""


class CartridgeUse(Definition):
    """One cluster of an application: a cartridge, how few and how many members."""

    STALE: ClassVar[dict[str, str]] = {"lvsVirtualIP": ""}

    type: Id
    """The cartridge."""
    cartridge_min: Annotated[Whole, Field(ge=1)]
    cartridge_max: Annotated[Whole, Field(ge=1)]
    subscribable_info: SubscribableInfo

    @field_validator("cartridge_max")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        least = info.data.get("cartridge_min")
        if least is not None and value < least:
            raise ValueError(f"must be at least cartridgeMin = {least}")
        return value


class Dependencies(Definition):
    """Start-up orders, ratios and what ends with what."""

    startup_orders: Later = ()
    scaling_dependents: Later = ()
    termination_behaviour: Literal["terminate-none", "terminate-dependents", "terminate-all"] = "terminate-none"


class Components(Definition):
    """What an application consists of."""

    cartridges: tuple[CartridgeUse, ...] = ()
    groups: Later = ()
    dependencies: Dependencies | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.cartridges:
            raise ValueError("must hold at least one cartridge")
        return self


class Application(Declaration):
    """An application: Stratos' document, with ``applicationPolicy`` added."""

    KIND: ClassVar[str] = "application"
    ID: ClassVar[str] = "applicationId"
    STALE: ClassVar[dict[str, str]] = {"status": "", "signUpsExist": ""}

    application_id: Id
    alias: Annotated[Text, Field(min_length=1)]
    name: Text = ""
    description: Text = ""
    multi_tenant: Truth = False
    """Read, not used yet."""
    property: tuple[Property, ...] = ()
    components: Components
    application_policy: Id | None = None
    """Policy it is deployed with. When not given: the network partitions in the order of the deployment policy."""


class ApplicationPolicy(Declaration):
    """An application policy: Stratos' document."""

    KIND: ClassVar[str] = "applicationPolicy"

    id: Id
    algorithm: Literal["one-after-another", "all-at-once"]
    """``one-after-another``: into the next network partition when one is full; ``all-at-once``: in all of them."""
    network_partitions: Annotated[tuple[Id, ...], Field(min_length=1)]
    properties: tuple[Property, ...] = ()

    def waves(self) -> tuple[tuple[str, ...], ...]:
        """Return the network partitions in the order they are used, those of one wave together."""
        given = properties(self.properties).get(GROUPS, "")
        groups = ((name.strip() for name in wave.split("|")) for wave in given.split(","))
        return tuple(filter(None, (tuple(filter(None, names)) for names in groups))) or tuple(
            (name,) for name in self.network_partitions
        )
