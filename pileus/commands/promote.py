"""Put the policy of a shadow in force: it becomes the new version of the policy that it stood beside.

NAME is a cluster's id, APPLICATION/ALIAS, or the id of an autoscaling policy. The policy is promoted for every cluster
that uses it. It is checked and published as by 'pileus apply', keeping its id, and the shadow ends. The number wanted
stays as it is and moves by the new policy from the next tick on: what was recommended and changed within the windows is
remembered as it was decided in force, the shadow's own memory is forgotten.

Refused unless the shadow has decided for all these clusters for 10 minutes and still does, and the policy in force is
the one that it began beside; --now promotes all the same. Without --save the policy as it was is printed.

  pileus promote web --reason "as good with fewer members" --save web-before.yaml
  pileus apply web-before.yaml        # and back

Exit code: 0 promoted (with --dry-run: it could be); 1 no shadow, refused, invalid, or no broker; 2 wrong usage.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pileus.options import add_settings, settings_of, user

if TYPE_CHECKING:
    from pileus.declare import Proposal
    from pileus.definitions import Stored
    from pileus.subjects import Subject
    from streams.records.control import Shadow


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", metavar="NAME", help="a cluster, or an autoscaling policy")
    parser.add_argument("--now", action="store_true", help="however short the shadow has decided")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the policy as it was there (else: print it)")
    parser.add_argument("--dry-run", action="store_true", help="only show what would change")
    parser.add_argument("--tenant", metavar="T", default="default", help="whose (default: %(default)s)")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why")
    parser.add_argument("--owner", metavar="NAME", help="who (default: the user's name)")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Promote it; return the exit code."""
    from pileus.decisions import DecisionsError
    from pileus.definitions import DefinitionsError
    from pileus.orders import OrdersError
    from pileus.stack.logs import log_to_stderr
    from pileus.subjects import NotFoundError

    log_to_stderr()
    try:
        return _promote(args, settings_of(args).broker)
    except (DecisionsError, DefinitionsError, OrdersError, NotFoundError, OSError) as error:
        return _failed(str(error))


def _promote(args: Namespace, broker: str) -> int:
    """Find the shadow, check it, publish."""
    from config.autoscaling import AutoscalingPolicy
    from pileus.definitions import read_stored
    from pileus.orders import read_shadows
    from pileus.proposing import say
    from pileus.subjects import parsed_policy, promoted, subject_named

    raw = read_stored(broker)
    stored = {key: each.parsed() for key, each in raw.items()}
    subject, _ = subject_named(args.name, stored, tenant=args.tenant)
    policy, declared = subject.policy.id, raw[subject.policy.identity]
    order = subject.order(read_shadows(broker).values())
    if order is None or order.document is None:
        return _failed(f"no shadow decides for {args.name}; begin one with 'pileus shadow {policy} --with FILE'")
    if not args.now and (why := _too_early(broker, subject, order, declared)):
        return _failed(f"{why}; --now promotes all the same")
    other = parsed_policy(order.document, f"{policy} (shadow)")
    if not isinstance(other, AutoscalingPolicy):
        sys.stderr.write("".join(f"error: {each}\n" for each in other))
        return 1
    proposal = promoted(subject, other, stored)
    say(proposal)
    if proposal.problems:
        return 1
    return 0 if args.dry_run else _publish(args, broker, order, proposal, declared)


def _too_early(broker: str, subject: "Subject", order: "Shadow", declared: "Stored") -> str:
    """Return why the shadow is not to be promoted yet."""
    from pileus.decisions import read_since
    from pileus.promoting import LEAST_S, why_not
    from streams.topics import SHADOW

    now = time.time()
    decisions = read_since(broker, SHADOW, subject.clusters, since=now - LEAST_S)
    return why_not(subject, order, decisions, declared_at=declared.at, now=now)


def _publish(args: Namespace, broker: str, order: "Shadow", proposal: "Proposal", declared: "Stored") -> int:
    """Keep the policy as it was, put the other one in force, end the shadow."""
    from msgspec.structs import replace

    from config.write import in_yaml
    from pileus.definitions import publish
    from pileus.orders import publish_order

    before = in_yaml([declared.document()])
    if args.save is not None:
        args.save.write_text(before, encoding="utf-8")
    publish(broker, proposal.open)
    end = replace(order, document=None, promoted=True, owner=args.owner or user(), reason=args.reason, at=time.time())
    publish_order(broker, end)
    sys.stdout.write(f"promoted   {order.policy} by {end.owner}; its shadow has ended\n")
    back = args.save or "FILE"
    as_it_was = "" if args.save is not None else f", FILE being what was in force:\n{before.rstrip()}"
    sys.stdout.write(f"to go back: pileus apply {back}{as_it_was}\n")
    return 0


def _failed(why: str) -> int:
    sys.stderr.write(f"pileus promote: {why}\n")
    return 1
