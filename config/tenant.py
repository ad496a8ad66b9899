"""A *tenant* owns definitions; nobody else's see them."""

from typing import Annotated, ClassVar

from pydantic import Field

from config.definition import Declaration, Definition, Number, TenantName, Text, Truth, Whole, ignored, not_yet

NO_USERS = ignored("Pileus has no users: who may publish definitions is a right of the broker")


class Quota(Definition):
    """What a tenant may use at most."""

    applications: Annotated[Whole, Field(ge=0)] | None = None
    members: Annotated[Whole, Field(ge=0)] | None = None
    cost_per_hour: Annotated[Number, Field(ge=0)] | None = None
    """In the unit of the partitions' ``pricePerHour``."""


class Tenant(Declaration):
    """A tenant: Stratos' document, with ``quota`` added."""

    KIND: ClassVar[str] = "tenant"
    ID: ClassVar[str] = "tenantDomain"
    STALE: ClassVar[dict[str, str]] = {"tenantId": "", "createdDate": ""}

    tenant_domain: TenantName
    """What ``tenant`` of its definitions says."""
    active: Annotated[Truth, not_yet()] = True
    admin: Annotated[Text, NO_USERS] = ""
    first_name: Annotated[Text, Field(alias="firstName"), NO_USERS] = ""
    last_name: Annotated[Text, Field(alias="lastName"), NO_USERS] = ""
    admin_password: Annotated[Text, NO_USERS] = ""
    email: Annotated[Text, NO_USERS] = ""
    quota: Quota | None = None
    """Not given: no bound."""
