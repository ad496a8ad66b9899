"""docs/scale.md says what its command prints, and the plan grows as it must."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks.plan import Choice, Figures, plan, table

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scale.md"
FIGURES, CHOICE = Figures(), Choice()


def test_the_page_has_the_table_that_the_command_prints() -> None:
    assert "\n".join(table(FIGURES, CHOICE)) in PAGE.read_text()


def test_a_million_members_by_hand() -> None:
    of = plan(10**6, replace(FIGURES, samples_per_cpu_s=100_000.0, sample_bytes=50.0, forecast_bytes=40.0), CHOICE)

    assert of.cores == 2  # 66,667 samples/s, 50,000 on each core
    assert of.partitions == 20
    assert of.ingress_mb_s == pytest.approx(3.333, abs=1e-3)
    assert of.disk_tb == pytest.approx(10**6 / 15.0 * 90.0 * 86_400 * 3 / 1e12)


@pytest.mark.parametrize("members", [10**5, 10**6, 10**7])
def test_ten_times_the_members_take_ten_times_the_bytes(members: int) -> None:
    small, large = (plan(each, FIGURES, CHOICE) for each in (members, 10 * members))

    assert large.ingress_mb_s == pytest.approx(10.0 * small.ingress_mb_s)
    assert large.memory_gb == pytest.approx(10.0 * small.memory_gb)
    assert small.cores <= large.cores <= 10 * small.cores


def test_a_partition_has_a_worker_to_go_to() -> None:
    of = plan(10**8, replace(FIGURES, samples_per_cpu_s=1_000.0), CHOICE)

    assert of.partitions >= 2 * of.cores
