"""Run the dashboard on a port: listen, serve, and end within seconds however many pages are open."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator, Sequence

import structlog
import uvicorn

from dashboards.app import Sources, create_app
from dashboards.feed import Feed
from dashboards.live import Live
from dashboards.model import Model
from dashboards.status import Status

LOCAL = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that a page may be asked by."""
GRACE_S = 1
"""How long an answer may take to end when the server stops."""
PORTS = 65_535

log = structlog.get_logger("pileus.dashboard")


class ListenError(Exception):
    """The address cannot be listened on."""


class Server(uvicorn.Server):
    """A server whose end is ours: signals are taken in :func:`_until_stopped`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def serve(*, broker: str, host: str, port: int, allowed: Sequence[str], clock: Callable[[], float]) -> None:
    """Serve the dashboard until SIGTERM or SIGINT. Port 0 takes a free one; the log says which.

    Raises
    ------
    ListenError
        The address is taken, or is none of this machine.
    """
    listening = listen(host, port)
    with listening:
        asyncio.run(_run(listening, broker=broker, hosts=names(host, allowed), clock=clock))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address.

    Raises
    ------
    ListenError
        The address is taken, or is none of this machine.
    """
    if not 0 <= port <= PORTS:
        raise ListenError(f"port = {port}: must be 0 to {PORTS}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise ListenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


def names(host: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the names that pages may be asked by: on a loopback address local ones only, else any."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return (*LOCAL, host, *allowed) if loopback else ("*",)


async def _run(listening: socket.socket, *, broker: str, hosts: Sequence[str], clock: Callable[[], float]) -> None:
    """Serve on a socket until a signal comes."""
    sources = Sources(Model(), Status(broker), Live(), clock)
    feed = Feed(sources.model, sources.status, sources.live, clock)
    app = create_app(sources, feed=feed.run, hosts=hosts)
    server = Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S, server_header=False)
    )
    address, port = listening.getsockname()[:2]
    log.info("dashboard listens", url=f"http://{f'[{address}]' if ':' in address else address}:{port}/", broker=broker)
    _stop_on_signals(server, sources.live)
    await server.serve(sockets=[listening])


def _stop_on_signals(server: uvicorn.Server, live: Live) -> None:
    """End the streams and then the server on SIGTERM and SIGINT."""

    def stop() -> None:
        live.close()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
