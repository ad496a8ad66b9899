"""An *application* is what is deployed: cartridges and groups, how many of each, and what depends on what."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from config.cartridge import NO_ARTIFACTS, Persistence
from config.definition import (
    Alias,
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
from config.group import Dependencies

Path = tuple[str | int, ...]

DEEPEST = 32
"""Groups within groups."""


class ArtifactRepository(Definition):
    """Where the application's own files come from."""

    alias: Annotated[Text, NO_ARTIFACTS] = ""
    private_repo: Annotated[Truth, NO_ARTIFACTS] = False
    repo_url: Annotated[Text, NO_ARTIFACTS] = ""
    repo_username: Annotated[Text, NO_ARTIFACTS] = ""
    repo_password: Annotated[Text, NO_ARTIFACTS] = ""


class SubscribableInfo(Definition):
    """How one cluster of an application is called, scaled and placed."""

    STALE: ClassVar[dict[str, str]] = {"minMembers": "", "maxMembers": ""}

    alias: Alias
    """Unique in the application, groups included."""
    autoscaling_policy: Id
    deployment_policy: Id | None = None
    """Exactly one on the way from the application to the cluster: here, or at one group above."""
    artifact_repository: Annotated[ArtifactRepository | None, NO_ARTIFACTS] = None
    property: tuple[Property, ...] = ()
    """``payload_parameter.X`` becomes the environment ``X``, over the application's and the cartridge's."""
    persistence: Annotated[Persistence | None, not_yet("no cloud adapter attaches volumes")] = None
    dependency_aliases: Annotated[tuple[Text, ...], ignored("startupOrders say what waits for what")] = ()
    lvs_virtual_ip: Annotated[Text, Field(alias="lvsVirtualIP"), ignored("there is no LVS adapter")] = ""


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
        return _at_least("cartridgeMin", info.data.get("cartridge_min"), value)


class GroupUse(Definition):
    """A group of an application: the children of the cartridge group, each with alias and numbers."""

    STALE: ClassVar[dict[str, str]] = {"groupScalingEnabled": ""}

    name: Id
    """The cartridge group."""
    alias: Id
    """Unique in the application, cartridges included."""
    group_min_instances: Annotated[Whole, Field(ge=1)] = 1
    group_max_instances: Annotated[Whole, Field(ge=1)] = 1
    """Above 1 the whole group is scaled when a child needs more than its maximum."""
    deployment_policy: Id | None = None
    """Counts for everything below; then nothing below may have one."""
    cartridges: tuple[CartridgeUse, ...] = ()
    groups: tuple["GroupUse", ...] = ()

    @field_validator("group_max_instances")
    @classmethod
    def _not_below_min(cls, value: int, info: ValidationInfo) -> int:
        return _at_least("groupMinInstances", info.data.get("group_min_instances"), value)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.cartridges and not self.groups:
            raise ValueError("must hold at least one cartridge or group")
        return self


def _at_least(name: str, least: int | None, value: int) -> int:
    if least is not None and value < least:
        raise ValueError(f"must be at least {name} = {least}")
    return value


class Components(Definition):
    """What an application consists of."""

    cartridges: tuple[CartridgeUse, ...] = ()
    groups: tuple[GroupUse, ...] = ()
    dependencies: Dependencies = Dependencies()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.cartridges and not self.groups:
            raise ValueError("must hold at least one cartridge or group")
        return self


class Budget(Definition):
    """What an application may use at most, all its clusters together."""

    members: Annotated[Whole, Field(ge=1)] | None = None
    cost_per_hour: Annotated[Number, Field(gt=0)] | None = None
    """In the unit of the partitions' ``pricePerHour``."""


@dataclass(frozen=True, slots=True)
class Place:
    """One cluster of an application, and what stands above it."""

    path: Path
    use: CartridgeUse
    groups: tuple[tuple[Path, GroupUse], ...]
    """From the outermost in."""

    @property
    def policies(self) -> tuple[tuple[Path, str], ...]:
        """Return every deployment policy on the way, outermost first. A valid application has exactly one."""
        own = (*self.path, "subscribableInfo", "deploymentPolicy"), self.use.subscribable_info.deployment_policy
        above = (((*path, "deploymentPolicy"), group.deployment_policy) for path, group in self.groups)
        return tuple((path, name) for path, name in (*above, own) if name is not None)


class Application(Declaration):
    """An application: Stratos' document, with ``applicationPolicy`` and ``budget`` added."""

    KIND: ClassVar[str] = "application"
    ID: ClassVar[str] = "applicationId"
    STALE: ClassVar[dict[str, str]] = {"status": "", "signUpsExist": ""}

    application_id: Id
    alias: Annotated[Remark, Field(min_length=1)]
    name: Remark = ""
    description: Remark = ""
    multi_tenant: Truth = False
    """Runs once; tenants sign up to it."""
    property: tuple[Property, ...] = ()
    """``payload_parameter.X`` becomes the environment ``X`` of every instance."""
    components: Components
    application_policy: Id | None = None
    """Policy it is deployed with. When not given: the network partitions in the order of the deployment policy."""
    budget: Budget | None = None

    def places(self) -> Iterator[Place]:
        """Yield every cluster, a level's own cartridges before those of its groups."""
        yield from _places(self.components, ("components",), ())


def _places(level: Components | GroupUse, path: Path, above: tuple[tuple[Path, GroupUse], ...]) -> Iterator[Place]:
    for i, use in enumerate(level.cartridges):
        yield Place((*path, "cartridges", i), use, above)
    for i, group in enumerate(level.groups):
        at = (*path, "groups", i)
        yield from _places(group, at, (*above, (at, group)))
