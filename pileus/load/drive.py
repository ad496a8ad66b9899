"""One run of a load against one URL: sends what is due, counts, and tells each second."""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable

from pileus.load.arrivals import due_times
from pileus.load.load import Load
from pileus.load.result import Result, Second
from pileus.load.send import Counters, Sender, open_loop, session, stopped

TIMEOUT_S = 10.0
EVERY_S = 1.0
SECONDS_KEPT = 86_400
"""A day of seconds stands in the result; older ones are dropped."""


class Client:
    """One run of a load against one URL."""

    def __init__(
        self,
        *,
        url: str,
        load: Load,
        peak_per_s: float,
        duration_s: float = math.inf,
        seed: int = 1,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.counters = Counters()
        self._url = url
        self._load = load
        self._peak_per_s = peak_per_s
        self._duration_s = duration_s if duration_s < math.inf else load.duration_s
        self._seed = seed
        self._timeout_s = timeout_s
        self._seconds: deque[Second] = deque(maxlen=SECONDS_KEPT)

    async def run(self, *, stop: asyncio.Event, emit: Callable[[Second], None], now: Callable[[], float]) -> Result:
        """Send until the duration is over or ``stop`` is set, then wait for what is in flight.

        ``emit`` gets the counters each second; ``now`` tells the time (s since the Unix epoch).
        Cancel it to abandon what is in flight: the result is returned all the same.
        """
        started_at = now()
        finished = asyncio.Event()
        reporting = asyncio.create_task(self._report(finished, emit))
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._drive(stop)
        finally:
            finished.set()
            await reporting
        return self._result(started_at=started_at, ended_at=now())

    async def _drive(self, stop: asyncio.Event) -> None:
        """Send what is due; then stay until the duration is over."""
        end = asyncio.get_running_loop().time() + self._duration_s
        due = due_times(self._load, peak_per_s=self._peak_per_s, duration_s=self._duration_s, seed=self._seed)
        async with session() as http:
            sender = Sender(http, self._url, timeout_s=self._timeout_s, counters=self.counters)
            await open_loop(due, sender.send, stop=stop, counters=self.counters)
        await stopped(stop, until=end)

    async def _report(self, finished: asyncio.Event, emit: Callable[[Second], None]) -> None:
        """Tell the counters each second, and once more at the end."""
        loop = asyncio.get_running_loop()
        start, n = loop.time(), 0
        over = False
        while not over:
            n += 1
            over = await stopped(finished, until=start + n * EVERY_S)
            second = self._second(loop.time() - start)
            self._seconds.append(second)
            emit(second)

    def _second(self, t: float) -> Second:
        """Return the counters at ``t`` seconds from the start."""
        c = self.counters
        return Second(
            t=round(t, 3),
            load=self._load.at(t) if t < self._duration_s else 0.0,
            sent=c.sent,
            answered=c.answered,
            failed=c.failed,
            in_flight=c.in_flight,
            latency_p50_s=c.latency.quantile(0.5),
            latency_p99_s=c.latency.quantile(0.99),
            lateness_p99_s=c.lateness.quantile(0.99),
        )

    def _result(self, *, started_at: float, ended_at: float) -> Result:
        """Return what became of the whole run."""
        c = self.counters
        return Result(
            url=self._url,
            load=self._load.description,
            peak_per_s=self._peak_per_s,
            started_at=started_at,
            ended_at=ended_at,
            sent=c.sent,
            answered=c.answered,
            failed=c.failed,
            failed_by_kind=dict(sorted(c.failed_by_kind.items())),
            latency_p50_s=c.latency.quantile(0.5),
            latency_p99_s=c.latency.quantile(0.99),
            latency_max_s=c.latency.greatest if c.latency.count else None,
            lateness_p99_s=c.lateness.quantile(0.99),
            lateness_max_s=c.lateness.greatest if c.lateness.count else None,
            seconds=list(self._seconds),
        )
