"""What ``pileus apply`` and ``pileus diff`` share: read, check, say."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from config.read import read
from pileus.declare import Proposal, propose
from pileus.definitions import read_stored
from pileus.difference import text


def proposal(paths: Sequence[Path], broker: str) -> Proposal:
    """Compare files and folders with what is declared.

    Raises
    ------
    DefinitionsError
        What is declared could not be read.
    """
    sources, unread = read(paths)
    found = propose(sources, {key: each.parsed() for key, each in read_stored(broker).items()})
    return replace(found, problems=(*unread, *found.problems))


def say(found: Proposal) -> None:
    """Write errors and warnings to standard error; the differences, if there is no error, to standard output."""
    lines = [f"error: {each}\n" for each in found.problems] + [f"warning: {each}\n" for each in found.warnings]
    sys.stderr.write("".join(lines))
    if not found.problems:
        sys.stdout.write(text(found.changes))
        sys.stdout.flush()
