"""*Allotment*: from the members that each cluster's load asks for to what groups and clusters need in total. Pure.

All numbers are totals over all instances of a cluster or a group. Ratios are reckoned in whole numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.cluster import ClusterSpec
from config.tree import GroupSpec

Child = GroupSpec | ClusterSpec


@dataclass(frozen=True, slots=True)
class Need:
    """How many members (of a cluster) or instances (of a group) are needed, and why so many."""

    total: int
    why: str = ""
    """Empty: because of its own load alone, which the decision explains."""


def needs(root: GroupSpec, wanted: Mapping[str, int]) -> dict[str, Need]:
    """Return what every cluster and group of an application needs, by alias.

    A set of scaling dependents scales by the highest factor, needed / minimum, that one of them asks for: each needs
    ceil(minimum x factor). A group needs as many instances as the child that finds least room in one.

    Parameters
    ----------
    root
        The application's root.
    wanted
        The members that each cluster's own load asks for, by alias; without one, the minimum.
    """
    found: dict[str, Need] = {}
    for child in root.children:
        _need(child, wanted, found)
    _together(root, found)
    return found


def most_of(child: Child) -> int:
    """Return how many members or instances one instance of the parent holds at most."""
    return child.max if isinstance(child, GroupSpec) else child.max_members


def least_of(child: Child) -> int:
    """Return how many members or instances one instance of the parent holds at least, as declared."""
    return child.min if isinstance(child, GroupSpec) else child.ratio or child.min_members


def _need(child: Child, wanted: Mapping[str, int], found: dict[str, Need]) -> None:
    """Note what a child and all below it need."""
    if isinstance(child, ClusterSpec):
        total = wanted.get(child.alias, child.least_members)
        found[child.alias] = Need(total)
        return
    for inner in child.children:
        _need(inner, wanted, found)
    _together(child, found)
    found[child.alias] = max((_fit(inner, found[inner.alias]) for inner in child.children), key=lambda need: need.total)


def _fit(inner: Child, need: Need) -> Need:
    """Return how many instances of its group a child needs around it."""
    most = most_of(inner)
    return Need(-(-need.total // most), f"{inner.alias} needs {need.total}, at most {most} in each")


def _together(group: GroupSpec, found: dict[str, Need]) -> None:
    """Raise the children that scale together to the highest factor among them."""
    for names in _merged(group.dependents):
        together = [child for child in group.children if child.alias in names]
        lead = max(together, key=lambda child: _factor(child, found[child.alias], together))
        for child in together:
            total = -(-least_of(child) * found[lead.alias].total // least_of(lead))
            if total > found[child.alias].total:
                why = f"{total} to scale with {lead.alias} ({found[lead.alias].total}, {_ratio(child, lead)})"
                found[child.alias] = Need(total, why)


def _merged(sets: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Make one of the sets that share a child: its ratio to all of them is to hold."""
    found: list[frozenset[str]] = []
    for names in sets:
        shared = [each for each in found if each & names]
        found = [each for each in found if not each & names] + [names.union(*shared)]
    return found


def _factor(child: Child, need: Need, together: Sequence[Child]) -> int:
    """Return needed / minimum, over the common denominator of all that scale together."""
    factor = need.total
    for other in together:
        if other is not child:
            factor *= least_of(other)
    return factor


def _ratio(child: Child, lead: Child) -> str:
    """Write the ratio of two minimums."""
    return f"{least_of(child)} : {least_of(lead)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One instance that takes a share: bounds, and where it stands."""

    name: str
    network_partition: str
    wave: int
    """Network partitions are filled wave by wave."""
    least: int
    most: int
    settled: bool = True
    """False while it does not serve yet: it gets its least beside what the others carry, and what overflows."""


def share(total: int, places: Sequence[Place], *, room: Mapping[str, int]) -> dict[str, int]:
    """Divide a total among places, each within its bounds; what fits nowhere is left over.

    The network partitions of a wave fill evenly, the places of one in their order, waves one after the other.

    Parameters
    ----------
    room
        What a network partition takes at most, all places together; one that is not named has no limit.
        The least of each place is given all the same.
    """
    given = {place.name: place.least for place in places}
    used: dict[str, int] = {}
    for place in places:
        used[place.network_partition] = used.get(place.network_partition, 0) + place.least
    left = total - sum(place.least for place in places if place.settled)
    for settled in (True, False):
        if not settled:
            left -= sum(place.least for place in places if not place.settled)
        for wave in sorted({place.wave for place in places if place.settled is settled}):
            here = [place for place in places if place.settled is settled and place.wave == wave]
            left = _fill(left, here, given, used, room)
    return given


def hold(
    given: Mapping[str, int],
    serving: Mapping[str, int],
    *,
    network_partitions: Mapping[str, str],
    room: Mapping[str, int],
) -> dict[str, int]:
    """Let nobody give up a member that serves before the others have what they are given: make before break.

    Only where there is room for both: who waits for a place in a full network partition would wait for ever.
    """
    short = sum(max(0, count - serving.get(name, 0)) for name, count in given.items())
    spare = dict(room)
    for name, count in given.items():
        if (where := network_partitions[name]) in spare:
            spare[where] -= count
    held = {}
    for name, count in given.items():
        where = network_partitions[name]
        more = max(0, min(short, serving.get(name, 0) - count, spare.get(where, short)))
        held[name], short = count + more, short - more
        spare[where] = spare.get(where, short + more) - more
    return held


def _fill(
    left: int, places: Sequence[Place], given: dict[str, int], used: dict[str, int], room: Mapping[str, int]
) -> int:
    """Give one after the other to the emptiest network partition; return what is left."""
    while left > 0:
        open_ = [
            place
            for place in places
            if given[place.name] < place.most
            and used[place.network_partition] < room.get(place.network_partition, used[place.network_partition] + 1)
        ]
        if not open_:
            break
        chosen = min(open_, key=lambda place: used[place.network_partition])
        given[chosen.name] += 1
        used[chosen.network_partition] += 1
        left -= 1
    return left
