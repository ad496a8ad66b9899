"""Tell why a cluster has the members it has: the load, every gate, what the number hangs on, what would change it.

CLUSTER is its id, or APPLICATION/ALIAS. The newest decision, or with --at the one that held then: a decision holds
until the next one is published, which is when number or reasons change, and once a minute.

Exit code: 0 told; 1 no such cluster, no decision yet, or no broker; 2 wrong usage.
"""

import sys
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from pileus.options import add_settings, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.records.decision import Decision
    from streams.records.instance import Announcement


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("cluster", metavar="CLUSTER", help="id of a cluster, or APPLICATION/ALIAS")
    parser.add_argument("--at", metavar="TIME", help="as 2026-06-03T12:04:30Z, or 12:04:30 (UTC; default: now)")
    parser.add_argument("--tenant", metavar="T", help="only this tenant's")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: %(default)s")
    add_settings(parser)


def main(args: Namespace) -> int:
    """Tell it; return the exit code."""
    from pileus.decisions import DecisionsError
    from pileus.stack.logs import log_to_stderr
    from streams.moments import moment

    now = time.time()
    try:
        at = moment(args.at, now=now) if args.at else now
    except ValueError as error:
        sys.stderr.write(f"pileus explain: {error}\n")
        return 2
    log_to_stderr()
    try:
        return _explain(args, settings_of(args).broker, at=at)
    except DecisionsError as error:
        return _failed(str(error))


def _explain(args: Namespace, broker: str, *, at: float) -> int:
    """Find the decision and tell it."""
    from pileus.decisions import read_clusters, read_decision
    from streams.moments import written

    clusters = read_clusters(broker)
    found = chosen(args.cluster, clusters, tenant=args.tenant)
    if isinstance(found, str):
        return _failed(found)
    decision, later = read_decision(broker, found, until=at)
    if decision is None:
        since = f"; the first one is of {written(later.at)}" if later else ""
        return _failed(f"no decision of {found.cluster} until {written(at)}{since}")
    _show(decision, later, args.output)
    return 0


def chosen(name: str, clusters: "Mapping[str, Announcement]", *, tenant: str | None) -> "Announcement | str":
    """Return the cluster that is meant, or why there is none."""
    from config.errors import did_you_mean

    known = [each for each in clusters.values() if tenant in {None, each.tenant}]
    found = [each for each in known if name in {each.cluster, f"{each.application}/{each.alias}"}]
    if len(found) == 1:
        return found[0]
    if found:
        return f"{name} is a cluster of several tenants: {', '.join(each.tenant for each in found)}; say --tenant"
    near = did_you_mean(name, [*(e.cluster for e in known), *(f"{e.application}/{e.alias}" for e in known)])
    return f"no cluster {name}{near and f', {near}'}"


def _show(decision: "Decision", later: "Decision | None", how: str) -> None:
    """Write a decision."""
    import msgspec

    from streams.explain import explain
    from streams.moments import written

    if how == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(decision)).decode() + "\n")
        return
    after = [] if later is None else ["", f"the next one: {written(later.at)}, {later.wanted} wanted"]
    sys.stdout.write("\n".join([*explain(decision), *after, ""]))


def _failed(why: str) -> int:
    sys.stderr.write(f"pileus explain: {why}\n")
    return 1
