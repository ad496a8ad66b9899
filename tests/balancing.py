"""What tests of balancers share: members that answer when told, and clients that send whatever the answers do."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

WAIT_S = 20.0


async def until(condition: Callable[[], Awaitable[bool]], *, timeout_s: float = WAIT_S) -> None:
    """Wait until the condition holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.005)


@dataclass
class Server:
    """A member: answers each request when it is told to, and counts them."""

    port: int
    takes_s: float = 0.0
    arrived: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        self.release.set()
        if self.runner is not None:
            await self.runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        await request.read()
        self.arrived += 1
        await (self.release.wait() if request.path == "/hold" else asyncio.sleep(self.takes_s))
        return web.Response(text=str(self.port))


class OpenLoop:
    """Sends ``rate`` requests per second to ``url``, every fifth with a body, when they are due. Never retries."""

    def __init__(self, url: str, *, rate: float, host: str = "") -> None:
        self.results: Counter[str] = Counter()
        self._url = url
        self._rate = rate
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=WAIT_S),
            headers={"Host": host} if host else None,
        )
        self._requests: set[asyncio.Task[None]] = set()
        self._sending = asyncio.create_task(self._send())

    async def stop(self) -> Counter[str]:
        """Send no more, wait for the answers, and return how many had which status or error."""
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)
        await asyncio.gather(*self._requests)
        await self._client.close()
        return self.results

    async def answered(self, count: int) -> None:
        """Wait for so many more answers."""
        enough = self.results.total() + count

        async def reached() -> bool:
            return self.results.total() >= enough

        await until(reached)

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        due, n = loop.time(), 0
        while True:
            await asyncio.sleep(due - loop.time())
            request = asyncio.create_task(self._request("GET" if n % 5 else "POST"))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
            due, n = due + 1 / self._rate, n + 1

    async def _request(self, method: str) -> None:
        try:
            async with self._client.request(
                method, self._url, data=b"x" * 20_000 if method == "POST" else None
            ) as answer:
                await answer.read()
                self.results[f"{method} {answer.status}"] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.results[f"{method} {type(error).__name__}"] += 1


@asynccontextmanager
async def sending(url: str, *, rate: float, count: Callable[[Counter[str]], None]) -> AsyncIterator[None]:
    """Send so many requests per second, and hand over in the end how many had which answer."""
    client = OpenLoop(url, rate=rate)
    try:
        yield
    finally:
        count(await client.stop())
