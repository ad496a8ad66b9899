"""Which instances an application should have: whole groups out and in, and further network partitions. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from actuators.allot import Child, Need, Place, needs, share
from actuators.instances import Instances
from actuators.life import NOBODY, Seen
from actuators.within import clusters_of, each_inside, least_inside, least_within
from config.cluster import ClusterSpec, PartitionSpec
from config.tree import ApplicationSpec, GroupSpec
from streams.records.instance import Instance, Level, Phase

ROOM = "the other network partitions have room for all again"

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
        self.relieved: frozenset[str] = frozenset()
        """Instances that end as soon as the others carry what is needed: make before break."""
        self._relieving: set[str] = set()
        self.lost: frozenset[str] = frozenset()
        """Network partitions that cannot be reached: nothing more goes there, and what they have is left alone."""
        self._reach: dict[str, int] = {}
        """How many waves each child of the application needs; empty where the whole application bursts."""
        self._clusters = {cluster.alias: cluster for cluster in spec.clusters()}

    def update(
        self, wanted: Mapping[str, int], full: Full, seen: Mapping[str, Seen]
    ) -> tuple[dict[str, Need], Overflow]:
        """Create what is missing and end what is too much; return what is needed, and what finds no room."""
        self._relieving.clear()
        need = needs(self.spec.root, wanted)
        overflow = self._roots(need, full, seen)
        for group in self.spec.root.groups():
            for node in self._nodes(group):
                self._fill(group, node, need)
        for group in self.spec.root.groups():
            if group is not self.spec.root:
                self._shrink(group, need, full, seen)
        self.relieved = frozenset(self._relieving)
        return need, overflow

    # --- network partitions ------------------------------------------------------------------------------------------

    def _roots(self, need: Mapping[str, Need], full: Full, seen: Mapping[str, Seen]) -> Overflow:
        """Use as many waves of network partitions as are needed, and the first at least."""
        waves = self.spec.waves
        asked, missing = self._waves(self._clusters.values(), need, full)
        using = self._using()
        least = len(waves) if self.spec.algorithm == "all-at-once" else 1
        wave = max(asked, least, using)
        if self.spec.burst == "clusters":
            wave = max(asked, least)
            self._reach = {
                child.alias: max(least, self._waves(clusters_of(child), need, full)[0])
                for child in self.spec.root.children
            }
            self._come_back(need, full, seen)
        elif using == wave > max(asked, least) and self._at_minimum(self.spec.root, need):
            last = [root for root in self.instances.roots() if root.network_partition in waves[wave - 1]]
            wave -= self._relieve(last, need, full, seen, ROOM)
        for name in (name for each in waves[:wave] for name in each):
            self._root(name)
        self._foreign(need, full, seen)
        return Overflow(to=tuple(self._asked(waves[least:wave])), missing=missing)

    def _asked(self, waves: Iterable[Sequence[str]]) -> Iterator[str]:
        """Yield the network partitions that are asked for and not there yet: they do not serve."""
        serving = {root.network_partition for root in self.instances.roots() if Phase.ACTIVE in root.since}
        return (name for wave in waves for name in wave if name not in serving)

    def _come_back(self, need: Mapping[str, Need], full: Full, seen: Mapping[str, Seen]) -> None:
        """End the children that are in a further wave than they need, the last ones first; what is left is empty."""
        for child in self.spec.root.children:
            beyond: dict[int, list[Instance]] = {}
            for root in self.instances.roots():
                staying = [each for each in self.instances.of(root, child.alias) if self.stays(each)]
                if staying and not self._is_home(child, root):
                    beyond.setdefault(self.wave_of(root.network_partition), []).extend(staying)
            if beyond:
                self._relieve(beyond[max(beyond)], need, full, seen, ROOM)
        for root in self.instances.roots():
            if self.wave_of(root.network_partition) >= max(self._reach.values()) and not self.instances.below(root):
                self.instances.move(root, Phase.TERMINATING, ROOM)

    def _is_home(self, child: Child, root: Instance) -> bool:
        """Say whether a child of the application is to have instances in one of the application's instances."""
        wave = self.wave_of(root.network_partition)
        return not self._reach or wave < self._reach[child.alias] or wave == len(self.spec.waves)

    def _waves(
        self, clusters: Iterable[ClusterSpec], need: Mapping[str, Need], full: Full
    ) -> tuple[int, dict[str, int]]:
        """Return how many waves hold what these clusters need, and what not even all of them hold."""
        needed = {cluster.alias: cluster for cluster in clusters}
        held = dict.fromkeys(needed, 0)
        for number, wave in enumerate(self.spec.waves, 1):
            for alias, cluster in needed.items():
                held[alias] += sum(self.room(cluster, name, full) for name in wave)
            missing = {a: need[a].total - held[a] for a in held if need[a].total > held[a]}
            if not missing:
                return number, {}
        return len(self.spec.waves), missing

    def room(self, cluster: ClusterSpec, network_partition: str, full: Full) -> int:
        """Return how many members of a cluster one network partition takes."""
        if network_partition in self.lost:
            return 0
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

    def _foreign(self, need: Mapping[str, Need], full: Full, seen: Mapping[str, Seen]) -> None:
        """End what runs in network partitions that the application does not name any more, once the others serve."""
        roots = self.instances.roots()
        own = [root for root in roots if root.network_partition in self.spec.network_partitions]
        if own and all(root.phase is Phase.ACTIVE for root in own):
            foreign = [root for root in roots if root not in own and root.phase is not Phase.TERMINATING]
            self._relieve(foreign, need, full, seen, "its network partition is not declared any more")

    def _relieve(
        self, leaving: Collection[Instance], need: Mapping[str, Need], full: Full, seen: Mapping[str, Seen], why: str
    ) -> bool:
        """End instances once the others serve for what is needed, or all that fits; say whether they end."""
        names = {each.instance for each in leaving}
        ready = True
        for alias, cluster in self._clusters.items():
            leaves = self.instances.named(alias, Level.CLUSTER)
            going = [leaf for leaf in leaves if self._is_within(leaf, names)]
            staying = [leaf for leaf in leaves if leaf not in going and self.stays(leaf)]
            carried = sum(seen.get(leaf.instance, NOBODY).active for leaf in staying)
            taken = Counter[str]()
            for leaf in going:
                taken[leaf.network_partition] += seen.get(leaf.instance, NOBODY).alive
            there = Counter(leaf.network_partition for leaf in staying)
            fits = sum(
                min(count * cluster.max_members, self.room(cluster, name, full) - taken[name])
                for name, count in there.items()
            )
            ready = ready and (not going or carried >= min(need[alias].total, fits))
        for instance in leaving if ready else ():
            self.instances.move(instance, Phase.TERMINATING, why)
        self._relieving |= set() if ready else names
        return ready

    def is_relieved(self, instance: Instance) -> bool:
        """Say whether an instance, or what is around it, ends as soon as the others carry what is needed."""
        return self._is_within(instance, self.relieved)

    def _is_within(self, instance: Instance, names: Collection[str]) -> bool:
        return instance.instance in names or any(instance.instance.startswith(f"{name}/") for name in names)

    # --- groups and clusters -----------------------------------------------------------------------------------------

    def _nodes(self, group: GroupSpec) -> list[Instance]:
        """Return the instances of a group, or of the application, that stay. All are there before any is filled."""
        found = self.instances.named(group.alias, Level.GROUP) if group.name else self.instances.roots()
        return [each for each in found if self.stays(each)]

    def _fill(self, group: GroupSpec, node: Instance, need: Mapping[str, Need]) -> None:
        """Create the children that an instance lacks, and end those that are not declared any more."""
        declared = {child.alias: child for child in group.children}
        for alias, instances in self.instances.below(node).items():
            for instance in instances:
                if alias not in declared or (instance.level is Level.GROUP) != isinstance(declared[alias], GroupSpec):
                    self.instances.move(instance, Phase.TERMINATING, "not declared any more")
        for child in group.children:
            if not node.parent and not self._is_home(child, node):
                continue  # it has room elsewhere
            if isinstance(child, GroupSpec):
                self._grow(child, node, need[child.alias])
            elif not self.instances.of(node, child.alias):
                name = f"{node.instance}/{child.alias}"
                self._create(name, Level.CLUSTER, child.alias, node=node, network_partition=node.network_partition)

    def _grow(self, group: GroupSpec, node: Instance, need: Need) -> None:
        """Create as many instances of a group within one instance as are needed there, and end those too many."""
        there = {instance.instance for instance in self.instances.of(node, group.alias)}
        abiding = self._abiding(node, group.alias)
        for instance in abiding[self._most(group, node, len(abiding)) :]:
            why = f"group {group.alias} has {group.max} at most, and room for their minimums"
            self.instances.set(self.instances.move(instance, Phase.TERMINATING, why), restart=False)
        wanted = self._shares(group, need).get(node.instance, group.min) if group.min < group.max else group.min
        count, number = len(abiding), 0
        while count < wanted:
            number += 1
            name = f"{node.instance}/{group.alias}.{number}"
            if name not in there:
                why = need.why if count >= group.min else ""
                self._create(
                    name, Level.GROUP, group.alias, node=node, network_partition=node.network_partition, why=why
                )
                count += 1

    def _most(self, group: GroupSpec, node: Instance, there: int) -> int:
        """Return how many of the instances of a group within one instance may stay: a definition may ask for less."""
        if there <= group.min:
            return group.max
        return min(group.max, max(group.min, there + min(0, self._spare(group, node.network_partition))))

    def _shares(self, group: GroupSpec, need: Need) -> dict[str, int]:
        """Divide the instances that a group needs among the instances around it; those that are there stay there."""
        places = [
            Place(
                name=parent.instance,
                network_partition=parent.network_partition,
                wave=self.wave_of(parent.network_partition),
                least=min(group.max, max(group.min, len(self._abiding(parent, group.alias)))),
                most=group.max,
            )
            for parent in self._parents(group)
        ]
        room = {name: self._fitting(group, name) for name in {place.network_partition for place in places}}
        return share(need.total, places, room=room)

    def _parents(self, group: GroupSpec) -> list[Instance]:
        """Return the instances that a group stands in and that stay."""
        above = next(each for each in self.spec.root.groups() if group in each.children)
        if above is self.spec.root:
            found = [root for root in self.instances.roots() if self._is_home(group, root)]
        else:
            found = self.instances.named(above.alias, Level.GROUP)
        return [
            each
            for each in found
            if self._abides(each) and not self.is_relieved(each) and each.network_partition not in self.lost
        ]

    def _abides(self, instance: Instance) -> bool:
        """Say whether neither an instance nor what is around it ends for good."""
        parent = self.instances.get(instance.parent) if instance.parent else None
        return _is_kept(instance) and (parent is None or self._abides(parent))

    def _abiding(self, node: Instance, alias: str) -> list[Instance]:
        """Return the instances of a child that stay, or end only to start anew: nothing takes their place."""
        return [each for each in self.instances.of(node, alias) if _is_kept(each)]

    def stays(self, instance: Instance) -> bool:
        """Say whether nothing around an instance ends."""
        parent = self.instances.get(instance.parent) if instance.parent else None
        return instance.phase is not Phase.TERMINATING and (parent is None or self.stays(parent))

    def _fitting(self, group: GroupSpec, network_partition: str) -> int:
        """Return how many instances of a group one network partition takes, all together."""
        here = sum(self._count(self.spec.root, root, group.alias) for root in self._roots_in(network_partition))
        return here + max(0, self._spare(group, network_partition))

    def _spare(self, group: GroupSpec, network_partition: str) -> int:
        """Return how many more instances of a group one network partition takes; below 0: so many are too many.

        Each cluster in a further one needs room for its minimum, beside the minimums of its instances that are there.
        """
        more = []
        for cluster, inside in each_inside(group):
            declared = sum(p.max_members for p in places_of(self.spec, cluster, network_partition))
            here = sum(self._count(self.spec.root, root, cluster.alias) for root in self._roots_in(network_partition))
            more.append((declared - here * cluster.min_members) // (cluster.min_members * inside))
        return min(more)

    def _roots_in(self, network_partition: str) -> list[Instance]:
        return [root for root in self.instances.roots() if root.network_partition == network_partition]

    def _count(self, group: GroupSpec, node: Instance, alias: str) -> int:
        """Count what abides of a group or a cluster within one instance, or will at least once it is filled."""
        total = 0
        for child in group.children:
            here = self._abiding(node, child.alias)
            if child.alias == alias:
                total += len(here)
            elif isinstance(child, GroupSpec) and (inside := least_inside(child, alias)):
                total += sum(inside if each.restart else max(inside, self._count(child, each, alias)) for each in here)
        return total

    def _shrink(self, group: GroupSpec, need: Mapping[str, Need], full: Full, seen: Mapping[str, Seen]) -> None:
        """End one whole instance of a group when all its children are at their minimum and fit in the others."""
        here = [each for each in self.instances.named(group.alias, Level.GROUP) if self._carries(each)]
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
            self._relieve([newest], need, full, seen, "all its children are at their minimum")

    def _at_minimum(self, group: GroupSpec, need: Mapping[str, Need]) -> bool:
        """Say whether every child of a group needs no more than its minimum, in all instances together."""
        level = Level.GROUP if group.name else Level.APPLICATION
        alias = group.alias if group.name else self.spec.application
        count = sum(self._carries(each) for each in self.instances.named(alias, level))
        return all(need[child.alias].total <= count * least_within(child) for child in group.children)

    def _carries(self, instance: Instance) -> bool:
        """Say whether an instance stays, and neither it nor what is around it is about to end."""
        return self.stays(instance) and not self._is_within(instance, self._relieving)

    # --- small things ------------------------------------------------------------------------------------------------

    def wave_of(self, network_partition: str) -> int:
        """Return the wave of a network partition; those that are not declared come last."""
        waves = (n for n, wave in enumerate(self.spec.waves) if network_partition in wave)
        return next(waves, len(self.spec.waves))

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


def _is_kept(instance: Instance) -> bool:
    """Say whether an instance stays, or ends only to start anew."""
    return instance.phase is not Phase.TERMINATING or instance.restart
