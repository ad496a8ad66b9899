"""Compute windows, derivatives and forecasts: the stream worker.

Start as many as you like: they share the partitions of ``pileus.samples``.
"""

import time
from argparse import ArgumentParser, Namespace

from pileus.options import add_settings, settings_of
from pileus.stack.logs import log_to_stderr


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_settings(parser)


def main(args: Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    from pileus.rules import worker_rules
    from streams.faust_app import run
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
    )
    return run(create_app(worker, now=time.time))
