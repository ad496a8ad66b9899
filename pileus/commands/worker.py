"""Compute windows, derivatives and forecasts: the stream worker.

Start as many as you like, here and elsewhere: they share the partitions of ``pileus.samples``. With ``--workers N``
this process starts N of them and looks after them: one that ends is started again, and told; SIGTERM goes to all, and
one that has not ended 8 s later is killed. Exit code: 0 ended in order, 1 crashed, 3 ended by force.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace

from config.settings import Settings, to_environment
from pileus.options import add_settings, at_least_one, port, settings_of
from pileus.stack.logs import log_to_stderr


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--workers", type=at_least_one, default=1, metavar="N", help="processes to run (1)")
    parser.add_argument(
        "--health-port",
        type=port,
        metavar="P",
        help="tell health and metrics here (default: the settings' port); of N workers each has a port, P, P + 1 ...",
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
    chosen = settings.health_port if args.health_port is None else args.health_port
    if args.workers > 1:
        return _several(args.workers, settings, chosen)
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
    told = answering(settings.health_host, chosen, pages(gauges)) if chosen else None
    try:
        return run(create_app(worker, now=time.time, gauges=gauges), beside=told)
    except ListenError as error:
        sys.stderr.write(f"pileus worker: {error}\n")
        return 1


def _several(count: int, settings: Settings, health_port: int) -> int:
    """Run so many workers in processes of their own."""
    import structlog

    from pileus.stack.several import run, worker_commands

    commands = {
        name: [sys.executable, "-m", "pileus", *words] for name, words in worker_commands(count, health_port).items()
    }
    return run(commands, dict(os.environ) | to_environment(settings), structlog.get_logger().warning)
