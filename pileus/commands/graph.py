"""Draw what depends on what in an application: start-up order, scaling dependents, termination.

With PATHs the application is taken from there, else from the definitions that are in force (`pileus.definitions`).
Mermaid is shown as a drawing wherever Markdown is; --output text needs no tool.

Exit code: 0 drawn; 1 no such application, something is wrong in it, or no broker; 2 wrong usage.
"""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from config.definition import DEFAULT_TENANT
from pileus.options import add_paths, add_settings, missing, settings_of

if TYPE_CHECKING:
    from config.catalogue import Catalogue
    from config.errors import Problem


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("application", metavar="APPLICATION")
    add_paths(parser, "*")
    parser.add_argument("-o", "--output", choices=("text", "mermaid"), default="text", help="default: %(default)s")
    parser.add_argument("--tenant", default=DEFAULT_TENANT, help="whose it is (default: %(default)s)")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Draw it; return the exit code."""
    from pileus import graph
    from pileus.definitions import DefinitionsError
    from pileus.stack.logs import log_to_stderr

    if missing(args, "graph"):
        return 2
    log_to_stderr()
    try:
        catalogue, problems = _catalogue(args)
    except DefinitionsError as error:
        sys.stderr.write(f"pileus graph: {error}\n")
        return 1
    found = [a for a in catalogue.applications() if (a.tenant, a.application) == (args.tenant, args.application)]
    if len(found) != 1:
        sys.stderr.write(_why_not(args, catalogue, problems))
        return 1
    sys.stdout.write((graph.mermaid if args.output == "mermaid" else graph.text)(found[0]))
    return 0


def _catalogue(args: Namespace) -> "tuple[Catalogue, list[Problem]]":
    """Return the definitions of the PATHs, or those in force, and what is wrong with them."""
    from config.catalogue import assemble, examine
    from pileus.definitions import read_stored

    if args.paths:
        return examine(args.paths)
    return assemble([each.parsed() for each in read_stored(settings_of(args).broker).values()])


def _why_not(args: Namespace, catalogue: "Catalogue", problems: "list[Problem]") -> str:
    """Say why an application cannot be drawn: not there, there more than once, or wrong."""
    from config.application import Application
    from config.errors import did_you_mean

    every = list(catalogue.entries(Application))
    files = [e.file for e in every if (e.definition.tenant, e.definition.application_id) == _identity(args)]
    if len(files) > 1:
        return f"pileus graph: {args.application} is declared in {' and in '.join(files)}: give fewer PATHs\n"
    near = did_you_mean(args.application, (e.definition.application_id for e in every))
    lines = [] if files else [f"pileus graph: no application {args.application}{', ' if near else ''}{near}\n"]
    return "".join([*lines, *(f"error: {each}\n" for each in problems)])


def _identity(args: Namespace) -> tuple[str, str]:
    return args.tenant, args.application
