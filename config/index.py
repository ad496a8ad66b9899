"""Definitions by kind, tenant and id: how they find each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from config.definition import Declaration

Identity = tuple[str, str, str]
"""Kind, tenant and id."""

D = TypeVar("D", bound=Declaration)


@dataclass(frozen=True, slots=True)
class Index:
    """Definitions, valid each by itself."""

    definitions: Mapping[Identity, Declaration] = field(default_factory=dict)
    """Sorted by kind, tenant and id."""
    files: Mapping[Identity, str] = field(default_factory=dict, compare=False)
    """Where each definition stands."""

    def get(self, kind: type[D], tenant: str, name: str) -> D | None:
        """Return one definition, or ``None``. Another tenant's are not seen."""
        return cast("D | None", self.definitions.get((kind.KIND, tenant, name)))

    def all(self, kind: type[D]) -> tuple[D, ...]:
        """Return all definitions of a kind, sorted by tenant and id."""
        return tuple(cast("D", each) for key, each in self.definitions.items() if key[0] == kind.KIND)
