"""Ask many members at a time whether they answer, without holding up anything else."""

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from actuators.ports import Target
from streams.agent.probe import Probe

AT_A_TIME = 16
"""Probes under way at a time."""


class Prober:
    """Probes over TCP, or over HTTP when there is a ``path``; each takes ``timeout_s`` at most."""

    def __init__(self, *, path: str, timeout_s: float = 1.0) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="probe")

    async def ask(self, targets: Collection[Target]) -> dict[str, bool]:
        """Return for each member whether it answered."""
        loop = asyncio.get_running_loop()
        waiting = [loop.run_in_executor(self._threads, self._probe(target).ask) for target in targets]
        answers = await asyncio.gather(*waiting)
        return {target.member: answer for target, answer in zip(targets, answers, strict=True)}

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _probe(self, target: Target) -> Probe:
        """Return the question to one member."""
        return Probe(host=target.host, port=target.port, path=self._path, timeout_s=self._timeout_s)
