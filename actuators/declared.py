"""What the decider went by on each tick of a recording: the clusters as it brought them to life, in its own records."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from config.cluster import ClusterSpec
from streams.recording import Line
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.instance import Deployed
from streams.topics import INSTANCES


@dataclass(frozen=True, slots=True)
class Term:
    """How a cluster is declared from a tick on."""

    begin: float
    """Its first tick (s since the Unix epoch)."""
    life: int
    """Counts how often the cluster was gone before: what it remembered then is forgotten."""
    spec: ClusterSpec | None
    """``None``: it is not decided."""


class Declared:
    """The clusters, tick by tick."""

    def __init__(self) -> None:
        self._terms: dict[str, list[Term]] = defaultdict(list)
        self._here: dict[tuple[str, str], set[str]] = {}
        """By application, the clusters of its newest record."""

    @classmethod
    def always(cls, specs: Iterable[ClusterSpec]) -> "Declared":
        """Return clusters that are declared so from the beginning to the end."""
        declared = cls()
        for spec in specs:
            declared._add(spec.cluster, -math.inf, spec)
        return declared

    @classmethod
    def recorded(cls, recording: Iterable[Line]) -> "Declared":
        """Return the clusters of a recording. What was declared before its first record is taken to be the same.

        Raises
        ------
        ValueError
            A record of ``pileus.instances`` that cannot be read.
        """
        declared = cls()
        lines = [line for line in recording if line.topic == INSTANCES.name and line.value]
        records = [INSTANCE.decode(line.value) for line in sorted(lines, key=lambda line: line.offset)]
        for record in sorted((r for r in records if isinstance(r, Deployed)), key=lambda record: record.at):
            declared._take(record)
        return declared

    def at(self, cluster: str, at: float) -> Term | None:
        """Return how a cluster is declared on a tick; ``None``: not at all."""
        terms = self._terms.get(cluster, [])
        i = bisect_right(terms, at, key=lambda term: term.begin)
        return terms[i - 1] if i else None

    def _take(self, record: Deployed) -> None:
        """Take in what is deployed from a tick on.

        A cluster that is gone was decided on that tick a last time; one of an application that ends was not.
        """
        clusters = () if record.spec is None else (*record.leaving, *record.spec.clusters())
        here = {cluster.cluster: cluster for cluster in clusters}
        application = record.tenant, record.application
        for cluster in self._here.get(application, set()) - here.keys():
            self._add(cluster, math.nextafter(record.at, math.inf), None, gone=True)
        for name, spec in here.items():
            self._add(name, record.at if name in self._terms else -math.inf, None if record.ending else spec)
        self._here[application] = set(here)

    def _add(self, cluster: str, begin: float, spec: ClusterSpec | None, *, gone: bool = False) -> None:
        """Note how a cluster is declared from a tick on, after all that is known of it."""
        terms = self._terms[cluster]
        life = terms[-1].life if terms else 0
        terms.append(Term(begin, life + 1 if gone else life, spec))
