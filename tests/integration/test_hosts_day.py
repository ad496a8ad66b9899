"""Two levels with everything real: a broker, the parts, a balancer, requests, and hosts that are Docker engines."""

from pathlib import Path

import pytest

from tests.hosts_day import day

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("docker_engine")  # skipped, with its reason, where there can be none
async def test_hosts_come_with_the_load_and_leave_nothing_behind(tmp_path: Path) -> None:
    result = await day(tmp_path, cycles=1, slots=3)

    assert result.failed == 0, result.answers
    assert result.sent > 100
    assert (result.fullest, result.fullest_engine) == (3, 3)
    assert result.most_hosts >= 2
    assert result.ended_with_containers == []
    assert result.left == []
