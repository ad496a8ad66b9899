"""When a tick may be written, how far a partition is behind, and when reading has died."""

import math

import numpy as np
import pytest

from streams.ages import BOUNDS_S, Ages
from streams.pace import STUCK_S, Pace


def play(*steps: tuple[int, int | None]) -> list[bool]:
    """Return whether a tick may be written at each step: (messages taken in, offset of the tick that is written)."""
    pace, may = Pace(), []
    for taken, ticked in steps:
        may.append(pace.may_tick(taken, 0.0))
        if may[-1] and ticked is not None:
            pace.tick(ticked)
    return may


@pytest.mark.parametrize(
    ("steps", "may"),
    [
        pytest.param([(0, 0), (1, 1), (2, 2)], [True] * 3, id="each tick is read before the next one is due"),
        pytest.param([(0, 900), (300, None), (600, None), (901, 2000)], [True, False, False, True], id="a backlog"),
        pytest.param([(0, 900), (0, 901), (0, 902)], [True] * 3, id="nothing is read: one more may wake it"),
        pytest.param([(0, None), (500, None), (700, 800)], [True] * 3, id="the broker took none"),
        pytest.param([(5, 900), (900, None), (901, 950)], [True, False, True], id="the tick itself must be read"),
    ],
)
def test_a_tick_is_left_out_while_the_last_one_is_still_to_be_read(
    steps: list[tuple[int, int | None]], may: list[bool]
) -> None:
    assert play(*steps) == may


@pytest.mark.parametrize(
    ("lag", "heard", "lag_s"),
    [
        pytest.param(0, 40.0, 0.0, id="everything is taken in"),
        pytest.param(7, 40.0, 60.0, id="the oldest is as old as the last one that was taken in"),
        pytest.param(7, 140.0, 0.0, id="a clock ahead"),
        pytest.param(7, None, None, id="nothing was taken in yet"),
        pytest.param(None, 40.0, None, id="no fetch yet"),
    ],
)
def test_lag_in_seconds(lag: int | None, heard: float | None, lag_s: float | None) -> None:
    assert Pace(heard=heard).lag_s(lag, 100.0) == lag_s


def test_reading_has_died_when_ticks_are_taken_and_nothing_comes_back() -> None:
    pace = Pace()
    for period in range(4):
        assert pace.may_tick(10, 5.0 * period)
        pace.tick(10 + period)

    assert [pace.stuck(at) for at in (15.0, STUCK_S - 1.0, STUCK_S)] == [False, False, True]
    pace.may_tick(11, 70.0)
    assert not pace.stuck(1e6)


def test_a_broker_that_is_away_is_no_death() -> None:
    """No tick is taken: nothing could come back."""
    pace = Pace()
    for period in range(100):
        pace.may_tick(10, 5.0 * period)

    assert not pace.stuck(500.0)


def test_ages_are_counted_by_class() -> None:
    ages = Ages()
    ages.count(np.array([-3.0, 0.5, 1.0, 4.0, 700.0, math.nan]))
    ages.count(np.array([4.5]))

    assert dict(zip([*BOUNDS_S, math.inf], ages.counts, strict=True)) == dict.fromkeys([*BOUNDS_S, math.inf], 0) | {
        0.0: 1,
        1.0: 2,
        5.0: 2,
        math.inf: 2,
    }
    assert ages.total_s == 710.0


def test_no_ages_are_none() -> None:
    ages = Ages()
    ages.count(np.array([]))

    assert (sum(ages.counts), ages.total_s) == (0, 0.0)
