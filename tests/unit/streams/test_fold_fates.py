"""Every message has its fate: it is used and counted, or refused, counted and told with the reason."""

import msgspec
import pytest

from streams.records.forecast import Forecasts
from streams.records.log import Rejected
from streams.records.record import Record
from tests.builders import a_health, a_requests, a_tick, health_columns, raw
from tests.folding import a_fold, feed, serving

HEALTH = raw(a_health(at=999.0))
COLUMNS = health_columns(a_health(at=999.0), a_health(at=998.0))


def with_field(record: Record, name: str, json: str) -> bytes:
    """Return a record as written by hand, one field replaced by this JSON."""
    fields = msgspec.json.decode(raw(record), type=dict[str, msgspec.Raw])
    return msgspec.json.encode(fields | {name: msgspec.Raw(json.encode())})


def columns(**changed: list[object]) -> bytes:
    """Return two rows with one column changed."""
    return msgspec.json.encode(msgspec.json.decode(raw(COLUMNS)) | changed)


@pytest.mark.parametrize(
    ("message", "reason", "said"),
    [
        pytest.param(b"", "BadJson", "truncated", id="an empty message"),
        pytest.param(None, "BadJson", "truncated", id="a tombstone"),
        pytest.param(b"{", "BadJson", "truncated", id="broken JSON"),
        pytest.param(b"\x00\x01\xff\xfe", "BadJson", "malformed", id="no text"),
        pytest.param(HEALTH.replace(b"shop-web-1", b"\xff\xfe"), "BadJson", "utf-8", id="a name that is no UTF-8"),
        pytest.param(
            HEALTH[:-1] + b',"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "BadJson",
            "recursion depth",
            id="deep nesting",
        ),
        pytest.param(HEALTH.replace(b"40.0", b"NaN"), "BadJson", "invalid character", id="NaN"),
        pytest.param(HEALTH.replace(b"40.0", b"Infinity"), "BadJson", "invalid character", id="Infinity"),
        pytest.param(HEALTH.replace(b"40.0", b"-Infinity"), "BadJson", "invalid", id="minus Infinity"),
        pytest.param(HEALTH.replace(b"40.0", b"1e999"), "BadValue", "out of range", id="a number beyond all bounds"),
        pytest.param(b"null", "BadValue", "Expected `object`", id="JSON that is no record"),
        pytest.param(b'{"kind":"unheard-of"}', "BadValue", "unheard-of", id="a kind that nobody knows"),
        pytest.param(b'{"kind":"health"}', "BadValue", "missing required field", id="fields missing"),
        pytest.param(HEALTH.replace(b"999.0", b'"noon"'), "BadValue", "Expected `float`", id="a wrong type"),
        pytest.param(HEALTH.replace(b"40.0", b"true"), "BadValue", "Expected `float", id="true is no number"),
        pytest.param(raw(a_health(at=999.0, load=-0.1)), "BadValue", "load_average -0.1", id="a negative load"),
        pytest.param(
            raw(a_health(at=999.0, load=1.1e9)), "BadValue", "load_average 1100000000", id="a load beyond belief"
        ),
        pytest.param(raw(a_health(at=999.0, memory=-1.0)), "BadValue", "memory_consumption -1.0", id="negative memory"),
        pytest.param(
            raw(a_health(at=999.0, memory=100.1)), "BadValue", "100.1 must be in 0..100", id="memory over 100 percent"
        ),
        pytest.param(raw(a_health("shop-web-9", at=999.0)), "UnknownMember", "shop-web-9", id="an unknown member"),
        pytest.param(raw(a_health(at=999.0, cluster="shop-db")), "UnknownCluster", "shop-db", id="an unknown cluster"),
        pytest.param(
            raw(a_health(at=999.0, tenant="evil")), "UnknownCluster", "evil/shop", id="a cluster of another tenant"
        ),
        pytest.param(
            raw(a_health(at=999.0, application="x")),
            "UnknownCluster",
            "default/x",
            id="a cluster of another application",
        ),
        pytest.param(raw(a_health(at=1005.1)), "Future", "at 1005.1", id="a sample from the future"),
        pytest.param(raw(a_health(at=879.9)), "Late", "at 879.9", id="a sample from before the window"),
        pytest.param(raw(a_health(at=-1e308)), "Late", "-1e+308", id="a sample from before time"),
        pytest.param(raw(a_health(at=990.0)), "Duplicate", "at 990.0", id="a sample that is there already"),
        pytest.param(raw(a_requests(at=990.0)), "Duplicate", "at 990.0", id="an interval that is there already"),
        pytest.param(
            raw(a_requests(-1.0, at=999.0)), "BadValue", "in_flight -1.0 must", id="less than no request in flight"
        ),
        pytest.param(raw(a_requests(1e300, at=999.0)), "BadValue", "in_flight 1e+300", id="requests beyond belief"),
        pytest.param(raw(a_requests(at=999.0, count=-1)), "BadValue", "count -1", id="a negative count"),
        pytest.param(
            with_field(a_requests(at=999.0), "count", str(2**70)),
            "BadValue",
            f"count {2**70}",
            id="a count of more than 64 bits",
        ),
        pytest.param(
            with_field(a_requests(at=999.0), "count", "9" * 5000),
            "BadValue",
            "out of range",
            id="a count of 5000 digits",
        ),
        pytest.param(
            raw(a_requests(at=999.0, interval_s=0.0)), "BadValue", "interval_s 0.0", id="an interval without length"
        ),
        pytest.param(
            raw(a_requests(at=999.0, interval_s=101.0)),
            "BadValue",
            "interval_s 101.0",
            id="an interval longer than the window",
        ),
        pytest.param(
            raw(a_requests(at=999.0, balancer="x" * 256)), "BadValue", "at most 255", id="a balancer's name without end"
        ),
        pytest.param(
            columns(at=[1.0]), "BadValue", "2 members but columns of 1, 2, 2, 2", id="columns of unequal length"
        ),
        pytest.param(columns(load_average=[]), "BadValue", "columns of 2, 0, 2, 2", id="a column without rows"),
        pytest.param(
            columns(member=[], at=[], load_average=[], memory_consumption=[], healthy=[]),
            "BadValue",
            "at least one row",
            id="columns without rows",
        ),
        pytest.param(raw(a_tick(995.0)), "Duplicate", "995.0", id="a tick twice"),
        pytest.param(raw(a_tick(994.0)), "Late", "994.0", id="a tick backwards"),
        pytest.param(raw(a_tick(1e12)), "BadValue", "1000000000000.0", id="a tick beyond all time"),
        pytest.param(raw(a_tick(0.0)), "BadValue", "at 0.0", id="a tick before time"),
        pytest.param(raw(a_tick(996.0, members=-1)), "BadValue", "-1", id="a tick with an offset below zero"),
        pytest.param(
            with_field(a_tick(996.0), "instances_offset", str(2**64)),
            "BadValue",
            str(2**64),
            id="a tick with an offset of 65 bits",
        ),
    ],
)
def test_what_cannot_be_used_is_counted_with_its_reason(message: bytes | None, reason: str, said: str) -> None:
    fold = a_fold(members=serving("shop-web-1", "shop-web-2"))
    feed(fold, a_health(at=990.0), a_requests(at=990.0), a_tick(995.0))

    published = fold.message(message)
    rejected, forecasts = feed(fold, a_tick(1000.0))

    assert published == []
    assert isinstance(rejected, Rejected)
    assert (rejected.topic, rejected.partition, rejected.at) == ("pileus.samples", 0, 1000.0)
    assert (rejected.reason, rejected.count) == (reason, 1)
    assert said in rejected.examples[0]
    assert isinstance(forecasts, Forecasts)
    assert (forecasts.at, forecasts.samples) == (1000.0, 0)


