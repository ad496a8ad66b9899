"""Show what 'pileus apply' would change, and change nothing.

Each definition in PATH is new, changed (field by field, before -> after, defaults filled in) or unchanged. What is in
force and in no PATH is no difference. A secret is shown as ***.

Exit code, as that of diff: 0 no difference, 1 differences, 2 invalid definitions, no broker or wrong usage.
"""

import sys
from argparse import ArgumentParser, Namespace

from pileus.options import add_paths, add_settings, missing, settings_of


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_paths(parser)
    add_settings(parser)


def main(args: Namespace) -> int:
    """Show the difference; return the exit code."""
    from pileus.definitions import DefinitionsError
    from pileus.proposing import proposal, say
    from pileus.stack.logs import log_to_stderr

    if missing(args, "diff"):
        return 2
    log_to_stderr()
    try:
        found = proposal(args.paths, settings_of(args).broker)
    except DefinitionsError as error:
        sys.stderr.write(f"pileus diff: {error}\n")
        return 2
    say(found)
    return 2 if found.problems else 1 if found.open else 0
