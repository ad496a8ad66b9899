import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actuators.clouds import local_claim


def run(claim: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run the script as the cloud does, with its report on standard error: descriptor 3 is not passed on here."""
    script = f'exec {sys.executable} -I -S {local_claim.__file__} {claim} "$@" 3>&2'
    return subprocess.run(["sh", "-c", script, "sh", *command], capture_output=True, text=True, check=False, timeout=60)


def test_the_command_runs_under_the_pid_that_stands_in_the_claim(tmp_path: Path) -> None:
    ran = run(tmp_path / "claim", "sh", "-c", "echo $$")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip() == (tmp_path / "claim").read_text()


def test_only_one_process_claims_a_name(tmp_path: Path) -> None:
    first, second = run(tmp_path / "claim", "echo", "1"), run(tmp_path / "claim", "echo", "2")

    assert (first.stdout, second.stdout) == ("1\n", "")
    assert second.returncode == local_claim.NOT_CLAIMED


def test_nothing_is_claimed_where_the_folder_is_gone(tmp_path: Path) -> None:
    ran = run(tmp_path / "gone" / "claim", "echo", "1")

    assert (ran.returncode, ran.stdout) == (local_claim.NOT_CLAIMED, "")


def test_a_command_that_cannot_run_is_reported_and_leaves_no_claim(tmp_path: Path) -> None:
    ran = run(tmp_path / "claim", "no-such-program")

    assert (ran.returncode, ran.stderr) == (local_claim.NOT_EXECUTED, "2")
    assert list(tmp_path.iterdir()) == []


def test_the_command_does_not_inherit_the_report_and_ignores_no_signal(tmp_path: Path) -> None:
    # A C program, so that the interpreter's own SIGPIPE does not hide what was inherited.
    ran = run(tmp_path / "claim", "sh", "-c", "grep SigIgn /proc/self/status; test -e /proc/self/fd/3 || echo closed")

    ignored = int(ran.stdout.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))
    assert ran.stdout.endswith("closed\n")


def test_a_claim_is_written_whole(tmp_path: Path) -> None:
    local_claim.claim(str(tmp_path / "claim"))

    assert (tmp_path / "claim").read_text() == str(os.getpid())
    assert [path.name for path in tmp_path.iterdir()] == ["claim"]
    with pytest.raises(FileExistsError):
        local_claim.claim(str(tmp_path / "claim"))
    assert [path.name for path in tmp_path.iterdir()] == ["claim"]
