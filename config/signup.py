"""A *sign-up* lets a tenant use a multi-tenant application; *domain mappings* give clusters further host names."""

from typing import Annotated, ClassVar

from pydantic import Field

from config.application import ArtifactRepository
from config.cartridge import NO_ARTIFACTS
from config.definition import Alias, Declaration, Definition, Id, Text


class OfApplication(Declaration):
    """Base of what belongs to one application. Stratos had the application in the address, not in the document."""

    ID: ClassVar[str] = "applicationId"

    application_id: Id | None = None
    """Not given: the application whose document lies nearest, as :mod:`config.index` has it."""


class ApplicationSignUp(OfApplication):
    """A sign-up: Stratos' document, with ``applicationId`` added. ``tenant`` is the one that signs up."""

    KIND: ClassVar[str] = "applicationSignUp"
    STALE: ClassVar[dict[str, str]] = {"clusterIds": "", "tenantId": "", "signUpId": ""}

    application_id: Id | None = None
    """The application; one of the default tenant's if the tenant has none of this name."""
    artifact_repositories: Annotated[tuple[ArtifactRepository, ...], NO_ARTIFACTS] = ()


class Domain(Definition):
    """A host name of one cluster."""

    cartridge_alias: Alias
    domain_name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?$", max_length=253)]
    """Of one application in Pileus, once with each context path. Balancers that are cartridges route by it."""
    context_path: Annotated[Text, Field(pattern=r"^(|/\S*)$")] = ""
    """Only requests of this path, and below it; it stays part of what the member is asked."""


class DomainMapping(OfApplication):
    """Domain mappings of one application: Stratos' document, with ``applicationId`` added."""

    KIND: ClassVar[str] = "domainMapping"

    domain_mappings: Annotated[tuple[Domain, ...], Field(min_length=1)]
