"""The dependencies of an application, drawn: as Mermaid and as plain text. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from config.cluster import ClusterSpec
from config.group import Edges
from config.tree import ApplicationSpec, GroupSpec

Child = GroupSpec | ClusterSpec

BEHAVIOURS = {
    "none": "when a child is Inactive, nothing else ends",
    "dependents": "when a child is Inactive, what starts after it ends and starts anew",
    "all": "when a child is Inactive, all of them end and start anew",
}
"""What the termination behaviours mean."""


def mermaid(application: ApplicationSpec) -> str:
    """Return a flowchart: a box for each group, an arrow from what starts first to what waits for it."""
    drawing = _Drawing()
    lines = [
        "flowchart LR",
        "  %% a --> b: b starts when a is Active; a -.- b: they scale together; a -. ends before .-> b",
        *drawing.group(application.root, "  "),
    ]
    return "\n".join([*lines, ""])


def text(application: ApplicationSpec) -> str:
    """Return the tree with every order in words."""
    root = application.root
    lines = [f"application {application.application} (tenant {application.tenant})", *_level(root, "  ")]
    return "\n".join([*lines, ""])


def waves(children: Sequence[str], order: Edges) -> list[list[str]]:
    """Return children in waves: those of one wave depend only on those of earlier ones.

    ``order`` has no cycle and names only ``children``.
    """
    before = {each: {a for a, b in order if b == each} for each in children}
    found: list[list[str]] = []
    while before:
        free = [each for each, waits in before.items() if not waits & before.keys()]
        found.append(free)
        before = {each: waits for each, waits in before.items() if each not in free}
    return found


class _Drawing:
    """Names the nodes as they come: ``n0``, ``n1`` ... so that no alias can be a word of Mermaid."""

    def __init__(self) -> None:
        self._count = 0
        self._nodes: dict[str, str] = {}

    def group(self, group: GroupSpec, indent: str) -> Iterator[str]:
        """Yield the box of a group, and the edges of its children."""
        yield f'{indent}subgraph {self._node(group)}["{_caption(group)}, terminates {group.termination}"]'
        inner = indent + "  "
        for child in group.children:
            if isinstance(child, GroupSpec):
                yield from self.group(child, inner)
            else:
                yield f'{inner}{self._node(child)}["{_caption(child)}"]'
        nodes = {child.alias: self._nodes[child.alias] for child in group.children}
        yield from (f"{inner}{nodes[a]} --> {nodes[b]}" for a, b in group.order)
        for names in group.dependents:
            yield from (f"{inner}{nodes[a]} -.-|scales with| {nodes[b]}" for a, b in pairwise(sorted(names)))
        if not _reversed(group):
            yield from (f"{inner}{nodes[a]} -.->|ends before| {nodes[b]}" for a, b in group.termination_order)
        yield f"{indent}end"

    def _node(self, child: Child) -> str:
        self._nodes[child.alias] = f"n{self._count}"
        self._count += 1
        return self._nodes[child.alias]


def _level(group: GroupSpec, indent: str) -> Iterator[str]:
    """Yield what holds for the children of a group, and each of them."""
    names = [child.alias for child in group.children]
    yield f"{indent}starts: {_in_waves(names, group.order)}"
    yield f"{indent}ends: {_in_waves(names, group.termination_order)}"
    for together in group.dependents:
        yield f"{indent}scales together: {_ratio(group, together)}"
    yield f"{indent}terminates {group.termination}: {BEHAVIOURS[group.termination]}"
    for child in group.children:
        after = [a for a, b in group.order if b == child.alias]
        yield f"{indent}{_caption(child)}" + (f", after {', '.join(after)}" if after else "")
        if isinstance(child, GroupSpec):
            yield from _level(child, indent + "    ")


def _in_waves(names: Sequence[str], order: Edges) -> str:
    return ", then ".join(" and ".join(wave) for wave in waves(names, order))


def _ratio(group: GroupSpec, together: frozenset[str]) -> str:
    """Return ``api : db = 2 : 1``: the minimums are the ratio."""
    least = {child.alias: _bounds(child)[0] for child in group.children if child.alias in together}
    return f"{' : '.join(least)} = {' : '.join(map(str, least.values()))}"


def _reversed(group: GroupSpec) -> bool:
    """Say whether a group ends in the reverse of the order in which it starts."""
    return set(group.termination_order) == {(b, a) for a, b in group.order}


def _bounds(child: Child) -> tuple[int, int]:
    return (child.min, child.max) if isinstance(child, GroupSpec) else (child.min_members, child.max_members)


def _caption(child: Child) -> str:
    """Return ``db: cartridge mysql, 1 to 3``."""
    least, most = _bounds(child)
    number = f"{least}" if least == most else f"{least} to {most}"
    if isinstance(child, ClusterSpec):
        return f"{child.alias}: cartridge {child.cartridge.cartridge}, {number} members"
    return f"{child.alias}: group {child.name}, {number} times" if child.name else child.alias
