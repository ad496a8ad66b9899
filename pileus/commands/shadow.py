"""Let a second autoscaling policy, or the same one with another predictor, decide beside the one in force.

The shadow decides for every cluster that uses POLICY, on the same ticks, under the same pauses and budgets, and cannot
act: its decisions stand in `pileus.shadow`. It is checked as 'pileus apply' would. The order stands in
`pileus.control` and outlives restarts, until --end, 'pileus promote', or the end of its clusters. Each policy has one
shadow at most: a new one takes the place of the old one and begins anew.
Without POLICY: list the shadows.

  pileus shadow web --with web-60.yaml --reason "fewer members by night"
  pileus shadow web --with quick --cluster shop-web
  pileus shadow web --predictor ensemble
  pileus compare web
  pileus shadow web --end

Exit code: 0 begun, ended or listed; 1 invalid, nothing differs, no such policy, or no broker; 2 wrong usage.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from pileus.options import add_settings, settings_of, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.autoscaling import AutoscalingPolicy
    from config.errors import Problem
    from config.index import Identity
    from config.parse import Parsed
    from pileus.subjects import Subject
    from streams.records.control import Shadow


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("policy", metavar="POLICY", nargs="?", help="id of an autoscaling policy in force")
    parser.add_argument("--with", dest="other", metavar="FILE|ID", help="the other policy: a file, or an id in force")
    parser.add_argument("--predictor", metavar="NAME", help="another predictor; without --with the same policy")
    parser.add_argument("--cluster", action="append", default=[], metavar="ID", help="only for it; repeatable")
    parser.add_argument("--end", action="store_true", help="end the shadow")
    parser.add_argument("--tenant", metavar="T", default="default", help="whose policy (default: %(default)s)")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why")
    parser.add_argument("--owner", metavar="NAME", help="who (default: the user's name)")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Begin, end or list; return the exit code."""
    from pileus.definitions import DefinitionsError
    from pileus.orders import OrdersError
    from pileus.stack.logs import log_to_stderr
    from pileus.subjects import NotFoundError

    if why := _misused(args):
        sys.stderr.write(f"pileus shadow: {why}\n")
        return 2
    log_to_stderr()
    broker = settings_of(args).broker
    try:
        if args.policy is None:
            return _list(broker)
        return _end(args, broker) if args.end else _begin(args, broker)
    except (OrdersError, DefinitionsError, NotFoundError) as error:
        return _failed(str(error))


def _misused(args: Namespace) -> str:
    """Return what is wrong with the options."""
    begins = bool(args.other or args.predictor)
    if args.policy is None:
        return "POLICY is needed" if begins or args.end or args.cluster else ""
    if args.end:
        return "--end stands alone: no --with, --predictor or --cluster" if begins or args.cluster else ""
    return "" if begins else "--with FILE|ID, --predictor NAME or --end is needed"


def _begin(args: Namespace, broker: str) -> int:
    """Publish the order, if the policy could be in force."""
    from config.autoscaling import AutoscalingPolicy
    from pileus.definitions import read_stored
    from pileus.orders import publish_order
    from pileus.subjects import policy_named, promoted

    stored = {key: each.parsed() for key, each in read_stored(broker).items()}
    subject = policy_named(args.policy, stored, tenant=args.tenant)
    policy = _candidate(args, subject, stored)
    if not isinstance(policy, AutoscalingPolicy):
        return _refused(policy)
    proposal = promoted(subject, policy, stored)
    if proposal.problems:
        return _refused(proposal.problems)
    (change,) = proposal.changes
    if not change.fields:
        return _failed(f"nothing differs from {args.policy} as it is in force")
    if wrong := _unused(args, subject):
        return _failed(wrong)
    order = _order(args, subject, policy)
    publish_order(broker, order)
    names = order.clusters or tuple(each.cluster for each in subject.clusters)
    told = [f"shadow     {policy.id} decides beside {args.policy} for {', '.join(names)}", *map(str, change.fields)]
    sys.stdout.write("\n".join([told[0], *(f"{'':<13}{each}" for each in told[1:]), ""]))
    return 0


def _candidate(
    args: Namespace, subject: "Subject", stored: "Mapping[Identity, Parsed]"
) -> "AutoscalingPolicy | tuple[Problem, ...]":
    """Return the policy that is to decide beside the one in force, or what is wrong with it."""
    from config.read import read
    from pileus.subjects import candidate

    other, predictor = args.other or "", args.predictor or ""
    if not other or not (path := Path(other)).exists():
        return candidate(subject, (), stored, other=other, predictor=predictor)
    sources, unread = read([path])
    return tuple(unread) if unread else candidate(subject, sources, stored, predictor=predictor)


def _unused(args: Namespace, subject: "Subject") -> str:
    """Say that nobody would decide."""
    from config.errors import did_you_mean

    known = {each.cluster for each in subject.clusters}
    if not known:
        return f"no cluster uses {args.policy}: its shadow would decide for nobody"
    for name in args.cluster:
        if name not in known:
            near = did_you_mean(name, known)
            return f"no cluster {name} uses {args.policy}{near and f', {near}'}"
    return ""


def _order(args: Namespace, subject: "Subject", policy: "AutoscalingPolicy") -> "Shadow":
    """Return the order to begin a shadow."""
    from streams.records.control import Shadow

    return Shadow(
        tenant=subject.policy.tenant,
        policy=subject.policy.id,
        document=policy.document(),
        clusters=tuple(sorted(set(args.cluster))),
        owner=args.owner or user(),
        reason=args.reason,
        at=time.time(),
    )


def _end(args: Namespace, broker: str) -> int:
    """Publish that a shadow ends."""
    from pileus.orders import publish_order, read_shadows
    from streams.records.control import Shadow

    order = Shadow(
        tenant=args.tenant,
        policy=args.policy,
        document=None,
        owner=args.owner or user(),
        reason=args.reason,
        at=time.time(),
    )
    known = read_shadows(broker).get(order.scope)
    if known is None or known.document is None:
        return _failed(f"no shadow decides beside {args.policy}")
    publish_order(broker, order)
    sys.stdout.write(f"ended      the shadow of {args.policy}\n")
    return 0


def _list(broker: str) -> int:
    """Show the shadows that decide."""
    from pileus.definitions import read_stored
    from pileus.orders import read_shadows
    from pileus.subjects import KIND

    stored = read_stored(broker)
    for each in read_shadows(broker).values():
        if each.document is not None:
            lost = "" if (KIND, each.tenant, each.policy) in stored else " (the policy is not in force any more)"
            sys.stdout.write(f"{line(each)}{lost}\n")
    return 0


def line(order: "Shadow") -> str:
    """Write a shadow on one line."""
    from streams.moments import written

    whose = "" if order.tenant == "default" else f" of tenant {order.tenant}"
    only = f" for {', '.join(order.clusters)}" if order.clusters else ""
    other = (order.document or {}).get("id", "?")
    why = f": {order.reason}" if order.reason else ""
    return f"{order.policy}{whose}  {other} beside it{only} since {written(order.at)} by {order.owner}{why}"


def _refused(problems: "tuple[Problem, ...]") -> int:
    sys.stderr.write("".join(f"error: {each}\n" for each in problems))
    return 1


def _failed(why: str) -> int:
    sys.stderr.write(f"pileus shadow: {why}\n")
    return 1
