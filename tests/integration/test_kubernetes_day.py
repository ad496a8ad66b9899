"""The whole of Pileus on pods of the stand-in that are real processes: ``python -m tests.kubernetes_day`` does more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kubernetes_day import ENOUGH, day


@pytest.mark.timeout(240)
async def test_pods_come_with_the_load_and_go_drained_though_the_actuator_is_killed_while_it_launches(
    program: Callable[..., str], tmp_path: Path
) -> None:
    program("haproxy")

    came = await day(tmp_path, cycles=1)

    assert (came.cycles, came.killed) == (1, 1)
    assert came.sent > 50
    assert came.failed == 0, came.answers
    assert came.held
    assert (came.lost, came.twice) == ([], [])
    assert came.pods >= came.most >= ENOUGH
    assert (came.undrained, came.sigkills, came.left) == ([], [], [])
    assert came.good
