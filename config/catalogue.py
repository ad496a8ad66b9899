"""The *catalogue*: all definitions together, valid as a whole."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.cluster import ClusterSpec
from config.definition import Declaration
from config.errors import ConfigError, Problem, did_you_mean, problem
from config.index import Identity, Index
from config.kinds import KINDS
from config.parse import Parsed, Source, parse
from config.read import read
from config.references import check
from config.resolve import clusters


@dataclass(frozen=True, slots=True)
class Catalogue(Index):
    """All definitions. Made by :func:`load`, so everything in it is valid and refers to what exists."""

    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    """What was put up with."""

    def clusters(self) -> tuple[ClusterSpec, ...]:
        """Return every cluster of every application, complete: nothing needs to be looked up any more."""
        return clusters(self)

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
        parsed = [_decode(key, value) for key, value in newest.items()]
        return _valid(*assemble(parsed))


def load(paths: Sequence[Path]) -> Catalogue:
    """Read files and folders into a catalogue.

    Raises
    ------
    ConfigError
        With every problem of every file.
    """
    return _valid(*examine(paths))


def examine(paths: Sequence[Path]) -> tuple[Catalogue, list[Problem]]:
    """Read files and folders; return what is usable, and every problem. Warnings stand in the catalogue."""
    sources, unread = read(paths)
    catalogue, problems = assemble([parse(source) for source in sources])
    return catalogue, unread + problems


def assemble(parsed: Sequence[Parsed]) -> tuple[Catalogue, list[Problem]]:
    """Put definitions together and check that they fit each other."""
    problems = [each for one in parsed for each in one.problems]
    warnings = [each for one in parsed for each in one.warnings]
    definitions: dict[Identity, Declaration] = {}
    files: dict[Identity, str] = {}
    for one in parsed:
        if one.definition is None:
            continue
        key = one.definition.identity
        if key not in definitions:
            definitions[key], files[key] = one.definition, one.source.file
        else:
            told = problem(one.source.file, (one.definition.ID,), key[2], f"also declared in {files[key]}")
            (warnings if definitions[key] == one.definition else problems).append(told)
    index = Index({key: definitions[key] for key in sorted(definitions)}, files)
    broken = {one.claims for one in parsed if one.claims and one.definition is None}
    dangling, doubtful = check(index, frozenset(broken))
    return Catalogue(index.definitions, index.files, (*warnings, *doubtful)), problems + dangling


def _valid(catalogue: Catalogue, problems: Sequence[Problem]) -> Catalogue:
    if problems:
        raise ConfigError(problems)
    return catalogue


def _encode(definition: Declaration) -> bytes:
    return json.dumps(definition.document(), ensure_ascii=False, separators=(",", ":")).encode()


def _decode(key: str, value: bytes) -> Parsed:
    """Make a definition of a record; its key must say what it is."""
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
