"""``pileus run`` of three tiers: they start in order, serve, and end in order with nothing left."""

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

import config
from pileus.cli import main
from streams.records.instance import INSTANCES as INSTANCE
from streams.records.instance import Instance, Phase
from streams.topics import INSTANCES
from tests.pieces import Reader, carrying
from tests.running import END_S, run

DEFINITIONS = Path(config.__file__).parent / "definitions"
LOW = 15_000 + os.getpid() * 16 % 3_000
PORTS = range(LOW, LOW + 16)
"""Ports of this process's own: another run of the tiers on this machine is none of ours."""
LOAD = ("--load", "steps", "--period", "10", "--peak", "20")
PARTITIONS = 4


@pytest.fixture
def tiers(tmp_path: Path) -> tuple[str, ...]:
    """Return the words that name the shipped application of three tiers, on our ports."""
    assert listening() == []
    folder = tmp_path / "tiers"
    folder.mkdir()
    for path in (DEFINITIONS / "tiers").glob("*.yaml"):
        text = path.read_text()
        for old, low in (("19200-19207", LOW), ("19208-19215", LOW + 8)):
            text = text.replace(old, f"{low}-{low + 7}")
        (folder / path.name).write_text(text)
    return ("--application", str(folder), *LOAD)


def listening() -> list[int]:
    """Return the ports of the tiers that somebody listens on."""
    found = []
    for port in PORTS:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(port)
    return found


def names(told: Sequence[tuple[float, str, str]], word: str) -> list[str]:
    """Return the clusters of which a report tells this, in order."""
    return [cluster for _, cluster, each in told if each == word]


def test_three_tiers_start_in_order_serve_and_end_in_order(tmp_path: Path, tiers: Sequence[str]) -> None:
    recording = tmp_path / "recording.jsonl"
    with run(tmp_path, *tiers, "--duration", "20", "--record", str(recording)) as it:
        code = it.ends(150)

    said = it.said.read_text()
    report: dict[str, Any] = msgspec.json.decode(it.report.read_bytes())
    assert code == 0, said
    assert report["requests"]["failed"] == 0
    assert report["requests"]["answered"] == report["requests"]["sent"] > 100
    assert [cluster for _, cluster, _ in report["started"]] == ["db", "db", "api", "api", "web", "web"]
    assert names(report["started"], "Active") == ["db", "api", "web"]
    assert names(report["ended"], "Terminated") == ["web", "api", "db"]
    assert _told(said) == ["db Active", "api starts", "api Active", "web starts", "web Active"]
    assert carrying(it.state) == []
    assert listening() == []
    assert main(["replay", str(recording)]) == 0


def _told(said: str) -> list[str]:
    """Return what was printed of the start, without the times."""
    lines = [line.partition(" ")[2] for line in said.splitlines()]
    return lines[lines.index("db Active") : lines.index("web Active") + 1]


def test_ctrl_c_ends_it_in_order_and_another_one_at_once(tmp_path: Path, tiers: Sequence[str]) -> None:
    with run(tmp_path, *tiers) as it:
        with Reader(it.broker(), [INSTANCES], PARTITIONS) as reader:
            it.until((it.state / "client.log").exists, "the load")
            it.process.send_signal(signal.SIGINT)
            it.until(lambda: phases(reader).get("web") is Phase.TERMINATING, "the ordered end")
            assert phases(reader).get("db") in {Phase.ACTIVE, Phase.TERMINATING}
            it.process.send_signal(signal.SIGINT)
        code = it.ends(END_S)

    assert code == 0, it.said.read_text()
    assert "ended at once, not in order: " in it.said.read_text()
    assert carrying(it.state) == []
    assert listening() == []


def test_ctrl_c_while_it_starts_ends_what_is_there_in_order(tmp_path: Path, tiers: Sequence[str]) -> None:
    with run(tmp_path, *tiers) as it:
        it.until(lambda: "db starts" in it.said.read_text(), "the first cluster starts")
        it.process.send_signal(signal.SIGINT)
        code = it.ends(END_S + 60)

    said = it.said.read_text()
    assert code == 0, said
    assert "not in order" not in said
    assert "db Terminated: undeployed" in said
    assert carrying(it.state) == []


def test_an_application_applied_beside_it_starts_too_and_ends_when_it_is_deleted(
    tmp_path: Path, tiers: Sequence[str]
) -> None:
    """The demo, whose cluster has no front here: its member starts; nothing breaks."""
    with run(tmp_path, *tiers) as it:
        broker = it.broker()
        with Reader(broker, [INSTANCES], PARTITIONS) as reader:
            it.until(lambda: phases(reader).get("web") is Phase.ACTIVE, "the tiers")
            assert main(["apply", str(DEFINITIONS / "demo"), "--broker", broker]) == 0
            it.until(lambda: _started(reader, "shop"), "the application beside it")
            assert main(["delete", "application", "shop", "--broker", broker]) == 0
            it.until(lambda: not phases(reader, "shop"), "its end")
            assert set(phases(reader).values()) == {Phase.ACTIVE}
        it.process.send_signal(signal.SIGTERM)
        code = it.ends(END_S + 60)

    assert code == 0, it.said.read_text()
    assert carrying(it.state) == []


def phases(reader: Reader, application: str = "tiers") -> dict[str, Phase]:
    """Return the phase of every instance of an application that is not terminated, by alias."""
    found = {each.alias: each.phase for each in _instances(reader, application)}
    return {alias: phase for alias, phase in found.items() if phase is not Phase.TERMINATED}


def _started(reader: Reader, application: str) -> bool:
    return any(each.alias == "web" and each.started for each in _instances(reader, application))


def _instances(reader: Reader, application: str) -> list[Instance]:
    """Return every record of an application's instances, oldest first."""
    records = reader.look().records(INSTANCES, INSTANCE)
    return [each for each in records if isinstance(each, Instance) and each.application == application]
