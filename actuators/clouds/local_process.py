"""The processes of the local cloud: start them, know them again, signal them, see them gone.

A process is ours when its pid stands in a claim, it leads its own session, and its environment
names our state folder and the member. A process that has overwritten its environment (nginx and
others put their title there) is known by having been created when the claim was written.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from actuators.clouds import local_claim

STRAYS_S = 2.0
"""How long the kernel may take to end what was killed (s)."""
LOOK_S = 0.01
CLAIM_DELAY_S = 30.0
"""A process writes its claim at most this long after it was created (s)."""
_DEAD = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
LARGEST_PID = 2**31 - 1
_children: dict[int, Mapping[str, str]] = {}
"""The environment of every process started here and not yet reaped: children are the process's, not an object's."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a process wrote about itself before it became a member or an agent."""

    pid: int
    at: float
    """When (s since the Unix epoch)."""


def read_claim(path: Path) -> Claim | None:
    """Return the claim at ``path``; ``None`` when there is none or it holds no pid that could be another's."""
    try:
        pid, at = int(path.read_bytes()), path.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return None
    return Claim(pid, at) if 1 < pid <= LARGEST_PID and pid not in {os.getpid(), os.getpgrp()} else None


def start(command: Sequence[str], *, claim: Path, environment: Mapping[str, str], log: Path) -> int:
    """Start ``command`` behind a claim and return a descriptor for :func:`executed`. The caller closes it.

    Raises
    ------
    OSError
        No process could be made.
    ValueError
        An argument or a variable holds a NUL byte, or a name an equals sign.
    """
    ended, report = os.pipe()
    try:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", local_claim.__file__, str(claim), *command],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, report, local_claim.REPORT),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsigmask=[],
        )
    except (OSError, ValueError):
        os.close(ended)
        raise
    finally:
        os.close(report)
    _children[pid] = environment
    return ended


def executed(ended: int, timeout_s: float) -> int:
    """Wait until the command runs (0), or return the errno that kept it from running.

    0 is also the answer when the process ended without a claim: the claim tells.

    Raises
    ------
    TimeoutError
        Neither happened within ``timeout_s``.
    """
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    if not poll.poll(timeout_s * 1000):
        raise TimeoutError(f"a process was started but did not run its command within {timeout_s:g} s")
    return int(os.read(ended, 16) or b"0")


def lives(claim: Claim, token: Mapping[str, str]) -> bool:
    """Tell whether the process that wrote ``claim`` is alive and surely ours. A zombie is not alive."""
    try:
        if os.getsid(claim.pid) != claim.pid:
            return False
        process = psutil.Process(claim.pid)
        if environment := _environment(process):
            return token.items() <= environment.items()
        return process.status() not in _DEAD and abs(process.create_time() - claim.at) <= CLAIM_DELAY_S
    except (psutil.Error, OSError):
        return False


def signal_groups(claims: Iterable[Claim], token: Mapping[str, str], number: signal.Signals) -> list[int]:
    """Signal the process group of each claim that is surely ours, and return those groups.

    A group is ours when its leader is, or while its leader is a child that we have not reaped: the
    number cannot have been given to anybody else.
    """
    groups = [claim.pid for claim in claims if _is_child(claim.pid, token) or lives(claim, token)]
    for group in groups:
        signal_group(group, number)
    return groups


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal a group that was found to be ours and has been watched since. One already gone is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def group_lives(group: int) -> bool:
    """Tell whether any process of the group is alive. Zombies are not; ours are reaped."""
    _reap(group)
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return _alive(group) or any(_group_of(pid) == group and _alive(pid) for pid in psutil.pids())


def kill_strays(token: Mapping[str, str]) -> int:
    """Kill every process that carries ``token``, whatever its group; return how many there were once they are gone.

    For what has left its group (a daemon) and for groups whose leader is gone. Looks at all processes.
    """
    strays = [process for process in psutil.process_iter() if process.pid != os.getpid() and _carries(process, token)]
    for process in strays:
        with contextlib.suppress(psutil.Error):
            process.kill()
    until = time.monotonic() + STRAYS_S
    while any(_runs(process) for process in strays) and time.monotonic() < until:
        time.sleep(LOOK_S)
    return len(strays)


def _runs(process: psutil.Process) -> bool:
    """Say whether a process is more than a zombie."""
    try:
        return process.is_running() and process.status() not in _DEAD
    except psutil.Error:
        return False


def reap() -> None:
    """Collect every child of ours that has ended, so that no zombie stays."""
    for pid in list(_children):
        _reap(pid)


def _reap(pid: int) -> None:
    if pid in _children:
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended = pid
        if ended:
            _children.pop(pid, None)


def _is_child(pid: int, token: Mapping[str, str]) -> bool:
    return token.items() <= _children.get(pid, {}).items()


def _environment(process: psutil.Process) -> dict[str, str]:
    """Return what the process was started with; empty when it cannot be known."""
    try:
        return process.environ()
    except psutil.AccessDenied:
        return {}


def _carries(process: psutil.Process, token: Mapping[str, str]) -> bool:
    try:
        return token.items() <= _environment(process).items()
    except (psutil.Error, OSError):
        return False


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in _DEAD
    except psutil.Error:
        return False
