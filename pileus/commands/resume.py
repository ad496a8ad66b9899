"""End a pause: SCOPE as it was paused, TENANT[/APPLICATION[/CLUSTER]].

What is still paused around it or within it is told.

Exit code: 0 resumed; 1 it was not paused, or refused by the broker; 2 wrong usage.
"""

import sys
import time
from argparse import ArgumentParser, Namespace

from pileus.options import add_settings, settings_of


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("scope", metavar="SCOPE", help="TENANT[/APPLICATION[/CLUSTER]]")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why")
    parser.add_argument("--owner", metavar="NAME", help="who (default: the user's name)")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Resume; return the exit code."""
    from pileus.orders import OrdersError
    from pileus.scopes import parse_scope
    from pileus.stack.logs import log_to_stderr

    try:
        parse_scope(args.scope)
    except ValueError as error:
        sys.stderr.write(f"pileus resume: {error}\n")
        return 2
    log_to_stderr()
    try:
        return _resume(args, settings_of(args).broker)
    except OrdersError as error:
        sys.stderr.write(f"pileus resume: {error}\n")
        return 1


def _resume(args: Namespace, broker: str) -> int:
    """Publish the order, and tell what is paused still."""
    from pileus.options import user
    from pileus.orders import publish_order, read_orders, related
    from pileus.scopes import parse_scope
    from streams.moments import written
    from streams.orders import holding
    from streams.records.control import Control

    now, scope = time.time(), parse_scope(args.scope)
    paused = holding(read_orders(broker).values(), at=now)
    left = "".join(
        f"still paused: {each.scope} until {written(each.until)} by {each.owner}: {each.reason}\n"
        for each in related(paused, args.scope)
    )
    if not any(each.scope == args.scope for each in paused):
        sys.stderr.write(f"pileus resume: {args.scope} is not paused\n{left}")
        return 1
    order = Control(
        tenant=scope.tenant,
        application=scope.application,
        cluster=scope.cluster,
        paused=False,
        owner=args.owner or user(),
        reason=args.reason,
        at=now,
    )
    publish_order(broker, order)
    sys.stdout.write(f"resumed    {order.scope}\n{left}")
    return 0
