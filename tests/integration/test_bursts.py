"""One burst from processes of this machine to Docker, held by a budget, and one to EC2 (moto), held by a quota.

Three cycles, with a limit of another kind in each: ``python -m tests.bursts --away docker|ec2``. The EC2 is moto's API;
what its machines would do is played by real processes (``tests/bursts/machines.py``).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bursts.away import Away, docker_away, ec2_away
from tests.bursts.limits import BUDGET, QUOTA, Limit
from tests.bursts.run import ANSWERED, burst
from tests.bursts.watch import Burst
from tests.ec2 import Ec2
from tests.engines import DockerEngine
from tests.python_image import import_sample


@pytest.mark.timeout(300)
def test_bursts_to_two_providers_and_back_fail_no_request_and_exceed_neither_budget_nor_quota(
    docker_engine: DockerEngine, ec2: Ec2, program: Callable[..., str], tmp_path: Path
) -> None:
    program("haproxy")
    client = docker_engine.client()
    import_sample(client)
    client.close()

    def run(away: Away, limit: Limit) -> Burst:
        folder = tmp_path / away.provider
        folder.mkdir()
        return asyncio.run(burst(away, folder, limits=[limit]))

    with ec2_away(ec2, tmp_path / "account") as on_ec2, ThreadPoolExecutor(2) as both:
        found = list(both.map(run, (docker_away(docker_engine), on_ec2), (BUDGET, QUOTA)))

    for result in found:
        (cycle,) = result.cycles
        assert (result.failed, result.exceeded) == (0, []), result.answers
        assert cycle.answered_away >= ANSWERED
        assert cycle.needed > cycle.members, cycle
    docker, machines = found[0].cycles[0], found[1].cycles[0]
    assert (docker.members, docker.cost_per_hour) == (4, BUDGET.cost_per_hour)
    assert BUDGET.says in docker.why
    assert machines.members == QUOTA.members
    assert QUOTA.says in machines.why
    assert on_ec2.machines is not None
    assert on_ec2.machines.most == machines.most["away"] == 1
