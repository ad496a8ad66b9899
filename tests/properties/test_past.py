"""A restored fold remembers what an unbroken one remembers: cut anywhere, read from the compacted topic at any time."""

import math
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cluster import Rules
from streams.fold import Fold
from streams.past import Forgotten
from streams.records.forecast import Forecasts
from streams.records.history import History, key
from streams.records.instance import Announcement
from streams.records.record import encode
from tests.builders import a_member, a_requests, a_tick, an_instance, raw

STEP_S = 300.0
RULES = Rules(
    sample_interval_s=STEP_S,
    evaluation_s=STEP_S,
    window_s=1200.0,
    predictor="ensemble",
    horizon_grid_s=(900.0, 1800.0, 3600.0),
)
TICKS = 480
"""Forty hours."""
CHANGED = 460
"""From this tick on the lead time is another one: the rows begin anew."""
FIRST = CHANGED - 20
INSTANCES = (an_instance(default_lead_time_s=600.0), an_instance(default_lead_time_s=1200.0))
Log = list[tuple[int, History | Forgotten]]


def load_at(tick: int) -> float:
    return 100.0 + 50.0 * math.sin(2.0 * math.pi * tick / 288) + 7.0 * math.sin(tick * tick)


def a_fold(instances: tuple[Announcement, ...] = INSTANCES) -> Fold:
    """Return a fold that is told the facts from their beginning."""
    fold = Fold(0, RULES)
    for offset, instance in enumerate(instances):
        fold.instance(offset, instance)
    fold.member(0, a_member(at=0.0))
    return fold


def run(fold: Fold, first: int, last: int) -> tuple[list[bytes], Log]:
    """Let some ticks pass; return the forecasts, and what is written to the history."""
    forecasts, log = list[bytes](), Log()
    for tick in range(first, last):
        at = (tick + 1) * STEP_S
        fold.message(raw(a_requests(load_at(tick), at=at, interval_s=STEP_S, count=tick)))
        for record in fold.message(raw(a_tick(at, instances=1 + (tick >= CHANGED)))):
            if isinstance(record, History | Forgotten):
                log.append((tick, record))
            elif isinstance(record, Forecasts):
                forecasts.append(encode(record))
    return forecasts, log


@cache
def unbroken() -> tuple[list[bytes], Log]:
    """Return what a fold makes of it all, never interrupted."""
    return run(a_fold(), 0, TICKS)


@cache
def checkpoints() -> dict[int, bytes]:
    """Return its snapshots before each tick from ``FIRST`` on."""
    fold, found = a_fold(), {}
    for tick in range(TICKS):
        if tick >= FIRST:
            found[tick] = fold.snapshot()
        run(fold, tick, tick + 1)
    return found


def tell(fold: Fold, log: Log) -> None:
    """Tell a fold the topic as compaction leaves it: of each key the last record."""
    newest = {key(r.cluster, r.signal, r.slot): r for _, r in log if isinstance(r, History)}
    for record in newest.values():
        fold.remember(record)


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(FIRST, TICKS - 5), written=st.integers(0, 6))
def test_a_fold_restored_anywhere_goes_on_as_if_unbroken(cut: int, written: int) -> None:
    """``written`` ticks after its checkpoint the worker dies: their slots stand in the topic already."""
    forecasts, log = unbroken()
    restored = a_fold()
    restored.restore(checkpoints()[cut])
    tell(restored, [each for each in log if each[0] < cut + written])

    again, kept = run(restored, cut, TICKS)

    assert again == forecasts[cut:]
    assert kept == [each for each in log if each[0] >= cut]


@settings(max_examples=5, deadline=None)
@given(told=st.integers(0, TICKS))
def test_a_replay_from_the_beginning_may_know_the_future_of_the_history(told: int) -> None:
    """What is told of slots that are not over changes nothing until they are."""
    forecasts, log = unbroken()
    replayed = a_fold()
    tell(replayed, log[:told])

    assert run(replayed, 0, TICKS) == (forecasts, log)


def test_without_the_history_the_rows_that_begin_anew_are_others() -> None:
    forecasts, _ = unbroken()
    ignorant = a_fold()
    ignorant.restore(checkpoints()[CHANGED - 5])

    assert run(ignorant, CHANGED - 5, TICKS)[0] != forecasts[CHANGED - 5 :]
