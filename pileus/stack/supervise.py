"""Child processes that are kept alive: each part of the local stack, with its log."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.2
STOP_S = 8.0
"""From SIGTERM to SIGKILL (s)."""
LONGEST_PAUSE_S = 10.0
"""Most between two starts of a part that keeps ending (s)."""
CALM_S = 30.0
"""A part that lived this long starts with the shortest pause again (s)."""


@dataclass
class Part:
    """One part and its process."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
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
        """Start it, in a session of its own."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
            )
        self.started_at = at

    def last_words(self, lines: int = 5) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Supervisor:
    """Starts parts, starts them again when they end, and ends them in the end."""

    def __init__(self, directory: Path, environment: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._directory = directory
        self._environment = environment
        self._tell = tell
        self.parts: dict[str, Part] = {}
        self._watching: asyncio.Task[None] | None = None

    def start(self, name: str, command: Sequence[str]) -> Part:
        """Start a part and look after it from now on."""
        part = Part(name, command, self._environment, self._directory / f"{name}.log")
        part.start(asyncio.get_running_loop().time())
        self.parts[name] = part
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        return part

    async def stop(self, names: Sequence[str]) -> None:
        """End parts, in this order: SIGTERM, and SIGKILL to the group of one that does not obey."""
        for name in names:
            part = self.parts.pop(name, None)
            if part is not None and part.process is not None:
                await asyncio.to_thread(_end, part.process)
        if not self.parts and self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def _watch(self) -> None:
        """Start again what ended, ever more slowly while it keeps ending."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            for part in list(self.parts.values()):
                if part.alive:
                    continue
                now = loop.time()
                if not part.due_at:
                    part.restarts = 0 if now - part.started_at > CALM_S else part.restarts
                    part.due_at = now + min(LONGEST_PAUSE_S, 0.2 * 2.0**part.restarts)
                    code = None if part.process is None else part.process.returncode
                    self._tell(f"{part.name} ended with {code}, starting it again (log: {part.log})")
                elif now >= part.due_at:
                    part.restarts, part.due_at = part.restarts + 1, 0.0
                    part.start(now)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End one process and what it left in its group."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
