"""The last week of a load: slots that are kept, replaced, read, forgotten; and rows that begin with it."""

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from config.cluster import BadDaySpec, CalendarSpec, EventSpec
from predictors.registry import PREDICTORS
from streams.foresight import Foresight, Outlook, Watched
from streams.past import Past, means, over
from streams.records.forecast import Signal
from streams.records.history import HISTORY, SLOT_S, SLOTS, History, key
from streams.records.record import encode
from streams.window import Grid
from tests.builders import a_member, a_requests, a_tick, an_instance
from tests.folding import a_fold, feed

NAME = "shop-web/requests_in_flight"
DAY_S = 86_400.0


def a_slot(number: int, value: float = 10.0, *, known: float = 1.0, cluster: str = "shop-web") -> History:
    return History(
        tenant="default",
        application="shop",
        cluster=cluster,
        signal=Signal.REQUESTS_IN_FLIGHT,
        slot=number,
        at=number * SLOT_S,
        value=value,
        known=known,
    )


def middle(number: int) -> float:
    return (number + 0.5) * SLOT_S


def a_past(*slots: History) -> Past:
    past = Past()
    for slot in slots:
        past.keep(slot)
    return past


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(middle(7), 10.0, id="the middle of a slot"),
        pytest.param(middle(7) + 150.0, 15.0, id="between two slots"),
        pytest.param(middle(8) + 100.0, 20.0, id="after the last one"),
        pytest.param(middle(9) + 1.0, math.nan, id="where none is known"),
    ],
)
def test_the_load_at_a_time(at: float, expected: float) -> None:
    past = a_past(a_slot(7, 10.0), a_slot(8, 20.0))

    np.testing.assert_equal(past.load(NAME, np.array([at])), [expected])


def test_of_one_slot_the_record_that_knows_more_counts() -> None:
    past = a_past(a_slot(7, 10.0, known=0.8))

    assert not past.keep(a_slot(7, 99.0, known=0.3))
    assert past.keep(a_slot(7, 11.0, known=0.9))
    assert past.load(NAME, np.array([middle(7)])) == [11.0]


def test_after_a_week_a_slot_takes_the_place_of_the_older_one_and_never_the_other_way_round() -> None:
    past = a_past(a_slot(7 + SLOTS, 20.0))

    assert not past.keep(a_slot(7, 10.0))
    assert key("shop-web", "memory", 7) == key("shop-web", "memory", 7 + SLOTS)
    assert np.isnan(past.load(NAME, np.array([middle(7)]))).all()


def test_what_was_read_counts_once_its_slot_is_over() -> None:
    past = Past()
    past.tell(a_slot(7), end=8)
    past.tell(a_slot(8, 20.0), end=8)
    assert np.isnan(past.load(NAME, np.array([middle(8) + 100.0]))).tolist() == [True]

    past.advance(9)

    assert past.load(NAME, np.array([middle(7), middle(8)])).tolist() == [10.0, 20.0]


def test_a_cleared_key_holds_nothing() -> None:
    past = Past()
    past.tell(a_slot(7), end=8)
    past.tell(a_slot(9), end=8)
    for place in ("7", "9", "no number", "99999"):
        past.untell(f"{NAME}/{place}")
    past.advance(10)

    assert past.begin(NAME) == math.inf


def test_a_cluster_that_is_forgotten_leaves_its_keys() -> None:
    past = a_past(a_slot(7), a_slot(2016), a_slot(8, cluster="shop"))

    forgotten = past.forget("shop-web")

    assert forgotten is not None
    assert forgotten.keys == (f"{NAME}/0", f"{NAME}/7")
    assert past.forget("shop-web") is None
    assert past.begin("shop/requests_in_flight") == 8 * SLOT_S


def test_slots_are_means_of_what_is_known_of_them() -> None:
    grid = Grid.ending(900.0, width=5.0, span=900.0)
    values = np.repeat([1.0, np.nan, 3.0], 60)
    values[120:150] = np.nan

    assert list(means(values, grid, first=0, end=3)) == [(0, 1.0, 1.0), (2, 3.0, 0.5)]
    assert list(means(values[150:], Grid(150, 30, 5.0), first=0, end=3)) == [(2, 3.0, 0.5)]


@pytest.mark.parametrize(("at", "number"), [(-math.inf, 0), (299.0, 0), (299.999, 1), (300.0, 1), (604.0, 2)])
def test_a_slot_is_over_with_the_period_that_ends_it(at: float, number: int) -> None:
    assert over(at, 5.0) == number


def test_the_record_reads_back_and_refuses_what_cannot_be() -> None:
    slot = a_slot(7)

    assert HISTORY.decode(encode(slot)) == slot
    with pytest.raises(msgspec.ValidationError):
        HISTORY.decode(encode(slot).replace(b'"known":1.0', b'"known":1.5'))


def day(t: float) -> float:
    return 100.0 + 50.0 * math.sin(2.0 * math.pi * t / DAY_S)


