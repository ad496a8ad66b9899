"""Actuators killed at random moments while they scale on a real cloud: no duplicate, no orphan, converged each time.

``python -m tests.crashes --cloud docker --kills 100``, ``python -m tests.crashes --cloud ec2 --kills 100 --faults``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.run import say, start
from tests.crashes.site import Site, docker_site, ec2_site
from tests.crashes.storm import Killed, rig_on, storm
from tests.ec2 import running_ec2
from tests.engines import remove_engine, start_engine


def main() -> int:
    """Run, and say what was found; exit code 1 with a duplicate, an orphan, or when it did not converge."""
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    parser.add_argument("--cloud", choices=("docker", "ec2"), default="docker")
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    parser.add_argument("--faults", action="store_true", help="the cloud's API fails too: 429, 503, no answer, no room")
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    say(f"seed {args.seed}")
    with tempfile.TemporaryDirectory(prefix="pileus-crashes-") as folder:
        try:
            killed = _run(args, Path(folder))
        except AssertionError as error:
            say(f"{args.cloud}, seed {args.seed}: {error}")
            return 1
    say(f"{args.cloud}{' with faults' if args.faults else ''}, {args.broker}: {killed}")
    return 0


def _run(args: argparse.Namespace, folder: Path) -> Killed:
    """Run one storm."""
    broker = start(args.broker, folder / args.broker)
    try:
        with _site(args.cloud, folder) as site, rig_on(broker, site, folder) as rig:
            return storm(rig, kills=args.kills, seed=args.seed, faults=args.faults, tell=say)
    finally:
        broker.stop()


@contextmanager
def _site(cloud: str, folder: Path) -> Iterator[Site]:
    """Start the cloud, and leave nothing of it."""
    if cloud == "ec2":
        with running_ec2(folder) as server, ec2_site(server, folder) as site:
            yield site
        return
    engine = start_engine()
    try:
        with docker_site(engine, folder) as site:
            yield site
    finally:
        remove_engine(engine)


if __name__ == "__main__":
    sys.exit(main())
