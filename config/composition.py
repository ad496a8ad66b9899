"""How an application is composed: each group beside the cartridge group that says how its children depend."""

from collections.abc import Iterator
from dataclasses import dataclass

from config.application import Application, CartridgeUse, Components, GroupUse, Path
from config.group import CartridgeGroup, Dependencies, Group
from config.index import Index


@dataclass(frozen=True, slots=True)
class Level:
    """One level of an application: its root or a group."""

    path: Path
    use: Components | GroupUse
    definition: Group | None
    """The cartridge group; ``None`` for the root and for a group that nothing declares."""
    dependencies: Dependencies
    groups: tuple["Level", ...]

    @property
    def alias(self) -> str:
        """Return the group's alias; empty for the root."""
        return self.use.alias if isinstance(self.use, GroupUse) else ""

    @property
    def children(self) -> dict[str, CartridgeUse | GroupUse]:
        """Return what dependencies may name here: ``cartridge.<alias>``, ``group.<alias>``."""
        return {
            **{f"cartridge.{each.subscribable_info.alias}": each for each in self.use.cartridges},
            **{f"group.{each.alias}": each for each in self.use.groups},
        }

    def levels(self) -> Iterator["Level"]:
        """Yield this level and all below."""
        yield self
        for group in self.groups:
            yield from group.levels()

    def clusters(self) -> Iterator[CartridgeUse]:
        """Yield every cluster here and below."""
        yield from self.use.cartridges
        for group in self.groups:
            yield from group.clusters()


def compose(application: Application, index: Index) -> Level:
    """Return the levels of an application, each with its definition where there is one."""
    path: Path = ("components",)
    components = application.components
    groups = tuple(
        _group(each, (*path, "groups", i), None, application.tenant, index) for i, each in enumerate(components.groups)
    )
    return Level(path, components, None, components.dependencies, groups)


def _group(use: GroupUse, path: Path, outer: Group | None, tenant: str, index: Index) -> Level:
    definition = find_group(use.name, outer, tenant, index)
    groups = tuple(_group(each, (*path, "groups", i), definition, tenant, index) for i, each in enumerate(use.groups))
    return Level(path, use, definition, definition.dependencies if definition else Dependencies(), groups)


def find_group(name: str, outer: Group | None, tenant: str, index: Index) -> Group | None:
    """Return the cartridge group of a name: as the group around it declares it, else the one that stands by itself."""
    for each in outer.groups if outer else ():
        if each.name == name and not each.is_reference:
            return each
    return index.get(CartridgeGroup, tenant, name)


def fits(definition: Group, use: GroupUse) -> bool:
    """Say whether a use has every child that its cartridge group declares and names."""
    types = {each.type for each in use.cartridges}
    inner = {each.name: each for each in definition.groups}
    aliases = Level((), use, definition, definition.dependencies, ()).children
    return (
        types >= set(definition.cartridges)
        and {each.name for each in use.groups} >= inner.keys()
        and all(name in aliases for *_, name in definition.dependencies.named())
        and all(
            fits(inner[each.name], each)
            for each in use.groups
            if each.name in inner and not inner[each.name].is_reference
        )
    )
