"""Take a recording's forecasts and decisions again, and say whether they come out the same, byte for byte.

Exit code 0: all equal; 1: some differ; 2: the file cannot be used.
"""

import gzip
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actuators.replay import Comparison
    from streams.recording import Line


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, metavar="RECORDING.jsonl[.gz]")


def main(args: Namespace) -> int:
    """Replay and compare."""
    from config.errors import ConfigError
    from streams.recording import lines

    try:
        with gzip.open(args.file, "rb") if args.file.suffix == ".gz" else args.file.open("rb") as text:
            compared = _compare(list(lines(text)))
    except (OSError, ValueError, ConfigError) as error:
        sys.stderr.write(f"pileus replay: {args.file}: {error}\n")
        return 2
    for each in compared:
        sys.stdout.write(f"{each.kind:<10} {each.recorded} recorded, {each.equal} equal to the byte\n")
        for where in each.missing:
            sys.stdout.write(f"           not equal: {where}\n")
        for where in each.extra:
            sys.stdout.write(f"           not recorded: {where}\n")
    return 0 if all(each.equal == each.recorded and not each.extra for each in compared) else 1


def _compare(recording: "list[Line]") -> "tuple[Comparison, Comparison]":
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
