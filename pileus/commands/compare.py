"""Show side by side what the policy in force and its shadow want: now, over a time, and where they differed.

NAME is a cluster's id, APPLICATION/ALIAS, or the id of an autoscaling policy: then every cluster of its shadow.
Both columns are wishes: the load is the one that the members in force carried, and how soon members would have served
is not in it. "Too few" holds both against the observed load, which is known when something is decided and once a
minute, and against what a member should carry by the policy in force.

  pileus compare shop-web
  pileus compare web --since 6h --moments 10
  pileus compare shop/web -o json
  pileus compare shop-web --watch

Exit code: 0 shown; 1 no such cluster or policy, no shadow, nothing decided yet, or no broker; 2 wrong usage.
"""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pileus.options import add_settings, settings_of

if TYPE_CHECKING:
    from pileus.comparing import Compared
    from streams.records.control import Shadow

EVERY_S = 2.0
"""How often --watch looks."""
HOME = "\x1b[H\x1b[J"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", metavar="NAME", help="a cluster, or an autoscaling policy")
    parser.add_argument("--since", type=_seconds, default="1h", metavar="TIME", help="how far back (default: 1h)")
    parser.add_argument("--moments", type=int, default=5, metavar="N", help="differences told (default: %(default)s)")
    parser.add_argument("--tenant", metavar="T", default="default", help="whose (default: %(default)s)")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: %(default)s")
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Show it; return the exit code."""
    import logging

    from pileus.decisions import DecisionsError
    from pileus.definitions import DefinitionsError
    from pileus.orders import OrdersError
    from pileus.stack.logs import log_to_stderr
    from pileus.subjects import NotFoundError

    log_to_stderr(logging.ERROR)
    broker = settings_of(args).broker
    try:
        while True:
            order, found = comparisons(broker, args.name, tenant=args.tenant, since_s=args.since)
            _show(order, found, args)
            if not args.watch:
                return 0
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return 0
    except (DecisionsError, DefinitionsError, OrdersError, NotFoundError) as error:
        sys.stderr.write(f"pileus compare: {error}\n")
        return 1


def comparisons(broker: str, name: str, *, tenant: str, since_s: float) -> "tuple[Shadow, list[Compared]]":
    """Compare what is asked for over the last ``since_s`` seconds, as far as its shadow goes back.

    Raises
    ------
    NotFoundError
        No such cluster or policy, no shadow of it, or one that has decided nothing yet.
    DecisionsError, DefinitionsError, OrdersError
        A topic could not be read.
    """
    from pileus.comparing import compare
    from pileus.decisions import read_since
    from pileus.definitions import read_stored
    from pileus.orders import read_shadows
    from pileus.subjects import NotFoundError, subject_named
    from streams.topics import DECISIONS, SHADOW

    now = time.time()
    stored = {key: each.parsed() for key, each in read_stored(broker).items()}
    subject, cluster = subject_named(name, stored, tenant=tenant)
    order = subject.order(read_shadows(broker).values())
    policy = subject.policy.id
    meant = [each for each in subject.clusters if cluster in {"", each.cluster}]
    specs = [each for each in meant if order is not None and order.concerns(tenant, policy, each.cluster)]
    if order is None or not specs:
        raise NotFoundError(f"no shadow decides for {name}; begin one with 'pileus shadow {policy} --with FILE'")
    since = max(now - since_s, order.at)
    decisions, shadows = (read_since(broker, topic, specs, since=since) for topic in (DECISIONS, SHADOW))
    found = [
        compare(
            spec,
            decisions.get(spec.cluster, []),
            [each for each in shadows.get(spec.cluster, []) if each.given.shadow == order.at],
            since=since,
            until=now,
        )
        for spec in specs
    ]
    if not any(found):
        begun = f"the shadow of {policy}, begun {now - order.at:.0f} s ago"
        raise NotFoundError(f"{begun}, has decided nothing yet: do 'pileus worker' and 'pileus actuate' run?")
    return order, [each for each in found if each is not None]


def _show(order: "Shadow", found: "Sequence[Compared]", args: Namespace) -> None:
    """Write the comparisons."""
    import msgspec

    from pileus.compare_text import text

    if args.output == "json":
        said = msgspec.json.encode({"order": order, "clusters": found})
        sys.stdout.write((said if args.watch else msgspec.json.format(said)).decode() + "\n")
    else:
        blocks = ["\n".join([*text(each, order, moments=args.moments), ""]) for each in found]
        sys.stdout.write((HOME if args.watch and sys.stdout.isatty() else "") + "\n".join(blocks))
    sys.stdout.flush()


def _seconds(text: str) -> float:
    """Read a duration."""
    from streams.moments import duration

    try:
        return duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
