"""A *cartridge group* is a set of cartridges and groups that start, scale and end together."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from config.definition import Declaration, Definition, Id, Remark

Component = Annotated[str, Field(pattern=r"^(cartridge|group)\.[A-Za-z0-9._-]+$", max_length=140)]
"""A child by its alias: ``cartridge.db``, ``group.backend``."""

Edges = tuple[tuple[str, str], ...]
"""Pairs of aliases: the first goes before the second."""


class Aliases(Definition):
    """Children of one application or group."""

    LISTS: ClassVar[frozenset[str]] = frozenset({"aliases"})

    aliases: Annotated[tuple[Component, ...], Field(min_length=1)]


class Dependencies(Definition):
    """What waits for what, what scales together, and what ends with what. All about children of one level."""

    startup_orders: tuple[Aliases, ...] = ()
    """In each list a child starts when the one before it is Active. Several lists make a graph without cycles."""
    scaling_dependents: tuple[Aliases, ...] = ()
    """Each list scales together, in the ratio of the minimums."""
    termination_behaviour: Literal[
        "terminate-none", "terminate-dependents", "terminate-all", "none", "dependents", "all"
    ] = "terminate-none"
    """What ends, and starts anew in order, when a child is Inactive."""
    termination_order: tuple[Aliases, ...] = ()
    """In each list a child ends before the one after it. Not given: the start-up order reversed."""

    @property
    def termination(self) -> str:
        """Return ``none``, ``dependents`` or ``all``."""
        return self.termination_behaviour.removeprefix("terminate-")

    def named(self) -> Iterator[tuple[str, int, int, str]]:
        """Yield every child that is named: key, list, place in it, name."""
        for key, lists in (
            ("startupOrders", self.startup_orders),
            ("scalingDependents", self.scaling_dependents),
            ("terminationOrder", self.termination_order),
        ):
            for i, each in enumerate(lists):
                for k, name in enumerate(each.aliases):
                    yield key, i, k, name


def plain(name: str) -> str:
    """Return the alias of ``cartridge.<alias>`` or ``group.<alias>``."""
    return name.partition(".")[2]


def edges(lists: tuple[Aliases, ...]) -> Edges:
    """Return the neighbours in each list, each pair once, in the order they are given."""
    pairs = ((plain(a), plain(b)) for each in lists for a, b in zip(each.aliases, each.aliases[1:], strict=False))
    return tuple(dict.fromkeys(pairs))


def cycle(pairs: Edges) -> tuple[str, ...]:
    """Return the aliases of one cycle, the first one again at the end; empty when there is none. O(pairs)."""
    after: dict[str, list[str]] = {}
    waiting: dict[str, int] = {}
    for a, b in pairs:
        after.setdefault(a, []).append(b)
        waiting[b] = waiting.get(b, 0) + 1
        waiting.setdefault(a, 0)
    free = [each for each, count in waiting.items() if not count]
    while free:
        for each in after.get(free.pop(), ()):
            waiting[each] -= 1
            if not waiting[each]:
                free.append(each)
    return _walk({b: a for a, b in pairs if waiting[a] > 0 and waiting[b] > 0})


def _walk(before: dict[str, str]) -> tuple[str, ...]:
    """Return the cycle that one reaches by going back; what is left always has something before it."""
    seen: list[str] = []
    at = next(iter(before), "")
    while at and at not in seen:
        seen.append(at)
        at = before[at]
    return (at, *reversed(seen[seen.index(at) :])) if at else ()


class NestedGroup(Definition):
    """A group within a group: a whole definition, or only the name of one that stands by itself."""

    STALE: ClassVar[dict[str, str]] = {"groupScalingEnabled": ""}

    name: Id
    cartridges: tuple[Id, ...] = ()
    """Cartridges, by type."""
    groups: tuple["NestedGroup", ...] = ()
    dependencies: Dependencies = Dependencies()

    @property
    def is_reference(self) -> bool:
        """Say whether it only names a cartridge group that stands by itself."""
        return not self.cartridges and not self.groups


class CartridgeGroup(Declaration):
    """A cartridge group: Stratos' document, with ``dependencies.terminationOrder`` added."""

    KIND: ClassVar[str] = "cartridgeGroup"
    ID: ClassVar[str] = "name"
    STALE: ClassVar[dict[str, str]] = {"groupScalingEnabled": ""}

    name: Id
    description: Remark = ""
    cartridges: tuple[Id, ...] = ()
    """Cartridges, by type. An application that uses the group names each, with alias and numbers."""
    groups: tuple[NestedGroup, ...] = ()
    dependencies: Dependencies = Dependencies()


Group = CartridgeGroup | NestedGroup
