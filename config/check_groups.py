"""Check how children depend on each other: names that exist, orders without cycles."""

from collections.abc import Iterator

from config.application import CartridgeUse, GroupUse, Path
from config.cartridge import Cartridge
from config.composition import Level
from config.errors import did_you_mean
from config.findings import Document, Findings
from config.group import CartridgeGroup, Dependencies, Group, cycle, edges
from config.index import D, Entry


def cartridge_group(document: Document[CartridgeGroup]) -> None:
    """Check that cartridges exist, names are unique, and orders have no cycle, on every level."""
    _declared(document, document.definition, ())


def _declared(document: Document[CartridgeGroup], group: Group, path: Path) -> None:
    document.unique(((*path, "cartridges", i), name) for i, name in enumerate(group.cartridges))
    document.unique(((*path, "groups", i, "name"), each.name) for i, each in enumerate(group.groups))
    for i, name in enumerate(group.cartridges):
        document.find(Cartridge, name, (*path, "cartridges", i))
    orders(document, group.dependencies, (*path, "dependencies"))
    for i, each in enumerate(group.groups):
        at = (*path, "groups", i)
        if each.is_reference:
            document.find(CartridgeGroup, each.name, (*at, "name"))
            continue
        if each.name == group.name:
            document.doubt((*at, "name"), each.name, "called like the group around it")
        _declared(document, each, at)


def circles(findings: Findings) -> None:
    """Check that no cartridge group contains itself by way of others."""
    tenants: dict[str, list[Entry[CartridgeGroup]]] = {}
    for entry in findings.index.entries(CartridgeGroup):
        tenants.setdefault(entry.definition.tenant, []).append(entry)
    for entries in tenants.values():
        found = cycle(tuple(pair for each in entries for pair in _references(each.definition.name, each.definition)))
        for entry in entries:
            if entry.definition.name in found[:1]:
                findings.at(entry).wrong(("groups",), " -> ".join(found), "must not contain itself")


def _references(outer: str, group: Group) -> Iterator[tuple[str, str]]:
    """Yield the groups that are only named, at any depth, each with the group that stands by itself."""
    for each in group.groups:
        if each.is_reference:
            yield outer, each.name
        yield from _references(outer, each)


def orders(document: Document[D], dependencies: Dependencies, path: Path) -> None:
    """Check that the start-up and termination orders have no cycle."""
    for key, lists in (
        ("startupOrders", dependencies.startup_orders),
        ("terminationOrder", dependencies.termination_order),
    ):
        found = cycle(edges(lists))
        if found:
            document.wrong((*path, key), " -> ".join(found), "must have no cycle")


def root(document: Document[D], level: Level) -> None:
    """Check what an application's own dependencies name."""
    path: Path = (*level.path, "dependencies")
    orders(document, level.dependencies, path)
    for key, i, k, name in level.dependencies.named():
        if name not in level.children:
            at = (*path, key, i, "aliases", k)
            document.wrong(at, name, "no such child of the application", did_you_mean(name, level.children))


def group(document: Document[D], level: Level, use: GroupUse) -> None:
    """Check that a group of an application has what its cartridge group declares and names."""
    where: Path = (*level.path, "name")
    if level.definition is None:
        document.find(CartridgeGroup, use.name, where)
        return
    if document.index.get(CartridgeGroup, document.definition.tenant, use.name) is level.definition:
        document.find(CartridgeGroup, use.name, where)  # tells of alternatives
    _children(document, level, use, where)
    for key, i, _, name in level.dependencies.named():
        if name not in level.children:
            bound = f"names '{name}' in {key}[{i}], which is no child of group '{use.alias}'"
            document.wrong(where, use.name, bound, did_you_mean(name, level.children))


def _children(document: Document[D], level: Level, use: GroupUse, where: Path) -> None:
    """Compare the children that are declared with those that are there."""
    declared = set(level.definition.cartridges) if level.definition else set()
    nested = {each.name for each in level.definition.groups} if level.definition else set()
    there = {each.type for each in use.cartridges}
    for name in sorted(declared - there):
        document.wrong(where, use.name, f"declares cartridge '{name}', which group '{use.alias}' has not")
    for name in sorted(nested - {each.name for each in use.groups}):
        document.wrong(where, use.name, f"declares group '{name}', which group '{use.alias}' has not")
    given: list[tuple[Path, CartridgeUse | GroupUse]] = [
        *(((*level.path, "cartridges", i, "type"), each) for i, each in enumerate(use.cartridges)),
        *(((*level.path, "groups", i, "name"), each) for i, each in enumerate(use.groups)),
    ]
    for path, each in given:
        name = each.type if isinstance(each, CartridgeUse) else each.name
        if name not in (declared if isinstance(each, CartridgeUse) else nested):
            document.doubt(path, name, f"cartridge group '{use.name}' does not declare it")
