"""*Hosts*: the room on them, and the packing rule. Pure.

A container goes to the fullest host that has room for it (best fit), so that the others come to be empty. From the
same rule follows how many hosts are needed: as many as it takes to hold what is there, what waits and the reserve.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from config.hosting import HostingSpec, Size

NOTHING = Size(slots=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host: how much it has, and what is on it."""

    name: str
    total: Size
    used: Size = NOTHING
    """By everything that is not gone from it."""
    moving: tuple[Size, ...] = ()
    """What would have to go elsewhere if it was emptied; what drains already does not."""

    def takes(self, size: Size) -> bool:
        """Say whether there is room for one more of this size."""
        return (self.used + size).within(self.total)

    def with_one(self, size: Size) -> "Host":
        """Return it with one more on it."""
        return replace(self, used=self.used + size, moving=(*self.moving, size))

    @property
    def fill(self) -> float:
        """Return the largest share of it that is used (0..1)."""
        return self.used.share_of(self.total)


def fit(size: Size, hosts: Iterable[Host], full: Collection[str] = ()) -> Host | None:
    """Choose the host for a container: the fullest that has room, of several the first by name; ``None``: no room.

    ``full`` are hosts whose engines say that they have none, whatever is reckoned here.
    """
    room = [host for host in hosts if host.name not in full and host.takes(size)]
    return min(room, key=lambda host: (-host.fill, *_order(host)), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """How many hosts are needed."""

    hosts: int
    without: int = 0
    """Containers that wait and find no room on the hosts that are there."""
    never: int = 0
    """Of those the ones that are larger than a whole host."""


def want(hosts: Sequence[Host], waiting: Sequence[Size], spec: HostingSpec) -> Want:
    """Return how many hosts are needed for what is on them, what waits and a reserve.

    Where that finds no room, empty hosts are added until it does. Where it does, the emptiest host is counted out
    as long as it is used to ``spec.drain_below`` at most and all that is on it fits on the others, with what waits
    and the reserve. O(hosts x containers) for each host that is added or counted out.
    """
    never = sum(not size.within(spec.room) for size in waiting)
    coming = [size for size in waiting if size.within(spec.room)]
    reserve = [_typical(hosts, coming)] * spec.reserve
    _, without = _pack(hosts, coming)
    packed, left = _pack(hosts, [*coming, *reserve])
    if not left:
        return Want(hosts=len(_emptied(hosts, [*coming, *reserve], spec)), without=never, never=never)
    added = 0
    while left:
        packed, left = _pack([*packed, Host(name=f"+{added}", total=spec.room)], left)
        added += 1
    return Want(hosts=len(hosts) + added, without=len(without) + never, never=never)


def _emptied(hosts: Sequence[Host], coming: Sequence[Size], spec: HostingSpec) -> list[Host]:
    """Return the hosts that stay, with everything on them, once all are emptied that can be."""
    left = list(hosts)
    while left:
        emptiest = min(left, key=lambda host: (host.fill, *_order(host, newest=True)))
        others = [host for host in left if host is not emptiest]
        packed, homeless = _pack(others, emptiest.moving)
        if emptiest.fill > spec.drain_below or homeless or _pack(packed, coming)[1]:
            break
        left = packed
    return left


def _pack(hosts: Iterable[Host], sizes: Iterable[Size]) -> tuple[list[Host], list[Size]]:
    """Put containers on hosts, the largest first; return the hosts, and what found no room."""
    there, homeless = {host.name: host for host in hosts}, list[Size]()
    for size in sorted(sizes, reverse=True):
        host = fit(size, there.values())
        if host is None:
            homeless.append(size)
        else:
            there[host.name] = host.with_one(size)
    return list(there.values()), homeless


def _typical(hosts: Iterable[Host], coming: Sequence[Size]) -> Size:
    """Return the size that the reserve is reckoned in: the largest that waits or is there."""
    return max([*coming, *(size for host in hosts for size in host.moving)], default=Size())


def _order(host: Host, *, newest: bool = False) -> tuple[float, str]:
    """Order hosts by name as people do: ``h-9`` before ``h-10``; with ``newest`` the other way round."""
    _, _, tail = host.name.rpartition("-")
    number = int(tail) if tail.isascii() and tail.isdecimal() else 0
    return (-number if newest else number, host.name)


def loads(hosts: Mapping[str, Host]) -> dict[str, float]:
    """Return how full each host is (percent)."""
    return {name: 100.0 * host.fill for name, host in hosts.items()}
