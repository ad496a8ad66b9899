"""What a tick over many members costs, what a member takes of memory, and how long state takes to come back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.benchmarks.test_ingest import RESULTS, note

LIMIT_S = 900.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Go up to a million if it is to be measured."""
    measured = metafunc.config.getoption("benchmark_enable")
    metafunc.parametrize("members", [1_000, 10_000, 100_000, 1_000_000] if measured else [1_000])


@pytest.mark.timeout(1000)
def test_many_members(benchmark: BenchmarkFixture, tmp_path: Path, members: int) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.ingest.many", str(members)]

    def once() -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.stdout, done.stderr[-3000:]
        return done.stdout

    found = json.loads(benchmark.pedantic(once, rounds=1))

    note(tmp_path / RESULTS.name if benchmark.disabled else RESULTS, f"{members:,} members, no broker", found)
    sys.stdout.write(f"\n{members:,} members: {found}")
    assert found["members"] == members
