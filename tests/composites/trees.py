"""Small applications for tests: a test states the orders, bounds and places that it is about, the rest is ordinary."""

from collections.abc import Iterable, Sequence

import msgspec

from config.cluster import CartridgeSpec, ClusterSpec, PartitionSpec
from config.tree import ApplicationSpec, GroupSpec
from tests.builders import a_behavior, a_place, a_policy

LOAD = 10.0
"""Requests in flight that one member carries."""
WINDOW_S = 60.0
"""How long demand stays low before anything is taken away."""

Child = GroupSpec | ClusterSpec


def cluster(
    alias: str,
    *,
    least: int = 1,
    most: int = 4,
    places: Sequence[PartitionSpec] = (),
    exports: Sequence[str] = (),
    imports: Sequence[str] = (),
    boot_s: float = 900.0,
    drain_s: float = 30.0,
    balanced: bool = True,
) -> ClusterSpec:
    """Return a cluster; the application around it gives it its id."""
    return ClusterSpec(
        tenant="",
        application="",
        cluster="",
        alias=alias,
        cartridge=CartridgeSpec(cartridge="web", boot_s=boot_s, drain_s=drain_s, balanced=balanced),
        min_members=least,
        max_members=most,
        policy=a_policy(requests=LOAD, tolerance=0.0, down=a_behavior(stabilization_s=WINDOW_S)),
        partitions=tuple(places) or (a_place(max_members=100),),
        exports=tuple(exports),
        imports=tuple(imports),
    )


def group(
    alias: str,
    *children: Child,
    least: int = 1,
    most: int = 1,
    order: Sequence[str] = (),
    ends: Sequence[str] | None = None,
    dependents: Sequence[str] = (),
    termination: str = "none",
) -> GroupSpec:
    """Return a group. ``order`` and ``ends`` are pairs, ``db web``; ``dependents`` sets, ``db web cache``."""
    before = _pairs(order)
    return GroupSpec(
        alias=alias,
        name=f"{alias}-group",
        min=least,
        max=most,
        children=children,
        order=before,
        dependents=tuple(frozenset(each.split()) for each in dependents),
        termination=termination,
        termination_order=tuple((b, a) for a, b in before) if ends is None else _pairs(ends),
    )


def application(
    *children: Child,
    name: str = "shop",
    tenant: str = "default",
    order: Sequence[str] = (),
    ends: Sequence[str] | None = None,
    dependents: Sequence[str] = (),
    termination: str = "none",
    waves: Sequence[Sequence[str]] = (("here",),),
    algorithm: str = "one-after-another",
    burst: str = "application",
    sign_ups: Sequence[str] | None = None,
) -> ApplicationSpec:
    """Return an application; with ``sign_ups``, even none, it is a multi-tenant one."""
    root = group(name, *children, order=order, ends=ends, dependents=dependents, termination=termination)
    least = len(waves) if algorithm == "all-at-once" else len(waves[0])
    inner = tuple(_named(child, tenant, name, least, sum(map(len, waves))) for child in children)
    return ApplicationSpec(
        tenant=tenant,
        application=name,
        multi_tenant=sign_ups is not None,
        sign_ups=tuple(sign_ups or ()),
        root=msgspec.structs.replace(root, name="", children=inner),
        network_partitions=tuple(each for wave in waves for each in wave),
        waves=tuple(tuple(wave) for wave in waves),
        algorithm=algorithm,
        burst=burst,
    )


def shop(*extra: str, least: int = 1, order: tuple[str, ...] = ("db web",), without: str = "") -> ApplicationSpec:
    """Return db before web, and more clusters; or one less."""
    clusters = [cluster(a, least=least) for a in ("db", "web", *extra) if a != without]
    return application(*clusters, order=tuple(pair for pair in order if without not in pair.split()))


def places(*network_partitions: str, room: int = 100) -> tuple[PartitionSpec, ...]:
    """Return one partition in each network partition, named ``<network partition>-1``."""
    return tuple(a_place(f"{each}-1", network_partition=each, max_members=room) for each in network_partitions)


def _named(child: Child, tenant: str, name: str, fewest: int, most: int) -> Child:
    """Return a child with its ids, and how many instances of it there may be."""
    if isinstance(child, GroupSpec):
        inner = (_named(each, tenant, name, fewest * child.min, most * child.max) for each in child.children)
        return msgspec.structs.replace(child, children=tuple(inner))
    full = f"{name}-{child.alias}" if tenant == "default" else f"{tenant}-{name}-{child.alias}"
    return msgspec.structs.replace(child, tenant=tenant, application=name, cluster=full, fewest=fewest, most=most)


def _pairs(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((first, then) for first, then in (text.split() for text in texts))
