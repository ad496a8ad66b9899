"""How applications stand, for people: a tree of lines for the eye, and a line for each thing that changed. Pure."""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pileus.places import usage
from pileus.status import Aside, Detail, Standing, causes, left, shows, walk, wanted
from pileus.view import Look
from streams.explain import paused
from streams.records.control import Pause
from streams.records.instance import BurstRequest, Level, Phase
from streams.records.member import Member, State
from streams.tree import Node

UNBEGUN_S = 60.0
"""After so long without an instance somebody should look at the decider (s)."""
FEW = 5
"""Instances that the eye takes in at once: a larger tree that is not Active begins with the causes."""
WORST_FIRST = ("Inactive", "not begun", "Created", "Terminating", "Active")
MOST = 3
"""Causes and names that are told at most."""
BESIDE = 30
"""Columns from which on a reason may stand beside its row on two lines; else it has one line there, or stands below."""
UNITS = ((86_400, 2, "d"), (3_600, 2, "h"), (60, 1, "m"), (1, 0, "s"))
"""Seconds of a unit, from how many of them on it is used, its letter."""
TREES = {True: ("├─ ", "└─ ", "│  ", "   "), False: ("|- ", "`- ", "|  ", "   ")}
"""Before a child and before the last one, below the one and below the other; with Unicode and without."""
COLOURS = {
    "Active": "32",
    "Created": "33",
    "Starting": "33",
    "Inactive": "1;31",
    "Draining": "35",
    "Terminating": "35",
}
"""ECMA-48 colours of states and phases. All that they say stands in words too."""
SHOWN = {Level.GROUP.value, Level.CLUSTER.value}
"""Kinds that stand in the tree; the others are plain from their names."""
BOLD, FAINT, ALARM = "1", "2", "1;33"

Segment = tuple[str, str]
"""Text and its colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of a tree: an instance or a member."""

    key: str
    """The instance's id; a member's follows that of its cluster instance."""
    name: str
    kind: str
    """Level of the instance, or ``member``."""
    state: str = ""
    at: float | None = None
    """Since when (s since the Unix epoch)."""
    said: str = ""
    why: str = ""
    below: tuple["Item", ...] = ()


# --- what is told ----------------------------------------------------------------------------------------------------


def age(seconds: float) -> str:
    """Write how long something lasts in its largest unit: ``12s``, ``3m``, ``30h``, ``5d``."""
    whole = max(int(seconds), 0)
    return next(f"{whole // size}{letter}" for size, least, letter in UNITS if whole >= size * least)


def because(standing: Standing, *, now: float) -> list[str]:
    """Say why an application is not Active, a line for each cause, not too many; nothing when it is."""
    if standing.phase is None:
        return [" ".join(_headline(standing, now)).rstrip()]
    found = causes(standing)
    lines = [_cause(node, standing, now) for node in found[:MOST]]
    return [*lines, f"and {len(found) - MOST} more"] if len(found) > MOST else lines


def _cause(node: Node, standing: Standing, now: float) -> str:
    """Write ``backend.1/api: Inactive 12s, 1 of 2 serve: shop-api-2 Starting``."""
    path = node.instance.instance.removeprefix(f"{standing.tenant}/{standing.application}/")
    path = path if len(standing.roots) > 1 else path.partition("/")[2] or standing.application
    late = next((f"{m.member} {m.state}{m.reason and f', {m.reason}'}" for m in node.members if _late(m)), "")
    facts = [f"{node.instance.phase} {age(now - node.instance.at)}", _count(node)]
    return ": ".join(part for part in (path, ", ".join(filter(None, facts)), node.instance.why or late) if part)


def _late(member: Member) -> bool:
    return member.state is not State.ACTIVE


def _headline(standing: Standing, now: float) -> tuple[str, str]:
    """Say how the whole stands: in a word or two, and in numbers."""
    since = f"since {age(now - standing.at)}"
    if standing.phase is not None:
        return standing.phase.value, f"{since}  {_total(standing)}"
    return ("no longer declared", "") if standing.declared_at is None else ("declared, not begun", since)


def _total(standing: Standing) -> str:
    """Count the members of the whole."""
    if standing.phase is Phase.TERMINATING:
        return _left(left(standing.roots))
    return _serve(sum(root.serving for root in standing.roots), wanted(standing.roots), "members serve")


