"""``python -m pileus.sample_app``: a small real HTTP service, to be scaled.

``GET /`` takes ``SERVICE_S`` seconds in one of ``SLOTS`` slots; further requests wait for a slot, so
requests in flight grow with the load. ``GET /health`` says 200, and 503 while stopping. On SIGTERM
it finishes the requests in flight, for ``GRACE_S`` at most. Its log goes to standard output.

Environment: ``HOST`` (127.0.0.1), ``PORT`` (8080), ``SERVICE_S`` (0.25), ``SLOTS`` (10), ``GRACE_S`` (8).
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

LOG_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says."""

    host: str
    port: int
    """0: any that is free; the log says which."""
    service_s: float
    """How long a request takes in its slot (s, >= 0)."""
    slots: int
    """Requests served at the same time (>= 1)."""
    grace_s: float
    """From SIGTERM to exit at most (s, >= 0)."""


def settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from ``environ``.

    Raises
    ------
    ValueError
        If one is not a number or out of bounds: says which.
    """
    return Settings(
        host=environ.get("HOST", "127.0.0.1"),
        port=int(_number(environ, "PORT", 8080, least=0, most=65535)),
        service_s=_number(environ, "SERVICE_S", 0.25, least=0, most=3600),
        slots=int(_number(environ, "SLOTS", 10, least=1, most=100_000)),
        grace_s=_number(environ, "GRACE_S", 8, least=0, most=3600),
    )


def _number(environ: Mapping[str, str], name: str, default: float, *, least: float, most: float) -> float:
    """Return the number ``name``, within its bounds."""
    text = environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{name} = '{text}': must be a number") from error
    if not least <= value <= most:
        raise ValueError(f"{name} = {text}: must be in [{least:g}, {most:g}]")
    return value


class Service:
    """The service: slots, and what was counted since the last line of the log."""

    def __init__(self, given: Settings) -> None:
        self._given = given
        self._slots = asyncio.Semaphore(given.slots)
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight = 0
        self._answered = 0
        self._stopping = False

    def application(self) -> web.Application:
        """Return the two routes."""
        application = web.Application()
        application.add_routes([web.get("/", self._answer), web.get("/health", self._health)])
        return application

    async def _answer(self, _: web.Request) -> web.Response:
        """Wait for a slot, work in it, answer."""
        self._in_flight += 1
        self._idle.clear()
        try:
            async with self._slots:
                await asyncio.sleep(self._given.service_s)
            self._answered += 1
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
        return self._said(web.Response(text="served\n"))

    async def _health(self, _: web.Request) -> web.Response:
        """Say whether new requests are welcome."""
        return self._said(web.Response(text="stopping\n", status=503) if self._stopping else web.Response(text="ok\n"))

    def _said(self, response: web.Response) -> web.Response:
        """While stopping, let the client know that this connection will close."""
        if self._stopping:
            response.force_close()
        return response

    async def drain(self) -> None:
        """Say 503 on ``/health`` from now on, and return once nothing is in flight, or after the grace time."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._given.grace_s):
                await self._idle.wait()
        log("WARN" if self._in_flight else "INFO", f"stopped with {self._in_flight} requests in flight")

    async def tell(self) -> None:
        """Log what happened, each second in which something did, until cancelled."""
        while True:
            before = self._answered
            await asyncio.sleep(LOG_EVERY_S)
            waiting = self._in_flight - self._given.slots
            if waiting > 0:
                log("WARN", f"{waiting} requests wait for a slot")
            if self._answered > before:
                log("INFO", f"answered {self._answered - before} requests, {self._in_flight} in flight")


def log(level: str, text: str) -> None:
    """Write one line to the log; a log that nobody takes stops nothing."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - a log tells the time
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{now} {level} {text}\n")
        sys.stdout.flush()


async def serve(given: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    service = Service(given)
    # A request whose client has gone gives its place in the queue back.
    runner = web.AppRunner(service.application(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, given.host, given.port, backlog=1024)
    await site.start()
    log("INFO", f"serving on {runner.addresses[0][0]}:{runner.addresses[0][1]} with {given.slots} slots")
    telling = asyncio.create_task(service.tell())
    try:
        await told.wait()
        log("INFO", "stopping")
        await service.drain()
    finally:
        telling.cancel()
        await runner.cleanup()


def main() -> int:
    """Serve, and return the exit code: 0 stopped as told, 1 could not listen, 2 wrong settings."""
    try:
        given = settings(os.environ)
    except ValueError as error:
        log("ERROR", str(error))
        return 2
    try:
        asyncio.run(serve(given))
    except OSError as error:
        log("ERROR", f"cannot listen on {given.host}:{given.port}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
