"""nginx's reloads: few, however many changes there are, and none forgotten."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from actuators.balancers.nginx_config import ERRORS
from actuators.balancers.program import find_program
from actuators.ports import BalancerError

EVERY_S = 0.5
"""Least time between two reloads (s): what changes meanwhile is in the next one."""
TEST_S = 5.0
LAST_WORDS = 500


class Reloads:
    """Calls ``reload`` at once when the last time is long ago, else once when it is."""

    def __init__(self, reload: Callable[[], None], *, every_s: float = EVERY_S) -> None:
        self._reload = reload
        self._every_s = every_s
        self._due = 0.0
        self._waiting: asyncio.Task[None] | None = None
        self.count = 0
        """Reloads so far."""

    def request(self) -> bool:
        """Have what the files say now loaded; False: not yet, but soon.

        Raises
        ------
        BalancerError
            It cannot be done now; nothing is remembered, ask again.
        """
        if self._waiting is not None and not self._waiting.done():
            return False
        now = asyncio.get_running_loop().time()
        if now >= self._due:
            self._do(now)
            return True
        self._waiting = asyncio.create_task(self._later(self._due - now))
        return False

    def close(self) -> None:
        """Forget what waits: the files hold it."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def _later(self, seconds: float) -> None:
        """Reload when it is due. When that fails, the next ``apply`` finds the files not loaded, and says so."""
        await asyncio.sleep(seconds)
        try:
            self._do(asyncio.get_running_loop().time())
        except BalancerError:
            return

    def _do(self, now: float) -> None:
        """Reload."""
        self._reload()
        self._due = now + self._every_s
        self.count += 1


async def try_config(directory: Path, config: str) -> None:
    """Let nginx read a configuration without using it.

    Raises
    ------
    BalancerError
        It does not accept it, or does not say so in time.
    """
    words = ["-t", "-q", "-e", ERRORS, "-p", str(directory), "-c", config]
    try:
        async with asyncio.timeout(TEST_S):
            process = await asyncio.create_subprocess_exec(
                find_program("nginx"),
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                _, said = await process.communicate()
            except BaseException:
                process.kill()
                raise
    except OSError as error:
        raise BalancerError(f"nginx: cannot test the configuration: {error!r}") from error
    if process.returncode:
        raise BalancerError(f"nginx: refuses the configuration: {said.decode(errors='replace')[-LAST_WORDS:].strip()}")
