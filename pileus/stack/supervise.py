"""Child processes that are kept alive: each part of the local stack with its log, each worker of ``--workers``."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.2
STOP_S = 8.0
"""From SIGTERM to SIGKILL (s)."""
LONGEST_PAUSE_S = 10.0
"""Most between two starts of a part that keeps ending (s)."""
SHORTEST_PAUSE_S = 0.2
CALM_S = 30.0
"""A part that lived this long starts with the shortest pause again (s)."""


@dataclass
class Part:
    """One part and its process."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None
    """File that its words go to; ``None``: where ours go."""
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started_at: float = 0.0
    due_at: float = 0.0

    @property
    def pid(self) -> int:
        """Return the process id; 0 when it never ran."""
        return 0 if self.process is None else self.process.pid

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, at: float) -> None:
        """Start it, in a session of its own.

        Raises
        ------
        OSError
            The system has no room for it.
        """
        self.started_at = at
        with nullcontext() if self.log is None else self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=None if out is None else subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
            )

    def last_words(self, lines: int = 5) -> str:
        """Return the end of its log."""
        return "" if self.log is None else "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def how_ended(self) -> str:
        """Say how it ended and where to read why."""
        code = None if self.process is None else self.process.returncode
        return f"{self.name} ended with {code}" + ("" if self.log is None else f" (log: {self.log})")


class Supervisor:
    """Starts parts, starts them again when they end, and ends them in the end."""

    def __init__(
        self,
        directory: Path | None,
        environment: Mapping[str, str],
        tell: Callable[[str], None],
        *,
        stop_s: float = STOP_S,
    ) -> None:
        """``directory`` is for logs; without it parts write where we do. ``stop_s``: from SIGTERM to SIGKILL."""
        self._directory = directory
        self._stop_s = stop_s
        self._environment = environment
        self._tell = tell
        self.parts: dict[str, Part] = {}
        self._watching: asyncio.Task[None] | None = None

    def start(self, name: str, command: Sequence[str]) -> Part:
        """Start a part and look after it from now on."""
        log = None if self._directory is None else self._directory / f"{name}.log"
        part = Part(name, command, self._environment, log)
        part.start(asyncio.get_running_loop().time())
        self.parts[name] = part
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        return part

    async def stop(self, names: Sequence[str]) -> dict[str, int]:
        """End parts, in this order: SIGTERM, and SIGKILL to the group of one that does not obey.

        Returns
        -------
        dict[str, int]
            The exit code of each; negative: the signal that ended it.
        """
        codes: dict[str, int] = {}
        for name in names:
            part = self.parts.pop(name, None)
            if part is not None and part.process is not None:
                codes[name] = await asyncio.to_thread(_end, part.process, self._stop_s)
        if not self.parts and self._watching is not None:
            self._watching.cancel()
            self._watching = None
        return codes

    async def stop_at_once(self) -> dict[str, int]:
        """End all parts beside each other."""
        stopped = await asyncio.gather(*(self.stop([name]) for name in list(self.parts)))
        return {name: code for codes in stopped for name, code in codes.items()}

    async def _watch(self) -> None:
        """Start again what ended, ever more slowly while it keeps ending."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            for part in list(self.parts.values()):
                if not part.alive:
                    self._look_after(part, loop.time())

    def _look_after(self, part: Part, now: float) -> None:
        """Set a time for a part that ended, and start it again when that has come."""
        if not part.due_at:
            part.restarts = 0 if now - part.started_at > CALM_S else part.restarts
            part.due_at = now + _pause(part.restarts)
            self._tell(f"{part.how_ended()}, starting it again in {part.due_at - now:.1f} s")
        elif now >= part.due_at:
            part.restarts, part.due_at = part.restarts + 1, 0.0
            try:
                part.start(now)
            except OSError as error:
                self._tell(f"{part.name} cannot be started: {error}")


def _pause(restarts: int) -> float:
    """Return how long to wait before a part that ended is started again (s)."""
    doubled = min(restarts, 16)  # far beyond the longest pause, and no number too large
    return float(min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * 2.0**doubled))


def _end(process: subprocess.Popen[bytes], stop_s: float) -> int:
    """End one process and what it left in its group; return its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(stop_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode
