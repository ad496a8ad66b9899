"""List or show the definitions that are in force (`pileus.definitions`).

KIND is one of those that 'pileus schema' lists, or 'all'. Without --tenant: every tenant's. YAML can be given to
'pileus apply' again and changes nothing. A secret is shown as ***, which 'pileus apply' takes as: as it is stored.

Exit code: 0 shown; 1 no such ID, a record that cannot be read, or no broker; 2 wrong usage.
"""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from pileus.options import add_settings, settings_of, unknown_kind

if TYPE_CHECKING:
    from pileus.definitions import Stored

ALL = "all"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("kind", metavar="KIND", help="a kind of definition, or 'all'")
    parser.add_argument("id", metavar="ID", nargs="?", help="show this one, as YAML if nothing else is asked for")
    parser.add_argument("-o", "--output", choices=("table", "yaml", "json"), help="how to show it")
    parser.add_argument("--tenant", help="only this tenant's")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Show what is asked for; return the exit code."""
    from config.kinds import KINDS
    from pileus.definitions import DefinitionsError, read_stored
    from pileus.stack.logs import log_to_stderr

    if unknown_kind(args.kind, [*KINDS, ALL], "get"):
        return 2
    log_to_stderr()
    try:
        stored = read_stored(settings_of(args).broker)
    except DefinitionsError as error:
        sys.stderr.write(f"pileus get: {error}\n")
        return 1
    found = [each for each in stored.values() if _wanted(each, args)]
    if args.id is not None and not found:
        sys.stderr.write(f"pileus get: no {args.kind} {args.id}{_near(args, list(stored.values()))}\n")
        return 1
    return _show(found, args.output or ("table" if args.id is None else "yaml"))


def _wanted(each: "Stored", args: Namespace) -> bool:
    kind, tenant, name = each.identity
    return args.kind in {kind, ALL} and args.tenant in {tenant, None} and args.id in {name, None}


def _near(args: Namespace, stored: "list[Stored]") -> str:
    """Return what was probably meant."""
    from config.errors import did_you_mean

    near = did_you_mean(args.id, (each.identity[2] for each in stored if args.kind in {each.identity[0], ALL}))
    return f", {near}" if near else ""


def _show(found: "list[Stored]", how: str) -> int:
    """Write the definitions, without their secrets; what cannot be read is told."""
    from config.write import in_yaml
    from pileus.masking import mask
    from pileus.showing import in_json, table

    if how == "table":
        sys.stdout.write(table([(*each.identity, each.at) for each in found]))
        return 0
    documents = [mask(document) for each in found if (document := each.document()) is not None]
    sys.stdout.write(in_json(documents) if how == "json" else in_yaml(documents))
    unread = [each.key for each in found if each.document() is None]
    sys.stderr.write("".join(f"pileus get: {key}: not an object in JSON\n" for key in unread))
    return 1 if unread else 0
