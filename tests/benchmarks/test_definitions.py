"""What a catalogue costs in CPU time, beside one of a tenth: until it is valid (goal for 10,000: under 5 s), resolved.

Time is CPU time of one core; the collector of garbage is part of it. Nothing is asserted about it.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from pytest_benchmark.fixture import BenchmarkFixture

from config.catalogue import Catalogue, assemble
from config.parse import Source, parse
from config.read import read
from tests.unit.config.mixed import TEAM, Document, application, mixed

GROUPS = 4
"""Groups of four clusters in each application that is resolved; two clusters beside them, and two more here."""


@pytest.fixture
def size(pytestconfig: pytest.Config) -> int:
    """Return how many definitions are many: as many as the goal says when benchmarks are wanted."""
    return 10_000 if pytestconfig.getoption("--benchmark-enable") else 1_000


def measure(benchmark: BenchmarkFixture, count: int, work: Callable[[int], Callable[[], int]]) -> None:
    """Measure ``work`` made for ``count`` and for a tenth of it, and tell both with their ratio."""
    few, many = work(count // 10), work(count)

    found = benchmark.pedantic(many, rounds=3)

    assert found == count
    small, large = (min(seconds(run) for _ in range(3)) for run in (few, many))
    benchmark.extra_info |= {
        "count": count,
        "cpu_s": round(large, 3),
        "cpu_s_of_a_tenth": round(small, 4),
        "ratio": round(large / max(small, 1e-6), 1),
    }
    sys.stdout.write(f"\n{benchmark.name}: {benchmark.extra_info}\n")


def seconds(run: Callable[[], int]) -> float:
    """Return the CPU time of one run."""
    gc.collect()
    started = time.process_time()
    run()
    return time.process_time() - started


def validated(sources: Iterator[Source]) -> int:
    """Return how many definitions are valid together; all of them must be."""
    catalogue, problems = assemble([parse(source) for source in sources])
    assert problems == []
    return len(catalogue.definitions)


def texts(count: int) -> list[bytes]:
    """Return definitions of every kind as text."""
    return [json.dumps(each).encode() for each in mixed(count)]


@pytest.mark.benchmark(group="definitions from text to a valid catalogue")
def test_definitions_validate(benchmark: BenchmarkFixture, size: int) -> None:
    def work(count: int) -> Callable[[], int]:
        given = texts(count)
        return lambda: validated(Source(f"{i}", json.loads(text)) for i, text in enumerate(given))

    measure(benchmark, size, work)


@pytest.mark.benchmark(group="definitions from files to a valid catalogue")
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_files_validate(benchmark: BenchmarkFixture, size: int, suffix: str, tmp_path: Path) -> None:
    """One file for each definition; compare the two suffixes to see what YAML costs."""

    def work(count: int) -> Callable[[], int]:
        folder = tmp_path / f"{count}"
        folder.mkdir()
        for i, each in enumerate(mixed(count)):
            text = json.dumps(each) if suffix == "json" else yaml.dump(each, Dumper=Dumper)
            (folder / f"{i}.{suffix}").write_text(text)
        return lambda: validated(iter(read([folder])[0]))

    measure(benchmark, size, work)


class Dumper(yaml.SafeDumper):
    """Writes what is referred to twice twice: definitions have no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Say that nothing is to be an alias."""
        del data
        return True


def large(applications: int) -> dict[str, bytes]:
    """Return records: one team's parts, and applications of 20 clusters of them."""
    documents: list[Document] = [each for each in mixed(TEAM) if "applicationId" not in each]
    for i in range(applications):
        found = application(0, i, groups=GROUPS)
        uses = found["components"]["cartridges"]
        uses += [json.loads(json.dumps(uses[1]).replace('"worker"', f'"more{k}"')) for k in range(2)]
        documents.append({"kind": "application"} | found)
    catalogue, problems = assemble([parse(Source(f"{i}", each)) for i, each in enumerate(documents)])
    assert problems == []
    assert {len(each.clusters()) for each in catalogue.applications()} == {20}
    return dict(catalogue.documents())


@pytest.mark.benchmark(group="a catalogue of applications of 20 clusters, from records to resolved")
@pytest.mark.parametrize("part", ["all anew", "resolve alone", "1 % changed"])
def test_applications_resolve(benchmark: BenchmarkFixture, size: int, part: str) -> None:
    """What the actuators do at the start, and when a definition changes: one in a hundred applications here."""

    def work(count: int) -> Callable[[], int]:
        given = large(count)
        before = Catalogue.from_documents(given.items())
        before.applications()
        touched = [key for key in given if key.startswith("application/")][::100]
        after = given | {key: given[key].replace(b'"alias":"app"', b'"alias":"new"') for key in touched}

        def all_anew() -> int:
            return len(Catalogue.from_documents(given.items()).applications())

        def resolve_alone() -> int:
            before.known.clear()
            return len(before.applications())

        def changed() -> int:
            return len(Catalogue.from_documents(after.items(), before).applications())

        return {"all anew": all_anew, "resolve alone": resolve_alone, "1 % changed": changed}[part]

    measure(benchmark, size // 10, work)
