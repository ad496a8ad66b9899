"""The *catalogue*: all definitions together, valid as a whole."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from config.application import Application
from config.choice import seen_from
from config.cluster import ClusterSpec
from config.definition import Declaration
from config.errors import ABSENT, ConfigError, Problem, did_you_mean, problem
from config.index import Entry, Identity, Index, distance
from config.kinds import KINDS
from config.parse import Parsed, Source, parse
from config.read import read
from config.references import check
from config.resolve_tree import resolve
from config.signup import OfApplication
from config.tree import ApplicationSpec


@dataclass(frozen=True, slots=True)
class Catalogue(Index):
    """All definitions. Made by :func:`load`, so everything in it is valid and refers to what exists."""

    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    """What was put up with."""
    resolved: tuple[Entry[Application], ...] = field(default=(), compare=False)
    """Every application in which nothing is wrong."""
    refused: frozenset[str] = field(default=frozenset(), compare=False)
    """Files that were read only to tell what else is wrong with them."""
    loaded: tuple[Entry[Declaration], ...] = field(default=(), compare=False)
    """Every document that is valid by itself, as it was read; those that say the same too."""

    def applications(self) -> tuple[ApplicationSpec, ...]:
        """Return every application as a tree, complete: nothing needs to be looked up any more."""
        return tuple(resolve(seen_from(self, each), each.definition) for each in self.resolved)

    def clusters(self) -> tuple[ClusterSpec, ...]:
        """Return every cluster of every application, nested ones too."""
        return tuple(cluster for application in self.applications() for cluster in application.clusters())

    def documents(self) -> list[tuple[str, bytes]]:
        """Return the definitions as key ``kind/tenant/id`` and JSON, as ``pileus.definitions`` carries them."""
        return [("/".join(key), _encode(each)) for key, each in self.definitions.items()]

    @staticmethod
    def from_documents(documents: Iterable[tuple[str, bytes]]) -> "Catalogue":
        """Make a catalogue of records of ``pileus.definitions``, oldest first.

        The newest record of a key counts; an empty one deletes it.

        Raises
        ------
        ConfigError
            What remains is not valid as a whole: keep the catalogue you have.
        """
        newest: dict[str, bytes] = {}
        for key, value in documents:
            newest.pop(key, None)
            if value:
                newest[key] = value
        parsed = [decode(key, value) for key, value in newest.items()]
        return _valid(*assemble(parsed))


def load(paths: Sequence[Path]) -> Catalogue:
    """Read files and folders into a catalogue.

    Raises
    ------
    ConfigError
        With every problem of every file.
    """
    return _valid(*examine(paths, strict=True))


def examine(paths: Sequence[Path], *, strict: bool = False) -> tuple[Catalogue, list[Problem]]:
    """Read files and folders; return what is usable, and every problem. Warnings stand in the catalogue.

    Not ``strict``: one id may be declared differently by several documents, as in a tree of alternatives.
    """
    sources, unread = read(paths)
    catalogue, problems = assemble([parse(source) for source in sources], strict=strict)
    return catalogue, unread + problems


def assemble(parsed: Sequence[Parsed], *, strict: bool = True) -> tuple[Catalogue, list[Problem]]:
    """Put definitions together and check that they fit each other."""
    problems = [each for one in parsed for each in one.problems]
    warnings = [each for one in parsed for each in one.warnings]
    found: dict[Identity, list[Entry[Declaration]]] = {}
    for entry in _owned([one for one in parsed if one.definition], warnings, problems if strict else warnings):
        there = found.setdefault(entry.definition.identity, [])
        same = next((each for each in there if each.definition == entry.definition), None)
        if same is None:
            there.append(entry)
        if same or len(there) > 1:
            _, _, name = entry.definition.identity
            told = _again(entry, same or there[0], name, alike=same is not None, strict=strict)
            (problems if strict and same is None else warnings).append(told)
    index = Index(
        {key: found[key][0].definition for key in sorted(found)},
        {key: found[key][0].file for key in found},
        {} if strict else {key: tuple(each) for key, each in found.items() if len(each) > 1},
    )
    broken = {one.claims for one in parsed if one.claims and one.definition is None}
    checked = check(index, frozenset(broken), strict=strict)
    refused = frozenset(one.source.file for one in parsed if one.source.refused)
    loaded = tuple(
        Entry(one.source.file, one.definition) for one in parsed if one.definition and not one.source.refused
    )
    warnings += checked.warnings
    return Catalogue(
        index.definitions, index.files, index.others, tuple(warnings), checked.resolved, refused, loaded
    ), problems + checked.problems


def _again(entry: Entry[Declaration], first: Entry[Declaration], name: str, *, alike: bool, strict: bool) -> Problem:
    """Say that an id is declared once more."""
    what = f"also declared in {first.file}"
    if not alike and not strict:
        what = f"declared differently in {first.file}; a reference takes the nearest, then the first that fits"
    return problem(entry.file, (entry.definition.ID,), name, what)


def _owned(parsed: Sequence[Parsed], warnings: list[Problem], orphans: list[Problem]) -> list[Entry[Declaration]]:
    """Return the documents, those that belong to an application with its id: the nearest if they state none."""
    entries = [Entry(one.source.file, one.definition) for one in parsed if one.definition]
    homes = [each for each in entries if isinstance(each.definition, Application)]
    owned = []
    for entry in entries:
        definition = entry.definition
        if not isinstance(definition, OfApplication) or definition.application_id is not None:
            owned.append(entry)
            continue
        name = _nearest(entry.file, cast("list[Entry[Application]]", homes))
        if name is None:
            told = "must be given: no application lies nearest"
            orphans.append(problem(entry.file, ("applicationId",), ABSENT, told))
            continue
        warnings.append(problem(entry.file, ("applicationId",), ABSENT, f"not given, read as '{name}'"))
        owned.append(Entry(entry.file, definition.model_copy(update={"application_id": name})))
    return owned


def _nearest(file: str, homes: Sequence[Entry[Application]]) -> str | None:
    """Return the application whose document lies nearest; ``None`` when there is none, or several."""
    if not homes:
        return None
    least = min(distance(file, each.file) for each in homes)
    names = {each.definition.application_id for each in homes if distance(file, each.file) == least}
    return names.pop() if len(names) == 1 else None


def _valid(catalogue: Catalogue, problems: Sequence[Problem]) -> Catalogue:
    if problems:
        raise ConfigError(problems)
    return catalogue


def _encode(definition: Declaration) -> bytes:
    return json.dumps(definition.document(), ensure_ascii=False, separators=(",", ":")).encode()


def decode(key: str, value: bytes) -> Parsed:
    """Make a definition of a record of ``pileus.definitions``; its key must say what it is."""
    file = f"pileus.definitions[{key}]"
    kind = key.partition("/")[0]
    try:
        document = json.loads(value)
    except (ValueError, RecursionError) as error:
        return Parsed(Source(file, None), None, None, (Problem(file=file, bound=f"must be JSON: {error}"),))
    parsed = parse(Source(file, document, kind))
    if parsed.definition is None or "/".join(parsed.definition.identity) == key:
        return parsed
    bound = f"the key must be {'/'.join(parsed.definition.identity)}"
    return Parsed(parsed.source, None, None, (Problem(file=file, bound=bound, hint=did_you_mean(kind, KINDS)),))
