"""Several processes of one command: kept alive until we are told to end, then ended at once."""

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence

from pileus.stack.supervise import STOP_S, Supervisor

FORCED = 3
"""Exit code when a process did not end in its time: Kafka learns of its leaving only by its silence."""

HARMLESS = {0, -signal.SIGTERM}
"""Codes of a process that ended when it was told to; the signal's own: it had only begun to start."""


def worker_commands(count: int, health_port: int) -> dict[str, list[str]]:
    """Return the words of so many workers by name; each tells of itself at a port of its own, if any does."""
    if count == 1:
        return {"worker": ["worker"]}
    ports = [["--health-port", str(health_port + i)] if health_port else [] for i in range(count)]
    return {f"worker-{number}": ["worker", *ports[number - 1]] for number in range(1, count + 1)}


def run(
    commands: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    tell: Callable[[str], None],
    *,
    stop_s: float = STOP_S,
) -> int:
    """Run a command line for each name until SIGTERM, SIGINT or SIGHUP, and return the exit code.

    A process that ends by itself is told and started again after a pause, ever longer while it keeps ending, at most
    10 s. In the end each gets SIGTERM, and SIGKILL after ``stop_s``.

    Returns
    -------
    int
        0: all ended in order; 3: one by force; 1: one with an error of its own.
    """
    return asyncio.run(_run(Supervisor(None, environment, tell, stop_s=stop_s), commands, tell))


async def _run(supervisor: Supervisor, commands: Mapping[str, Sequence[str]], tell: Callable[[str], None]) -> int:
    """Start all, wait, end all."""
    asked = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(sign, asked.set)
    try:
        for name, command in commands.items():
            supervisor.start(name, command)
        await asked.wait()
    finally:
        codes = await supervisor.stop_at_once()
    for name, code in codes.items():
        if code:
            tell(f"{name} ended with {code}")
    return _worst(codes.values())


def _worst(codes: Iterable[int]) -> int:
    """Return one exit code for all."""
    found = {code for code in codes if code not in HARMLESS}
    if found <= {FORCED, -signal.SIGKILL}:
        return FORCED if found else 0
    return 1
