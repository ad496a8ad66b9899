"""Caddy's admin API: one kept connection, one thread, every answer in a bounded time.

The standard library's client: a whole HTTP framework would be half of what the agent may weigh.
"""

import asyncio
import http.client
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from actuators.ports import BalancerError

TIMEOUT_S = 2.0
"""For the connection, and for each read (s)."""


class Admin:
    """Asks one Caddy. Questions are answered one after the other."""

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        host, _, port = address.rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=timeout_s)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="caddy-admin")

    async def get(self, *paths: str) -> list[str]:
        """Return the bodies at ``paths``, asked in this order.

        Raises
        ------
        BalancerError
            No answer in time, or another one than 200.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._get_all, paths)
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            raise BalancerError(f"caddy at {self.address} does not answer: {error!r}") from error

    def close(self) -> None:
        """Let go of the connection."""
        self._thread.submit(self._connection.close)
        self._thread.shutdown(wait=False)

    def _get_all(self, paths: Sequence[str]) -> list[str]:
        """Ask on the kept connection; when Caddy has closed it meanwhile, once more on a new one."""
        kept = self._connection.sock is not None
        try:
            return [self._get(path) for path in paths]
        except ConnectionError:
            if not kept:
                raise
        return [self._get(path) for path in paths]

    def _get(self, path: str) -> str:
        """Ask one question; after a failure the next one gets a new connection."""
        try:
            self._connection.request("GET", path)
            with self._connection.getresponse() as answer:
                status, body = answer.status, answer.read().decode()
        except BaseException:
            self._connection.close()
            raise
        if status != http.client.OK:
            raise BalancerError(f"caddy at {self.address}: {path} answered {status}: {body[:200]}")
        return body
