"""``pileus actuate`` killed at random moments on Docker and on EC2 (moto), with faults in their APIs.

100 kills on each: ``python -m tests.crashes``. moto boots nothing and no balancer is here, so members stay Starting.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from pileus.stack.tansu import start_tansu
from tests.brokers import free_port
from tests.contracts.ec2_rig import SECRET
from tests.crashes.site import Site, docker_site, ec2_site
from tests.crashes.storm import Killed, Rig, rig_on, storm
from tests.ec2 import Ec2
from tests.engines import DockerEngine

KILLS = 10
"""On each of the two clouds."""
SEEDS = (20261123, 20261124)


@pytest.fixture
def rigs(docker_engine: DockerEngine, ec2: Ec2, tmp_path: Path) -> Iterator[list[Rig]]:
    """One rig on each cloud, with a broker of its own."""
    folders = [tmp_path / name for name in ("docker", "ec2")]
    for folder in folders:
        folder.mkdir()
    sites: list[AbstractContextManager[Site]] = [docker_site(docker_engine, folders[0]), ec2_site(ec2, folders[1])]
    with ExitStack() as stack:
        found = []
        for opened, folder in zip(sites, folders, strict=True):
            broker = start_tansu(free_port(), directory=folder / "tansu")
            stack.callback(broker.stop)
            found.append(stack.enter_context(rig_on(broker, stack.enter_context(opened), folder)))
        yield found


@pytest.mark.timeout(600)
def test_actuators_killed_at_random_on_clouds_that_fail_leave_no_duplicate_and_no_orphan(rigs: list[Rig]) -> None:
    def run(rig: Rig, seed: int) -> Killed:
        return storm(rig, kills=KILLS, seed=seed, faults=True)

    with ThreadPoolExecutor(len(rigs)) as both:
        on_docker, on_ec2 = both.map(run, rigs, SEEDS)

    for killed in (on_docker, on_ec2):
        assert killed.kills == KILLS
        assert killed.at_work > KILLS // 4, killed
        assert killed.faults, killed
        assert killed.instances > 1, killed
    assert SECRET not in rigs[1].actuators.log.read_text()
