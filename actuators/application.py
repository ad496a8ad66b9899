"""One application in the decider: its instances, tick by tick, and what each cluster instance is to do. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from actuators.allot import Need, Place, hold, share
from actuators.instances import Instances
from actuators.life import NOBODY, Life, Seen
from actuators.shape import Full, Overflow, Shape, places_of
from config.cluster import ClusterSpec, PartitionSpec
from config.tree import ApplicationSpec
from streams.records.instance import BurstRequest, Deployed, Instance, Level, Phase
from streams.records.record import Record

Pair = tuple[str, Record]
"""Key and record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What one cluster instance is to do."""

    instance: str
    network_partition: str
    partitions: tuple[PartitionSpec, ...]
    """Where its members may be."""
    wanted: int
    """Members; 0 when it drains."""
    runs: bool
    """False while it waits to be started, or for its turn to end: nobody is launched, drained or replaced."""
    drains: bool = False
    """True when all its members are to go."""
    why: str = ""
    lost: bool = False
    """True when where it is cannot be reached: its members are left alone."""


class Application:
    """The instances of one application. Its time is that of the ticks."""

    def __init__(self, spec: ApplicationSpec, known: Iterable[Instance] = (), told: Deployed | None = None) -> None:
        self.instances = Instances(known)
        self.spec = spec
        self.ending = False
        """True once its definition is gone."""
        self.units: dict[str, tuple[Unit, ...]] = {}
        """By cluster id."""
        self._leaving: dict[str, ClusterSpec] = {}
        self._told = told
        self._burst: tuple[tuple[str, ...], ...] | None = None if told else ((), (), ())
        """What was asked for last; ``None`` after a restart: the log may have a request that is withdrawn now."""
        self._clusters: dict[str, ClusterSpec] = {}
        self._inputs: object = None
        if told is not None and told.spec is not None:
            self._part_with((*told.leaving, *told.spec.clusters()))
        self._index()

    @property
    def name(self) -> str:
        """Return ``<tenant>/<application>``."""
        return f"{self.spec.tenant}/{self.spec.application}"

    @property
    def over(self) -> bool:
        """Say whether it has ended and nothing of it is left."""
        return self.ending and self.instances.empty

    def define(self, spec: ApplicationSpec) -> None:
        """Take in what is declared now."""
        if spec is self.spec and not self.ending:
            return
        before = self.spec.clusters()
        self.spec, self.ending, self._inputs = spec, False, None
        self._part_with((*self._leaving.values(), *before))
        self._index()

    def undeploy(self) -> None:
        """End it in order: its definition is gone."""
        self.ending, self._inputs = True, None

    def clusters(self) -> dict[str, ClusterSpec]:
        """Return its clusters by id, those that are declared no more but not gone yet too."""
        return self._clusters

    def tick(
        self,
        wanted: Mapping[str, int],
        seen: Mapping[str, Seen],
        *,
        full: Full,
        exported: Collection[str],
        at: float,
        epoch: int,
        lost: frozenset[str] = frozenset(),
    ) -> list[Pair]:
        """Carry everything on by one tick; return what is to be published.

        Parameters
        ----------
        wanted
            The members that each cluster's own load asks for, by alias.
        seen
            The members that each cluster instance has, by instance.
        full
            Clusters that find no room in a network partition.
        exported
            Names of the metadata that is there.
        at
            The tick's time (s since the Unix epoch).
        lost
            Network partitions that cannot be reached: what they carried is needed elsewhere.
        """
        inputs = (dict(wanted), dict(seen), dict(full), frozenset(exported), self.ending, epoch, lost)
        if inputs == self._inputs:
            return []
        self.instances.at, self.instances.epoch, self.shape.lost = at, epoch, lost
        self._adopt(seen)
        self.life.settle(seen)
        if self.ending:
            self._end_all()
        draining = self.life.end(seen)
        need, overflow = self._update(wanted, full, seen)
        self.life.begin(seen, exported)
        self._orders(need, draining, full, seen)
        changed = self.instances.take()
        self._inputs = None if changed or self.shape.relieved else inputs
        told, deployed = [(each.instance, each) for each in changed], list(self._deployed())
        asked = self._overflow(overflow)
        # At the end last: of what is deployed no more, nothing is recalled.
        return [*told, *asked, *deployed] if self.over else [*deployed, *told, *asked]

    def _update(
        self, wanted: Mapping[str, int], full: Full, seen: Mapping[str, Seen]
    ) -> tuple[dict[str, Need], Overflow]:
        """Return what is needed, once the instances fit it. What ends needs nothing."""
        return ({}, Overflow()) if self.ending else self.shape.update(wanted, full, seen)

    def _end_all(self) -> None:
        for root in self.instances.roots():
            self.instances.move(root, Phase.TERMINATING, "undeployed")

    def _adopt(self, seen: Mapping[str, Seen]) -> None:
        """Take what has members for started, and everything around it: they were launched before the records here."""
        for leaf in list(self.instances.leaves()):
            if leaf.started or not seen.get(leaf.instance, NOBODY).present or leaf.phase is Phase.TERMINATING:
                continue
            node: Instance | None = leaf
            while node is not None:
                self.instances.set(node, started=True)
                node = self.instances.get(node.parent)

    def _orders(
        self, need: Mapping[str, Need], draining: Collection[str], full: Full, seen: Mapping[str, Seen]
    ) -> None:
        """Give every cluster instance its share, and say what it is to do."""
        units: dict[str, list[Unit]] = {}
        leaves: dict[str, list[Instance]] = {}
        for leaf in self.instances.leaves():
            leaves.setdefault(leaf.alias, []).append(leaf)
        for cluster in self.clusters().values():
            here = sorted(leaves.get(cluster.alias, ()), key=lambda each: (len(each.instance), each.instance))
            shares = self._shares(cluster, here, need.get(cluster.alias), full, seen)
            units[cluster.cluster] = [
                self._unit(cluster, leaf, shares, need, drains=leaf.instance in draining) for leaf in here
            ]
        self.units = {name: tuple(each) for name, each in units.items()}

    def _shares(
        self,
        cluster: ClusterSpec,
        leaves: Iterable[Instance],
        need: Need | None,
        full: Full,
        seen: Mapping[str, Seen],
    ) -> dict[str, int]:
        """Divide what a cluster needs among those of its instances that stay."""
        if need is None:
            return {}
        staying = [leaf for leaf in leaves if self.shape.stays(leaf)]
        places = [
            Place(
                name=leaf.instance,
                network_partition=leaf.network_partition,
                wave=self.shape.wave_of(leaf.network_partition),
                least=cluster.min_members,
                most=cluster.max_members,
                settled=leaf.phase in {Phase.ACTIVE, Phase.INACTIVE},
            )
            for leaf in staying
            if not self.shape.is_relieved(leaf) and leaf.network_partition not in self.shape.lost
        ]
        where = {leaf.instance: leaf.network_partition for leaf in staying}
        room = {name: self.shape.room(cluster, name, full) for name in set(where.values())}
        given = dict.fromkeys(where, cluster.min_members) | share(need.total, places, room=room)
        serving = {name: seen.get(name, NOBODY).active for name in where}
        held = hold(given, serving, network_partitions=where, room=room)
        return held | {n: seen.get(n, NOBODY).present for n in where if where[n] in self.shape.lost}

    def _unit(
        self, cluster: ClusterSpec, leaf: Instance, shares: Mapping[str, int], need: Mapping[str, Need], *, drains: bool
    ) -> Unit:
        """Return what one cluster instance is to do, and note it in its record."""
        stays = leaf.instance in shares
        wanted = 0 if drains else shares.get(leaf.instance, leaf.wanted)
        if leaf.phase is Phase.ACTIVE and stays:
            leaf = self.instances.set(leaf, wanted=wanted, why=_why(cluster, wanted, shares, need))
        else:
            leaf = self.instances.set(leaf, wanted=wanted)
        partitions = places_of(self.spec, cluster, leaf.network_partition)
        return Unit(
            instance=leaf.instance,
            network_partition=leaf.network_partition,
            partitions=partitions,
            wanted=wanted,
            runs=leaf.started and stays and bool(partitions),
            drains=drains,
            why=leaf.why,
            lost=leaf.network_partition in self.shape.lost,
        )

    def _deployed(self) -> Iterable[Pair]:
        """Tell what is brought to life when that changed: a restart after an undeploy needs it."""
        gone = [name for name, spec in self._leaving.items() if not self.instances.named(spec.alias, Level.CLUSTER)]
        for name in gone:
            del self._leaving[name], self._clusters[name]
        deployed = Deployed(
            tenant=self.spec.tenant,
            application=self.spec.application,
            at=self.instances.at,
            epoch=self.instances.epoch,
            spec=None if self.over else self.spec,
            leaving=tuple(self._leaving.values()),
            ending=self.ending,
        )
        if self._told is None or _said(deployed) != _said(self._told):
            self._told = deployed
            yield self.name, deployed

    def _overflow(self, overflow: Overflow) -> Iterable[Pair]:
        """Tell when the application begins to ask for another network partition, and when it ceases to."""
        missing = overflow.missing or {}
        lost = tuple(sorted(self.shape.lost))
        burst = overflow.to, tuple(sorted(missing)), lost
        if burst == self._burst:
            return
        self._burst = burst
        short = ", ".join(f"{count} of {alias}" for alias, count in sorted(missing.items()))
        why = f"no network partition is left for {short}" if short else ""
        if lost:
            cut = f"network partition {', '.join(lost)} is cut off: its members are silent and no balancer reaches them"
            why = f"{cut}{f'; {why}' if why else ''}"
        elif overflow.to:
            why = f"the network partitions in use are full{f'; {why}' if why else ''}"
        yield (
            f"{self.name}/burst",
            BurstRequest(
                tenant=self.spec.tenant,
                application=self.spec.application,
                at=self.instances.at,
                epoch=self.instances.epoch,
                to=overflow.to,
                missing=dict(missing),
                lost=lost,
                why=why,
            ),
        )

    def _part_with(self, before: Iterable[ClusterSpec]) -> None:
        """Remember the clusters that are declared no more, until they are gone."""
        declared = {cluster.cluster for cluster in self.spec.clusters()}
        self._leaving = {cluster.cluster: cluster for cluster in before if cluster.cluster not in declared}

    def _index(self) -> None:
        self.life = Life(self.spec, self.instances)
        self.shape = Shape(self.spec, self.instances)
        self._clusters = self._leaving | {cluster.cluster: cluster for cluster in self.spec.clusters()}


def _said(deployed: Deployed) -> tuple[object, ...]:
    """Return what a record says beside when and by whom it was written."""
    return deployed.spec, deployed.leaving, deployed.ending


def _why(cluster: ClusterSpec, wanted: int, shares: Mapping[str, int], need: Mapping[str, Need]) -> str:
    """Say why a cluster instance is to have so many members."""
    of = need[cluster.alias]
    if len(shares) == 1 and of.total == wanted:
        return of.why
    held = sum(shares.values())
    said = f"{of.why or f'{of.total} for its load'}: {wanted} here"
    if held < of.total:
        return f"{said}, {len(shares)} instances hold {held} at most" if len(shares) > 1 else f"{said} at most"
    if held > of.total:
        return f"{said}, the minimum" if wanted == cluster.min_members else said
    return said
