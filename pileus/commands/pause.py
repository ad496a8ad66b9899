"""Keep a cluster, an application or (freeze) all of a tenant's as it is, for a while.

SCOPE is TENANT/APPLICATION/CLUSTER, TENANT/APPLICATION or TENANT. Decisions are still taken and told, with what they
would be; nobody is launched beyond the number held, drained, replaced or recalled. Members that are gone are launched
again. The order stands in `pileus.control`: it outlives restarts and new definitions, and ends by itself.
Without SCOPE: list what is paused.

Exit code: 0 paused, or listed; 1 no such scope, or refused by the broker; 2 wrong usage.
"""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from pileus.options import add_settings, settings_of

if TYPE_CHECKING:
    from streams.records.control import Control

LONGEST_S = 30 * 86_400.0
"""How long a pause may be (s): what is paused and forgotten does not stay so for ever."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("scope", metavar="SCOPE", nargs="?", help="TENANT[/APPLICATION[/CLUSTER]]")
    parser.add_argument("--for", dest="seconds", type=_seconds, metavar="TIME", help="how long: 90s, 30m, 2h, 1d")
    parser.add_argument("--reason", metavar="TEXT", help="why, for those who wonder")
    parser.add_argument("--owner", metavar="NAME", help="who (default: the user's name)")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Pause, or list; return the exit code."""
    from pileus.definitions import DefinitionsError
    from pileus.orders import OrdersError
    from pileus.stack.logs import log_to_stderr

    if args.scope is not None and not (args.reason and args.seconds):
        sys.stderr.write("pileus pause: --reason and --for are needed\n")
        return 2
    log_to_stderr()
    try:
        broker = settings_of(args).broker
        return _list(broker) if args.scope is None else _pause(args, broker)
    except (OrdersError, DefinitionsError) as error:
        sys.stderr.write(f"pileus pause: {error}\n")
        return 1


def _pause(args: Namespace, broker: str) -> int:
    """Publish the order, if there is such a scope."""
    from pileus.definitions import read_stored
    from pileus.options import user
    from pileus.orders import publish_order
    from pileus.scopes import missing, parse_scope
    from streams.moments import written
    from streams.records.control import Control

    try:
        scope = parse_scope(args.scope)
    except ValueError as error:
        sys.stderr.write(f"pileus pause: {error}\n")
        return 2
    if why := missing(scope, {key: each.parsed() for key, each in read_stored(broker).items()}):
        sys.stderr.write(f"pileus pause: {why}\n")
        return 1
    now = time.time()
    order = Control(
        tenant=scope.tenant,
        application=scope.application,
        cluster=scope.cluster,
        paused=True,
        owner=args.owner or user(),
        reason=args.reason,
        at=now,
        until=now + args.seconds,
    )
    publish_order(broker, order)
    sys.stdout.write(f"paused     {order.scope} until {written(order.until)} by {order.owner}: {order.reason}\n")
    return 0


def _list(broker: str) -> int:
    """Show what is paused."""
    from pileus.orders import read_orders
    from streams.orders import holding

    sys.stdout.write("".join(f"{line(each)}\n" for each in holding(read_orders(broker).values(), at=time.time())))
    return 0


def line(order: "Control") -> str:
    """Write a pause on one line."""
    from streams.moments import written

    return f"{order.scope:<30} until {written(order.until)} by {order.owner} since {written(order.at)}: {order.reason}"


def _seconds(text: str) -> float:
    """Read a duration within its bound."""
    from streams.moments import duration

    try:
        seconds = duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if seconds > LONGEST_S:
        raise ArgumentTypeError(f"'{text}' must be at most {LONGEST_S / 86_400:g}d")
    return seconds
