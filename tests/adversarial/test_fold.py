"""Whatever stands in the log, the fold goes on: it never raises, and what it publishes can be read."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import facts
from streams.fold import Fold
from streams.records.forecast import FORECASTS, Forecasts, Signal
from streams.records.log import REJECTED, Rejected
from streams.records.member import State
from tests.builders import a_health, a_member, a_requests, a_tick, health_columns, raw
from tests.folding import RULES, a_fold, feed, forecast, serving, signal

REAL = [
    raw(a_health(at=999.0, healthy=True)),
    raw(health_columns(a_health(at=998.0), a_health("shop-web-2", at=999.0))),
    raw(a_requests(at=999.0)),
    raw(a_tick(999.5)),
]
NUMBERS = [
    0,
    -1,
    1,
    2**31,
    2**53,
    2**53 + 1,
    2**63,
    2**64,
    10**400,
    10**4299,
    -(10**30),
    1e9,
    1e308,
    -1e308,
    5e-324,
    -0.0,
]
OTHERS = [True, None, "", "x" * 5000, "\u0000", "\ud83d", [], [None], [1.0], ["a", "b"], {}, {"a": 1}, "NaN", 999.0]
EXTREMES: list[object] = [*NUMBERS, *OTHERS]

T = TypeVar("T")


def count_of(published: list[object]) -> int:
    """Return how many samples a tick accounted for, after reading all records again as a consumer would."""
    count = 0
    for record in published:
        if isinstance(record, Rejected):
            count += REJECTED.decode(raw(record)).count
        elif isinstance(record, Forecasts):
            assert FORECASTS.decode(raw(record)) == record
            count += record.samples
    return count


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a real message with a few bytes changed, cut, doubled or swapped for those of another one."""
    message = bytearray(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 4))):
        i = draw(st.integers(0, max(0, len(message) - 1)))
        j = min(len(message), i + draw(st.integers(0, 12)))
        message[i:j] = draw(st.sampled_from([b"", b"-", b"9", b"\xff", b'"', b"[", b"e9", bytes(message[i:j]) * 2]))
    return bytes(message)


@st.composite
def with_extremes(draw: st.DrawFn) -> bytes:
    """Return a real message with fields set to what nobody expects."""
    fields = msgspec.json.decode(draw(st.sampled_from(REAL)))
    for name in draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3)):
        fields[name] = draw(st.sampled_from(EXTREMES))
    return as_json(fields)


def as_json(value: object) -> bytes:
    """Write JSON with integers of any size, which msgspec does not."""
    if isinstance(value, dict):
        return b"{" + b",".join(msgspec.json.encode(k) + b":" + as_json(v) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(as_json, value)) + b"]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).encode()
    if isinstance(value, str):
        return b'"' + value.encode(errors="surrogatepass") + b'"'
    return msgspec.json.encode(value)


@settings(max_examples=300)
@given(messages=st.lists(st.one_of(mutated(), with_extremes(), st.binary(max_size=60)), max_size=8))
def test_the_fold_survives_every_message_and_goes_on(messages: list[bytes]) -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    feed(fold, *(a_health(at=960.0 + i) for i in range(30)), a_tick(990.0))

    published = [record for message in messages for record in fold.message(message)]
    published += fold.message(raw(a_tick(facts.TIME_MAX)))
    again = Fold(0, RULES)
    again.restore(fold.snapshot())

    assert isinstance(published[-1], Forecasts)
    assert count_of(list(published)) >= sum(Fold.peek(message) is None for message in messages)
    assert again.snapshot() == fold.snapshot()


@settings(max_examples=100)
@given(messages=st.lists(st.one_of(mutated(), with_extremes()), max_size=8))
def test_garbage_beside_them_changes_no_good_sample(messages: list[bytes]) -> None:
    """Messages that cannot be read at all leave the forecasts as they are."""
    clean, dirty = (a_fold(members=serving("shop-web-1", "shop-web-2")) for _ in range(2))
    good = [a_health(at=960.0 + i, load=float(i)) for i in range(30)]
    for sample in good:
        feed(clean, sample)
        feed(dirty, sample)
        for message in messages:
            dirty.message(message[: len(message) // 2])

    assert raw(forecast(dirty, 1000.0)) == raw(forecast(clean, 1000.0))


@pytest.mark.parametrize("seed", range(3))
def test_chaos_for_a_thousand_ticks_stays_bounded(seed: int) -> None:
    """Members come and go, clocks are wrong, balancers change their names, messages repeat and come late."""
    rng = np.random.default_rng(seed)

    def pick(options: Sequence[T]) -> T:
        return options[int(rng.integers(len(options)))]

    fold, offset, sizes, at = a_fold(), 0, [], 1000.0
    for _ in range(1000):
        at += pick([1.0, 5.0, 5.0, 5.0, 17.0])
        era = int(at / 50)
        for _ in range(3):
            name = f"shop-web-{era + pick(range(5))}"
            state = pick([State.ACTIVE, State.ACTIVE, State.DRAINING, State.TERMINATED])
            fold.member(offset, a_member(name, state=state, at=at - rng.random()))
            fold.member(offset + 1, a_member(f"shop-web-{era - 1}", state=State.TERMINATED, at=at))
            offset += 2
            when = at - pick([0.5, 3.0, 40.0, 400.0, -4.0, -400.0])
            feed(fold, a_health(name, at=when, load=100.0 * rng.random(), healthy=pick([None, True, False])))
            feed(fold, a_requests(9.0 * rng.random(), at=when, balancer=f"lb-{int(at / 200)}-{pick(range(2))}"))
        of = forecast(fold, at)
        assert all(s.forecast is None or 0.0 <= s.forecast < 1e12 for s in of.signals)
        sizes.append(len(fold.snapshot()))

    assert max(sizes[500:]) < 2 * max(sizes[100:500])


def test_a_flood_of_one_member_does_not_move_the_others() -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    feed(fold, *(a_health("shop-web-2", at=900.5 + i, load=20.0) for i in range(100)))
    feed(fold, *(a_health("shop-web-1", at=900.0 + i / 100.0, load=10.0) for i in range(10_000)))

    of = forecast(fold, 1000.0)

    assert signal(of, Signal.LOAD_AVERAGE).observed == pytest.approx(30.0)
