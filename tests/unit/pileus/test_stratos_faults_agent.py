"""Faults of Stratos' cartridge agent that must not come back, by their numbers in its fault list."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pileus.commands import agent
from streams.agent.cgroup import Cgroup, Groups
from streams.agent.follow import LogFile
from streams.agent.host import Host
from streams.agent.line import level_of, time_of

MB = 1 << 20


@pytest.mark.parametrize("words", [["--interval", "2.5"], ["--interval=15"]])
def test_f29_the_interval_of_samples_can_be_set(words: list[str]) -> None:
    """Stratos' agent crashed when its interval was given."""
    parser = argparse.ArgumentParser()
    agent.arguments(parser)
    options = parser.parse_args(["--member", "web-1", "--cluster", "web", "--application", "shop", *words])

    assert agent._settings(options).sample_interval_s == float(words[-1].rpartition("=")[2])


def test_f30_page_cache_is_no_memory_in_use_on_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    given = SimpleNamespace(total=1000 * MB, available=700 * MB, used=950 * MB, free=50 * MB, percent=30.0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: given)

    assert Host().measure(at=0.0).memory_consumption == pytest.approx(30.0)


def test_f30_page_cache_is_no_memory_in_use_in_a_container(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "memory.current").write_text(f"{400 * MB}\n")
    (tmp_path / "memory.stat").write_text(f"file {300 * MB}\nshmem 0\n")
    (tmp_path / "memory.max").write_text(f"{500 * MB}\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1\n")

    assert Cgroup(Groups(root=tmp_path)).measure(at=0.0).memory_consumption == pytest.approx(20.0)


def test_f31_a_line_has_the_time_and_the_level_that_it_says() -> None:
    text, noon = "2024-05-01T12:00:00Z ERROR no such file", datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()

    assert time_of(text, read_at=noon + 7.0) == noon
    assert level_of(text) == "ERROR"


def test_f31_a_rotated_log_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("")
    log = LogFile(path)
    path.write_text("one\n")
    path.rename(tmp_path / "app.log.1")
    path.write_text("two\n")

    assert [line for _ in range(3) for line in log.lines(10)] == ["one", "two"]
    log.close()
