"""Serve the read-only view: a page with live charts, JSON, server-sent events and OpenMetrics.

It reads every topic and acts on none. It starts without a broker and goes on by itself when one answers.
"""

import sys
import time
from argparse import ArgumentParser, Namespace

from pileus.options import add_settings, settings_of
from pileus.stack.logs import log_to_stderr


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_settings(parser)
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (default: setting dashboard_host)")
    parser.add_argument("--port", metavar="N", type=int, help="port to listen on (default: setting dashboard_port)")
    parser.add_argument(
        "--allowed-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further name that the page may be asked by, behind a proxy; may be repeated",
    )


def main(args: Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 0 ended so, 1 could not listen, 2 wrong usage."""
    from dashboards.serve import ListenError, serve

    log_to_stderr()
    settings = settings_of(args)
    host = args.host or settings.dashboard_host
    port = settings.dashboard_port if args.port is None else args.port
    try:
        serve(broker=settings.broker, host=host, port=port, allowed=args.allowed_host, clock=time.time)
    except ListenError as error:
        sys.stderr.write(f"pileus dashboard: {error}\n")
        return 1
    return 0
