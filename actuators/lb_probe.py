"""Ask many members at a time whether they answer, without holding up anything else."""

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from actuators.ports import Target
from streams.agent.probe import Probe

AT_A_TIME = 16
"""Probes under way at a time."""


class Prober:
    """Probes over HTTP where ``paths`` has a path for the cluster, else over TCP; each takes ``timeout_s`` at most."""

    def __init__(self, paths: Mapping[str, str], *, timeout_s: float = 1.0) -> None:
        self._paths = paths
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="probe")

    async def ask(self, cluster: str, targets: Collection[Target]) -> dict[str, bool]:
        """Return for each member of a cluster whether it answered."""
        loop, path = asyncio.get_running_loop(), self._paths.get(cluster, "")
        waiting = [loop.run_in_executor(self._threads, self._probe(target, path).ask) for target in targets]
        answers = await asyncio.gather(*waiting)
        return {target.member: answer for target, answer in zip(targets, answers, strict=True)}

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _probe(self, target: Target, path: str) -> Probe:
        """Return the question to one member."""
        return Probe(host=target.host, port=target.port, path=path, timeout_s=self._timeout_s)
