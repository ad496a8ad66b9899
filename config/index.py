"""Definitions by kind, tenant and id: how they find each other.

One id is declared once. Where a tree of alternatives is only checked, several documents may declare one id differently;
then a reference takes the nearest: fewest folders down from the folder common to both, then fewest up to it. Of equally
near ones it takes the first by path that fits (:mod:`config.choice`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Generic, TypeVar, cast

from config.definition import Declaration

Identity = tuple[str, str, str]
"""Kind, tenant and id."""

D = TypeVar("D", bound=Declaration)


@dataclass(frozen=True, slots=True)
class Entry(Generic[D]):
    """One document."""

    file: str
    definition: D


@dataclass(frozen=True, slots=True)
class Index:
    """Definitions, valid each by itself."""

    definitions: Mapping[Identity, Declaration] = field(default_factory=dict)
    """Sorted by kind, tenant and id."""
    files: Mapping[Identity, str] = field(default_factory=dict, compare=False)
    """Where each definition stands."""
    others: Mapping[Identity, tuple[Entry[Declaration], ...]] = field(default_factory=dict, compare=False)
    """Every document of the ids that are declared differently, by path; the first of them is in ``definitions``."""

    def get(self, kind: type[D], tenant: str, name: str) -> D | None:
        """Return one definition, or ``None``. Another tenant's are not seen."""
        return cast("D | None", self.definition((kind.KIND, tenant, name)))

    def definition(self, key: Identity) -> Declaration | None:
        """Return what stands for an id, or ``None``."""
        return self.definitions.get(key)

    def entry(self, key: Identity) -> Entry[Declaration] | None:
        """Return the document that stands for an id, or ``None``."""
        found = self.definitions.get(key)
        return Entry(self.files[key], found) if found else None

    def all(self, kind: type[D]) -> tuple[D, ...]:
        """Return all definitions of a kind, sorted by tenant and id."""
        return tuple(cast("D", each) for key, each in self.definitions.items() if key[0] == kind.KIND)

    def entries(self, kind: type[D]) -> Iterator[Entry[D]]:
        """Yield every document of a kind, also those of one id."""
        for key, each in self.definitions.items():
            if key[0] == kind.KIND:
                yield from cast("tuple[Entry[D], ...]", self.others.get(key) or (Entry(self.files[key], each),))


def distance(file: str, other: str) -> tuple[int, int]:
    """Return how far ``other`` is from ``file``: folders down from the folder common to both, folders up to it."""
    here, there = PurePath(file).parent.parts, PurePath(other).parent.parts
    common = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
    return len(there) - common, len(here) - common
