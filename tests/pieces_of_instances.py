"""Instances, groups and applications for tests of composite applications: each test states what it is about."""

from collections.abc import Sequence

import msgspec

from config.cluster import ClusterSpec, PartitionSpec
from config.tree import ApplicationSpec, GroupSpec
from streams.records.instance import Instance, Level, Phase
from tests.builders import a_place, a_spec


def an_instance_of(
    instance: str = "default/shop/here/web",
    *,
    level: Level = Level.CLUSTER,
    phase: Phase = Phase.CREATED,
    started: bool = False,
    restart: bool = False,
    at: float = 900.0,
) -> Instance:
    """Return an instance; its parent, alias and network partition follow from its name."""
    parent, _, last = instance.rpartition("/")
    return Instance(
        instance=instance,
        level=level,
        tenant="default",
        application="shop",
        alias="shop" if level is Level.APPLICATION else last.partition(".")[0],
        parent="" if level is Level.APPLICATION else parent,
        network_partition=instance.split("/")[2],
        phase=phase,
        at=at,
        epoch=0,
        since={"Created": at},
        started=started,
        restart=restart,
    )


def a_child(
    alias: str = "web",
    least: int = 1,
    most: int = 4,
    *,
    at: Sequence[PartitionSpec] = (),
    exports: tuple[str, ...] = (),
    imports: tuple[str, ...] = (),
    instances: tuple[int, int] = (1, 1),
) -> ClusterSpec:
    """Return a cluster of the application ``shop``; ``instances`` are the fewest and the most of it."""
    spec = a_spec(
        f"shop-{alias}", alias=alias, min_members=least, max_members=most, partitions=at or (a_place(max_members=20),)
    )
    fewest, largest = instances
    return msgspec.structs.replace(spec, exports=exports, imports=imports, fewest=fewest, most=largest)


def a_group(
    alias: str,
    *children: ClusterSpec | GroupSpec,
    size: tuple[int, int] = (1, 1),
    order: tuple[tuple[str, str], ...] = (),
    termination: str = "none",
    ends: tuple[tuple[str, str], ...] | None = None,
) -> GroupSpec:
    """Return a group; it ends in the reverse of the order in which it starts. Without an alias it is a root."""
    least, most = size
    return GroupSpec(
        alias=alias or "shop",
        name=alias,
        min=least,
        max=most,
        children=children,
        order=order,
        termination=termination,
        termination_order=tuple((then, first) for first, then in order) if ends is None else ends,
    )


def a_shop(
    *children: ClusterSpec | GroupSpec,
    waves: tuple[tuple[str, ...], ...] = (("here",),),
    algorithm: str = "one-after-another",
    order: tuple[tuple[str, str], ...] = (),
    termination: str = "none",
    ends: tuple[tuple[str, str], ...] | None = None,
) -> ApplicationSpec:
    """Return the application ``shop`` of these children."""
    return ApplicationSpec(
        tenant="default",
        application="shop",
        root=a_group("", *children, order=order, termination=termination, ends=ends),
        network_partitions=tuple(name for wave in waves for name in wave),
        waves=waves,
        algorithm=algorithm,
    )
