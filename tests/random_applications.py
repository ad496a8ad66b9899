"""Random applications, valid as the definitions are, and random changes of one.

What is drawn is a tree with numbers and orders; :func:`complete` fills in what follows from it: room for the minimum,
imports, how many instances there may be.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

import msgspec
from hypothesis import strategies as st

from config.cluster import CartridgeSpec, ClusterSpec, PartitionSpec
from config.tree import ApplicationSpec, GroupSpec
from tests.builders import a_behavior, a_policy

Child = GroupSpec | ClusterSpec
Edges = tuple[tuple[str, str], ...]
PER_MEMBER = 10.0
"""Requests in flight that one member carries."""
POLICY = a_policy(requests=PER_MEMBER, tolerance=0.0, up=a_behavior(), down=a_behavior(stabilization_s=3.0))
MOST_CLUSTERS = 6
MOST_INSTANCES = 6
"""Of one group or cluster at most, in each network partition."""
TERMINATIONS = ("none", "dependents", "all")


# --- a whole application ---------------------------------------------------------------------------------------------


@st.composite
def applications(draw: st.DrawFn, *, application: str = "shop", tenant: str = "default") -> ApplicationSpec:
    """Draw an application: at most three levels of groups, six clusters and three network partitions."""
    names = tuple("abc"[: draw(st.integers(1, 3))])
    foreign = len(names) == 1 and draw(st.integers(0, 4)) == 0
    numbers = count(1)
    budget = draw(st.integers(1, MOST_CLUSTERS))
    children = draw(_children(names, budget, 3, numbers, foreign=foreign))
    root = draw(_level(GroupSpec(alias=application, name="", children=children)))
    spec = ApplicationSpec(
        tenant=tenant,
        application=application,
        root=root,
        network_partitions=names,
        waves=draw(_waves(names)),
        algorithm=draw(st.sampled_from(["one-after-another", "all-at-once"])),
    )
    return complete(spec)


@st.composite
def changes(draw: st.DrawFn, spec: ApplicationSpec) -> ApplicationSpec:
    """Draw another definition of an application: other numbers, a cluster more or less, another order."""
    groups = list(spec.root.groups())
    group = draw(st.sampled_from(groups))
    kind = draw(st.sampled_from(["numbers", "order", "add", "remove"]))
    if kind == "numbers":
        changed = draw(_other_numbers(group))
    elif kind == "order":
        changed = draw(_level(group))
    elif kind == "add" and len(spec.clusters()) < MOST_CLUSTERS:
        taken = {cluster.alias for cluster in spec.clusters()}
        alias = next(f"c{n}" for n in count(1) if f"c{n}" not in taken)
        more = draw(_cluster(alias, spec.network_partitions, foreign=False))
        changed = draw(_level(msgspec.structs.replace(group, children=(*group.children, more))))
    elif kind == "remove" and len(group.children) > 1:
        gone = draw(st.sampled_from(group.children))
        changed = without(group, gone.alias)
    else:
        changed = draw(_other_numbers(group))
    return complete(msgspec.structs.replace(spec, root=replaced(spec.root, group, changed)))


def complete(spec: ApplicationSpec) -> ApplicationSpec:
    """Fill in what follows from tree, numbers and orders, as the definitions' resolver does."""
    root = _completed(spec, spec.root, above=(), fewest=1, most=1)
    assert isinstance(root, GroupSpec)
    return msgspec.structs.replace(spec, root=root)


def replaced(tree: GroupSpec, old: GroupSpec, new: GroupSpec) -> GroupSpec:
    """Return a tree with another group in place of one."""
    if tree is old:
        return new
    return msgspec.structs.replace(
        tree,
        children=tuple(replaced(each, old, new) if isinstance(each, GroupSpec) else each for each in tree.children),
    )


