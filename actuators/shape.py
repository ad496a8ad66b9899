"""Which instances an application should have: whole groups out and in, and further network partitions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from actuators.allot import Child, Need, Place, needs, share
from actuators.instances import Instances
from config.cluster import ClusterSpec, PartitionSpec
from config.tree import ApplicationSpec, GroupSpec
from streams.records.instance import Instance, Level, Phase

Full = Mapping[str, Mapping[str, int]]
"""Of a cluster, by alias: the members present in each network partition that has no room for another one."""


def places_of(spec: ApplicationSpec, cluster: ClusterSpec, network_partition: str) -> tuple[PartitionSpec, ...]:
    """Return where the instance of a cluster in one network partition places its members.

    A cluster whose deployment policy does not know that network partition uses those that only it knows.
    """
    here = tuple(p for p in cluster.partitions if p.network_partition == network_partition)
    return here or tuple(p for p in cluster.partitions if p.network_partition not in spec.network_partitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflow:
    """What the network partitions in use cannot hold, and which ones come next."""

    to: tuple[str, ...] = ()
    missing: Mapping[str, int] | None = None


class Shape:
    """Keeps the instances of one application in step with what its clusters need."""

    def __init__(self, spec: ApplicationSpec, instances: Instances) -> None:
        self.spec = spec
        self.instances = instances
        self._clusters = {cluster.alias: cluster for cluster in spec.clusters()}

    def update(self, wanted: Mapping[str, int], full: Full) -> tuple[dict[str, Need], Overflow]:
        """Create what is missing and end what is too much; return what is needed, and what finds no room."""
        need = needs(self.spec.root, wanted)
        overflow = self._roots(need, full)
        for root in self.instances.roots():
            if root.phase is not Phase.TERMINATING:
                self._fill(self.spec.root, root, need)
        for group in self.spec.root.groups():
            if group is not self.spec.root:
                self._shrink(group, need)
        return need, overflow

    # --- network partitions ------------------------------------------------------------------------------------------

    def _roots(self, need: Mapping[str, Need], full: Full) -> Overflow:
        """Use as many waves of network partitions as are needed, and the first at least."""
        waves = self.spec.waves
        asked, missing = self._waves(need, full)
        using = self._using()
        least = len(waves) if self.spec.algorithm == "all-at-once" else 1
        wave = max(asked, least, using)
        if using == wave > max(asked, least) and self._at_minimum(self.spec.root, need):
            self._leave(waves[wave - 1], "the other network partitions have room for all again")
            wave -= 1
        for name in (name for each in waves[:wave] for name in each):
            self._root(name)
        self._foreign()
        to = tuple(name for each in waves[using:wave] for name in each) if using else ()
        return Overflow(to=to, missing=missing)

    def _waves(self, need: Mapping[str, Need], full: Full) -> tuple[int, dict[str, int]]:
        """Return how many waves hold what is needed, and what not even all of them hold."""
        held = dict.fromkeys(self._clusters, 0)
        for number, wave in enumerate(self.spec.waves, 1):
            for alias, cluster in self._clusters.items():
                held[alias] += sum(self.room(cluster, name, full) for name in wave)
            missing = {a: need[a].total - held[a] for a in held if need[a].total > held[a]}
            if not missing:
                return number, {}
        return len(self.spec.waves), missing

    def room(self, cluster: ClusterSpec, network_partition: str, full: Full) -> int:
        """Return how many members of a cluster one network partition takes."""
        if (present := full.get(cluster.alias, {}).get(network_partition)) is not None:
            return present
        declared = sum(p.max_members for p in places_of(self.spec, cluster, network_partition))
        return min(declared, cluster.max_members * (cluster.most // len(self.spec.network_partitions)))

    def _using(self) -> int:
        """Return the last wave in use; 0 when there is none."""
        used = {root.network_partition for root in self.instances.roots() if root.phase is not Phase.TERMINATING}
        return max((n for n, wave in enumerate(self.spec.waves, 1) if used & set(wave)), default=0)

    def _root(self, network_partition: str) -> None:
        name = f"{self.spec.tenant}/{self.spec.application}/{network_partition}"
        if self.instances.get(name) is None:
            self._create(name, Level.APPLICATION, self.spec.application, network_partition=network_partition)

    def _leave(self, wave: Sequence[str], why: str) -> None:
        for root in self.instances.roots():
            if root.network_partition in wave:
                self.instances.move(root, Phase.TERMINATING, why)

    def _foreign(self) -> None:
        """End what runs in network partitions that the application does not name any more, once the others serve."""
        roots = self.instances.roots()
        own = [root for root in roots if root.network_partition in self.spec.network_partitions]
        if own and all(root.phase is Phase.ACTIVE for root in own):
            for root in roots:
                if root.network_partition not in self.spec.network_partitions:
                    self.instances.move(root, Phase.TERMINATING, "its network partition is not declared any more")

    # --- groups and clusters -----------------------------------------------------------------------------------------

    def _fill(self, group: GroupSpec, node: Instance, need: Mapping[str, Need]) -> None:
        """Create the children that an instance lacks, and end those that are not declared any more."""
        declared = {child.alias: child for child in group.children}
        for alias, instances in self.instances.below(node).items():
            for instance in instances:
                if alias not in declared or (instance.level is Level.GROUP) != isinstance(declared[alias], GroupSpec):
                    self.instances.move(instance, Phase.TERMINATING, "not declared any more")
        for child in group.children:
            if isinstance(child, GroupSpec):
                self._grow(child, node, need[child.alias])
                for instance in self._staying(node, child.alias):
                    self._fill(child, instance, need)
            elif not self.instances.of(node, child.alias):
                name = f"{node.instance}/{child.alias}"
                self._create(name, Level.CLUSTER, child.alias, node=node, network_partition=node.network_partition)

    def _grow(self, group: GroupSpec, node: Instance, need: Need) -> None:
        """Create as many instances of a group within one instance as are needed there."""
        wanted = self._shares(group, need)[node.instance]
        there = {instance.instance for instance in self.instances.of(node, group.alias)}
        staying = len(self._staying(node, group.alias))
        number = 0
        while staying < wanted:
            number += 1
            name = f"{node.instance}/{group.alias}.{number}"
            if name not in there:
                why = need.why if staying >= group.min else ""
                self._create(
                    name, Level.GROUP, group.alias, node=node, network_partition=node.network_partition, why=why
                )
                staying += 1

    def _shares(self, group: GroupSpec, need: Need) -> dict[str, int]:
        """Divide the instances that a group needs among the instances around it."""
        places = [
            Place(
                name=parent.instance,
                network_partition=parent.network_partition,
                wave=self.wave_of(parent.network_partition),
                least=group.min,
                most=max(group.min, min(group.max, self._fitting(group, parent.network_partition))),
            )
            for parent in self._parents(group)
        ]
        return share(need.total, places, room={})

    def _parents(self, group: GroupSpec) -> list[Instance]:
        """Return the instances that a group stands in and that stay."""
        above = next(each for each in self.spec.root.groups() if group in each.children)
        found = self.instances.roots() if above is self.spec.root else self.instances.named(above.alias, Level.GROUP)
        return [each for each in found if each.phase is not Phase.TERMINATING and self.stays(each)]

    def stays(self, instance: Instance) -> bool:
        """Say whether nothing around an instance ends."""
        parent = self.instances.get(instance.parent) if instance.parent else None
        return instance.phase is not Phase.TERMINATING and (parent is None or self.stays(parent))

    def _fitting(self, group: GroupSpec, network_partition: str) -> int:
        """Return how many instances of a group have room for the minimum of their clusters."""
        fits = group.max
        for cluster in group.clusters():
            declared = sum(p.max_members for p in places_of(self.spec, cluster, network_partition))
            fits = min(fits, declared // cluster.min_members)
        return fits

    def _shrink(self, group: GroupSpec, need: Mapping[str, Need]) -> None:
        """End one whole instance of a group when all its children are at their minimum and fit in the others."""
        here = [each for each in self.instances.named(group.alias, Level.GROUP) if self.stays(each)]
        ends = any(each.phase is Phase.TERMINATING for each in self.instances.named(group.alias, Level.GROUP))
        if ends or need[group.alias].total >= len(here) or not self._at_minimum(group, need):
            return
        by_parent: dict[str, list[Instance]] = {}
        for instance in here:
            by_parent.setdefault(instance.parent, []).append(instance)
        crowded = [each for each in by_parent.values() if len(each) > group.min]
        if crowded:
            chosen = max(crowded, key=lambda each: (len(each), self.wave_of(each[0].network_partition)))
            newest = max(chosen, key=lambda each: (len(each.instance), each.instance))
            self.instances.move(newest, Phase.TERMINATING, "all its children are at their minimum")

    def _at_minimum(self, group: GroupSpec, need: Mapping[str, Need]) -> bool:
        """Say whether every child of a group needs no more than its minimum, in all instances together."""
        level = Level.GROUP if group.name else Level.APPLICATION
        alias = group.alias if group.name else self.spec.application
        count = sum(self.stays(each) for each in self.instances.named(alias, level))
        return all(need[child.alias].total <= count * _least(child) for child in group.children)

    # --- small things ------------------------------------------------------------------------------------------------

    def wave_of(self, network_partition: str) -> int:
        """Return the wave of a network partition; those that are not declared come last."""
        waves = (n for n, wave in enumerate(self.spec.waves) if network_partition in wave)
        return next(waves, len(self.spec.waves))

    def _staying(self, node: Instance, alias: str) -> list[Instance]:
        return [each for each in self.instances.of(node, alias) if each.phase is not Phase.TERMINATING]

    def _create(
        self,
        name: str,
        level: Level,
        alias: str,
        *,
        network_partition: str,
        node: Instance | None = None,
        why: str = "",
    ) -> None:
        at = self.instances.at
        self.instances.add(
            Instance(
                instance=name,
                level=level,
                tenant=self.spec.tenant,
                application=self.spec.application,
                alias=alias,
                parent="" if node is None else node.instance,
                network_partition=network_partition,
                phase=Phase.CREATED,
                at=at,
                epoch=self.instances.epoch,
                since={Phase.CREATED.value: at},
                why=why,
            )
        )


def _least(child: Child) -> int:
    """Return the minimum of a child within one instance."""
    return child.min if isinstance(child, GroupSpec) else child.min_members
