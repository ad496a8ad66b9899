"""Start the whole stack with a sample application and drive it with a changing load of real requests.

LOAD is a recording (CSV, .csv.gz or parquet: a time in s, a value) or a generated shape: flash-crowd, ramp,
day, steps. Ctrl-C ends everything and leaves nothing behind. Exit code 0: every part came up and no
request failed; 1: a part did not come up, or requests failed; 2: wrong usage.

An application of several clusters and groups starts in its start-up order, and is ended in its termination order
before the parts are (a second Ctrl-C skips that). Each cluster that takes requests has a front on one balancer; the
load goes to the one of --cluster. The broker's address is printed: from a second terminal, 'pileus apply', 'status' and
'delete' work beside a run with --broker. What is applied there is started too, but its clusters that take
requests have no front: their members start, and never serve.

With --cloud docker members are containers of a Docker engine on this machine, ports published on 127.0.0.1. The
sample application is in the image of Pileus itself: 'docker build -t pileus:local .' makes it; --image names another
one with python3 and pileus in it.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pileus.balancers import RUN_KINDS
from pileus.options import at_least_one, positive


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--load", default="flash-crowd", metavar="FILE|SHAPE", help="default: flash-crowd")
    parser.add_argument("--duration", type=positive, metavar="S", help="end after S seconds (default: on Ctrl-C)")
    parser.add_argument("--speed", type=positive, default=1.0, metavar="X", help="replay the load X times as fast")
    parser.add_argument("--from", dest="start", metavar="TIME", help="cut a recording: RFC 3339")
    parser.add_argument("--to", dest="end", metavar="TIME", help="cut a recording: RFC 3339")
    parser.add_argument("--column", metavar="NAME", help="value of a recording (default: its second column)")
    parser.add_argument("--peak", type=positive, metavar="N", help="requests/s at the peak (default: what fits)")
    parser.add_argument("--period", type=positive, default=120.0, metavar="S", help="one round of a shape (120)")
    parser.add_argument("--application", type=Path, metavar="FILE|DIR", help="definition of another application")
    parser.add_argument("--cloud", choices=("local", "docker"), default="local", help="where members run (local)")
    parser.add_argument("--image", metavar="NAME", help="image of the members, with --cloud docker (pileus:local)")
    parser.add_argument("--engine", metavar="URL", help="Docker engine (DOCKER_HOST, or unix:///var/run/docker.sock)")
    parser.add_argument("--cluster", metavar="ALIAS", help="which cluster gets the load (default: the outermost)")
    parser.add_argument("--balancer", choices=RUN_KINDS, default="caddy", help="what spreads requests (caddy)")
    parser.add_argument("--program", metavar="COMMAND", help="with --balancer external: the program that is one")
    parser.add_argument("--agents", choices=("instance", "node"), help="one beside each member, or one for all")
    parser.add_argument("--workers", type=at_least_one, default=1, metavar="N", help="stream workers (1)")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write what happened")
    parser.add_argument("--record", type=Path, metavar="FILE.jsonl", help="write the topics, for 'pileus replay'")
    parser.add_argument("--broker", metavar="HOST:PORT", help="a running Kafka (default: our own, in memory)")
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="default: those of the demo")
    parser.add_argument("--state", type=Path, metavar="DIR", help="keep logs and state here (default: removed)")
    parser.add_argument("--no-view", action="store_true", help="no live view, only what starts and ends")


def main(args: Namespace) -> int:
    """Run the stack."""
    from pileus.stack.given import Usage
    from pileus.stack.session import run

    try:
        return run(args)
    except Usage as error:
        sys.stderr.write(f"pileus run: {error}\n")
        return 2
