"""Resolve only what changed: an application is resolved anew when anything that was looked up for it is another now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from config.application import Application
from config.choice import seen_from
from config.definition import Declaration
from config.index import Entry, Identity, Index
from config.resolve_tree import resolve, signed_up
from config.tree import ApplicationSpec


@dataclass(frozen=True, slots=True)
class Resolution:
    """One application as it was resolved, and all that it was made of."""

    spec: ApplicationSpec
    signed: tuple[str, ...]
    """Tenants that signed up to an application of its id."""
    looked_up: Mapping[Identity, Declaration | None]
    """What stood for each id that was looked up, and the application itself; ``None``: nothing did."""

    def holds(self, index: Index, signed: tuple[str, ...]) -> bool:
        """Say whether it is made of the very same: objects are compared, not what they say."""
        return signed == self.signed and all(index.definition(key) is each for key, each in self.looked_up.items())


@dataclass(frozen=True, slots=True)
class _Watched(Index):
    """An index that keeps what was looked up in it."""

    index: Index = field(default_factory=Index)
    looked_up: dict[Identity, Declaration | None] = field(default_factory=dict)

    def definition(self, key: Identity) -> Declaration | None:
        """Return what stands for an id, or ``None``."""
        self.looked_up[key] = found = self.index.definition(key)
        return found


def resolutions(
    index: Index, applications: Iterable[Entry[Application]], known: Mapping[Identity, Resolution]
) -> list[tuple[Identity, Resolution]]:
    """Resolve applications of a valid catalogue; take those that are ``known`` and still hold."""
    signed = {name: tuple(tenants) for name, tenants in signed_up(index).items()}
    found = []
    for entry in applications:
        seen, key = seen_from(index, entry), entry.definition.identity
        own, before = signed.get(key[2], ()), known.get(key)
        held = before is not None and before.holds(seen, own)
        found.append((key, before if before and held else _resolve(seen, entry.definition, own)))
    return found


def _resolve(index: Index, application: Application, signed: tuple[str, ...]) -> Resolution:
    watched = _Watched(index=index, looked_up={application.identity: application})
    return Resolution(resolve(watched, application, signed), signed, watched.looked_up)
