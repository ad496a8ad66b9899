"""A live run that is recorded, stopped by Ctrl-C, and taken again by the pure functions: byte for byte the same."""

import re
import signal
from pathlib import Path

import pytest

from pileus.cli import main
from streams.recording import lines
from streams.records.decision import DECISION
from streams.records.forecast import FORECASTS as FORECAST
from streams.topics import DECISIONS, FORECASTS
from tests.pieces import carrying
from tests.running import END_S, run


def changes(text: str) -> int:
    """Return how many numbers of members were wanted in a recording that may still be written."""
    return len(set(re.findall(r'\\"wanted\\":(\d+),\\"before', text)))


def test_a_recorded_run_is_replayed_to_the_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = tmp_path / "recording.jsonl"
    with run(tmp_path, "--load", "ramp", "--period", "20", "--peak", "60", "--record", str(recording)) as it:
        it.until(lambda: recording.exists() and changes(recording.read_text()) >= 2, "two numbers wanted")
        it.process.send_signal(signal.SIGINT)
        assert it.ends(END_S) == 0, it.said.read_text()
        assert not carrying(it.state)

    recorded = list(lines(recording.read_bytes().splitlines()))
    forecasts = [FORECAST.decode(value) for value in {line.value for line in recorded if line.topic == FORECASTS.name}]
    decisions = [DECISION.decode(value) for value in {line.value for line in recorded if line.topic == DECISIONS.name}]
    assert len(decisions) >= 2
    assert any(each.motion for f in forecasts for c in f.clusters for each in c.signals)
    assert len({decision.wanted for decision in decisions}) > 1
    assert main(["replay", str(recording)]) == 0
    assert capsys.readouterr().out.split("\n")[:2] == [
        f"forecasts  {len(forecasts)} recorded, {len(forecasts)} equal to the byte",
        f"decisions  {len(decisions)} recorded, {len(decisions)} equal to the byte",
    ]
