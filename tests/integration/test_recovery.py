"""Workers that are killed, suspended and joined by others in the middle of the stream, on Apache Kafka.

Everything that was published must be, to the byte, what one unbroken fold makes of the same log.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pileus.stack.broker import Broker
from tests.chaos.run import Rig, rig_on, storm
from tests.pieces import Piece, carrying
from tests.waiting import wait_until

KILLS = 20
"""The long run is a command: ``python -m tests.chaos --kills 200``."""
PARTITIONS = 4


@pytest.fixture
def rig(fresh_kafka: Broker, tmp_path: Path) -> Iterator[Rig]:
    with rig_on(fresh_kafka, tmp_path, partitions=PARTITIONS) as rig:
        yield rig


def assert_as_if_unbroken(rig: Rig) -> None:
    """Compare everything published with what one fold makes; the comparison is about something."""
    for alike in rig.compare():
        assert alike.ticks > 5
        assert min(alike.used, alike.refused, alike.known) > 0, alike


def test_workers_ended_at_random_publish_as_if_they_never_were(rig: Rig) -> None:
    ended = storm(rig, kills=KILLS, workers=3, seed=3)

    assert min(ended.by["SIGKILL"], ended.by["SIGTERM"]) > 3, ended.by
    assert_as_if_unbroken(rig)


def test_workers_that_join_die_and_are_suspended_hand_over_without_a_trace(rig: Rig) -> None:
    with rig.fleet(2) as fleet:
        one, two = fleet.workers
        rig.resumes()
        fleet.end(0, signal.SIGKILL)
        rig.resumes()
        fleet.join(0)
        rig.resumes()
        two.send(signal.SIGSTOP)
        one.says("partition open", times=PARTITIONS + PARTITIONS // 2)
        rig.resumes()
        two.send(signal.SIGCONT)
        two.says("partitions assigned", times=2)
        rig.settle()
        fleet.stop()

    assert_as_if_unbroken(rig)


def test_one_command_runs_several_workers_and_starts_again_the_one_that_dies(rig: Rig, tmp_path: Path) -> None:
    several = Piece("worker", rig.settings, tmp_path, "--workers", "2", label="several")
    several.start()
    try:
        several.says("partitions assigned", times=2)
        rig.resumes()
        first, second = psutil.Process(several.pid).children()
        first.kill()
        several.says("worker-1 ended with -9, starting it again in 0.2 s")
        rig.resumes()
        wait_until(lambda: len(_working(several)) == 2, within_s=20.0, what="two workers again")
        assert second in _working(several)
        rig.settle()
    finally:
        code = several.stop()

    assert code == 0
    assert not [each for each in carrying(tmp_path) if "pileus worker" in each]
    assert_as_if_unbroken(rig)


def _working(several: Piece) -> list[psutil.Process]:
    """Return the workers of a command that are alive."""
    children = psutil.Process(several.pid).children()
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
