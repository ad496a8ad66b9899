"""The small form of ``python -m tests.million``: nothing is lost or refused, and a killed worker goes on."""

import asyncio
from pathlib import Path

import pytest

from pileus.stack.broker import Broker
from tests.million import Result, Shape, run


@pytest.mark.timeout(300)
def test_many_members_in_envelopes_are_all_used_and_a_killed_worker_goes_on(
    fresh_kafka: Broker, tmp_path: Path
) -> None:
    shape = Shape(members=20_000, clusters=100, partitions=2, period_s=3.0, minutes=0.3, core=None)

    asyncio.run(run(shape, fresh_kafka, tmp_path, result := Result()))

    assert result.refused == 0
    assert result.ticks > 1
    assert 0 < result.used <= result.sent
    assert result.checkpoint_records > shape.partitions
    assert result.resume_s >= result.restore_s > 0.0