def without(group: GroupSpec, alias: str) -> GroupSpec:
    """Return a group that lacks a child."""
    sets = (names - {alias} for names in group.dependents)
    return msgspec.structs.replace(
        group,
        children=tuple(each for each in group.children if each.alias != alias),
        order=tuple(pair for pair in group.order if alias not in pair),
        termination_order=tuple(pair for pair in group.termination_order if alias not in pair),
        dependents=tuple(names for names in sets if len(names) > 1),
    )


# --- its parts -------------------------------------------------------------------------------------------------------


@st.composite
def _waves(draw: st.DrawFn, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Cut the network partitions into waves."""
    waves: list[tuple[str, ...]] = []
    for name in names:
        together: bool = draw(st.booleans())
        if waves and together:
            waves[-1] = (*waves[-1], name)
        else:
            waves.append((name,))
    return tuple(waves)


@st.composite
def _children(
    draw: st.DrawFn, names: Sequence[str], clusters: int, depth: int, numbers: Iterable[int], *, foreign: bool
) -> tuple[Child, ...]:
    """Draw the children of a level that has so many clusters, here and below."""
    number = iter(numbers)
    here = draw(st.integers(0 if depth else clusters, clusters))
    found: list[Child] = [draw(_cluster(f"c{next(number)}", names, foreign=foreign)) for _ in range(here)]
    left = clusters - here
    while left:
        inside = draw(st.integers(1, left))
        left -= inside
        alias = f"g{next(number)}"
        children = draw(_children(names, inside, depth - 1, number, foreign=foreign))
        least = draw(st.sampled_from([1, 1, 1, 2]))
        group = GroupSpec(
            alias=alias, name=alias, children=children, min=least, max=least + draw(st.sampled_from([0, 0, 1, 2]))
        )
        found.append(draw(_level(group)))
    return tuple(found)


@st.composite
def _level(draw: st.DrawFn, group: GroupSpec) -> GroupSpec:
    """Draw what orders the children of a group."""
    aliases = [child.alias for child in group.children]
    order = draw(_graph(aliases))
    return msgspec.structs.replace(
        group,
        order=order,
        termination=draw(st.sampled_from(TERMINATIONS)),
        termination_order=draw(st.one_of(st.just(tuple((b, a) for a, b in order)), _graph(aliases))),
        dependents=draw(_sets(aliases)),
    )


@st.composite
def _graph(draw: st.DrawFn, aliases: Sequence[str]) -> Edges:
    """Draw a graph without cycles; a child may have several predecessors."""
    line = draw(st.permutations(aliases))
    pairs = [(a, b) for i, a in enumerate(line) for b in line[i + 1 :]]
    return tuple(draw(st.lists(st.sampled_from(pairs), unique=True, max_size=6))) if pairs else ()


@st.composite
def _sets(draw: st.DrawFn, aliases: Sequence[str]) -> tuple[frozenset[str], ...]:
    """Draw sets of children that scale together; they may share some."""
    if len(aliases) == 1:
        return ()
    some = st.frozensets(st.sampled_from(aliases), min_size=2, max_size=3)
    return tuple(draw(st.lists(some, unique=True, max_size=2)))


@st.composite
def _cluster(draw: st.DrawFn, alias: str, names: Sequence[str], *, foreign: bool) -> ClusterSpec:
    """Draw a cluster; a foreign one may be placed where the application's policy knows nothing of."""
    least = draw(st.sampled_from([1, 1, 2, 3]))
    at = ("x",) if foreign and draw(st.booleans()) else names
    return ClusterSpec(
        tenant="default",
        application="",
        cluster="",
        alias=alias,
        cartridge=draw(_cartridge(alias)),
        min_members=least,
        max_members=least + draw(st.integers(0, 3)),
        policy=POLICY,
        partitions=tuple(place for name in at for place in draw(_places(name))),
        exports=draw(st.sampled_from([(), (), (f"{alias}-url",)])),
    )


@st.composite
def _cartridge(draw: st.DrawFn, alias: str) -> CartridgeSpec:
    balanced = draw(st.booleans())
    health = "http:/health" if balanced else draw(st.sampled_from(["", "tcp"]))
    return CartridgeSpec(
        cartridge=alias, command=("serve",), balanced=balanced, health=health, drain_s=5.0, boot_s=15.0
    )


@st.composite
def _places(draw: st.DrawFn, network_partition: str) -> list[PartitionSpec]:
    algorithm = draw(st.sampled_from(["one-after-another", "round-robin"]))
    return [
        PartitionSpec(
            network_partition=network_partition,
            partition=f"{network_partition}{number}",
            provider="memory",
            max_members=draw(st.integers(1, 4)),
            algorithm=algorithm,
        )
        for number in range(1, draw(st.integers(1, 2)) + 1)
    ]


@st.composite
def _other_numbers(draw: st.DrawFn, group: GroupSpec) -> GroupSpec:
    """Draw other minimums and maximums of a group and of the clusters in it."""
    children: list[Child] = []
    for child in group.children:
        if isinstance(child, ClusterSpec):
            least = draw(st.sampled_from([1, 1, 2, 3]))
            most = least + draw(st.integers(0, 3))
            children.append(msgspec.structs.replace(child, min_members=least, max_members=most))
        else:
            children.append(child)
    least = draw(st.sampled_from([1, 1, 2])) if group.name else 1
    most = least + draw(st.integers(0, 2)) if group.name else 1
    return msgspec.structs.replace(group, children=tuple(children), min=least, max=most)


# --- what follows ----------------------------------------------------------------------------------------------------


def _completed(spec: ApplicationSpec, child: Child, *, above: tuple[str, ...], fewest: int, most: int) -> Child:
    """Complete a child; ``fewest`` and ``most`` are the instances around it in each network partition."""
    if isinstance(child, ClusterSpec):
        used = len(spec.network_partitions)
        first = used if spec.algorithm == "all-at-once" else len(spec.waves[0])
        return msgspec.structs.replace(
            child,
            tenant=spec.tenant,
            application=spec.application,
            cluster=f"{spec.application}-{child.alias}",
            imports=above,
            fewest=fewest * first,
            most=most * used,
            partitions=tuple(_roomy(child.partitions, child.min_members * fewest)),
        )
    least = max(1, min(child.min, MOST_INSTANCES // most))
    largest = max(least, min(child.max, MOST_INSTANCES // most))
    names = _imports(child)
    children = tuple(
        _completed(
            spec,
            each,
            above=tuple(dict.fromkeys((*above, *names[each.alias]))),
            fewest=fewest * least,
            most=most * largest,
        )
        for each in child.children
    )
    return msgspec.structs.replace(child, children=children, min=least, max=largest)


def _roomy(partitions: Sequence[PartitionSpec], least: int) -> Iterator[PartitionSpec]:
    """Let the last partition of each network partition have room for what the minimum lacks."""
    for each in partitions:
        here = [p for p in partitions if p.network_partition == each.network_partition]
        missing = least - sum(p.max_members for p in here)
        last = each is here[-1] and missing > 0
        yield replace(each, max_members=each.max_members + missing) if last else each


def _imports(group: GroupSpec) -> Mapping[str, tuple[str, ...]]:
    """Return what each child imports: all that those before it export."""
    exported = {child.alias: tuple(_exports(child)) for child in group.children}
    return {
        alias: tuple(name for other in sorted(before(alias, group.order)) for name in exported[other])
        for alias in exported
    }


def _exports(child: Child) -> Iterable[str]:
    clusters = [child] if isinstance(child, ClusterSpec) else child.clusters()
    return (name for cluster in clusters for name in cluster.exports)


def before(alias: str, order: Edges) -> set[str]:
    """Return all that go before a child in an order, directly or not."""
    found: set[str] = set()
    waiting = [alias]
    while waiting:
        at = waiting.pop()
        new = {a for a, b in order if b == at} - found
        found |= new
        waiting += new
    return found