def begun(
    predictor: str,
    *,
    days: float,
    minutes: int,
    past_load: Callable[[float], float] = day,
    calendar: CalendarSpec | None = None,
    horizon_s: float = 900.0,
) -> tuple[float, Outlook | None]:
    """Begin a row on the eighth day with some days of history; return when it looked last, and what it foresees."""
    start = 8 * DAY_S + 11 * 3600.0
    first = int((start - days * DAY_S) // SLOT_S)
    past = a_past(*(a_slot(n, past_load(middle(n))) for n in range(first, int(start // SLOT_S))))
    foresight, outlook, at = Foresight(), None, start
    for at in (start + 60.0 * np.arange(1, minutes + 1)).tolist():
        grid = Grid.ending(at, width=60.0, span=300.0)
        values = np.array([day(t) if t >= start else math.nan for t in grid.middles(0.0).tolist()])
        watched = Watched(NAME, values, grid, horizon_s, math.inf, predictor, None, calendar or CalendarSpec())
        outlook = foresight.look([watched], at, past).get(watched.row)
    return at, outlook


@pytest.mark.parametrize("days", [1.1, 2.5, 7.0])
def test_a_seasonal_row_that_begins_anew_knows_the_day_at_once(days: float) -> None:
    at, outlook = begun("seasonal", days=days, minutes=6)

    assert outlook is not None
    assert outlook.value == pytest.approx(day(at + 900.0), abs=2.0)
    assert abs(day(at) - day(at + 900.0)) > 1.0  # the last value is no such forecast


def test_without_history_it_does_not() -> None:
    assert begun("seasonal", days=0.0, minutes=60)[1] is None


def test_the_ensemble_goes_by_the_recalled_season() -> None:
    at, knowing = begun("ensemble", days=7.0, minutes=60)
    _, ignorant = begun("ensemble", days=0.0, minutes=60)

    assert knowing is not None
    assert ignorant is not None
    assert abs(knowing.value - day(at + 900.0)) < 1.0


@pytest.mark.parametrize("name", list(PREDICTORS))
def test_every_predictor_can_begin_with_a_history(name: str) -> None:
    _, outlook = begun(name, days=1.5, minutes=90)

    assert outlook is not None


def test_a_recalled_launch_is_divided_and_a_bad_day_left_out() -> None:
    launch = EventSpec(name="launch", start=7 * DAY_S + 11 * 3600.0, end=7 * DAY_S + 14 * 3600.0, factor=3.0)
    bad = BadDaySpec(start=6 * DAY_S + 11 * 3600.0, end=6 * DAY_S + 14 * 3600.0)

    def load(t: float) -> float:
        if bad.start <= t < bad.end:
            return 0.0
        return day(t) * (3.0 if launch.start <= t < launch.end else 1.0)

    known = CalendarSpec(events=(launch,), bad_days=(bad,))
    at, without = begun("seasonal", days=7.0, minutes=6, past_load=load)
    _, outlook = begun("seasonal", days=7.0, minutes=6, past_load=load, calendar=known)

    assert outlook is not None
    assert without is not None
    assert abs(outlook.value - day(at + 900.0)) < 2.0 < abs(without.value - day(at + 900.0))


def test_a_row_says_the_same_whoever_begins_beside_it() -> None:
    """The others have another history, or none: what is recalled of a row does not hang on them."""
    start = 8 * DAY_S
    slots = [
        a_slot(n, day(middle(n)), cluster=c)
        for c, first in (("a", 7.0), ("b", 1.2))
        for n in range(int((start - first * DAY_S) // SLOT_S), int(start // SLOT_S))
    ]
    past = a_past(*slots)

    def look(*clusters: str) -> Outlook:
        foresight, found = Foresight(), dict[str, Outlook]()
        for at in (start + 60.0 * np.arange(1, 61)).tolist():
            grid = Grid.ending(at, width=60.0, span=300.0)
            values = np.array([day(t) for t in grid.middles(0.0).tolist()])
            watched = {
                c: Watched(f"{c}/requests_in_flight", values, grid, 900.0, math.inf, "ensemble") for c in clusters
            }
            found = foresight.look(list(watched.values()), at, past)
        return found[watched["b"].row]

    assert look("b") == look("a", "b", "c")


def test_the_fold_keeps_each_slot_once_and_forgets_a_terminated_cluster() -> None:
    fold = a_fold(members=[a_member(at=0.0)])
    kept = []
    for at in np.arange(5.0, 1505.0, 5.0).tolist():
        made = feed(fold, a_requests(at / 10.0, at=at, count=int(at)), a_tick(at))
        kept += [each for each in made if isinstance(each, History)]

    assert [(each.slot, each.signal) for each in kept] == [(n, Signal.REQUESTS_IN_FLIGHT) for n in range(5)]
    assert all(each.known == pytest.approx(0.4) for each in kept)  # the window of the test is 120 s
    assert kept[3].value == pytest.approx((1200.0 - 60.0) / 10.0, abs=1.0)

    fold.instance(1, msgspec.structs.replace(an_instance(), state="Terminated"))
    (forgotten, _) = feed(fold, a_tick(1505.0, instances=2))

    assert getattr(forgotten, "keys", ()) == tuple(f"{NAME}/{n}" for n in range(5))
