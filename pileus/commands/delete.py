"""Withdraw one definition from `pileus.definitions`.

Refused while other definitions refer to it; they are listed with the place where they do. An application that is
withdrawn ends in order.

Exit code: 0 deleted; 1 not there, in use, or refused by the broker; 2 wrong usage.
"""

import sys
from argparse import ArgumentParser, Namespace

from config.definition import DEFAULT_TENANT
from pileus.options import add_settings, settings_of, unknown_kind


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("kind", metavar="KIND", help="as 'pileus schema' lists them")
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--tenant", default=DEFAULT_TENANT, help="whose it is (default: %(default)s)")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Delete it, or say why not; return the exit code."""
    from config.kinds import KINDS
    from pileus.definitions import DefinitionsError
    from pileus.stack.logs import log_to_stderr

    if unknown_kind(args.kind, KINDS, "delete"):
        return 2
    log_to_stderr()
    try:
        refusal = _delete(settings_of(args).broker, (args.kind, args.tenant, args.id))
    except DefinitionsError as error:
        refusal = str(error)
    if refusal:
        sys.stderr.write(f"pileus delete: {refusal}\n")
        return 1
    return 0


def _delete(broker: str, identity: tuple[str, str, str]) -> str:
    """Delete a definition; return why it was not."""
    from config.errors import did_you_mean
    from pileus.declare import users
    from pileus.definitions import read_stored, withdraw
    from pileus.difference import named

    stored = read_stored(broker)
    if identity not in stored:
        near = did_you_mean(identity[2], (each[2] for each in stored if each[:2] == identity[:2]))
        return f"no {named(identity)}" + (f", {near}" if near else "")
    used = users({key: each.parsed() for key, each in stored.items()}, identity)
    if used:
        by = [f"\n  {named((kind, tenant, name))}: {path}" for (kind, tenant, name), path in used]
        return f"{named(identity)} is in use by{''.join(by)}"
    withdraw(broker, identity)
    sys.stdout.write(f"deleted    {named(identity)}\n")
    if identity[0] == "application":
        sys.stdout.write(f"it ends in order now; 'pileus status {identity[2]}' shows what is left of it\n")
    return ""
