"""What all definitions have in common: immutable, Stratos' camelCase keys, unknown keys refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DEFAULT_TENANT = "default"

PAYLOAD = "payload_parameter."
"""Properties with this prefix become the environment of the instance."""


Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Truth = Annotated[bool, Field(strict=True)]
Text = str
"""Strict: what old documents write differently is put right in :mod:`config.leftovers` before."""
Id = Annotated[Text, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=128)]
"""Ids become parts of keys on topics: letters, digits, ``.``, ``_``, ``-``; at most 128."""
Alias = Annotated[Text, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=128)]
"""Aliases become parts of host names: lower-case letters and digits joined by single dashes."""
TenantName = Annotated[Text, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=128)]
"""Tenants are called by their domain: ``acme.org``."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a field that is not simply used; ``docs/stratos-fields.md`` tells it."""

    word: str
    why: str


def not_yet(why: str = "") -> Fate:
    """Mark a field that is validated and resolved, and that nothing acts upon yet."""
    return Fate("accepted, not yet used", why)


def ignored(why: str) -> Fate:
    """Mark a field that is validated and will not be acted upon."""
    return Fate("accepted and ignored", why)


Remark = Annotated[Text, ignored("for people")]
"""Text that nothing acts upon."""


class Definition(BaseModel):
    """Base of everything inside a document. Keys are camelCase, values immutable, unknown keys errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        use_attribute_docstrings=True,
    )

    STALE: ClassVar[dict[str, str]] = {}
    """Keys of older versions: their name today, or empty when they are read and not used."""
    LISTS: ClassVar[frozenset[str]] = frozenset()
    """Keys whose items may stand in one text with commas between them; the only key may be left out."""


class Declaration(Definition):
    """Base of the kinds: a whole document, known by kind, tenant and id."""

    KIND: ClassVar[str]
    """How the kind is called, also in ``kind:``."""
    ID: ClassVar[str] = "id"
    """The key that holds the id."""

    tenant: TenantName = DEFAULT_TENANT
    """Whose it is. Names of one tenant are invisible to another's definitions."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Return kind, tenant and id."""
        field = next(name for name, info in type(self).model_fields.items() if info.alias == self.ID)
        return self.KIND, self.tenant, str(getattr(self, field))

    def document(self) -> dict[str, Any]:
        """Return what was declared as a document that reads back equal."""
        return {"kind": self.KIND, **self.model_dump(mode="json", by_alias=True, exclude_unset=True)}


class Property(Definition):
    """A name and a value. Of one name given twice the last counts."""

    name: Annotated[Text, Field(min_length=1)]
    value: Text = ""


def properties(given: Iterable[Property]) -> dict[str, str]:
    """Return the properties that are not meant for the instance's environment."""
    return {each.name: each.value for each in given if not each.name.startswith(PAYLOAD)}


def environment(given: Iterable[Property]) -> dict[str, str]:
    """Return the ``payload_parameter.X`` properties as environment ``X``."""
    return {each.name.removeprefix(PAYLOAD): each.value for each in given if each.name.startswith(PAYLOAD)}
