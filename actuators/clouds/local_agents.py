"""The agents beside instances on this machine: one each, started again when it dies, ever more slowly."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from actuators.clouds import local_process
from actuators.ports import Instance
from streams.records.action import Launch

FIRST_DELAY_S = 1.0
LAST_DELAY_S = 60.0
"""An agent that keeps dying is started at most this rarely (s); one that lived longer starts the count anew."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """When an agent was started last, and how long to wait before the next time."""

    at: float
    delay_s: float


class LocalAgents:
    """Keep one agent alive beside each instance. An agent gets the whole environment of Pileus.

    ``log`` names the file that a member's agent writes to.
    """

    def __init__(
        self,
        command: Callable[[Instance, Launch], list[str]],
        *,
        log: Callable[[str], Path],
        clock: Callable[[], float],
    ) -> None:
        self._command = command
        self._log = log
        self._clock = clock
        self._attempts: dict[str, _Attempt] = {}

    def tend(
        self,
        folder: Path,
        instance: Instance,
        launch: Launch,
        *,
        environment: Mapping[str, str],
        token: Mapping[str, str],
    ) -> None:
        """Start the agent of ``instance`` if none lives and it is time. Does not wait for it to come up.

        ``folder`` is the member's: its agents' claims are there.
        """
        numbers = sorted(_numbers(folder))
        newest = numbers[-1] if numbers else 0
        claim = local_process.read_claim(_path(folder, newest))
        if claim is not None and local_process.lives(claim, token):
            return
        if not self._is_time(instance.where.member):
            return
        for number in numbers[:-1]:
            _path(folder, number).unlink(missing_ok=True)
        command = self._command(instance, launch)
        self._start(instance.where.member, command, _path(folder, newest + 1), {**os.environ, **environment})

    def forget(self, members: Mapping[str, Instance]) -> None:
        """Forget the attempts for all but ``members``."""
        for member in set(self._attempts) - set(members):
            self._attempts.pop(member, None)

    def _is_time(self, member: str) -> bool:
        """Tell whether another attempt may be made now, and count it."""
        now, last = self._clock(), self._attempts.get(member)
        if last is None:
            self._attempts[member] = _Attempt(now, FIRST_DELAY_S)
            return True
        if now - last.at < last.delay_s:
            return False
        lived = now - last.at > LAST_DELAY_S
        self._attempts[member] = _Attempt(now, FIRST_DELAY_S if lived else min(2 * last.delay_s, LAST_DELAY_S))
        return True

    def _start(self, member: str, command: Sequence[str], claim: Path, environment: Mapping[str, str]) -> None:
        try:
            os.close(local_process.start(command, claim=claim, environment=environment, log=self._log(member)))
        except (OSError, ValueError) as error:  # an instance without an agent is better than none
            _log.warning("agent not started", member=member, error=str(error))


def _path(folder: Path, number: int) -> Path:
    return folder / f"agent-{number}.claim"


def _numbers(folder: Path) -> list[int]:
    """Return the numbers of the agents that have run."""
    numbers = []
    for path in folder.glob("agent-*.claim"):
        with contextlib.suppress(ValueError):
            numbers.append(int(path.stem.removeprefix("agent-")))
    return numbers
