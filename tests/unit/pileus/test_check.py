"""``pileus check`` says what is wrong, for people and for machines."""

import json
from pathlib import Path

import pytest

import config
from pileus.cli import main

DEMO = Path(config.__file__).parent / "definitions" / "demo"


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text("id: p\nloadThresholds:\n  requestsInFlight: {threshold: -1}\n  loadAverage: {threshold: '70'}\n")
    return file


def test_valid_definitions_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(DEMO)]) == 0
    loaded, resolved, valid = capsys.readouterr().out.splitlines()
    assert loaded.startswith("loaded: 6 documents: 1 cartridge, 1 autoscalingPolicy, ")
    assert resolved == "resolved: 1 of 1 applications"
    assert valid == "valid: 6 definitions, 0 errors, 0 warnings"


def test_invalid_definitions_exit_with_1_and_say_why(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(wrong)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"error: {wrong}: $.loadThresholds.requestsInFlight.threshold = -1: must be greater than 0",
        f'warning: {wrong}: $.loadThresholds.loadAverage.threshold = "70": text, read as 70',
        "invalid: 0 definitions, 1 errors, 1 warnings",
    ]


def test_machines_get_json(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(wrong), str(DEMO), "-o", "json"]) == 1

    said = json.loads(capsys.readouterr().out)

    assert said["valid"] is False
    assert said["errors"] == [
        {
            "file": str(wrong),
            "path": "$.loadThresholds.requestsInFlight.threshold",
            "value": "-1",
            "bound": "must be greater than 0",
            "hint": "",
        }
    ]
    assert len(said["warnings"]) == 1
    assert {"kind": "cartridge", "tenant": "default", "id": "web", "file": str(DEMO / "cartridge.yaml")} in said[
        "definitions"
    ]


def test_alternatives_are_put_up_with_unless_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, threshold in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.yaml").write_text(f"id: p\nloadThresholds:\n  loadAverage: {{threshold: {threshold}}}\n")

    assert main(["check", str(tmp_path)]) == 0
    assert "declared differently in" in capsys.readouterr().out
    assert main(["check", "--strict", str(tmp_path)]) == 1
    assert 'b.yaml: $.id = "p": also declared in' in capsys.readouterr().out


def test_a_path_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere"]) == 2
    assert capsys.readouterr().err == "pileus check: nowhere: no such file or folder\n"
