"""Compute windows, derivatives and forecasts: the stream worker.

Start as many as you like: they share the partitions of ``pileus.samples``.
"""

import sys
import time
from argparse import ArgumentParser, Namespace

from pileus.options import add_settings, port, settings_of
from pileus.stack.logs import log_to_stderr


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--health-port", type=port, metavar="P", help="tell health and metrics here (default: the settings' port)"
    )
    add_settings(parser)


def main(args: Namespace) -> int:
    """Run until SIGTERM or SIGINT; return 1 when its health cannot be told."""
    from pileus.rules import worker_rules
    from streams.answers import ListenError, answering
    from streams.faust_app import run
    from streams.gauges import Gauges
    from streams.health import pages
    from streams.worker import WorkerSettings, create_app

    log_to_stderr()
    settings = settings_of(args)
    worker = WorkerSettings(
        broker=settings.broker,
        rules=worker_rules(settings),
        lateness_s=settings.lateness_s,
        checkpoint_s=settings.checkpoint_s,
        session_s=settings.session_s,
        fetch_wait_s=settings.fetch_wait_s,
        coalesce=settings.ingest == "coalesced",
        max_lag_s=settings.max_lag_s,
    )
    gauges = Gauges(ingest=settings.ingest)
    chosen = settings.health_port if args.health_port is None else args.health_port
    told = answering(settings.health_host, chosen, pages(gauges)) if chosen else None
    try:
        return run(create_app(worker, now=time.time, gauges=gauges), beside=told)
    except ListenError as error:
        sys.stderr.write(f"pileus worker: {error}\n")
        return 1
