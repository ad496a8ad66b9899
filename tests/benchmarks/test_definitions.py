"""How long a catalogue takes to validate: 1,000 definitions beside 10,000, in one run (goal for 10,000: under 5 s)."""

import json
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from config.catalogue import assemble
from config.parse import Source, parse
from tests.unit.config.composites import composite
from tests.unit.config.documents import APPLICATION_FILE

KINDS = {
    "cartridge.json": "cartridge",
    "policy.json": "autoscalingPolicy",
    "network.json": "networkPartition",
    "deployment.json": "deploymentPolicy",
    "application-policy.json": "applicationPolicy",
    "group.json": "cartridgeGroup",
}


def documents(count: int) -> list[bytes]:
    """Return ``count`` definitions as text: the parts of a composite application, and applications of them."""
    given = composite()
    given["network.json"]["provider"] = "mock"
    shared = [given[file] | {"kind": kind} for file, kind in KINDS.items()]
    application: dict[str, Any] = given[APPLICATION_FILE]
    rest = (application | {"applicationId": f"shop{i}"} for i in range(count - len(shared)))
    return [json.dumps(each).encode() for each in (*shared, *rest)]


@pytest.mark.benchmark(group="definitions from text to a valid catalogue")
@pytest.mark.parametrize("count", [1_000, 10_000])
def test_definitions_validate(benchmark: BenchmarkFixture, count: int) -> None:
    texts = documents(count)

    def run() -> int:
        parsed = [parse(Source(f"{i}", json.loads(text))) for i, text in enumerate(texts)]
        catalogue, problems = assemble(parsed)
        assert problems == []
        return len(catalogue.definitions)

    found = benchmark.pedantic(run, rounds=3)

    benchmark.extra_info["definitions"] = count
    assert found == count
