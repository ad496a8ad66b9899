"""Replay a load under a policy, or take a recording's decisions again.

With --policy: the load is replayed against each policy with each predictor, in a closed loop under virtual time, by
the functions that run live. LOAD is a CSV (.gz too) or parquet file with a column of times, the JSON answer of
Prometheus to a range query, or a recording of the topics. Every result stands beside the last value with headroom at
equal cost. Members' ticks are as long as the load's steps unless --step says otherwise.
Exit code 0: replayed; 2: something cannot be used.

Without --policy: LOAD is a recording of the topics, or with --broker the topics themselves; forecasts and decisions are
taken again and compared, byte for byte, each definition from the tick on at which the decider took it in. With --since
or --until the ticks in between are: their decisions, from the forecasts as they were told, for what the forecasts hang
on lies before. Exit code 0: all equal; 1: some differ; 2: the file or the topics cannot be used.
"""

import gzip
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pileus.lab.options import add_lab
from pileus.options import add_settings, positive, settings_of

if TYPE_CHECKING:
    from actuators.replay import Comparison
    from streams.recording import Line

OUTPUTS = ("table", "json", "markdown")


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("loads", nargs="*", type=Path, metavar="LOAD", help="a file, or a folder with several")
    parser.add_argument(
        "--policy", action="append", default=[], metavar="PATH", help="a policy, or a folder; repeatable"
    )
    parser.add_argument("--predictor", nargs="+", default=[], metavar="NAME", help="default: each policy's own")
    parser.add_argument("--quantile", nargs="+", type=positive, default=[], metavar="Q", help="default: each policy's")
    add_lab(parser)
    parser.add_argument("-o", "--output", choices=OUTPUTS, default="table", help="how to tell the results")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots, all in one file")
    parser.add_argument("--ticks", type=Path, metavar="FILE.csv", help="write every tick of the first result")
    add_settings(parser)
    topics = parser.add_argument_group("the topics, instead of a LOAD")
    topics.add_argument("--since", metavar="TIME|SPAN", help="only ticks from then on (12:04:30, or 2h: so long ago)")
    topics.add_argument("--until", metavar="TIME|SPAN", help="only ticks before then")
    parser.add_argument("--no-baseline", action="store_true", help="do not search the headroom of equal cost")


def main(args: Namespace) -> int:
    """Replay."""
    if wrong := _unfit(args):
        sys.stderr.write(f"pileus replay: {wrong}\n")
        return 2
    return _policies(args) if args.policy else _recording(args)


def _unfit(args: Namespace) -> str:
    """Say why the options do not go together; empty when they do."""
    ranged = "--since" if args.since else "--until" if args.until else ""
    asks = "--broker" if args.broker else ranged
    if args.policy and asks:
        return f"{asks} is without --policy: write the topics to a file with 'pileus record', and replay that"
    if args.loads and asks:
        return f"{args.loads[0]}: a LOAD or {asks}, not both"
    if args.loads:
        return ""
    return "" if args.broker or ranged else "what? A LOAD (a file or folder), or --broker HOST:PORT for the topics"


def _policies(args: Namespace) -> int:
    """Replay a load under policies."""
    from config.errors import ConfigError
    from pileus.lab.asked import AskedError, trials_of
    from pileus.lab.examine import Job, examined
    from pileus.lab.options import asked_of
    from pileus.lab.write import tell
    from pileus.load.load import LoadError

    try:
        asked = asked_of(args, load="", policies=args.policy, predictors=args.predictor, quantiles=args.quantile)
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
        tell(examined(jobs, processes=args.jobs), output=args.output, html=args.html)
    except (OSError, LoadError, AskedError, ConfigError) as error:
        sys.stderr.write(f"pileus replay: {error}\n")
        return 2
    return 0


def _recording(args: Namespace) -> int:
    """Replay a recording, or what the broker has, and compare."""
    from config.errors import ConfigError
    from pileus.lab.loads import RECORDINGS
    from pileus.stack.fetch import FetchError

    path: Path | None = args.loads[0] if args.loads else None
    what = path or args.broker or "the broker"
    if path and (len(args.loads) > 1 or not path.name.endswith(RECORDINGS)):
        wants = "without --policy one recording (.jsonl, .jsonl.gz) is compared; to replay a load say --policy PATH"
        sys.stderr.write(f"pileus replay: {path}: {wants}\n")
        return 2
    try:
        compared = compare_recording(path) if path else _compare(_fetched(args))
    except (OSError, ValueError, ConfigError, FetchError) as error:
        sys.stderr.write(f"pileus replay: {what}: {error}\n")
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


def _fetched(args: Namespace) -> "list[Line]":
    """Read from the broker what is asked for.

    Raises
    ------
    ValueError, FetchError
        Not a time, no broker, or no decision in the range.
    """
    import asyncio

    from pileus.stack.fetch import fetch

    now = time.time()
    since, until = (None if text is None else _moment(text, now) for text in (args.since, args.until))
    return asyncio.run(fetch(settings_of(args), since=since, until=until))


def _moment(text: str, now: float) -> float:
    """Return a moment: a time, or how long ago."""
    from streams.moments import DURATION, duration, moment

    return now - duration(text) if DURATION.match(text) and text[-1] in "smhd" else moment(text, now=now)


def _compare(recording: "list[Line]") -> "tuple[Comparison, ...]":
    """Replay with the definitions, each at its time, and the settings that the recording holds."""
    from actuators.replay import compare, replay
    from pileus.rules import worker_rules
    from streams.recording import recorded_settings

    settings = recorded_settings(recording)
    replayed = replay(recording, rules=worker_rules(settings), heartbeat_s=settings.heartbeat_s)
    return compare(recording, replayed)
