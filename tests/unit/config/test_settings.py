"""Settings come from file and environment; what is none is an error."""
# ruff: noqa: E501 - tables read best with one case a line

from pathlib import Path

import pytest

import config
from config.errors import ConfigError
from config.settings import RESERVED, Settings, fields, load_settings, to_environment, variable
from config.settings_page import page

ROOT = Path(config.__file__).parents[1]


def test_without_file_and_environment_the_defaults_count() -> None:
    assert load_settings(None, {}) == Settings()


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("partitions = 2\nwindow_s = 60\nhorizon_grid_s = [10, 20.5]\n")

    settings = load_settings(file, {"PILEUS_PARTITIONS": "8", "HOME": "/"})

    assert (settings.partitions, settings.window_s, settings.horizon_grid_s) == (8, 60.0, (10.0, 20.5))
    assert settings.broker == Settings().broker


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("partitions = 2\n")

    assert load_settings(None, {"PILEUS_SETTINGS": str(file)}).partitions == 2


def test_a_child_process_gets_the_same_settings() -> None:
    settings = Settings(broker="a:1,b:2", horizon_grid_s=(0.5, 7.0), state_dir="x y", dashboard_port=1)

    assert load_settings(None, to_environment(settings)) == settings


@pytest.mark.parametrize("name", sorted(RESERVED - {"PILEUS_SETTINGS"}))
def test_what_instances_are_told_is_no_setting_and_no_error(name: str) -> None:
    assert load_settings(None, {name: "x"}) == Settings()


def test_no_reserved_name_is_a_setting() -> None:
    assert not RESERVED & {variable(name) for name in fields()}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        pytest.param("PARTITIONS", "0", 'PILEUS_PARTITIONS = "0": must be a whole number, at least 1, at most 10000', id="below its bound"),
        pytest.param("PARTITIONS", "2.5", 'PILEUS_PARTITIONS = "2.5": must be a whole number, at least 1, at most 10000', id="not whole"),
        pytest.param("WINDOW_S", "nan", 'PILEUS_WINDOW_S = "nan": must be a number, greater than 0, at most 86400', id="NaN"),
        pytest.param("WINDOW_S", "inf", 'PILEUS_WINDOW_S = "inf": must be a number, greater than 0, at most 86400', id="infinite"),
        pytest.param("LATENESS_S", "nan", 'PILEUS_LATENESS_S = "nan": must be a number, at least 0, at most 3600', id="NaN where zero is allowed"),
        pytest.param("BROKER", "", 'PILEUS_BROKER = "": must be text, not empty', id="empty"),
        pytest.param("HORIZON_GRID_S", "15,x", 'PILEUS_HORIZON_GRID_S = "15,x": must be one or more of: a number, greater than 0, at most 86400', id="a list with a word"),
        pytest.param("HORIZON_GRID_S", "30,15", "PILEUS_HORIZON_GRID_S = [2 items]: must ascend", id="a grid that does not ascend"),
        pytest.param("WINDOW_S", "10", "PILEUS_WINDOW_S = 10.0: must hold 3 samples: 3 x sample_interval_s", id="a window too short for its samples"),
        pytest.param("FAULT_S", "10", "PILEUS_FAULT_S = 10.0: must be at least stale_intervals x sample_interval_s", id="faulty before stale"),
        pytest.param("LATENESS_S", "6", "PILEUS_LATENESS_S = 6.0: must be at most evaluation_s", id="a tick later than the next"),
        pytest.param("PARTITION", "4", "PILEUS_PARTITION: no such setting, did you mean 'PILEUS_PARTITIONS'?", id="misspelt"),
    ],
)  # fmt: skip
def test_a_wrong_setting_in_the_environment_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {f"PILEUS_{name}": value})

    assert str(caught.value) == f"environment: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("partitions = '4'", None, id="a number as text"),
        pytest.param("partitions = true", "partitions = true: must be a whole number, at least 1", id="true"),
        pytest.param("partition = 4", "partition: no such setting, did you mean 'partitions'?", id="misspelt"),
        pytest.param("broker = 4", "broker = 4: must be text, not empty", id="a number for text"),
        pytest.param("partitions =", "must be TOML", id="no TOML"),
        pytest.param("[a]\nb = 1", "a: no such setting", id="a table"),
    ],
)
def test_a_wrong_setting_in_the_file_is_refused(text: str, message: str | None, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    if message is None:
        assert load_settings(file, {}) == Settings()
        return

    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})

    assert str(caught.value).startswith(f"{file}: {message}")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "gone.toml", {})


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"PILEUS_PARTITIONS": "x", "PILEUS_BROKER": "", "PILEUS_X": "1"})

    assert len(caught.value.problems) == 3


def test_every_setting_is_documented_and_its_default_within_its_bounds() -> None:
    text = page()

    for name in fields():
        assert f"| `{name}` |" in text
    assert load_settings(None, to_environment(Settings())) == Settings()


def test_the_page_is_fresh() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == page(), "run 'pileus schema --write docs'"
