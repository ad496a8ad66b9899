"""Put definitions in force: show what would change, then publish only that to `pileus.definitions`.

PATH is a file (JSON or YAML) or a folder. The definitions are checked together with those that are in force; if
anything is wrong, nothing is published. What is in force and in no PATH is left alone (see 'pileus delete').
Running parts take the change over live.

A secret (`adminPassword`, `repoPassword`, `credential`, a property called `...PASSWORD`) is shown as ***. *** in a file
means: as it is stored. Pileus does not store secrets that it has no use for. Those of properties it does store, in
clear: who may read the topic reads them.

Exit code: 0 applied, or nothing to do; 1 invalid, or refused by the broker; 2 wrong usage. With --dry-run: 0 valid, and
the differences are printed, none is none; 1 invalid. 'pileus diff' has an exit code for differences.
"""

import sys
from argparse import ArgumentParser, Namespace

from pileus.options import add_paths, add_settings, missing, settings_of


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_paths(parser)
    parser.add_argument("--dry-run", action="store_true", help="only show what would change")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Show the difference and publish it; return the exit code."""
    from pileus.definitions import DefinitionsError, publish
    from pileus.proposing import proposal, say
    from pileus.stack.logs import log_to_stderr

    if missing(args, "apply"):
        return 2
    log_to_stderr()
    broker = settings_of(args).broker
    try:
        found = proposal(args.paths, broker)
        say(found)
        if found.problems:
            return 1
        if not args.dry_run and found.open:
            publish(broker, found.open)
            sys.stdout.write(f"applied to {broker}\n")
    except DefinitionsError as error:
        sys.stderr.write(f"pileus apply: {error}\n")
        return 1
    return 0
