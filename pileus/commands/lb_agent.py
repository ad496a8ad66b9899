"""Keep one balancer in step with the members, and publish what it sees (balancer agent).

It ends on SIGTERM and SIGINT and takes nobody out then: the balancer goes on as it is.
"""

import asyncio
import re
import signal
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from actuators.balancers.checked import fault_of
from actuators.balancers.over_partitions import OverPartitions
from actuators.lb_agent import LbAgent
from actuators.lb_cluster import Identity
from actuators.lb_intervals import require_interval
from actuators.lb_members import MembersFold
from actuators.lb_probe import Prober
from actuators.ports import Target
from config.errors import ConfigError
from config.settings import Settings
from pileus.balancers import AGENT_KINDS, ELB, Adapter, adapter
from pileus.options import add_settings, settings_of
from streams.agent.probe import parse_probe
from streams.partition import application_key, partition_of
from streams.publisher import Publisher
from streams.records.record import Record
from streams.topics import BALANCERS, Topic

CLUSTER_FIRST = re.compile(r"[a-z0-9-]+=")
"""How a probe of one cluster begins."""
FLUSH_S = 1.0
"""For what is under way when the agent ends (s)."""
LINGER_S = 2.0
"""How long the last members of a network partition are still routed to when they drain (s): a front that reads the same
log a moment later may send there yet, and would be answered with 503."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_settings(parser)
    parser.add_argument("--balancer", choices=AGENT_KINDS, default="caddy", help="kind of balancer (default: caddy)")
    parser.add_argument("--name", required=True, help="identity of this balancer, e.g. lb-1")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--application", required=True)
    parser.add_argument("--cluster", action="append", required=True, help="a cluster that it serves; may be repeated")
    parser.add_argument(
        "--network-partition",
        action="append",
        default=[],
        metavar="ID",
        help="serve members of this network partition only; may be repeated (default: all)",
    )
    parser.add_argument(
        "--via",
        action="append",
        default=[],
        metavar="ID=HOST:PORT",
        help="with haproxy: send to the balancer of this network partition instead of its members; may be repeated",
    )
    parser.add_argument(
        "--members-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="directory of the balancer, or what its agent keeps",
    )
    parser.add_argument(
        "--admin", default="", metavar="HOST:PORT", help="Caddy's admin API (default: as in DIR/caddy.json)"
    )
    parser.add_argument("--account", metavar="NAME", help="with elb: the account, in the setting clouds_file")
    parser.add_argument(
        "--definitions",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="with elb: what says the listeners of a load balancer that is made; may be repeated",
    )
    parser.add_argument(
        "--probe",
        action="append",
        default=[],
        metavar="[CLUSTER=]KIND",
        help="how members are asked, those of one cluster or all others: tcp or http:/PATH (default: tcp)",
    )
    parser.add_argument("--interval", type=float, metavar="S", help="between samples (default: the settings' one)")


def main(args: Namespace) -> int:
    """Run until told to stop; return 1 when there is no such balancer, 2 for what cannot be."""
    from actuators.ports import BalancerError
    from pileus.stack.logs import log_to_stderr

    try:
        settings, paths = settings_of(args), probe_paths(args.probe, args.cluster)
        via = _via(args)
        if args.interval is not None:
            settings = msgspec.structs.replace(settings, sample_interval_s=args.interval)
        require_interval(settings.sample_interval_s)
        balancer = _adapter(args, settings)
        for cluster in args.cluster:
            balancer.require(cluster)
    except (BalancerError, ConfigError, ValueError) as error:
        sys.stderr.write(f"pileus lb-agent: {error}\n")
        return 1 if isinstance(error, BalancerError) else 2
    log_to_stderr()
    asyncio.run(_serve(_identity(args, via), settings, balancer, Prober(paths), via))
    return 0


def _adapter(args: Namespace, settings: Settings) -> Adapter:
    """Return the adapter for the balancer of this kind."""
    if args.balancer != ELB:
        return adapter(args.balancer, args.members_dir, admin=args.admin)
    if not args.account:
        raise ValueError("--balancer elb: needs --account")
    from pileus.elb import elb

    return elb(
        args.members_dir,
        (args.tenant, args.application),
        args.cluster,
        settings=settings,
        account=args.account,
        definitions=args.definitions,
    )


def _via(args: Namespace) -> dict[str, tuple[str, int]]:
    """Return where the balancers of network partitions are that it sends to; ValueError for what cannot be."""
    found: dict[str, tuple[str, int]] = {}
    for text in args.via:
        name, _, address = text.partition("=")
        host, _, port = address.rpartition(":")
        if not port.isascii() or not port.isdigit() or name in found:
            raise ValueError(f"via '{text}': must be ID=HOST:PORT, each network partition once")
        found[name] = (host, int(port))
        if fault := fault_of(Target(member=name, host=host, port=int(port))):
            raise ValueError(f"via '{text}': {fault}")
    if found and (args.balancer != "haproxy" or args.network_partition):
        raise ValueError("--via: needs --balancer haproxy, and no --network-partition")
    return found


def _identity(args: Namespace, via: Collection[str]) -> Identity:
    """Return whose agent it is."""
    clusters = tuple(dict.fromkeys(args.cluster))
    return Identity(
        balancer=args.name,
        tenant=args.tenant,
        application=args.application,
        clusters=clusters,
        network_partitions=tuple(dict.fromkeys([*args.network_partition, *via])),
    )


def probe_paths(given: Sequence[str], clusters: Sequence[str]) -> dict[str, str]:
    """Return for each cluster the path that an HTTP probe asks for, empty for TCP. The last word counts.

    Raises
    ------
    ValueError
        One is no probe, or for no cluster that is served.
    """
    own: dict[str, str] = {}
    others = ""
    for text in given:
        cluster, named, kind = text.partition("=") if CLUSTER_FIRST.match(text) else ("", "", text)
        if named and cluster not in clusters:
            raise ValueError(f"probe '{text}': no cluster '{cluster}', there is {', '.join(clusters)}")
        if (probe := parse_probe(kind, address="any:1")) is None:
            raise ValueError(f"probe '{text}': must be 'tcp' or 'http:/PATH'")
        if named:
            own[cluster] = probe.path
        else:
            others = probe.path
    return {cluster: own.get(cluster, others) for cluster in clusters}


async def _serve(
    who: Identity, settings: Settings, balancer: Adapter, prober: Prober, via: Mapping[str, tuple[str, int]]
) -> None:
    """Put the parts together and run until a signal comes."""
    from actuators.lb_log import MembersLog
    from streams.producer import connect

    application = application_key(who.tenant, who.application)
    partition = partition_of(application, settings.partitions)
    fold = MembersFold(who.clusters, network_partitions=who.network_partitions)
    members = MembersLog(settings.broker, fold, partition=partition)
    publisher = Publisher(
        lambda: connect(settings.broker), partitions=settings.partitions, limit=settings.buffer_records, on_change=_tell
    )

    def publish(topic: Topic, record: Record) -> None:
        key = who.balancer.encode() if topic is BALANCERS else application
        publisher.publish(topic, record, key=key, owner=application)

    agent = LbAgent(
        who,
        balancer=OverPartitions(balancer, via, lambda: members.seen().members) if via else balancer,
        seen=members.seen,
        ask=prober.ask,
        publish=publish,
        now=time.time,
        interval_s=settings.sample_interval_s,
        probe_every_s=settings.probe_interval_s,
        linger_s=LINGER_S if who.network_partitions and not via else 0.0,
    )
    members.start()
    if who.network_partitions:
        threading.Thread(target=_tell_undeclared, args=(who, settings.broker), daemon=True).start()
    try:
        await agent.run(_stop_signal())
    finally:
        balancer.close()
        prober.close()
        members.stop()
        publisher.close(FLUSH_S)


def undeclared(who: Identity, declared: Collection[tuple[str, str, str]]) -> list[str]:
    """Return the network partitions of an agent that are not among ``declared``: kind, tenant and id of each."""
    return [each for each in who.network_partitions if ("networkPartition", who.tenant, each) not in declared]


def _tell_undeclared(who: Identity, broker: str) -> None:
    """Warn once of network partitions that no definition has. It may come later, so the agent goes on."""
    from pileus.definitions import DefinitionsError, read_stored

    log = structlog.get_logger()
    try:
        unknown = undeclared(who, read_stored(broker))
    except DefinitionsError as error:
        log.warning("cannot tell whether the network partitions are declared", error=str(error))
        return
    if unknown:
        log.warning("no definition has these network partitions yet", network_partitions=unknown)


def _stop_signal() -> asyncio.Event:
    """Return what is set when SIGTERM or SIGINT comes."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _tell(error: str) -> None:
    """Say that delivery began to fail or to work."""
    sys.stderr.write(f"pileus lb-agent: {f'cannot deliver, keeping the newest: {error}' if error else 'delivering'}\n")
