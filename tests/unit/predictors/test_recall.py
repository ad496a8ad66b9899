"""A season that recalls the slots before its first step stands where one stands that was there."""

import numpy as np
import pytest

from predictors.ensemble import Ensemble
from predictors.recall import recall, slot_s
from predictors.registry import PREDICTORS
from predictors.season import Season, Seen
from predictors.series import Floats, Rows, rows

DAY = 288
NOISE = np.random.default_rng(5).normal(0.0, 1.0, 4 * DAY)
WAVE = 50.0 + 10.0 * np.sin(2.0 * np.pi * np.arange(4 * DAY) / DAY) + NOISE


def shape(m: int = 1) -> Rows:
    """Return rows of steps as long as slots."""
    return rows(m, step_s=300.0, horizon_s=900.0)


def follow(season: Season, y: Floats, *, begin: int) -> list[Seen]:
    """Return what a season says at steps from ``begin`` on."""
    every = np.ones(1, dtype=np.bool_)
    return [
        season.take(np.array([each]), every, np.array([i]), period=np.array([DAY]), horizon=np.array([3]))
        for i, each in enumerate(y[begin:].tolist())
    ]


@pytest.mark.parametrize("days", [1.5, 2.0, 3.3], ids=lambda days: f"{days:g} days")
def test_it_says_what_a_season_says_that_was_there(days: float) -> None:
    begin = int(days * DAY)
    there = follow(Season.new(1), WAVE, begin=0)[begin:]
    state = Ensemble().new(shape())
    recall(Ensemble(), state, state.rows, WAVE[:begin, None], np.array([begin]))
    recalled = follow(state.season, WAVE, begin=begin)

    for name in ("same", "profile_change"):
        one, other = (np.array([getattr(each, name)[0] for each in said]) for said in (there, recalled))
        np.testing.assert_allclose(other, one, atol=1e-4)
    assert [each.ready[0] for each in recalled] == [each.ready[0] for each in there]
    target = WAVE[begin + 3 :]
    errors = [np.abs(np.array([each.winters[0] for each in said[:-3]]) - target).mean() for said in (there, recalled)]
    assert errors[1] < 1.1 * errors[0]


def test_what_is_less_than_a_season_is_known_as_far_as_it_goes() -> None:
    begin = DAY // 2
    state = Ensemble().new(shape())
    recall(Ensemble(), state, state.rows, WAVE[:begin, None], np.array([begin]))
    said = follow(state.season, WAVE, begin=begin)
    first = next(i for i, each in enumerate(said) if each.ready[0])

    assert begin + first == DAY + 3
    assert all(np.isnan(each.winters[0]) for each in said[: DAY - begin])


def test_a_gap_in_the_past_is_a_gap_and_no_zero() -> None:
    past = WAVE[: 2 * DAY].copy()
    past[DAY + 10 : DAY + 20] = np.nan
    past[-1] = np.nan
    state = Ensemble().new(shape())
    recall(Ensemble(), state, state.rows, past[:, None], np.array([2 * DAY]))

    assert state.season.slots.values[15, 0, 0] == pytest.approx(WAVE[15])
    assert state.season.closed[:, 0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("name", list(PREDICTORS))
def test_rows_recall_each_for_itself(name: str) -> None:
    of, past = PREDICTORS[name], np.stack([WAVE[:DAY], WAVE[DAY : 2 * DAY], WAVE[2 * DAY : 3 * DAY]], axis=1)
    count = np.array([DAY, 0, 100])
    together = of.new(shape(3), longest=3)
    recall(of, together, together.rows, past, count)
    for row in range(3):
        alone = of.new(shape(), longest=3)
        recall(of, alone, alone.rows, past[:, [row]], count[[row]])
        for (one, _), (all_, _) in zip(of.seasons(alone), of.seasons(together), strict=True):
            np.testing.assert_array_equal(one.slots.values[:, :, 0], all_.slots.values[:, :, row])
            assert (one.before[0], one.level[0]) == (all_.before[row], all_.level[row])


def test_slots_are_five_minutes_or_a_step() -> None:
    of = rows(3, step_s=[10.0, 24.0, 600.0], horizon_s=1200.0 / 2)

    assert slot_s(of).tolist() == [300.0, 312.0, 600.0]