def _count(node: Node) -> str:
    """Count the members of an instance; one that has not begun has none to count."""
    instance, there = node.instance, left([node])
    if instance.phase is Phase.TERMINATING:
        return _left(there)
    if instance.phase is Phase.CREATED and not (instance.started or there):
        return ""
    return _serve(node.serving, wanted([node]), "serve")


def _serve(serving: int, asked: int, unit: str) -> str:
    return f"{serving} {unit}, {asked} wanted" if serving > asked else f"{serving} of {asked} {unit}"


def _left(count: int) -> str:
    return f"{count} {'member' if count == 1 else 'members'} left" if count else "no member left"


def _asks(burst: BurstRequest) -> str:
    """Write ``asks for eu-2: needs 4 more of web``."""
    if burst.lost and not burst.to and not burst.missing:
        return burst.why
    to = f"asks for {' and '.join(burst.to)}" if burst.to else "finds no other network partition"
    needs = ", ".join(f"{count} more of {alias}" for alias, count in sorted(burst.missing.items()))
    return f"{to}: needs {needs or 'more'}{burst.why and f' ({burst.why})'}"


def _held(pause: Pause, standing: Standing) -> str:
    """Write ``web is paused until 12:04:30Z by ada: migration``; of a tenant's pause, that it freezes all of it."""
    inner = pause.scope.removeprefix(f"{standing.tenant}/{standing.application}").removeprefix("/")
    frozen = pause.scope == standing.tenant
    return paused(pause, of=f"all of {standing.tenant}" if frozen else inner)


def summary(shown: Sequence[Standing]) -> str:
    """Count applications by phase, and name those that are not Active; the worst first."""
    names = defaultdict[str, list[str]](list)
    for each in shown:
        names[_phase(each)].append(each.application)
    told = [
        f"{len(names[p])} {p}" + ("" if p == "Active" else f" ({_some(names[p])})") for p in WORST_FIRST if p in names
    ]
    return f"{len(shown)} applications: {', '.join(told)}"


def _phase(standing: Standing) -> str:
    return standing.phase.value if standing.phase else "not begun"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


# --- the tree --------------------------------------------------------------------------------------------------------


def text(shown: Sequence[Standing], *, now: float, detail: Detail, look: Look, note: str = "") -> list[str]:
    """Return the trees of applications as lines, none wider than ``look.width`` columns.

    The worst application stands first, ``note`` and how many there are last: what is cut is what is well.
    """
    lines: list[str] = []
    for standing in sorted(shown, key=lambda each: WORST_FIRST.index(_phase(each))):
        lines += [*([""] if lines else []), *_tree(standing, now, detail, look)]
    if not shown:
        lines.append("no application")
    last = [(note, ALARM)] * bool(note) + [(summary(shown), BOLD)] * (len(shown) > 1)
    told = [_line([(part, colour)], look) for said, colour in last for part in _wrapped(said, look.width)]
    return [*lines, *([""] if told else []), *told]


def _tree(standing: Standing, now: float, detail: Detail, look: Look) -> Iterator[str]:
    """Yield the head of an application, what is special about it, and the rows below."""
    phase, items = standing.phase, _items(standing, detail)
    state, rest = _headline(standing, now)
    head = [("application ", ""), (standing.application, BOLD), (f" ({standing.tenant})  ", "")]
    yield _line([*head, (state, COLOURS[phase] if phase else ALARM), ("  ", ""), (rest, "")], look)
    stem = TREES[look.unicode][2 if items else 3]
    for line in _special(standing, now):
        for part in _wrapped(line, look.width - len(stem)):
            yield _line([(stem, FAINT), (part, ALARM)], look)
    for shadow in standing.shadows:
        yield _line([(stem, FAINT), (_beside(shadow), FAINT)], look)
    for line in usage(standing.room, everything=detail is Detail.ALL) if standing.room else ():
        yield _line([(stem, FAINT), (line, FAINT)], look)
    yield from _table(items, now, look)


def _beside(shadow: Aside) -> str:
    """Write ``web: the shadow quick would want 7 members``."""
    wants = "has decided nothing yet" if shadow.wanted is None else f"would want {shadow.wanted} members"
    return f"{shadow.cluster}: the shadow {shadow.policy} {wants}"


