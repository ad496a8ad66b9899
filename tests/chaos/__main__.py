"""Workers ended at random, and what was published compared with an unbroken fold; or how long take-over takes.

``python -m tests.chaos --kills 200 --workers 3``, ``python -m tests.chaos --takeover 20 --workers 2``.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import Settings
from tests.chaos.run import Rig, rig_on, say, start, storm
from tests.chaos.takeover import said, takeovers


def main() -> None:
    """Run, compare, and say what was found; a difference is an AssertionError."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="end a worker so often")
    parser.add_argument("--takeover", type=int, default=0, metavar="N", help="measure so many take-overs instead")
    parser.add_argument("--period", type=float, default=1.0, metavar="S", help="of the ticks, with --takeover")
    parser.add_argument("--session", type=float, default=Settings().session_s, metavar="S", help="with --takeover")
    parser.add_argument("--broker", choices=("kafka", "tansu"), default="kafka")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    _take_over(args) if args.takeover else _storm(args)


def _storm(args: argparse.Namespace) -> None:
    began = time.monotonic()
    with _rig(args) as rig:
        ended = storm(rig, kills=args.kills, workers=args.workers, seed=args.seed, tell=say)
        alike = rig.compare()
    say(f"{args.kills} ends in {time.monotonic() - began:.0f} s: {dict(ended.by)}; exit codes {dict(ended.codes)}")
    for partition, each in enumerate(alike):
        say(f"partition {partition}: {each}")
    total = sum(each.used + each.refused for each in alike)
    say(f"{total} samples sent, each used or refused once; every record equal to an unbroken fold's")


def _take_over(args: argparse.Namespace) -> None:
    with _rig(args, evaluation_s=args.period, session_s=args.session) as rig:
        gaps = takeovers(rig, rounds=args.takeover, workers=args.workers, tell=say)
        rig.compare()
    say(f"largest gap between forecasts, {args.broker}, {args.workers} workers, session {args.session:g} s,")
    say(f"period {args.period:g} s (a gap without a take-over is one period)")
    for line in said(gaps):
        say(line)


@contextmanager
def _rig(args: argparse.Namespace, **changes: float) -> Iterator[Rig]:
    """Start broker and stream in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="pileus-chaos-") as folder:
        directory = Path(folder)
        broker = start(args.broker, directory / args.broker)
        try:
            with rig_on(broker, directory, partitions=args.partitions, **changes) as rig:
                yield rig
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
