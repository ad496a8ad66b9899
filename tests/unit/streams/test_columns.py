"""Binary columns say what JSON columns say, to the bit, and what is no such message is refused."""

import math
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.records.columns import as_columns, unpack
from streams.records.forecast import Forecasts
from streams.records.log import Rejected
from streams.records.packed import HEAD, MAGIC, pack
from streams.records.sample import Health, HealthColumns
from tests.builders import a_health, a_tick, an_instance, health_columns, raw
from tests.folding import a_fold, feed, serving, tick

WIRE = Path(__file__).resolve().parents[3] / "docs" / "wire.md"
ROWS = [a_health(f"shop-web-{i}", at=990.0 + i, load=10.1 * i, memory=None, healthy=i == 1) for i in range(3)]

names = st.text(max_size=20)
numbers = st.one_of(st.none(), st.floats(allow_nan=False))
rows = st.lists(
    st.builds(
        Health,
        application=st.just("shop"),
        cluster=st.just("shop-web"),
        member=names,
        at=st.floats(allow_nan=False),
        load_average=numbers,
        memory_consumption=numbers,
        healthy=st.sampled_from([None, True, False]),
    ),
    min_size=1,
    max_size=5,
)


@given(rows=rows)
def test_what_is_packed_comes_back_to_the_bit(rows: list[Health]) -> None:
    with np.errstate(over="ignore"):
        block = unpack(pack(health_columns(*rows)))

    assert raw(as_columns(block)) == raw(health_columns(*rows))
    assert [raw(block.row(i)) for i in range(len(rows))] == [raw(row) for row in rows]


def test_the_documented_example_is_what_is_written() -> None:
    text = WIRE.read_text()
    block, record = text.partition("### Example")[2].split("```")[1:4:2]
    written = bytes.fromhex("".join(line.split("   ")[0] for line in block.strip().splitlines()))
    many = msgspec.json.decode(record.removeprefix("json"), type=HealthColumns)

    assert pack(many) == written


def test_binary_columns_are_rows_written_differently() -> None:
    members = serving(*(row.member for row in ROWS))
    one_by_one, together = a_fold(members=members), a_fold(members=members)
    for offset in range(3):
        feed(one_by_one, *(a_health(r.member, at=r.at + 5 * offset, load=r.load_average, memory=None) for r in ROWS))
        moved = [a_health(r.member, at=r.at + 5 * offset, load=r.load_average, memory=None) for r in ROWS]
        together.message(pack(health_columns(*moved)))
        at = 1000.0 + 5 * offset

        assert raw(tick(together, at)) == raw(tick(one_by_one, at))
    assert together.snapshot() == one_by_one.snapshot()


def test_who_left_is_nobody_also_in_an_envelope_that_was_read_before() -> None:
    fold = a_fold(members=serving(*(row.member for row in ROWS)))
    fold.message(pack(health_columns(*ROWS)))
    feed(fold, a_tick(1000.0))
    fold.message(pack(health_columns(*(a_health(r.member, at=1001.0) for r in ROWS), cluster="shop-db")))
    fold.message(pack(health_columns(a_health("shop-web-1", at=1002.0), a_health("nobody", at=1002.0))))

    *rejected, forecasts = feed(fold, a_tick(1005.0))

    assert {r.reason: (r.count, r.examples) for r in rejected if isinstance(r, Rejected)} == {
        "UnknownCluster": (3, tuple(f"no cluster 'shop-db' in 'default/shop': shop-web-{i}" for i in range(3))),
        "UnknownMember": (1, ("no such member in cluster 'shop-web': nobody",)),
    }
    assert isinstance(forecasts, Forecasts)
    assert forecasts.samples == 1


def test_a_cluster_that_is_another_tenants_takes_no_envelope_of_the_first() -> None:
    fold = a_fold(members=serving(*(row.member for row in ROWS)))
    fold.message(pack(health_columns(*ROWS)))
    feed(fold, a_tick(1000.0))
    fold.instance(1, msgspec.structs.replace(an_instance(), tenant="other"))
    fold.message(pack(health_columns(*(a_health(r.member, at=1001.0) for r in ROWS))))

    rejected, _ = feed(fold, a_tick(1005.0))

    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.count) == ("UnknownCluster", len(ROWS))


GOOD = pack(health_columns(*ROWS))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        pytest.param(MAGIC, "the head alone", id="the head cut off"),
        pytest.param(GOOD[:-1], "the head says", id="a byte too few"),
        pytest.param(GOOD + b"\0", "the head alone", id="a byte too many"),
        pytest.param(MAGIC[:3] + b"\x02" + GOOD[4:], "cannot be read", id="another version"),
        pytest.param(GOOD[:4] + b"\xff" + GOOD[5:], "cannot be read", id="a column that nobody knows"),
        pytest.param(HEAD.pack(MAGIC, 0, 0, 0, 0, 0, 0, 0), "0 rows", id="no rows"),
        pytest.param(HEAD.pack(MAGIC, 0, 2**32 - 1, 0, 0, 0, 0, 0), "the head says", id="rows without end"),
        pytest.param(GOOD.replace(b"shop-web-", b"shop-web\xff"), "decode", id="names that are no UTF-8"),
        pytest.param(GOOD.replace(b"\x010\x011\x012", b"\x0201\x012\x00"), "", id="names that do not fit"),
    ],
)
def test_what_cannot_be_read_is_refused_and_counted_once(message: bytes, said: str) -> None:
    fold = a_fold(members=serving("shop-web-1"))
    fold.message(message)

    rejected, _ = feed(fold, a_tick(1000.0))

    assert isinstance(rejected, Rejected)
    assert (rejected.reason in {"BadValue", "UnknownMember"}, said in rejected.examples[0]) == (True, True)


def test_a_signalling_nan_is_nothing_and_a_number_too_large_for_four_bytes_takes_eight() -> None:
    whole = pack(health_columns(a_health(at=999.0, load=40.0, memory=50.0)))

    damaged = unpack(whole.replace(struct.pack("<f", 40.0), b"\x01\x00\xa0\x7f"))
    large = unpack(pack(health_columns(a_health(at=999.0, load=1e300))))

    assert (math.isnan(damaged.load[0]), damaged.memory[0], large.load[0]) == (True, 50.0, 1e300)


@given(data=st.data())
def test_a_damaged_message_never_does_harm(data: st.DataObject) -> None:
    message = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(4, len(message) - 1))] = data.draw(st.integers(0, 255))
    fold = a_fold(members=serving("shop-web-1"))
    fold.message(bytes(message))

    published = feed(fold, a_tick(1000.0))

    assert isinstance(published[-1], Forecasts)
    assert struct.calcsize(HEAD.format) == HEAD.size
