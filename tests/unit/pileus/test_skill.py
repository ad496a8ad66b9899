import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pileus.cli import main
from pileus.load.load import LoadError
from pileus.load.table import Table
from pileus.skill import read_cells, resampled
from tests.forecasting import noisy


def a_table(times: list[float], values: list[float]) -> Table:
    return Table(column="v", times=np.array(times), values=np.array(values))


def write(path: Path, *, n: int = 300, step_s: float = 60.0) -> Path:
    """Write a series."""
    lines = [f"{t * step_s:g},{v:.3f}" for t, v in enumerate(noisy(n)[:, 0])]
    path.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    return path


def test_rows_are_averaged_over_steps_and_a_step_without_one_is_a_gap() -> None:
    steps = resampled(a_table([100.0, 110.0, 161.0, 340.0], [1.0, 3.0, 7.0, np.nan]), 60.0)

    np.testing.assert_array_equal(steps, [2.0, 7.0, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(
    ("step_s", "expected"),
    [
        (60.0, [(60.0, 60.0), (300.0, 60.0), (900.0, 60.0)]),
        (1.0, [(60.0, 12.0), (300.0, 60.0), (900.0, 60.0)]),
        (300.0, [(300.0, 300.0), (900.0, 300.0)]),
    ],
    ids=["a minute", "a second", "five minutes"],
)
def test_a_file_is_forecast_with_the_steps_of_a_worker(
    tmp_path: Path, step_s: float, expected: list[tuple[float, float]]
) -> None:
    cells = read_cells([write(tmp_path / "web.csv", step_s=step_s)])

    assert [(cell.horizon_s, cell.step_s) for cell in cells] == expected
    assert {cell.name for cell in cells} == {"web"}


def a_folder(tmp_path: Path) -> Path:
    """Return a folder with a manifest of one series."""
    write(tmp_path / "web.csv")
    entry = {"file": "web.csv", "step_s": 60, "horizons_s": [60, 300], "period_s": 3600, "scored": {}}
    (tmp_path / "cells.json").write_text(json.dumps({"web": entry}))
    return tmp_path


def test_json_is_a_list_of_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["skill", str(a_folder(tmp_path)), "--predictor", "last", "kinematic", "-o", "json", "--processes", "1"]
    )

    told = msgspec.json.decode(capsys.readouterr().out)
    assert code == 0
    assert [(each["name"], each["horizon_s"], each["predictor"], each["n"]) for each in told] == [
        ("web", 60.0, "last", 209),
        ("web", 60.0, "kinematic", 209),
        ("web", 300.0, "last", 205),
        ("web", 300.0, "kinematic", 205),
    ]
    assert set(told[0]) == {"name", "horizon_s", "predictor", "n", "relmae", "relpinball90", "coverage90"}
    assert told[0]["relmae"] == 1.0


def test_the_table_ends_with_the_mean_and_the_worst_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["skill", str(write(tmp_path / "web.csv")), "--predictor", "last", "--processes", "1"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0].split() == ["series", "horizon", "predictor", "n", "relMAE", "pinball", "P90"]
    assert [line.split()[:3] for line in lines[-2:]] == [["geometric", "mean", "last"], ["worst", "cell", "last"]]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("cells.json", '{"a": {}}', "required field", id="a manifest that lacks a field"),
        pytest.param("cells.json", "{", "truncated", id="a manifest that is no JSON"),
        pytest.param("one.csv", "timestamp,value\n0,1\n", "at least 2 rows", id="one row"),
        pytest.param("far.csv", "timestamp,value\n0,1\n3600,2\n", "too far for a horizon of 900 s", id="hourly rows"),
        pytest.param("wide.csv", "timestamp,value\n0,1\n1,1\n2,1\n1e12,2\n", "at most 10000000", id="a far last row"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)

    code = main(["skill", str(tmp_path / name)])

    told = capsys.readouterr().err
    assert code == 2
    assert name in told
    assert said in told


def test_a_folder_needs_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"has no cells\.json"):
        read_cells([tmp_path])
