"""Which of several documents of one id a reference means, where a tree of alternatives is checked.

The rule stands in :mod:`config.index`. What fits: a cartridge group that declares the children which the application
gives it; network partitions that have the partitions of the deployment policy, and cartridges that are offered on all
of their clouds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from config.application import Application, GroupUse
from config.application_policy import ApplicationPolicy
from config.cartridge import Cartridge
from config.composition import fits
from config.definition import Declaration
from config.deployment import DeploymentPolicy, NetworkPartitionUse
from config.group import CartridgeGroup
from config.index import D, Entry, Identity, Index, distance
from config.network import NetworkPartition

MOST = 10_000
"""Combinations of network partitions that are tried."""


class Ties(dict[Identity, tuple[Entry[Declaration], ...]]):
    """The nearest documents of each id that has several, by path; of any other id none. Found when asked for."""

    def __init__(self, file: str, others: Mapping[Identity, tuple[Entry[Declaration], ...]]) -> None:
        super().__init__()
        self.file, self.others = file, others

    def __missing__(self, key: Identity) -> tuple[Entry[Declaration], ...]:
        """Find the nearest documents of one id."""
        entries = self.others.get(key, ())
        away = [distance(self.file, each.file) for each in entries]
        least = min(away, default=None)
        self[key] = tuple(each for each, far in zip(entries, away, strict=True) if far == least)
        return self[key]


@dataclass(frozen=True, slots=True)
class Seen(Index):
    """The index as one document sees it: every id stands for one document, the nearest where none is chosen."""

    ties: Ties = field(default_factory=lambda: Ties("", {}))
    chosen: dict[Identity, Entry[Declaration]] = field(default_factory=dict)

    def definition(self, key: Identity) -> Declaration | None:
        """Return what stands for an id, or ``None``."""
        found = self.entry(key)
        return found.definition if found else None

    def entry(self, key: Identity) -> Entry[Declaration] | None:
        """Return the document that stands for an id, or ``None``."""
        nearest = self.ties[key]
        return self.chosen.get(key) or (nearest[0] if nearest else Index.entry(self, key))


def seen_from(index: Index, entry: Entry[D]) -> Index:
    """Return the index as one document sees it: every id stands for one document. Itself when no id has several."""
    if not index.others:
        return index
    ties, definition = Ties(entry.file, index.others), entry.definition
    seen = Seen(index.definitions, index.files, index.others, ties)
    if isinstance(definition, Application):
        seen.chosen.update(_groups(definition, ties))
        seen.chosen.update(_places(definition, seen, ties))
    elif isinstance(definition, DeploymentPolicy):
        for use in definition.network_partitions:
            key = (NetworkPartition.KIND, definition.tenant, use.id)
            seen.chosen.update((key, each) for each in _with_partitions(ties[key], use)[:1])
    return seen


def _groups(application: Application, ties: Ties) -> Iterator[tuple[Identity, Entry[Declaration]]]:
    """Yield for each group of the application the first document that fits it."""
    waiting: list[GroupUse] = list(application.components.groups)
    while waiting:
        use = waiting.pop()
        waiting += use.groups
        key = (CartridgeGroup.KIND, application.tenant, use.name)
        fitting = (each for each in ties[key] if fits(cast("CartridgeGroup", each.definition), use))
        yield from ((key, each) for each in [next(fitting, None)] if each)


def _with_partitions(entries: tuple[Entry[Declaration], ...], use: NetworkPartitionUse) -> list[Entry[Declaration]]:
    """Return the network partitions that have every partition a deployment policy names."""
    wanted = {each.id for each in use.partitions}
    return [each for each in entries if wanted <= {p.id for p in cast("NetworkPartition", each.definition).partitions}]


def _places(application: Application, index: Index, ties: Ties) -> dict[Identity, Entry[Declaration]]:
    """Return network partitions and cartridges that go together, the first by path that do; nothing when none do."""
    search = _Search(application, index, ties)
    return search.found if search.place(0) else {}


class _Search:
    """Tries network partitions one after another; goes back as soon as a cartridge fits no more."""

    def __init__(self, application: Application, index: Index, ties: Ties) -> None:
        self.tenant, self.index, self.ties = application.tenant, index, ties
        self.found: dict[Identity, Entry[Declaration]] = {}
        self.uses: dict[str, NetworkPartitionUse] = {}
        self.wanted: dict[str, set[str]] = {}
        self.tried = 0
        policy = application.application_policy and index.get(
            ApplicationPolicy, self.tenant, application.application_policy
        )
        for place in application.places():
            for deployment in (index.get(DeploymentPolicy, self.tenant, name) for _, name in place.policies):
                for use in deployment.network_partitions if deployment else ():
                    if not policy or use.id in policy.network_partitions:
                        self.uses[use.id] = use
                        self.wanted.setdefault(place.use.type, set()).add(use.id)
        self.names = list(self.uses)

    def place(self, i: int) -> bool:
        """Choose the network partitions from the ``i``-th on, and the cartridges; say whether it worked."""
        if i == len(self.names):
            return self.cartridges(choose=True)
        key = (NetworkPartition.KIND, self.tenant, self.names[i])
        options = _with_partitions(self.ties[key], self.uses[self.names[i]])
        for each in options or self.single(key):
            self.tried += 1
            self.found[key] = each
            if self.tried <= MOST and self.cartridges(choose=False) and self.place(i + 1):
                return True
            del self.found[key]
        return False

    def single(self, key: Identity) -> list[Entry[Declaration]]:
        """Return the document of an id that has but one, or none that fits."""
        found = self.index.entry(key)
        return [found] if found else []

    def cartridges(self, *, choose: bool) -> bool:
        """Say whether every cartridge has a document for all clouds chosen so far."""
        for name, networks in self.wanted.items():
            key = (Cartridge.KIND, self.tenant, name)
            clouds = {cloud for each in networks for cloud in self.clouds(each)}
            options = self.ties[key] or self.single(key)
            offered = (each for each in options if clouds <= _offers(cast("Cartridge", each.definition)))
            first = next(offered, None)
            if first is None and options:
                return False
            if choose and first is not None:
                self.found[key] = first
        return True

    def clouds(self, name: str) -> set[str]:
        """Return the clouds of a network partition, if it is chosen yet."""
        entry = self.found.get((NetworkPartition.KIND, self.tenant, name))
        network = cast("NetworkPartition | None", entry and entry.definition)
        return {network.provider_of(each) for each in network.partitions} if network else set()


def _offers(cartridge: Cartridge) -> set[str]:
    return {each.type for each in cartridge.iaas_provider}
