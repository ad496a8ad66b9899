"""Replay a load under a policy, or take a recording's decisions again.

With --policy: the load is replayed against each policy with each predictor, in a closed loop under virtual time, by
the functions that run live. LOAD is a CSV (.gz too) or parquet file with a column of times, the JSON answer of
Prometheus to a range query, or a recording of the topics. Every result stands beside the last value with headroom at
equal cost. Members' ticks are as long as the load's steps unless --step says otherwise.
Exit code 0: replayed; 2: something cannot be used.

Without --policy: LOAD is a recording of the topics; its forecasts and decisions are taken again and compared, byte for
byte. Exit code 0: all equal; 1: some differ; 2: the file cannot be used.
"""

import gzip
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pileus.lab.options import add_lab

if TYPE_CHECKING:
    from actuators.replay import Comparison
    from streams.recording import Line


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("loads", nargs="+", type=Path, metavar="LOAD", help="a file, or a folder with several")
    parser.add_argument(
        "--policy", action="append", default=[], metavar="PATH", help="a policy, or a folder; repeatable"
    )
    parser.add_argument("--predictor", nargs="+", default=[], metavar="NAME", help="default: each policy's own")
    add_lab(parser)
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="how to tell the results")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots, all in one file")
    parser.add_argument("--ticks", type=Path, metavar="FILE.csv", help="write every tick of the first result")
    parser.add_argument("--no-baseline", action="store_true", help="do not search the headroom of equal cost")


def main(args: Namespace) -> int:
    """Replay."""
    return _policies(args) if args.policy else _recording(args)


def _policies(args: Namespace) -> int:
    """Replay a load under policies."""
    from config.errors import ConfigError
    from pileus.lab.asked import AskedError, trials_of
    from pileus.lab.examine import Job, examine
    from pileus.lab.options import asked_of
    from pileus.lab.spread import spread
    from pileus.lab.write import tell
    from pileus.load.load import LoadError

    try:
        asked = asked_of(args, load="", policies=args.policy, predictors=args.predictor)
        found = trials_of(asked, args.loads)
        jobs = [
            Job(
                trial=trial,
                drawn=args.html is not None,
                ticks=args.ticks if number == 0 else None,
                baseline=not args.no_baseline,
            )
            for number, trial in enumerate(found)
        ]
        tell(spread(examine, jobs, what="replaying", jobs=args.jobs), output=args.output, html=args.html)
    except (OSError, LoadError, AskedError, ConfigError) as error:
        sys.stderr.write(f"pileus replay: {error}\n")
        return 2
    return 0


def _recording(args: Namespace) -> int:
    """Replay a recording and compare."""
    from config.errors import ConfigError
    from pileus.lab.loads import RECORDINGS

    path = args.loads[0]
    if len(args.loads) > 1 or not path.name.endswith(RECORDINGS):
        wants = "without --policy one recording (.jsonl, .jsonl.gz) is compared; to replay a load say --policy PATH"
        sys.stderr.write(f"pileus replay: {path}: {wants}\n")
        return 2
    try:
        compared = compare_recording(path)
    except (OSError, ValueError, ConfigError) as error:
        sys.stderr.write(f"pileus replay: {path}: {error}\n")
        return 2
    for each in compared:
        sys.stdout.write(f"{each.kind:<10} {each.recorded} recorded, {each.equal} equal to the byte\n")
        for where in each.missing:
            sys.stdout.write(f"           not equal: {where}\n")
        for where in each.extra:
            sys.stdout.write(f"           not recorded: {where}\n")
    return 0 if all(each.equal == each.recorded and not each.extra for each in compared) else 1


def compare_recording(path: Path) -> "tuple[Comparison, ...]":
    """Take the decisions of a recording again and compare them.

    Raises
    ------
    OSError, ValueError, ConfigError
        If it cannot be used.
    """
    from streams.recording import lines

    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as text:
        return _compare(list(lines(text)))


def _compare(recording: "list[Line]") -> "tuple[Comparison, ...]":
    """Replay with the definitions and the settings that the recording holds."""
    from actuators.replay import compare, replay
    from config.catalogue import Catalogue
    from pileus.rules import worker_rules
    from streams.recording import recorded_settings
    from streams.topics import DEFINITIONS

    settings = recorded_settings(recording)
    documents = [(line.key, line.value.encode()) for line in recording if line.topic == DEFINITIONS.name]
    specs = Catalogue.from_documents(documents).clusters()
    replayed = replay(recording, specs, rules=worker_rules(settings), heartbeat_s=settings.heartbeat_s)
    return compare(recording, replayed)
