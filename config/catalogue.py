"""The *catalogue*: all definitions together, valid as a whole."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.application import Application
from config.belonging import owned
from config.cluster import ClusterSpec
from config.definition import Declaration
from config.errors import ConfigError, Problem, did_you_mean, problem
from config.index import Entry, Identity, Index
from config.kinds import KINDS
from config.parse import Parsed, Source, parse
from config.read import read
from config.references import check
from config.resolution import Resolution, resolutions
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
    records: Mapping[str, tuple[bytes, Parsed]] = field(default_factory=dict, compare=False)
    """What :meth:`from_documents` made it of, for the next one."""
    known: dict[Identity, Resolution] = field(default_factory=dict, compare=False)
    """Applications that are resolved already; :meth:`applications` fills it."""

    def applications(self) -> tuple[ApplicationSpec, ...]:
        """Return every application as a tree, complete: nothing needs to be looked up any more.

        Resolved once: what is asked for again, or made of what ``previous`` was made of, is the very same object.
        """
        found = resolutions(self, self.resolved, self.known)
        self.known.clear()
        self.known.update(found)
        return tuple(each.spec for _, each in found)

    def clusters(self) -> tuple[ClusterSpec, ...]:
        """Return every cluster of every application, nested ones too."""
        return tuple(cluster for application in self.applications() for cluster in application.clusters())

    def documents(self) -> list[tuple[str, bytes]]:
        """Return the definitions as key ``kind/tenant/id`` and JSON, as ``pileus.definitions`` carries them."""
        return [("/".join(key), _encode(each)) for key, each in self.definitions.items()]

    @staticmethod
    def from_documents(documents: Iterable[tuple[str, bytes]], previous: "Catalogue | None" = None) -> "Catalogue":
        """Make a catalogue of records of ``pileus.definitions``, oldest first.

        The newest record of a key counts; an empty one deletes it. ``previous`` saves work and changes nothing else:
        a record that is the same to the byte is not read again, an application of such records not resolved again.

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
        known = previous.records if previous else {}
        records = {
            key: known[key] if key in known and known[key][0] == value else (value, decode(key, value))
            for key, value in newest.items()
        }
        catalogue = _valid(*assemble([parsed for _, parsed in records.values()]))
        return replace(catalogue, records=records, known=dict(previous.known) if previous else {})


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
    found: dict[Identity, dict[Declaration, Entry[Declaration]]] = {}
    entries = [Entry(one.source.file, one.definition) for one in parsed if one.definition]
    for entry in owned(entries, warnings, problems if strict else warnings):
        key = entry.definition.identity
        there = found.setdefault(key, {})
        same = there.setdefault(entry.definition, entry)
        alike = same is not entry
        if alike or len(there) > 1:
            told = _again(entry, same if alike else next(iter(there.values())), key[2], alike=alike, strict=strict)
            (problems if strict and not alike else warnings).append(told)
    first = {key: next(iter(there.values())) for key, there in sorted(found.items())}
    index = Index(
        {key: each.definition for key, each in first.items()},
        {key: each.file for key, each in first.items()},
        {} if strict else {key: tuple(there.values()) for key, there in found.items() if len(there) > 1},
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
