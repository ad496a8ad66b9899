"""Wrong usage of ``pileus replay``, ``pileus test`` and ``pileus tune``: what is said of it."""

from pathlib import Path

import pytest

from pileus.cli import main
from tests.unit.pileus.laboratory_files import a_csv, a_policy_file


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every command in a folder with a load and a policy."""
    monkeypatch.chdir(tmp_path)
    a_csv(tmp_path)
    a_policy_file(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "what? A LOAD (a file or folder), or --broker HOST:PORT for the topics", id="nothing"),
        pytest.param(
            ["--since", "yesterday"],
            "the broker: 'yesterday' must be a time as 2026-06-03T12:04:30Z or 12:04:30",
            id="no time",
        ),
        pytest.param(
            ["--since", "10100", "--until", "10050"],
            "the broker: --since 1970-01-01T02:48:20Z must be before --until 1970-01-01T02:47:30Z",
            id="the wrong way round",
        ),
        pytest.param(["load.csv", "--since", "1h"], "load.csv: a LOAD or --since, not both", id="a file and a range"),
        pytest.param(
            ["--policy", "policy.yaml", "--broker", "127.0.0.1:1"],
            "--broker is without --policy: write the topics to a file with 'pileus record', and replay that",
            id="the broker under a policy",
        ),
        pytest.param(
            ["--policy", "policy.yaml"],
            "what? A LOAD (a file or folder), or --broker HOST:PORT for the topics",
            id="a policy alone",
        ),
    ],
)
def test_what_a_replay_without_a_load_needs(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *words]) == 2
    assert capsys.readouterr().err == f"pileus replay: {said}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ["replay", "load.csv", "--policy", "policy.yaml", "--boot=-3"],
            "argument --boot: '-3': must be a time span such as 3m, several with commas, or a file",
            id="a lead time below zero",
        ),
        pytest.param(
            ["tune", "load.csv", "--policy", "policy.yaml", "--sweep", "tolerance=abc"],
            "argument --sweep: 'tolerance=abc': must be numbers in 0..",
            id="a sweep over words",
        ),
    ],
)
def test_an_option_says_what_it_takes(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)

    assert said in capsys.readouterr().err


def test_a_file_of_tests_is_named_once_and_its_keys_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "suite.yaml").write_text("foo: 1\n")

    assert main(["test", "suite.yaml"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("pileus test: suite.yaml: test 1: no key 'foo', there are ")
    assert "budgets" in said