def _special(standing: Standing, now: float) -> Iterator[str]:
    """Yield what an operator has to know of the whole before anything else."""
    if standing.phase is None and standing.declared_at is not None and now - standing.at >= UNBEGUN_S:
        yield "does 'pileus actuate' run?"
    if standing.phase in {Phase.ACTIVE, Phase.INACTIVE, Phase.CREATED} and standing.declared_at is None:
        yield "no longer declared"
    yield from (_held(pause, standing) for pause in standing.pauses)
    if standing.burst is not None:
        yield _asks(standing.burst)
    if standing.phase in {None, Phase.ACTIVE}:
        return
    if sum(1 for _ in walk(standing.roots)) > FEW:
        yield from (f"because {line}" if not line.startswith("and ") else line for line in because(standing, now=now))
    elif len(standing.roots) == 1 and (why := standing.roots[0].instance.why):
        yield why


def _items(standing: Standing, detail: Detail) -> tuple[Item, ...]:
    """Return the rows of an application; a single network partition has none of its own."""
    carried = Counter(member.on for member in standing.members if member.on)
    roots = [_item(root, detail, carried) for root in standing.roots]
    items = roots[0].below if len(roots) == 1 else tuple(roots)
    if not standing.strays:
        return items
    key = f"{standing.tenant}/{standing.application}/(in no instance)"
    said = f"{len(standing.strays)} {'member' if len(standing.strays) == 1 else 'members'}"
    below = () if detail is Detail.NONE else tuple(_member(m, key, carried) for m in standing.strays)
    return (*items, Item(key=key, name="in no instance", kind="members", said=said, below=below))


def _item(node: Node, detail: Detail, carried: Mapping[str, int]) -> Item:
    """Return the row of an instance, with those below it. ``carried`` says how many members are on each host."""
    instance = node.instance
    name = instance.instance.rpartition("/")[2]
    root = instance.level is Level.APPLICATION
    plain = instance.phase is Phase.ACTIVE and node.serving == wanted([node]) and detail is not Detail.ALL
    anew = "then starts anew" if instance.phase is Phase.TERMINATING and instance.restart else ""
    return Item(
        key=instance.instance,
        name=f"in {instance.network_partition}" if root else name,
        kind=instance.level.value,
        state=instance.phase.value,
        at=instance.at,
        said=_count(node),
        why="" if plain else ", ".join(filter(None, (instance.why, anew))),
        below=(
            *(_item(child, detail, carried) for child in node.children),
            *(_member(member, instance.instance, carried) for member in node.members if shows(member, detail)),
        ),
    )


def _member(member: Member, inside: str, carried: Mapping[str, int]) -> Item:
    """Return the row of a member: a container's says on which host it is, a host's how many are on it."""
    on = f"{member.partition} on {member.on}" if member.on else member.partition
    return Item(
        key=f"{inside}/{member.member}",
        name=member.member,
        kind="member",
        state=member.state.value,
        at=member.at,
        said=f"{on}, {carried[member.member]} on it" if member.member in carried else on,
        why=member.reason,
    )


def _table(items: Sequence[Item], now: float, look: Look) -> Iterator[str]:
    """Yield the rows of a tree with their columns aligned."""
    rows = list(_rows(items, "", look))
    cells = [_cells(stem, item, now) for stem, _, item in rows]
    widths = [max(len(part) for part, _ in column) for column in zip(*cells, strict=True)]
    for (stem, under, item), row in zip(rows, cells, strict=True):
        padded = [(part.ljust(width), colour) for (part, colour), width in zip(row, widths, strict=True) if width]
        yield from _row(padded, stem, under, item.why, look)


def _cells(stem: str, item: Item, now: float) -> list[Segment]:
    """Return the columns of one row."""
    return [
        (stem + item.name, ""),
        (item.kind if item.kind in SHOWN else "", FAINT),
        (item.state, COLOURS.get(item.state, "")),
        ("" if item.at is None else age(now - item.at), ""),
        (item.said, ""),
    ]


def _rows(items: Sequence[Item], under: str, look: Look) -> Iterator[tuple[str, str, Item]]:
    """Yield each row with what is drawn before its name, and before what stands below it."""
    child, last, beside, below = TREES[look.unicode]
    for item in items:
        is_last = item is items[-1]
        inner = under + (below if is_last else beside)
        yield under + (last if is_last else child), inner + (beside if item.below else below), item
        yield from _rows(item.below, inner, look)


