import os
from pathlib import Path

import pytest

from actuators.clouds import local_state
from actuators.clouds.local_state import FORGET_S, LocalState
from actuators.ports import InvalidRequestError, TransientCloudError
from streams.records.action import Launch
from tests.clouds import a_place

LAUNCH = Launch(command=["true"], environment={"A": "1"}, health="tcp")


def test_an_intent_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = LocalState(tmp_path).intend(a_place(), LAUNCH)

    [read] = LocalState(tmp_path).entries()

    assert read == written
    assert (read.intent.where, read.intent.launch, read.claim, read.ending) == (a_place(), LAUNCH, None, False)


def test_asking_again_changes_nothing(tmp_path: Path) -> None:
    state = LocalState(tmp_path)
    first = state.intend(a_place(partition="p1"), LAUNCH)

    assert state.intend(a_place(partition="p2"), Launch(command=["false"])) == first


def test_a_member_goes_from_living_over_ending_to_ended(tmp_path: Path) -> None:
    state = LocalState(tmp_path)
    state.intend(a_place(), LAUNCH)

    assert state.begin_end("shop-web-1")
    assert [entry.ending for entry in state.entries()] == [True]
    assert state.begin_end("shop-web-1")
    state.finish("shop-web-1")
    assert state.entries() == []
    assert not state.begin_end("shop-web-1")


@pytest.mark.parametrize("finished", [False, True], ids=["while it ends", "after its end"])
def test_a_member_that_is_to_end_is_not_asked_for_again(tmp_path: Path, *, finished: bool) -> None:
    state = LocalState(tmp_path)
    state.intend(a_place(), LAUNCH)
    state.begin_end("shop-web-1")
    if finished:
        state.finish("shop-web-1")

    with pytest.raises(InvalidRequestError, match="never used again"):
        state.intend(a_place(), LAUNCH)


def test_tombstones_are_forgotten_after_a_week_and_not_before(tmp_path: Path) -> None:
    state = LocalState(tmp_path)
    for member in ("old-1", "new-1"):
        state.begin_end(member)
        state.log(member).write_text("said")
        state.log(member, agent=True).write_text("said")
    now = (tmp_path / "lock").stat().st_mtime
    os.utime(tmp_path / "ended" / "old-1", (0, now - FORGET_S - 60))
    os.utime(tmp_path / "ended" / "new-1", (0, now - FORGET_S + 600))

    LocalState(tmp_path)

    assert [path.name for path in (tmp_path / "ended").iterdir()] == ["new-1"]
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["new-1.agent.log", "new-1.log"]


def test_a_log_that_grows_too_large_starts_anew(tmp_path: Path) -> None:
    state = LocalState(tmp_path)
    for member, size in (("small-1", local_state.LOG_BYTES), ("large-1", local_state.LOG_BYTES + 1)):
        with state.log(member).open("wb") as file:
            file.truncate(size)  # sparse: takes no room
        state.trim_log(member)

    assert state.log("small-1").stat().st_size == local_state.LOG_BYTES
    assert state.log("large-1").stat().st_size == 0
    state.trim_log("none-1")


def test_a_lock_that_is_held_too_long_is_a_passing_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_state, "LOCK_S", 0.0)
    holder, other = LocalState(tmp_path), LocalState(tmp_path)

    with holder._locked(), pytest.raises(TransientCloudError, match="lock is held"):
        other.intend(a_place(), LAUNCH)
    other.intend(a_place(), LAUNCH)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"port": 1}'])
def test_a_damaged_intent_is_no_entry_and_stops_nobody_else(tmp_path: Path, content: bytes) -> None:
    state = LocalState(tmp_path)
    damaged = state.intend(a_place("shop-web-1"), LAUNCH)
    state.intend(a_place("shop-web-2"), LAUNCH)
    (damaged.folder / "launch.json").write_bytes(content)
    (tmp_path / "living" / "a-file").write_text("not ours")

    assert [entry.intent.where.member for entry in state.entries()] == ["shop-web-2"]
