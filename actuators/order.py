"""What waits for what among the children of one level: who starts after whom, who ends after whom. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from config.cluster import ClusterSpec
from config.tree import GroupSpec

Child = GroupSpec | ClusterSpec


@dataclass(frozen=True, slots=True)
class Order:
    """The orders of one level, by alias of the child."""

    children: Mapping[str, Child]
    starts_after: Mapping[str, frozenset[str]]
    """Those that must be Active before it starts."""
    ends_before: Mapping[str, frozenset[str]]
    """Those that must be gone before it ends, directly or not."""
    successors: Mapping[str, frozenset[str]]
    """Those that start after it, directly or not: its dependants."""


def order_of(group: GroupSpec) -> Order:
    """Return the orders of a level."""
    children = {child.alias: child for child in group.children}
    after = _before(children, group.order)
    return Order(
        children=children,
        starts_after=after,
        ends_before={alias: _closure(alias, [(b, a) for a, b in group.termination_order]) for alias in children},
        successors={alias: _closure(alias, group.order) for alias in children},
    )


def _before(children: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return for each child the ones that go before it."""
    found: dict[str, set[str]] = {alias: set() for alias in children}
    for first, then in pairs:
        found[then].add(first)
    return {alias: frozenset(names) for alias, names in found.items()}


def _closure(alias: str, pairs: Collection[tuple[str, str]]) -> frozenset[str]:
    """Return all that come after one child."""
    found: set[str] = set()
    waiting = [alias]
    while waiting:
        at = waiting.pop()
        new = {then for first, then in pairs if first == at} - found
        found |= new
        waiting += new
    return frozenset(found)
