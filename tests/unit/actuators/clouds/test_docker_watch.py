"""What an engine's counts mean."""

from typing import Any

import pytest

from actuators.clouds.docker_watch import moment, reading
from streams.agent.cgroup import Reading

V1 = {"usage": 1000, "limit": 4000, "stats": {"total_cache": 300, "total_rss": 700}}
V2 = {"usage": 1000, "limit": 4000, "stats": {"file": 300, "shmem": 100, "anon": 600}}
CPU = {"cpu_usage": {"total_usage": 2_500_000_000}, "online_cpus": 2}


@pytest.mark.parametrize(
    ("stats", "cpus", "found"),
    [
        pytest.param(
            {"cpu_stats": CPU, "memory_stats": V1},
            None,
            Reading(cpu_s=2.5, cpus=2, memory_bytes=700, limit_bytes=4000),
            id="version 1: page cache does not count",
        ),
        pytest.param(
            {"cpu_stats": CPU, "memory_stats": V2},
            0.5,
            Reading(cpu_s=2.5, cpus=0.5, memory_bytes=800, limit_bytes=4000),
            id="version 2: shared memory does, and the container's own bound stands over the host's",
        ),
        pytest.param(
            {"cpu_stats": {}, "memory_stats": {}},
            None,
            Reading(cpu_s=None, cpus=None, memory_bytes=None, limit_bytes=None),
            id="missing is not zero",
        ),
        pytest.param({}, None, Reading(cpu_s=None, cpus=None, memory_bytes=None, limit_bytes=None), id="nothing"),
    ],
)
def test_counts(stats: dict[str, Any], cpus: float | None, found: Reading) -> None:
    assert reading(stats, cpus=cpus) == found


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:01.500000000Z", 1.5),
        ("1970-01-01T01:00:00.123456789+01:00", 0.123456),
        ("0001-01-01T00:00:00Z", 0.0),
    ],
)
def test_times_of_the_engine(text: str, at: float) -> None:
    assert moment(text) == at
