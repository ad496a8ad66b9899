"""What the check of a catalogue finds, as it goes from document to document."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from config.application import Path
from config.choice import seen_from
from config.definition import Declaration
from config.errors import Problem, did_you_mean, problem
from config.index import D, Entry, Identity, Index

K = TypeVar("K", bound=Declaration)


@dataclass(slots=True)
class Findings:
    """Problems and warnings, and what has to be remembered between documents."""

    index: Index
    broken: frozenset[Identity]
    """What exists and is wrong itself: not reported as missing too."""
    strict: bool
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    ports: dict[int, str] = field(default_factory=dict)
    """Who has each port of the local cloud."""
    clusters: dict[str, str] = field(default_factory=dict)
    """Who has each cluster id."""
    domains: dict[str, str] = field(default_factory=dict)
    """Who has each domain name."""
    hints: dict[Identity, str] = field(default_factory=dict)
    """What was probably meant by each name that nothing has."""
    names: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """By kind and tenant, what there is; filled when it is first needed."""

    def at(self, entry: Entry[D]) -> "Document[D]":
        """Turn to one document."""
        return Document(self, entry.file, entry.definition, seen_from(self.index, entry))

    def hint(self, key: Identity) -> str:
        """Return what was probably meant by a name that nothing has. Looked for once: there may be many of both."""
        if not self.names:
            for kind, tenant, name in self.index.definitions:
                self.names.setdefault((kind, tenant), []).append(name)
        if key not in self.hints:
            self.hints[key] = did_you_mean(key[2], self.names.get(key[:2], ()))
        return self.hints[key]


@dataclass(slots=True)
class Document(Generic[D]):
    """One document, the index as it sees it, and where to write what is found."""

    findings: Findings
    file: str
    definition: D
    index: Index
    told: set[Identity] = field(default_factory=set)

    def wrong(self, path: Path, value: object, bound: str, hint: str = "") -> None:
        """Write down a problem."""
        self.findings.problems.append(problem(self.file, path, value, bound, hint))

    def doubt(self, path: Path, value: object, what: str) -> None:
        """Write down a warning."""
        self.findings.warnings.append(problem(self.file, path, value, what))

    def against(self, path: Path, value: object, bound: str) -> None:
        """Write down what is a problem where definitions are to be used, and a warning where they are only checked."""
        (self.wrong if self.findings.strict else self.doubt)(path, value, bound)

    def find(self, kind: type[K], name: str, path: Path) -> K | None:
        """Return what a reference names; a name that nothing has is a problem."""
        key = (kind.KIND, self.definition.tenant, name)
        entry = self.index.entry(key)
        if entry is None:
            if key not in self.findings.broken:
                self.wrong(path, name, f"no such {kind.KIND}", self.findings.hint(key))
            return None
        if key in self.index.others and key not in self.told:
            self.told.add(key)
            self.doubt(path, name, f"{len(self.index.others[key])} documents declare it, {entry.file} counts")
        return cast("K", entry.definition)

    def unique(self, names: Iterable[tuple[Path, str]]) -> None:
        """Check that no name stands there twice."""
        seen: set[str] = set()
        for path, name in names:
            if name in seen:
                self.wrong(path, name, "must be unique")
            seen.add(name)
