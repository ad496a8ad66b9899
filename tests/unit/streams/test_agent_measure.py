"""From readings to percent: missing is None, never zero."""

import math

import pytest

from streams.agent.measure import CpuMeter, percent


# fmt: off
@pytest.mark.parametrize(
    ("readings", "loads"),
    [
        pytest.param([(0, 5.0, 2)], [None], id="the first reading has no load yet"),
        pytest.param([(0, 5.0, 2), (1, 6.0, 2)], [None, 50.0], id="one processor of two is half"),
        pytest.param([(0, 5.0, 1), (2, 5.0, 1)], [None, 0.0], id="idle is zero"),
        pytest.param([(0, 5.0, 1), (1, None, 1), (2, 6.0, 1)], [None, None, 50.0], id="a gap is bridged"),
        pytest.param([(0, 5.0, 1), (1, 4.0, 1), (2, 5.0, 1)], [None, None, 100.0], id="a counter that began anew"),
        pytest.param([(3, 5.0, 1), (3, 6.0, 1)], [None, None], id="no time has passed"),
        pytest.param([(3, 5.0, 1), (2, 6.0, 1)], [None, None], id="the clock went backwards"),
        pytest.param([(0, 0.0, 0.5), (10, 5.0, 0.5)], [None, 100.0], id="half a processor allowed"),
        pytest.param([(0, 0.0, 0.0), (10, 5.0, 0.0)], [None, None], id="no processor allowed is unknown"),
    ],
)
def test_load(readings: list[tuple[float, float | None, float]], loads: list[float | None]) -> None:
    meter = CpuMeter()

    assert [meter.load(at, cpu_s, cpus) for at, cpu_s, cpus in readings] == loads


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        pytest.param(1, 4, 25.0, id="a quarter"),
        pytest.param(5, 4, 100.0, id="never above 100"),
        pytest.param(-1, 4, 0.0, id="never below 0"),
        pytest.param(None, 4, None, id="unknown part"),
        pytest.param(1, None, None, id="unknown whole"),
        pytest.param(1, 0, None, id="nothing allowed is unknown"),
        pytest.param(math.nan, 4, None, id="not a number is unknown"),
        pytest.param(1, math.nan, None, id="of not a number is unknown"),
    ],
)
def test_percent(part: float | None, whole: float | None, expected: float | None) -> None:
    assert percent(part, whole) == expected