def _row(cells: list[Segment], stem: str, under: str, why: str, look: Look) -> Iterator[str]:
    """Yield one row; its reason stands beside it where there is room, else below."""
    (name, colour), *others = cells
    while why and len(others) > 1 and not others[-1][0].strip():
        others.pop()  # an empty column is room for the reason
    segments = [(stem, FAINT), (name[len(stem) :], colour)]
    for cell, shade in others:
        segments += [("  ", ""), (cell, shade)]
    used = sum(len(part) for part, _ in segments) + 2
    first, *more = _wrapped(why, look.width - used)
    if not more or (len(more) == 1 and look.width - used >= BESIDE):
        yield _line([*segments, ("  ", ""), (first, "")], look)
        indent = under.ljust(used)
    else:
        yield _line(segments, look)
        indent, more = under, _wrapped(why, look.width - len(under))
    for part in more:
        yield _line([(indent, FAINT), (part, "")], look)


def within(lines: Sequence[str], rows: int, look: Look) -> list[str]:
    """Return lines that fit into so many rows: the first ones and the last, and how many are left out."""
    if len(lines) <= rows:
        return list(lines)
    first = max(rows - 2, 0)
    hidden = len(lines) - first - 1
    note = _line([(f"... {hidden} lines more: name an APPLICATION, or --no-members", ALARM)], look)
    return [*lines[:first], note, lines[-1]][-max(rows, 1) :]


def _clean(said: str) -> str:
    """Put a text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())


def _wrapped(said: str, width: int) -> list[str]:
    """Break a text into lines of at most ``width`` columns (at least one)."""
    said = _clean(said)
    return [said] if len(said) <= width else textwrap.wrap(said, max(width, 1), break_on_hyphens=False) or [""]


def _line(segments: Iterable[Segment], look: Look) -> str:
    """Write segments as one line, cut at the width, without blanks at its end."""
    segments = [(part if part.isprintable() else _clean(part), colour) for part, colour in segments]
    plain = "".join(part for part, _ in segments).rstrip()
    dots = "…" if look.unicode else "..."
    cut = len(plain) if len(plain) <= look.width else max(look.width - len(dots), 0)
    end = "" if cut == len(plain) else dots[: look.width]
    if not look.colour:
        return plain[:cut] + end
    return "".join(_painted(segments, cut)) + end


def _painted(segments: Iterable[Segment], cut: int) -> Iterator[str]:
    """Yield the first ``cut`` columns in their colours."""
    for part, colour in segments:
        shown, cut = part[: max(cut, 0)], cut - len(part)
        if shown:
            yield f"\x1b[{colour}m{shown}\x1b[0m" if colour and shown.strip() else shown


# --- what changed ----------------------------------------------------------------------------------------------------


def facts(shown: Iterable[Standing], *, detail: Detail) -> dict[str, str]:
    """Return all that is told, a line for each thing by its id, without ages: what does not change stays equal."""
    lines: dict[str, str] = {}
    for standing in shown:
        key = f"{standing.tenant}/{standing.application}"
        state = f"{standing.phase}  {_total(standing)}" if standing.phase else _headline(standing, 0.0)[0]
        lines[key] = f"{key}  application  {state}"
        if standing.burst is not None:
            lines[f"{key} burst"] = f"{key}  application  {_asks(standing.burst)}"
        for pause in standing.pauses:
            lines[f"{key} pause {pause.scope}"] = f"{key}  application  {_held(pause, standing)}"
        for shadow in standing.shadows:
            lines[f"{key} shadow {shadow.cluster}"] = f"{key}  application  {_beside(shadow)}"
        for item in _flat(_items(standing, detail)):
            parts = (item.key, item.kind, item.state, item.said, item.why)
            lines[item.key] = "  ".join(_clean(part) for part in parts if part)
    return lines


def _flat(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        yield from _flat(item.below)


def news(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the lines that are new or changed, then what is gone."""
    changed = [line for key, line in after.items() if before.get(key) != line]
    return [*changed, *(f"{key}  gone" for key in before if key not in after)]
