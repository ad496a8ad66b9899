"""The rows of the predictor: step by step, the same whoever is beside them, over a restart too."""

import math
from typing import get_args

import msgspec
import numpy as np
import pytest

from config.autoscaling import Predictor
from config.settings import Settings, load_settings
from predictors.registry import PREDICTORS
from streams.cluster import Rules
from streams.fold import Fold
from streams.foresight import Foresight, Kept, Outlook, Watched, step_of
from streams.records.forecast import Forecasts, Signal
from streams.window import Grid
from tests.builders import a_member, a_requests, a_tick, an_instance, raw

WIDTH = 5.0
HORIZON_S = 60.0
"""Steps of 12 s."""


def load_at(t: float) -> float:
    return 50.0 + 20.0 * math.sin(t / 300.0)


def watched(
    at: float,
    name: str = "shop-web/requests",
    *,
    scale: float = 1.0,
    gap: bool = False,
    predictor: str = "ensemble",
    horizon_s: float = HORIZON_S,
) -> Watched:
    grid = Grid.ending(at, width=WIDTH, span=300.0)
    values = np.array([load_at(t) * scale for t in grid.middles(0.0)])
    return Watched(name, np.full(grid.n, np.nan) if gap else values, grid, horizon_s, math.inf, predictor)


def play(foresight: Foresight, *, begin: float, end: float, names: tuple[str, ...] = ("a",)) -> dict[str, Outlook]:
    found: dict[str, Outlook] = {}
    for at in np.arange(begin, end, WIDTH):
        found = foresight.look([watched(float(at), name) for name in names], float(at))
    return {row.partition("/")[0]: outlook for row, outlook in found.items()}


@pytest.mark.parametrize(
    ("horizon_s", "step_s"), [(15.0, 10.0), (60.0, 12.0), (120.0, 24.0), (300.0, 60.0), (1800.0, 60.0)]
)
def test_a_step_is_a_fifth_of_the_horizon_within_bounds(horizon_s: float, step_s: float) -> None:
    assert step_of(horizon_s, WIDTH) == step_s


def test_nothing_is_foreseen_before_it_can_be_relied_on_and_then_what_comes() -> None:
    foresight = Foresight()

    assert play(foresight, begin=3000.0, end=3100.0) == {}
    found = play(foresight, begin=3100.0, end=6000.0)["a"]

    assert found.predictor == "ensemble"
    assert found.value == pytest.approx(load_at(5995.0 + HORIZON_S), abs=5.0)
    assert found.lower <= found.value <= found.upper


def test_a_row_says_the_same_whoever_is_beside_it() -> None:
    alone, beside = Foresight(), Foresight()

    lonely = play(alone, begin=3000.0, end=5000.0)["a"]
    play(beside, begin=3000.0, end=3600.0, names=("a", "b"))
    among = play(beside, begin=3600.0, end=5000.0, names=("c", "a"))

    assert among["a"] == lonely


def test_what_was_written_down_goes_on_as_if_nothing_had_happened() -> None:
    one, other = Foresight(), Foresight()
    play(one, begin=3000.0, end=4000.0)
    other.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(one.dump()), type=list[Kept]))

    assert play(one, begin=4000.0, end=4700.0) == play(other, begin=4000.0, end=4700.0) != {}


def test_a_row_that_is_silent_is_not_relied_on_any_more() -> None:
    foresight = Foresight()
    assert play(foresight, begin=3000.0, end=3600.0)

    for at in np.arange(3600.0, 4000.0, WIDTH):
        found = foresight.look([watched(float(at), "a", gap=True)], float(at))

    assert found == {}


def test_the_fold_takes_the_predictor_that_is_set_once_it_can_be_relied_on() -> None:
    fold = Fold(0, Rules(predictor="ensemble"))
    fold.instance(0, an_instance())
    fold.member(0, a_member())
    seen = []
    for at in range(1000, 3000, 5):
        fold.message(raw(a_requests(load_at(at - 2.5), at=float(at), count=at)))
        (forecasts,) = [r for r in fold.message(raw(a_tick(float(at)))) if isinstance(r, Forecasts)]
        seen.append(next(s for s in forecasts.clusters[0].signals if s.signal is Signal.REQUESTS_IN_FLIGHT).predictor)

    assert list(dict.fromkeys(each for each in seen if each)) == ["last", "kinematic", "ensemble"]


def test_the_settings_know_the_predictors_that_there_are() -> None:
    assert all(load_settings(None, {"PILEUS_PREDICTOR": name}).predictor == name for name in PREDICTORS)
    assert Settings().predictor in PREDICTORS


def test_policies_can_name_the_predictors_that_there_are() -> None:
    assert get_args(Predictor) == tuple(PREDICTORS)


def test_rows_of_other_predictors_and_horizons_stand_beside_each_other() -> None:
    foresight, kinds = Foresight(), [("ensemble", 60.0), ("last", 60.0), ("ensemble", 61.0)]
    for at in np.arange(3000.0, 4000.0, WIDTH):
        given = [watched(float(at), predictor=name, horizon_s=horizon_s) for name, horizon_s in kinds]
        found = foresight.look(given, float(at))

    assert [found[each.row].predictor for each in given] == ["ensemble", "last", "ensemble"]
    assert foresight.look(given[:1], float(at) + WIDTH).keys() == {given[0].row}


def test_rows_of_an_unknown_predictor_are_not_restored() -> None:
    kept = Kept("oracle", 12.0, 8, [], 0, b"", {})

    with pytest.raises(ValueError, match="predictor 'oracle': must be one of last"):
        Foresight().restore([kept])
