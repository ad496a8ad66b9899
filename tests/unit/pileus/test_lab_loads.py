"""Loads are read from tables, from Prometheus and from recordings; what cannot be used is refused with its place."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from pileus.lab.loads import Reading, read_loads
from pileus.lab.series import regular
from pileus.load.load import LoadError
from tests.unit.pileus.laboratory_files import a_csv, a_range_answer, a_wave


def names(path: Path, *columns: str) -> list[tuple[str, list[str]]]:
    return [(load.name, list(load.signals)) for load in read_loads(path, Reading(columns=columns))]


def test_the_first_column_is_the_load_unless_others_are_named(tmp_path: Path) -> None:
    path = a_csv(tmp_path)

    assert names(path) == [("load.csv web", ["requests_in_flight"])]
    assert names(path, "api") == [("load.csv api", ["requests_in_flight"])]
    assert [name for name, _ in names(path, "all")] == ["load.csv web", "load.csv api"]


def test_columns_named_as_signals_are_one_clusters_factors(tmp_path: Path) -> None:
    path = tmp_path / "both.csv"
    path.write_text("timestamp,requests_in_flight,memory_consumption\n" + "".join(f"{i},{i},{i}\n" for i in range(9)))

    assert names(path) == [("both.csv", ["requests_in_flight", "memory_consumption"])]


def test_rows_become_periods_and_what_is_missing_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "gap.csv"
    path.write_text("timestamp,web\n0,1\n60,2\n120,\n240,5\n300,6\n360,7\n")
    (load,) = read_loads(path, Reading())

    values = load.signals["requests_in_flight"]
    assert (load.start, load.step_s, load.periods) == (0.0, 60.0, 7)
    assert [None if math.isnan(value) else value for value in values.tolist()] == [1, 2, None, None, 5, 6, 7]


def test_parquet_is_read_too(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "load.parquet"
    pd.DataFrame({"timestamp": np.arange(10) * 15.0, "web": np.arange(10.0)}).to_parquet(path)

    assert read_loads(path, Reading())[0].step_s == 15.0


def test_prometheus_series_are_named_by_their_labels(tmp_path: Path) -> None:
    path = a_range_answer(
        tmp_path,
        [
            ({"__name__": "in_flight", "pod": "a"}, a_wave()),
            ({"__name__": "in_flight", "pod": "b"}, [*a_wave()[:9], math.nan]),
        ],
    )

    assert names(path) == [("answer.json in_flight{pod=a}", ["requests_in_flight"])]
    assert names(path, "in_flight{pod=b}") == [("answer.json in_flight{pod=b}", ["requests_in_flight"])]
    (load,) = read_loads(path, Reading(columns=["in_flight{pod=b}"]))
    assert (load.step_s, load.periods, bool(load.unknown[-1])) == (15.0, 10, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[", "cannot be read as JSON", id="no JSON"),
        pytest.param("{}", "needs data.resultType 'matrix'", id="not an answer"),
        pytest.param('{"status": "error", "error": "timeout"}', "answered with an error: timeout", id="an error"),
        pytest.param('{"data": {"resultType": "matrix", "result": []}}', "holds no series", id="no series"),
        pytest.param(
            '{"data": {"resultType": "matrix", "result": [{"metric": {}}]}}',
            r"result\[0\]: needs 'values'",
            id="no values",
        ),
        pytest.param(
            json.dumps({"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "x"]]}]}}),
            "could not convert string to float",
            id="no number",
        ),
        pytest.param(
            json.dumps({"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "1"], [1, "2"]]}]}}),
            "times must increase",
            id="one time twice",
        ),
        pytest.param(
            json.dumps({"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "-1"]]}]}}),
            "must not be negative",
            id="a negative load",
        ),
    ],
)
def test_what_prometheus_did_not_answer_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "answer.json"
    path.write_text(text)

    with pytest.raises(LoadError, match=said):
        read_loads(path, Reading())


@pytest.mark.parametrize(
    ("name", "columns", "said"),
    [
        pytest.param("none.csv", (), "no file", id="no such file"),
        pytest.param("load.csv", ("wep",), "no column 'wep', did you mean 'web'", id="no such column"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, name: str, columns: tuple[str, ...], said: str) -> None:
    a_csv(tmp_path)

    with pytest.raises(LoadError, match=said):
        read_loads(tmp_path / name, Reading(columns=columns))


def test_few_rows_and_endless_gaps_are_refused() -> None:
    with pytest.raises(LoadError, match="has 2 rows, needs at least 4"):
        regular("x", np.array([0.0, 1.0]), {"requests_in_flight": np.array([1.0, 1.0])})
    with pytest.raises(LoadError, match="at most 20000000"):
        regular("x", np.array([0.0, 1.0, 2.0, 1e12]), {"requests_in_flight": np.ones(4)})
    with pytest.raises(LoadError, match="no value is known"):
        regular("x", np.arange(5.0), {"requests_in_flight": np.full(5, np.nan)})
