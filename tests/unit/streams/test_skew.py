"""A member whose clock is wrong: it is named, and it is not called silent."""

import pytest

from streams.fold import Fold
from streams.records.forecast import ClusterForecast, Signal
from streams.records.log import Rejected
from streams.records.packed import pack
from streams.skew import Episodes
from tests.builders import a_health, a_tick, health_columns, raw
from tests.folding import RULES, a_fold, feed, forecast, serving, signal, tick

RIGHT, WRONG = "shop-web-1", "shop-web-2"


def days(*, ahead_s: float, form: str = "each", ticks: int = 30) -> list[ClusterForecast]:
    """Tick every 5 s; one member's clock is right, the other's is ahead."""
    fold = a_fold(members=serving(RIGHT, WRONG))
    return [_tick(fold, 1000.0 + 5.0 * i, ahead_s, form) for i in range(ticks)]


def _tick(fold: Fold, at: float, ahead_s: float, form: str = "each") -> ClusterForecast:
    rows = [a_health(RIGHT, at=at - 2.0, load=40.0), a_health(WRONG, at=at - 2.0 + ahead_s, load=60.0)]
    for message in {"each": [raw(r) for r in rows], "json": [raw(health_columns(*rows))]}.get(form) or [
        pack(health_columns(*rows))
    ]:
        fold.message(message)
    return forecast(fold, at)


@pytest.mark.parametrize("form", ["each", "json", "binary"])
@pytest.mark.parametrize(
    ("ahead_s", "seconds"),
    [
        pytest.param(30.0, 28.0, id="half a minute ahead"),
        pytest.param(86_400.0, 86_398.0, id="a day ahead"),
        pytest.param(-30.0, -32.0, id="half a minute behind"),
        pytest.param(-86_400.0, -86_402.0, id="a day behind"),
    ],
)
def test_a_clock_that_is_wrong_is_told_by_member_and_seconds(ahead_s: float, seconds: float, form: str) -> None:
    of = days(ahead_s=ahead_s, form=form)

    assert [each.skewed for each in of[:3]] == [[], [], []]  # for less than 15 s
    for each in of[3:]:
        ((member, told, since),) = [(s.member, s.seconds, s.since) for s in each.skewed]
        assert (member, since) == (WRONG, 1000.0)
        assert told == pytest.approx(seconds)


@pytest.mark.parametrize("ahead_s", [-200.0, -75.0, 30.0])
def test_a_member_that_reports_by_a_wrong_clock_is_not_silent(ahead_s: float) -> None:
    """It would be replaced, and the next one on the same host as well."""
    assert [f for each in days(ahead_s=ahead_s, ticks=60) for f in each.faults] == []


def test_a_member_with_a_wrong_clock_that_falls_silent_is_silent_in_the_end() -> None:
    fold = a_fold(members=serving(RIGHT, WRONG))
    for i in range(10):
        _tick(fold, 1000.0 + 5.0 * i, 30.0)

    after = [(feed(fold, a_health(RIGHT, at=at - 2.0)), forecast(fold, at))[1] for at in range(1050, 1200, 5)]

    assert [f.member for f in after[-1].faults] == [WRONG]
    assert after[-1].skewed == []


@pytest.mark.parametrize("ahead_s", [-12.0, 0.0, 4.0, 6.9])
def test_a_clock_within_the_bounds_is_no_matter(ahead_s: float) -> None:
    of = days(ahead_s=ahead_s)

    assert [each.skewed for each in of] == [[]] * 30
    assert signal(of[-1], Signal.LOAD_AVERAGE).observed == pytest.approx(80.0 if ahead_s < -5.0 else 100.0)


def test_one_wrong_time_among_right_ones_is_no_wrong_clock() -> None:
    fold = a_fold(members=serving(RIGHT, WRONG))
    for i in range(20):
        feed(fold, a_health(WRONG, at=5000.0 + 5.0 * i))
        assert _tick(fold, 1000.0 + 5.0 * i, 0.0).skewed == []


def test_a_buffer_that_drains_is_no_wrong_clock() -> None:
    """A minute without a broker: then all samples of it, and the newest with them."""
    fold = a_fold(members=serving(RIGHT, WRONG))
    feed(fold, *(a_health(m, at=940.0 + i) for m in (RIGHT, WRONG) for i in range(60)))

    assert forecast(fold, 1000.0).skewed == []
    assert _tick(fold, 1005.0, 0.0).skewed == []


def test_a_clock_that_is_put_right_is_told_no_more() -> None:
    fold, episodes = a_fold(members=serving(RIGHT, WRONG)), Episodes()
    told = []
    for i in range(30):
        _feed(fold, 1000.0 + 5.0 * i, 30.0 if i < 15 else 0.0)
        wrong, right = episodes.take(tick(fold, 1000.0 + 5.0 * i))
        told += [("wrong", i, who) for who in wrong] + [("right", i, who) for who in right]

    assert told == [("wrong", 3, ("shop-web", WRONG)), ("right", 15, ("shop-web", WRONG))]


def _feed(fold: Fold, at: float, ahead_s: float) -> None:
    feed(fold, a_health(RIGHT, at=at - 2.0), a_health(WRONG, at=at - 2.0 + ahead_s))


def test_the_refusals_name_member_skew_and_bound() -> None:
    fold = a_fold(members=serving(RIGHT, WRONG))
    _feed(fold, 1000.0, 30.0)

    (refused,) = [each for each in feed(fold, a_tick(1000.0)) if isinstance(each, Rejected)]

    assert (refused.reason, refused.count) == ("Future", 1)
    assert all(word in refused.examples[0] for word in (WRONG, "28.0 s after the tick", "more than 5.0 s", "ahead"))


def test_what_is_known_of_clocks_survives_a_restart() -> None:
    one = a_fold(members=serving(RIGHT, WRONG))
    for i in range(2):
        _tick(one, 1000.0 + 5.0 * i, 30.0)
    two = Fold(0, RULES)
    two.restore(one.snapshot())

    for i in range(2, 5):
        assert raw(_tick(two, 1000.0 + 5.0 * i, 30.0)) == raw(_tick(one, 1000.0 + 5.0 * i, 30.0))
