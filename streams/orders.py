"""What operators have ordered: the newest order of each scope, the pauses that hold, the shadows that decide.

Pure: time is an argument.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from streams.records.control import Control, Order, Pause, Shadow, scope

MOST = 10_000
"""Scopes kept; the one ordered longest ago makes room."""


@dataclass(slots=True)
class Orders:
    """The newest order of each scope. One of a whole tenant is read once from every partition, in any order."""

    _newest: OrderedDict[str, Order] = field(default_factory=OrderedDict)

    def __iter__(self) -> Iterator[Order]:
        """Yield the newest order of each scope, by scope."""
        return (order for _, order in sorted(self._newest.items()))

    def take(self, order: Order) -> bool:
        """Take in an order; return whether it is the newest of its scope."""
        known = self._newest.get(order.scope)
        if known is not None and known.at > order.at:
            return False
        self._newest[order.scope] = order
        self._newest.move_to_end(order.scope)
        if len(self._newest) > MOST:
            self._newest.popitem(last=False)
        return True

    def forget(self, name: str) -> Order | None:
        """Forget a scope whose record was removed; return what was known of it."""
        return self._newest.pop(name, None)

    def clear(self) -> None:
        """Forget everything."""
        self._newest.clear()

    def pauses(self, *, at: float) -> list[Pause]:
        """Return every pause that holds, by scope."""
        return [pause for order in holding(self, at=at) if (pause := order.pause)]

    def shadows(self) -> list[Shadow]:
        """Return the orders of shadows that decide, by scope."""
        return [each for each in self if isinstance(each, Shadow) and each.document is not None]

    def upon(self, tenant: str, application: str, cluster: str, *, at: float) -> list[Pause]:
        """Return the pauses that hold a cluster (by alias): its own, its application's, its tenant's; widest first."""
        names = (scope(tenant), scope(tenant, application), scope(tenant, application, cluster) if cluster else "")
        orders = (self._newest[name] for name in dict.fromkeys(names) if name in self._newest)
        return [pause for order in holding(orders, at=at) if (pause := order.pause)]

    def about(self, tenant: str, application: str, *, at: float) -> list[Pause]:
        """Return the pauses that hold anything of an application: its tenant's, its own, its clusters'."""
        whole = scope(tenant, application)
        return [p for p in self.pauses(at=at) if p.scope in {tenant, whole} or p.scope.startswith(f"{whole}/")]


def holding(orders: Iterable[Order], *, at: float) -> list[Control]:
    """Return the orders of pauses that hold."""
    pauses = (each for each in orders if isinstance(each, Control))
    return [each for each in pauses if each.paused and each.at <= at < each.until]
