"""Recorded loads: what is read, what is held, and how a fault is told."""

import gzip
import math
from pathlib import Path

import pandas as pd
import pytest

from pileus.load.choose import choose
from pileus.load.load import LoadError
from pileus.load.recorded import moment, read, rfc3339

TRACES = Path(__file__).parents[4] / "shared" / "traces"


def a_file(folder: Path, text: str, name: str = "load.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def a_csv(*values: object, step: int = 60, start: int = 1000) -> str:
    rows = [f"{start + i * step},{v}" for i, v in enumerate(values)]
    return "\n".join(["timestamp,requests", *rows, ""])


@pytest.mark.parametrize("name", ["load.csv", "load.csv.gz"])
def test_the_largest_value_is_the_peak_and_a_value_holds_until_the_next(tmp_path: Path, name: str) -> None:
    load = choose(str(a_file(tmp_path, a_csv(10, 40, 20), name)))

    assert [load.at(t) for t in (0.0, 59.9, 60.0, 130.0)] == [0.25, 0.25, 1.0, 0.5]
    assert load.duration_s == 180.0
    assert [load.at(-0.1), load.at(180.0)] == [0.0, 0.0]


def test_speed_compresses_the_load(tmp_path: Path) -> None:
    load = read(a_file(tmp_path, a_csv(10, 40, 20)), speed=60.0)

    assert [load.at(t) for t in (0.5, 1.5, 2.5)] == [0.25, 1.0, 0.5]
    assert load.duration_s == pytest.approx(3.0)


def test_a_range_keeps_both_its_ends_and_its_own_peak(tmp_path: Path) -> None:
    load = read(a_file(tmp_path, a_csv(99, 10, 20, 99)), start=1060.0, end=1120.0)

    assert [load.at(0.0), load.at(60.0), load.duration_s] == [0.5, 1.0, 120.0]
    assert "1970-01-01T00:17:40Z to 1970-01-01T00:18:40Z" in load.description


@pytest.mark.parametrize(
    ("text", "gaps", "at", "expected"),
    [
        pytest.param(a_csv(10, "", "", 20), 1, 130.0, 0.5, id="a stretch of empty values is one gap, and is held"),
        pytest.param(a_csv(10, "", 20, ""), 2, 200.0, 1.0, id="two stretches are two gaps"),
        pytest.param(
            "timestamp,v\n0,10\n60,10\n120,20\n600,10\n660,10\n", 1, 500.0, 1.0, id="missing rows are one gap, and held"
        ),
        pytest.param(a_csv("", 10, 20), 0, 0.0, 0.5, id="it begins with the first value"),
        pytest.param(a_csv(10, 20) + "\n\n", 0, 60.0, 1.0, id="empty lines are nothing"),
    ],
)
def test_a_gap_holds_the_last_value(tmp_path: Path, text: str, gaps: int, at: float, expected: float) -> None:
    load = read(a_file(tmp_path, text))

    assert (load.gaps, load.at(at)) == (gaps, expected)


def test_a_range_that_begins_in_a_gap_holds_the_value_before_it(tmp_path: Path) -> None:
    load = read(a_file(tmp_path, a_csv(20, "", 10)), start=1060.0)

    assert [load.at(0.0), load.at(60.0), load.gaps] == [1.0, 0.5, 1]


def test_a_column_is_chosen_by_name_and_the_time_too(tmp_path: Path) -> None:
    path = a_file(tmp_path, "cpu,memory,timestamp\n1,8,0\n2,4,60\n")

    assert [read(path).at(0.0), read(path, column="memory").at(60.0)] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(a_csv(1, "x", 3), r"row 3, column 'requests', value 'x': 'requests' needs a number", id="a word"),
        pytest.param(a_csv(1, 2, "inf"), "row 4, column 'requests', value 'inf'", id="infinite"),
        pytest.param(a_csv(1, -2.5), "row 3, column 'requests', value '-2.5': must not be negative", id="negative"),
        pytest.param("timestamp,v\n5,1\n9,1\n9,1\n", r"row 4, column 'timestamp', value '9'.*\(9\)", id="same time"),
        pytest.param("timestamp,v\n5,1\n\n4,1\n", "row 4, column 'timestamp', value '4': must be later", id="back"),
        pytest.param("timestamp,v\n5,1\n,1\n", "row 3, column 'timestamp'.*must not be empty", id="no time"),
        pytest.param(a_csv(0, 0), "column 'requests' is 0 throughout", id="no load"),
        pytest.param(a_csv("", ""), "no value of 'requests'.*the file covers 1970-01-01T00:16:40Z", id="no value"),
        pytest.param("timestamp,v\n", "the file covers nothing", id="no row"),
        pytest.param("", "cannot be read", id="empty file"),
        pytest.param("timestamp\n1\n", "needs a column of times and one of values, has: timestamp", id="one column"),
        pytest.param("0,1\n60,2\n", "row 1 must name the columns, has: 0, 1", id="no names"),
    ],
)
def test_a_fault_is_told_with_file_row_column_and_value(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(LoadError, match=said) as caught:
        read(a_file(tmp_path, text))

    assert str(tmp_path / "load.csv") in str(caught.value)


def test_an_empty_range_says_what_the_file_covers(tmp_path: Path) -> None:
    said = "from 1970-01-01T01:00:00Z to its end: the file covers 1970-01-01T00:16:40Z to 1970-01-01T00:17:40Z"
    with pytest.raises(LoadError, match=said):
        read(a_file(tmp_path, a_csv(1, 2)), start=3600.0)


def test_a_column_that_is_almost_right_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no column 'request', did you mean 'requests'"):
        read(a_file(tmp_path, a_csv(1, 2)), column="request")


@pytest.mark.parametrize("name", ["load.txt", "load.csv.gz", "load.parquet"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(a_csv(1, 2))

    with pytest.raises(LoadError, match=r"load\.(txt|csv\.gz|parquet): (not a recording|cannot be read)"):
        read(path)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([0, 60, 120], id="times in seconds"),
        pytest.param(pd.to_datetime([0, 60, 120], unit="s", utc=True), id="times as dates"),
    ],
)
def test_parquet_is_read(tmp_path: Path, times: object) -> None:
    path = tmp_path / "load.parquet"
    pd.DataFrame({"timestamp": times, "requests": [1.0, None, 2.0]}).to_parquet(path)
    load = read(path)

    assert [load.at(t) for t in (0.0, 60.0, 120.0)] == [0.5, 0.5, 1.0]
    assert (load.duration_s, load.gaps) == (180.0, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("yesterday", "is not an RFC 3339 time", id="a word"),
        pytest.param("1998-06-30T06:00:00", "says no offset from UTC", id="no offset"),
    ],
)
def test_a_time_must_be_rfc_3339(text: str, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        moment(text)


def test_a_time_is_read_as_it_is_written() -> None:
    assert rfc3339(moment("1998-06-30T08:00:00+02:00")) == "1998-06-30T06:00:00Z"
    assert rfc3339(math.inf) == "inf s"


@pytest.mark.skipif(not TRACES.is_dir(), reason="the recorded traces are not beside the checkout")
@pytest.mark.parametrize(
    ("name", "start", "end", "duration_s", "gaps"),
    [
        pytest.param(
            "wc98_requests_to_jun30_60s.csv.gz", "1998-06-30T06:00:00Z", "1998-06-30T23:59:00Z", 64_800, 0, id="match"
        ),
        pytest.param("nasa_jul95_1s.parquet", None, None, 2_381_544, 0, id="a month, by the second"),
        pytest.param("nasa_julaug95_60s.csv.gz", None, None, None, 1, id="the hurricane is a gap"),
    ],
)
def test_a_real_recording_is_read(
    name: str, start: str | None, end: str | None, duration_s: float | None, gaps: int
) -> None:
    load = read(TRACES / name, start=moment(start) if start else None, end=moment(end) if end else None)
    sampled = [load.at(load.duration_s * k / 5000) for k in range(5000)]

    assert 0.0 <= min(sampled) < max(sampled) <= 1.0
    assert load.duration_s == (duration_s or load.duration_s)
    assert load.gaps == gaps
