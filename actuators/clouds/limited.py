"""Any cloud, within limits: calls per second, time between listings, and a circuit that opens.

How many calls are under way at once the executor bounds, and below it the adapter.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from actuators.circuit import Bucket, Circuit
from actuators.ports import Cloud, CloudError, CredentialsError, Instance, TooSoonError, TransientCloudError, Where
from streams.records.action import Launch

WAIT_S = 5.0
"""Longest wait for a turn: beyond, the caller is told to come later (what it was told to do may be out of date)."""

log = structlog.get_logger()


class Turns:
    """Turns to call one account: so many per second in the mean, none while its circuit is open."""

    def __init__(self, name: str, *, calls_per_s: float, clock: Callable[[], float]) -> None:
        self.circuit = Circuit()
        self._name = name
        burst = max(1.0, calls_per_s)
        self._bucket = Bucket(calls_per_s, burst, burst, clock())
        self._clock = clock

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and tell the circuit what comes of the call.

        Credentials that are refused count as a failure: calling is no use. So does an answer that the caller did not
        wait for.
        """
        await self._pace()
        self._admit()
        try:
            yield
        except (TransientCloudError, CredentialsError, OSError, TimeoutError, asyncio.CancelledError):
            self.circuit.failed(self._clock())
            raise
        except CloudError:
            self.circuit.answered()
            raise
        except BaseException:
            self.circuit.abandoned()
            raise
        self.circuit.answered()

    async def _pace(self) -> None:
        wait_s = self._bucket.take(self._clock(), most_s=WAIT_S)
        if wait_s is None:
            raise TransientCloudError(f"{self._name}: more than {self._bucket.rate:g} calls per second")
        if wait_s:
            await asyncio.sleep(wait_s)

    def _admit(self) -> None:
        if not self.circuit.admits(self._clock()):
            left = max(0.0, self.circuit.open_until - self._clock())
            said = f"its circuit is open after {self.circuit.failures} failures in a row, for {left:.0f} s more"
            raise TransientCloudError(f"{self._name}: {said}")


class LimitedCloud:
    """Pass calls on to ``cloud`` within limits.

    Parameters
    ----------
    name : str
        Of the account, for messages.
    calls_per_s : float
        Calls begun per second in the mean; as many at once, but at least one.
    look_s : float
        Least time between two listings (s): one asked for earlier raises :class:`TooSoonError`.
    clock : callable
        Monotonic time (s).
    """

    def __init__(
        self,
        cloud: Cloud,
        *,
        name: str,
        calls_per_s: float,
        look_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._turns = Turns(f"cloud {name}", calls_per_s=calls_per_s, clock=clock)
        self.circuit = self._turns.circuit
        self._cloud = cloud
        self._name = name
        self._look_s = look_s
        self._looked = -look_s + clock()
        self._clock = clock

    async def instances(self) -> Mapping[str, Instance]:
        """Return every instance, unless it is too soon after the last time.

        Raises
        ------
        TooSoonError
            Nothing was asked.
        TransientCloudError
            The cloud did not answer, its circuit is open, or there is no turn soon.
        """
        if self._clock() - self._looked < self._look_s:
            raise TooSoonError(f"cloud {self._name}: looked at less than {self._look_s:g} s ago")
        async with self._turns.turn():
            self._looked = self._clock()
            return await self._cloud.instances()

    async def launch(self, where: Where, launch: Launch) -> Instance:
        """Ask for an instance when it is our turn; raises what the cloud raises, or that there is no turn soon."""
        async with self._turns.turn():
            return await self._cloud.launch(where, launch)

    async def terminate(self, member: str, grace_s: float) -> None:
        """Release an instance when it is our turn; raises what the cloud raises, or that there is no turn soon."""
        async with self._turns.turn():
            await self._cloud.terminate(member, grace_s)
