"""``python -m pileus.load.client``: drive one URL with a load, from a process of its own.

Prints the counters as a JSON line each second, and writes the result as JSON at the end. SIGTERM
or SIGINT: no further request, those in flight are waited for; a second signal abandons them.
Whoever starts it must read its standard output; it stops when nobody does any more.
"""

import argparse
import asyncio
import contextlib
import functools
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pileus.load.choose import choose
from pileus.load.drive import TIMEOUT_S, Client
from pileus.load.load import LoadError
from pileus.load.recorded import moment
from pileus.load.result import Result, Second
from pileus.load.shapes import PERIOD_S, positive


async def serve(client: Client) -> Result:
    """Run ``client`` until its end or a signal; a second signal abandons what is in flight."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    emit = functools.partial(_tell, stop)
    running = asyncio.create_task(client.run(stop=stop, emit=emit, now=time.time))  # noqa: TID251 - the shell's clock

    def told() -> None:
        if stop.is_set() and not running.cancelling():
            running.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    return await running


def _tell(stop: asyncio.Event, second: Second) -> None:
    """Print the counters; when nobody reads them any more, stop."""
    try:
        sys.stdout.write(msgspec.json.encode(second).decode() + "\n")
        sys.stdout.flush()
    except OSError:
        stop.set()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered must go somewhere


def _arguments() -> argparse.ArgumentParser:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="pileus.load.client", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--load", required=True, help="a shape or a file")
    parser.add_argument("--out", required=True, type=Path, help="where the result goes (JSON)")
    parser.add_argument("--peak-per-s", type=float, default=40.0, help="requests/s at the load's peak (default: 40)")
    parser.add_argument("--duration", type=float, default=math.inf, help="s (default: as long as the load lasts)")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster the load passes (default: 1)")
    parser.add_argument("--column", help="of a recording (default: the first that is not the time)")
    parser.add_argument("--from", dest="start", metavar="TIME", help="of a recording, RFC 3339")
    parser.add_argument("--to", dest="end", metavar="TIME", help="of a recording, RFC 3339")
    parser.add_argument("--period", type=float, default=PERIOD_S, help="s, one round of a shape (default: 180)")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, help="s, from when a request is due (default: 10)")
    parser.add_argument("--seed", type=int, default=1, help="fixes the arrivals (default: 1)")
    return parser


def _client(given: argparse.Namespace) -> Client:
    """Return the client that the options ask for.

    Raises
    ------
    LoadError
        If one of them cannot be used.
    """
    load = choose(
        given.load,
        column=given.column,
        start=moment(given.start) if given.start else None,
        end=moment(given.end) if given.end else None,
        speed=given.speed,
        period_s=given.period,
    )
    return Client(
        url=given.url,
        load=load,
        peak_per_s=positive("peak", given.peak_per_s),
        duration_s=given.duration if given.duration == math.inf else positive("duration", given.duration),
        seed=given.seed,
        timeout_s=positive("timeout", given.timeout),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client and return the exit code: 0 done, 2 wrong usage."""
    given = _arguments().parse_args(argv)
    try:
        client = _client(given)
    except LoadError as error:
        sys.stderr.write(f"pileus: {error}\n")
        return 2
    _allow_many_connections()
    result = asyncio.run(serve(client))
    beside = given.out.with_name(f".{given.out.name}.{os.getpid()}")
    beside.write_bytes(msgspec.json.encode(result))
    beside.replace(given.out)
    return 0


def _allow_many_connections() -> None:
    """Raise the number of open files to what is allowed: a hanging service must not run the client out of them."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))


if __name__ == "__main__":
    sys.exit(main())
