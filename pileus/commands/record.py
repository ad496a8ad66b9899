"""Write the topics to a file, from their beginning on: what 'pileus replay' reads."""

import asyncio
import gzip
import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import BinaryIO, cast

from pileus.options import add_settings, settings_of
from pileus.stack.logs import log_to_stderr


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, metavar="FILE.jsonl[.gz]")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C (default: up to now)")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Record; 0 done, 1 no broker or no topics."""
    from pileus.stack.broker import answers

    log_to_stderr()
    settings = settings_of(args)
    if not answers(settings.broker):
        sys.stderr.write(f"pileus record: no Kafka answers at {settings.broker}\n")
        return 1
    with cast("BinaryIO", gzip.open(args.file, "wb") if args.file.suffix == ".gz" else args.file.open("wb")) as out:
        count = asyncio.run(_record(out, args))
    sys.stderr.write(f"{count} messages written to {args.file}\n")
    return 0


async def _record(out: BinaryIO, args: Namespace) -> int:
    """Write what is there, and with ``--follow`` what comes."""
    from pileus.stack.record import Recorder

    recorder = Recorder(out, settings_of(args))
    follower = recorder.follower()
    await follower.start()
    try:
        await follower.caught_up()
        if args.follow:
            asked = asyncio.Event()
            for sign in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(sign, asked.set)
            await asked.wait()
    finally:
        await follower.stop()
    return recorder.count
