"""What the check of a catalogue finds, as it goes from document to document."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

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

    def at(self, entry: Entry[D]) -> "Document[D]":
        """Turn to one document."""
        return Document(self, entry.file, entry.definition, seen_from(self.index, entry))


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
        found = self.index.get(kind, self.definition.tenant, name)
        if found is None and key not in self.findings.broken:
            names = {each[2] for each in self.index.definitions if each[:2] == key[:2]}
            self.wrong(path, name, f"no such {kind.KIND}", did_you_mean(name, names))
        several = self.index.others.get(key)
        if several and key not in self.told:
            self.told.add(key)
            self.doubt(path, name, f"{len(several)} documents declare it, {self.index.files[key]} counts")
        return found

    def unique(self, names: Iterable[tuple[Path, str]]) -> None:
        """Check that no name stands there twice."""
        seen: set[str] = set()
        for path, name in names:
            if name in seen:
                self.wrong(path, name, "must be unique")
            seen.add(name)
