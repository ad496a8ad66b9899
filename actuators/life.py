"""What becomes of the instances of an application: Active or not, ended in order, started in order. Pure.

Called tick by tick, in this order: :meth:`Life.settle`, :meth:`Life.end`, :meth:`Life.begin`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from actuators.instances import Instances
from actuators.order import Order, order_of
from config.cluster import ClusterSpec
from config.tree import ApplicationSpec, GroupSpec
from streams.records.instance import Instance, Level, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The members of one cluster instance."""

    active: int = 0
    """Those that serve."""
    present: int = 0
    """Those that serve or are on their way."""
    alive: int = 0
    """Those that are not gone, draining ones too."""


NOBODY = Seen()


class Life:
    """The rules of one application's levels, on its instances."""

    def __init__(self, spec: ApplicationSpec, instances: Instances) -> None:
        self.instances = instances
        self.spec = spec
        self._orders: dict[str, Order] = {_key(group): order_of(group) for group in spec.root.groups()}

    def order(self, group: GroupSpec) -> Order:
        """Return the orders of a level."""
        return self._orders[_key(group)]

    # --- Active, Inactive, and what follows from it ------------------------------------------------------------------

    def settle(self, seen: Mapping[str, Seen]) -> None:
        """Find out what is Active, and mark what the termination behaviours end."""
        for root in self.instances.roots():
            if root.phase is not Phase.TERMINATING:
                self._settle(self.spec.root, root, seen)

    def _settle(self, group: GroupSpec, node: Instance, seen: Mapping[str, Seen]) -> Instance:
        for child in group.children:
            for instance in self._staying(node, child.alias):
                if isinstance(child, GroupSpec):
                    self._settle(child, instance, seen)
                else:
                    serving = seen.get(instance.instance, NOBODY).active
                    self._serve(child, instance, serving)
        bad = [child.alias for child in group.children if not self.is_active(node, child.alias, group)]
        active = not bad or (node.phase is Phase.ACTIVE and not self._fell(node, bad))
        node = self._turn(node, active=active, why=f"{', '.join(bad)} not Active" if bad else "")
        self._behave(group, node)
        return node

    def _serve(self, cluster: ClusterSpec, instance: Instance, serving: int) -> None:
        """Follow how many members serve. An Active instance whose minimum is raised stays so: nothing of it fell."""
        enough = serving >= cluster.min_members
        least = cluster.min_members if enough else min(instance.least, cluster.min_members)
        holds = instance.phase is Phase.ACTIVE and 0 < least <= serving
        instance = self.instances.set(instance, least=least)
        self._turn(instance, active=enough or holds, why=f"{serving} of {cluster.min_members} serve")

    def _fell(self, node: Instance, aliases: Collection[str]) -> bool:
        """Say whether one of these children has lost something; one that was declared just now has not."""
        return any(
            each.phase is Phase.INACTIVE or each.restart for alias in aliases for each in self.instances.of(node, alias)
        )

    def is_active(self, node: Instance, alias: str, group: GroupSpec) -> bool:
        """Say whether a child is Active: a cluster's instance is, of a group's instances at least its minimum."""
        child = self.order(group).children[alias]
        here = self.instances.of(node, alias)
        if not here and self.spec.burst == "clusters" and not node.parent:  # it did not burst: it serves from elsewhere
            here = self.instances.named(alias, Level.GROUP if isinstance(child, GroupSpec) else Level.CLUSTER)
        count = sum(each.phase is Phase.ACTIVE for each in here)
        return count >= (child.min if isinstance(child, GroupSpec) else 1)

    def _turn(self, instance: Instance, *, active: bool, why: str) -> Instance:
        """Move an instance between Active and Inactive."""
        if active and instance.phase is not Phase.ACTIVE:
            return self.instances.move(instance, Phase.ACTIVE, "")
        if not active and instance.phase is Phase.ACTIVE:
            return self.instances.move(instance, Phase.INACTIVE, why)
        return self.instances.set(instance, why=why) if instance.started and not active else instance

    def _behave(self, group: GroupSpec, node: Instance) -> None:
        """Mark what ends, and starts anew, because a child is Inactive."""
        if group.termination == "none":
            return
        for child in group.children:
            fallen = [i for i in self._staying(node, child.alias) if i.phase is Phase.INACTIVE]
            if not fallen or self.is_active(node, child.alias, group):
                continue
            why = f"{child.alias} is Inactive: terminate-{group.termination}"
            if group.termination == "all":
                self._restart([i for each in group.children for i in self._staying(node, each.alias)], why)
                return
            after = self.order(group).successors[child.alias]
            begun = [i for alias in sorted(after) for i in self._staying(node, alias) if i.started]
            if begun:
                self._restart([*begun, *fallen], why)

    def _restart(self, instances: Collection[Instance], why: str) -> None:
        """End instances so that they start anew. What has not started yet waits anyway."""
        for instance in instances:
            if instance.started:
                self.instances.set(self.instances.move(instance, Phase.TERMINATING, why), restart=True)

    def _staying(self, node: Instance, alias: str) -> list[Instance]:
        return [each for each in self.instances.of(node, alias) if each.phase is not Phase.TERMINATING]

    # --- the end -----------------------------------------------------------------------------------------------------

    def end(self, seen: Mapping[str, Seen]) -> frozenset[str]:
        """Carry on what ends, level by level; return the cluster instances whose turn it is to drain."""
        draining: set[str] = set()
        for root in self.instances.roots():
            self._end(self.spec.root, root, seen, draining)
        return frozenset(draining)

    def _end(self, group: GroupSpec | None, node: Instance, seen: Mapping[str, Seen], draining: set[str]) -> None:
        """Carry on below one instance, then see whether anything of it is left. Without a definition all at once."""
        ends = node.phase is Phase.TERMINATING
        if ends:
            self._mark_below(group, node)
        for alias, instances in self.instances.below(node).items():
            waits = group is not None and self._waits(group, node, alias)
            for instance in instances:
                if instance.level is Level.GROUP:
                    inner = self._group(group, alias)
                    if instance.phase is not Phase.TERMINATING or not (waits and (ends or instance.restart)):
                        self._end(inner, instance, seen, draining)
                elif instance.phase is Phase.TERMINATING and not (waits and (ends or instance.restart)):
                    draining.add(instance.instance)
                    self._leave(instance, gone=seen.get(instance.instance, NOBODY).alive == 0)
        if ends:
            self._leave(node, gone=not self.instances.below(node))

    def _mark_below(self, group: GroupSpec | None, node: Instance) -> None:
        """Let everything within an instance that ends, end; say after what."""
        below = self.instances.below(node)
        for alias, instances in below.items():
            before = self.order(group).ends_before.get(alias, frozenset()) if group is not None else frozenset()
            first = " and ".join(sorted(before & below.keys()))
            why = f"{node.why}, after {first}" if first else node.why
            for instance in instances:
                self.instances.set(self.instances.move(instance, Phase.TERMINATING, why), restart=False)

    def _waits(self, group: GroupSpec, node: Instance, alias: str) -> bool:
        """Say whether something that goes before this child still ends."""
        before = self.order(group).ends_before.get(alias, frozenset())
        return any(
            each.phase is Phase.TERMINATING and (each.restart or node.phase is Phase.TERMINATING)
            for other in before
            for each in self.instances.of(node, other)
        )

    def _leave(self, instance: Instance, *, gone: bool) -> None:
        """Take leave of an instance of which nothing is left, or create it anew."""
        if gone and instance.restart:
            self.instances.move(instance, Phase.CREATED, f"starts anew: {instance.why}")
        elif gone:
            self.instances.move(instance, Phase.TERMINATED, instance.why)

    def _group(self, group: GroupSpec | None, alias: str) -> GroupSpec | None:
        found = None if group is None else self.order(group).children.get(alias)
        return found if isinstance(found, GroupSpec) else None

    # --- the beginning -----------------------------------------------------------------------------------------------

    def begin(self, seen: Mapping[str, Seen], exported: Collection[str]) -> None:
        """Let start what waits for nothing any more, and say of the others what they wait for."""
        for root in self.instances.roots():
            if root.phase is not Phase.TERMINATING:
                root = self.instances.set(root, started=True)  # noqa: PLW2901 - the newest record
                self._begin(self.spec.root, root, seen, exported)

    def _begin(self, group: GroupSpec, node: Instance, seen: Mapping[str, Seen], exported: Collection[str]) -> None:
        anew = any(each.restart for instances in self.instances.below(node).values() for each in instances)
        for child in group.children:
            for instance in self._staying(node, child.alias):
                begun = instance if instance.started else self._start(group, node, child, instance, exported, anew=anew)
                if isinstance(child, GroupSpec) and begun.started:
                    self._begin(child, begun, seen, exported)

    def _start(
        self,
        group: GroupSpec,
        node: Instance,
        child: GroupSpec | ClusterSpec,
        instance: Instance,
        exported: Collection[str],
        *,
        anew: bool,
    ) -> Instance:
        """Start an instance, or say what it waits for."""
        waits = sorted(a for a in self.order(group).starts_after[child.alias] if not self.is_active(node, a, group))
        missing = [n for n in child.imports if n not in exported] if isinstance(child, ClusterSpec) else []
        if anew:
            why = "waits until what ends with it is gone"
        elif waits:
            why = f"waits for {', '.join(self._label(group, alias) for alias in waits)}"
        elif missing:
            why = f"waits for metadata {', '.join(missing)}"
        else:
            return self.instances.set(instance, started=True, why=_no_wait(instance.why))
        return self.instances.set(instance, why=why)

    def _label(self, group: GroupSpec, alias: str) -> str:
        """Write a child as the definitions do: ``cartridge.db``, ``group.backend``."""
        return f"{'group' if self._group(group, alias) else 'cartridge'}.{alias}"


def _no_wait(why: str) -> str:
    """Return why an instance is there: what it waited for is over."""
    return "" if why.startswith("waits") else why


def _key(group: GroupSpec) -> str:
    """Return a level's name: the root's alias may be that of a group."""
    return group.alias if group.name else ""
