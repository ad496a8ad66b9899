"""Each member's own forecast in columns: what is written, what is read, and what is refused."""

import base64
import json
import math
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streams.records.forecast import FORECASTS, Forecasts
from streams.records.own import MemberColumns, MemberForecast, columns_of, laid_out
from streams.records.record import encode
from tests.builders import a_forecast

ONE = MemberForecast(member="shop-web-1", load_average=42.5, memory_consumption=20.0, healthy=True, age_s=1.5)
NOTHING = MemberForecast(member="shop-web-2")
WIRE = Path(__file__).resolve().parents[3] / "docs" / "wire.md"


def a_record(*members: MemberForecast) -> Forecasts:
    return Forecasts(at=1000.0, partition=0, members_offset=0, clusters=[a_forecast(members=members)])


def test_what_is_written_is_read() -> None:
    (cluster,) = FORECASTS.decode(encode(a_record(ONE, NOTHING))).clusters

    assert list(cluster.own.each()) == [ONE, NOTHING]
    assert cluster.own.by_name() == {"shop-web-1": ONE, "shop-web-2": NOTHING}


def test_the_example_in_the_documentation_is_what_is_written() -> None:
    (said,) = re.findall(r'"own": (\{.*\})', WIRE.read_text())

    assert list(msgspec.json.decode(said, type=MemberColumns).each()) == [ONE, NOTHING]


def test_a_column_is_float32_in_base64() -> None:
    own = json.loads(encode(a_record(ONE, NOTHING)))["clusters"][0]["own"]

    load = np.frombuffer(base64.b64decode(own["load_average"]), "<f4").tolist()

    assert own["member"] == ["shop-web-1", "shop-web-2"]
    assert load[0] == 42.5
    assert math.isnan(load[1])
    assert base64.b64decode(own["healthy"]) == b"\x01\x02"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"member": ["a", "b", "c"]}, id="more names than rows"),
        pytest.param({"load_average": "AAAqQg=="}, id="a column too short"),
        pytest.param({"healthy": "AQIB"}, id="a column too long"),
        pytest.param({"age_s": "no base64!"}, id="no base64"),
        pytest.param({"member": 5}, id="no names"),
    ],
)
def test_columns_that_make_no_rows_are_refused(change: dict[str, object]) -> None:
    record = json.loads(encode(a_record(ONE, NOTHING)))
    record["clusters"][0]["own"] |= change

    with pytest.raises(msgspec.ValidationError):
        FORECASTS.decode(json.dumps(record).encode())


def test_a_record_of_version_1_is_read_without_its_members() -> None:
    record = json.loads(encode(a_record(ONE)))
    del record["clusters"][0]["own"]
    record["clusters"][0]["members"] = [{"member": "shop-web-1", "load_average": 42.5}]

    (cluster,) = FORECASTS.decode(json.dumps(record | {"v": 1}).encode()).clusters

    assert cluster.own.by_name() == {}


def test_columns_over_several_clusters_are_cut_into_each_ones_own() -> None:
    load = np.array([1.0, 2.0, np.nan])

    first, none, last = laid_out([["a", "b"], [], ["c"]], load, load, np.array([0.0, 1.0, 2.0]), load)

    assert [(each.member, each.load_average, each.healthy) for each in first.each()] == [
        ("a", 1.0, False),
        ("b", 2.0, True),
    ]
    assert list(none.each()) == []
    assert list(last.each()) == [MemberForecast(member="c")]


def test_a_column_of_what_never_was_heard_is_unknown() -> None:
    (own,) = laid_out([["a"]], *(np.array([value]) for value in (np.nan, np.inf, 2.0, np.inf)))

    assert list(own.each()) == [MemberForecast(member="a")]
    assert columns_of(list(own.each())).by_name() == own.by_name()
