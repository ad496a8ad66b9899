"""``python -m pileus.sample_app``: a small real service, to be scaled.

``GET /`` or ``POST /`` takes ``SERVICE_S`` seconds in one of ``SLOTS`` slots; further requests wait for a slot, so
requests in flight grow with the load. Its answer names the variables that were imported. ``GET /health`` says
200, and 503 while stopping. On SIGTERM it finishes the requests in flight, for ``GRACE_S`` at most. Its log
goes to standard output.

With ``SAMPLE_PROTOCOL=tcp`` it is a "database" instead: it sends each line of a connection back. Once it listens it
writes ``SAMPLE_EXPORTS`` (``KEY=VALUE``, several with blanks between them; ``{host}`` and ``{port}`` stand for where it
listens) to the file that ``PILEUS_EXPORTS`` names.

Environment: ``HOST`` (127.0.0.1), ``PORT`` (8080), ``SERVICE_S`` (0.25), ``SLOTS`` (10), ``GRACE_S`` (8),
``SAMPLE_PROTOCOL`` (http), ``SAMPLE_EXPORTS``, ``PILEUS_EXPORTS``.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

LOG_EVERY_S = 1.0
IMPORT = "IMPORT_"
"""How the names of imported variables begin."""
PROTOCOLS = ("http", "tcp")


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
    protocol: str = "http"
    """One of ``PROTOCOLS``."""
    exports: tuple[str, ...] = ()
    """Lines to export, with ``{host}`` and ``{port}`` to be filled in."""
    exports_file: str = ""
    """Where to write them; empty: nowhere."""
    imports: tuple[str, ...] = ()
    """Names of the variables that were imported, sorted."""


def settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from ``environ``.

    Raises
    ------
    ValueError
        If one is not a number, out of bounds or no line to export: says which.
    """
    protocol, exports = environ.get("SAMPLE_PROTOCOL", "http"), environ.get("SAMPLE_EXPORTS", "").split()
    if protocol not in PROTOCOLS:
        raise ValueError(f"SAMPLE_PROTOCOL = '{protocol}': must be {' or '.join(PROTOCOLS)}")
    if not all(each.partition("=")[1] for each in exports):
        raise ValueError("SAMPLE_EXPORTS: each must be KEY=VALUE")
    return Settings(
        host=environ.get("HOST", "127.0.0.1"),
        port=int(_number(environ, "PORT", 8080, least=0, most=65535)),
        service_s=_number(environ, "SERVICE_S", 0.25, least=0, most=3600),
        slots=int(_number(environ, "SLOTS", 10, least=1, most=100_000)),
        grace_s=_number(environ, "GRACE_S", 8, least=0, most=3600),
        protocol=protocol,
        exports=tuple(exports),
        exports_file=environ.get("PILEUS_EXPORTS", ""),
        imports=tuple(sorted(name for name in environ if name.startswith(IMPORT))),
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
        """Return the routes."""
        application = web.Application()
        application.add_routes(
            [web.get("/", self._answer), web.post("/", self._answer), web.get("/health", self._health)]
        )
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
        return self._said(web.Response(text="\n".join(["served", *self._given.imports, ""])))

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


def export(given: Settings, *, port: int) -> None:
    """Write what is to be exported, if a file was named; one that cannot be written is told."""
    if not given.exports_file or not given.exports:
        return
    lines = [each.replace("{host}", given.host).replace("{port}", str(port)) for each in given.exports]
    try:
        Path(given.exports_file).write_text("".join(f"{line}\n" for line in lines))
    except OSError as error:
        log("WARN", f"cannot export: {error}")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send each line back until the client or the program ends; a line beyond 64 kB ends the connection."""
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except (OSError, ValueError):
        pass
    finally:
        writer.close()


async def serve(given: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await (_serve_http if given.protocol == "http" else _serve_tcp)(given, told.wait)


async def _serve_http(given: Settings, told: Callable[[], Awaitable[object]]) -> None:
    """Serve requests until told to stop, then drain."""
    service = Service(given)
    # A request whose client has gone gives its place in the queue back.
    runner = web.AppRunner(service.application(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, given.host, given.port, backlog=1024)
    await site.start()
    _serving(given, runner.addresses[0], f"with {given.slots} slots")
    telling = asyncio.create_task(service.tell())
    try:
        await told()
        log("INFO", "stopping")
        await service.drain()
    finally:
        telling.cancel()
        await runner.cleanup()


async def _serve_tcp(given: Settings, told: Callable[[], Awaitable[object]]) -> None:
    """Send lines back until told to stop; connections that are open then are closed."""
    talks: set[asyncio.Task[None]] = set()

    def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(echo(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_server(talk, given.host, given.port)
    _serving(given, server.sockets[0].getsockname(), "lines over TCP")
    try:
        await told()
        log("INFO", "stopping")
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def _serving(given: Settings, address: Sequence[Any], what: str) -> None:
    """Say where it listens, and export."""
    log("INFO", f"serving on {address[0]}:{address[1]} {what}")
    export(given, port=address[1])


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