@pytest.mark.parametrize(
    ("message", "rows"),
    [
        pytest.param(HEALTH, 1, id="a member's health"),
        pytest.param(raw(COLUMNS), 2, id="two rows of health"),
        pytest.param(columns(healthy=[True, None], at=[999, 998]), 2, id="whole numbers as times"),
        pytest.param(raw(a_requests(at=999.0)), 1, id="a balancer's requests"),
        pytest.param(raw(a_health(at=1005.0)), 1, id="a clock that is a little ahead"),
        pytest.param(raw(a_health(at=880.0)), 1, id="as late as may be"),
        pytest.param(raw(a_health(at=991.0, load=None, memory=None)), 1, id="a sign of life"),
        pytest.param(raw(a_health(at=991.0, load=0.0, memory=100.0)), 1, id="on the bounds"),
        pytest.param(HEALTH[:-1] + b',"later":{"a":[1]}}', 1, id="a field of a newer writer"),
        pytest.param(HEALTH[:-1] + b',"later":"' + b"x" * 1_000_000 + b'"}', 1, id="a megabyte beside the sample"),
    ],
)
def test_what_can_be_used_is_counted_too(message: bytes, rows: int) -> None:
    fold = a_fold(members=serving("shop-web-1"))
    feed(fold, a_health(at=990.0), a_tick(995.0))
    fold.message(message)

    (forecasts,) = feed(fold, a_tick(1000.0))

    assert isinstance(forecasts, Forecasts)
    assert forecasts.samples == rows
