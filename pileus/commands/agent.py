"""Measure one instance, or with --node all of a host, and publish samples and log lines (cartridge agent).

It is told everything by its environment, or by options, which come first. Whose agent it is: PILEUS_MEMBER,
PILEUS_CLUSTER, PILEUS_APPLICATION, PILEUS_TENANT. What to measure: PILEUS_MEASURE (auto, host, pid:ID or
cgroup:PATH; auto is its own control group inside a container and the host elsewhere), PILEUS_CPUS,
PILEUS_MEMORY_LIMIT. Health: PILEUS_HEALTH (http:/path, tcp), asked at PILEUS_HOST and PILEUS_PORT. Logs:
PILEUS_LOG (files, with ':' between them). Of the settings: broker, partitions, sample_interval_s and
buffer_records (PILEUS_BROKER ...). With --exports it publishes what the instance exports, with --metadata it
keeps a file of what the members of its application exported. It ends on SIGTERM and SIGINT, and when its
instance is gone.

With --node there is one agent for a host. It watches the instances that the files in --instances declare, those of the
local cloud in the setting state_dir, and the containers of the setting docker_host that carry the stack's name; it
follows their logs and exports too. It goes on without any; it ends on SIGTERM and SIGINT.
"""

import argparse
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from config.errors import ConfigError
from config.settings import Settings
from pileus.options import add_settings, positive, settings_of

if TYPE_CHECKING:
    from streams.agent.exports import Exports
    from streams.agent.follow import Follower
    from streams.agent.measure import Source
    from streams.agent.metadata_log import MetadataLog

FLUSH_S = 1.0
"""For what is under way when the agent ends (s)."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    who = parser.add_argument_group("whose agent it is")
    needed = []
    for name in ("member", "cluster", "application"):
        given = _given(name.upper())
        needed.append(who.add_argument(f"--{name}", default=given, required=given is None))
    who.add_argument("--tenant", default=_given("TENANT") or "default")
    what = parser.add_argument_group("what it measures")
    source = what.add_mutually_exclusive_group()
    source.add_argument("--pid", type=_count, metavar="ID", help="a process and its descendants")
    source.add_argument("--cgroup", metavar="PATH", help="a control group, below /sys/fs/cgroup")
    source.add_argument("--container", metavar="ID", help="a container of --engine; its output is followed too")
    source.add_argument("--host", action="store_true", help="the host it runs on")
    what.add_argument("--engine", metavar="URL", default="unix:///var/run/docker.sock", help="Docker engine")
    what.add_argument("--cpus", type=positive, metavar="N", default=_given("CPUS"), help="processors it may use")
    what.add_argument(
        "--memory-limit", type=_count, metavar="BYTES", default=_given("MEMORY_LIMIT"), help="memory it may use"
    )
    what.add_argument("--probe", metavar="KIND", default=_given("HEALTH") or "", help="tcp, http:/PATH or '' (none)")
    what.add_argument("--address", metavar="HOST:PORT", default=_address(), help="where to probe")
    what.add_argument("--log", action="append", metavar="FILE", help="a log to follow, '-' is stdin; may be repeated")
    node = parser.add_argument_group("all instances of a host")
    node.add_argument("--node", action=_Node, needed=needed, help="one agent for all; needs none of the above")
    node.add_argument("--instances", type=Path, metavar="DIR", help="files (*.json) that declare instances")
    node.add_argument("--form", choices=("json", "binary"), default="json", help="of envelopes (default: json)")
    node.add_argument("--name", default="", help="of this agent, decides when it measures (default: the host's)")
    shared = parser.add_argument_group("metadata")
    shared.add_argument("--exports", metavar="FILE", help="what the instance exports: lines KEY=VALUE")
    shared.add_argument(
        "--export", action="append", default=[], metavar="NAME", help="ALIAS-KEY that it may export; may be repeated"
    )
    shared.add_argument("--metadata", metavar="FILE", help="where to keep what members of the application exported")
    add_settings(parser)
    parser.add_argument("--interval", type=positive, metavar="S", help="from sample to sample (sample_interval_s)")
    parser.add_argument("--partitions", type=_count, metavar="N", help="of the per-application topics")


def main(options: argparse.Namespace) -> int:
    """Measure until told to stop; return 0, or 2 for an option that cannot be."""
    import logging

    from streams.agent.agent import Agent
    from streams.agent.beside import Identity
    from streams.agent.probe import parse_probe
    from streams.producer import connect
    from streams.publisher import Publisher

    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it reports each attempt; we report each change
    if options.node:
        return _serve_node(options)
    try:
        settings = _settings(options)
        interval_s = settings.sample_interval_s
        probe = parse_probe(options.probe, address=options.address, timeout_s=min(1.0, 0.8 * interval_s))
        source = _source(options)
    except (ConfigError, ValueError) as error:
        sys.stderr.write(f"pileus agent: {error}\n")
        return 2
    stop = _stop_signal()
    publisher = Publisher(
        lambda: connect(settings.broker),
        partitions=settings.partitions,
        limit=settings.buffer_records,
        on_change=_tell,
    )
    logs = [*_container_log(options), *_logs(options.log or (_given("LOG") or "").split(os.pathsep))]
    agent = Agent(
        Identity(
            tenant=options.tenant, application=options.application, cluster=options.cluster, member=options.member
        ),
        source=source,
        probe=probe.ask if probe else None,
        logs=logs,
        exports=_exports(options),
        publisher=publisher,
        interval_s=interval_s,
        now=time.time,
        clock=time.monotonic,
    )
    metadata = _metadata(options, settings)
    agent.run(stop)
    if metadata is not None:
        metadata.stop()
    publisher.close(FLUSH_S)
    if metadata is not None:
        metadata.join(FLUSH_S)
    if publisher.dropped:
        sys.stderr.write(f"pileus agent: {publisher.sent} records sent, {publisher.dropped} dropped\n")
    return 0


def _serve_node(options: argparse.Namespace) -> int:
    """Be the agent of a host."""
    from pileus.node_agent import serve

    try:
        settings = _settings(options)
    except ConfigError as error:
        sys.stderr.write(f"pileus agent: {error}\n")
        return 2
    name = options.name or socket.gethostname()
    return serve(settings, name=name, instances=options.instances, form=options.form, stop=_stop_signal(), tell=_say)


class _Node(argparse.Action):
    """A flag with which nobody need say whose agent it is."""

    def __init__(
        self, option_strings: Sequence[str], dest: str, *, needed: Sequence[argparse.Action], **said: str
    ) -> None:
        super().__init__(option_strings, dest, nargs=0, default=False, help=said["help"])
        self._needed = needed

    def __call__(self, _parser: object, namespace: argparse.Namespace, *_: object) -> None:
        """Set the flag."""
        setattr(namespace, self.dest, True)
        for each in self._needed:
            each.required = False


def _given(name: str) -> str | None:
    """Return what the environment says; empty counts as nothing."""
    return os.environ.get(f"PILEUS_{name}") or None


def _address() -> str:
    """Return where the instance listens, as the environment has it."""
    host, port = _given("HOST") or "127.0.0.1", _given("PORT")
    return f"{f'[{host}]' if ':' in host else host}:{port}" if port else ""


def _count(text: str) -> int:
    """Read a whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: must be at least 1")
    return number


def _settings(options: argparse.Namespace) -> Settings:
    """Return the settings, with what the options say over them."""
    said = {"partitions": options.partitions, "sample_interval_s": options.interval}
    return msgspec.structs.replace(settings_of(options), **{name: value for name, value in said.items() if value})


def _source(options: argparse.Namespace) -> "Source":
    """Choose what is measured.

    Raises
    ------
    ValueError
        PILEUS_MEASURE names no source.
    """
    from streams.agent.cgroup import Cgroup, Groups, inside_container
    from streams.agent.host import Host
    from streams.agent.process import ProcessTree

    if options.container:
        from actuators.clouds.docker_watch import ContainerUsage

        return ContainerUsage(options.engine, options.container, clock=time.monotonic).start()
    kind, value = _measured(options)
    if kind == "auto":
        kind = "cgroup" if inside_container() else "host"
    if kind == "pid" and value.isdigit():
        return ProcessTree(int(value), cpus=options.cpus, memory_limit=options.memory_limit)
    if kind == "cgroup":
        return Cgroup(Groups(value), cpus=options.cpus, memory_limit=options.memory_limit)
    if kind == "host":
        return Host()
    raise ValueError(f"PILEUS_MEASURE = '{_given('MEASURE')}': must be auto, host, pid:ID or cgroup:PATH")


def _measured(options: argparse.Namespace) -> tuple[str, str]:
    """Return kind and name of what is measured: an option stands over the environment."""
    if options.pid:
        return "pid", str(options.pid)
    if options.cgroup:
        return "cgroup", options.cgroup
    if options.host:
        return "host", ""
    kind, _, value = (_given("MEASURE") or "auto").partition(":")
    return kind, value


def _container_log(options: argparse.Namespace) -> "list[Follower]":
    """Open what a container writes, if it is one that is measured."""
    if not options.container:
        return []
    from actuators.clouds.docker_watch import ContainerLog

    return [ContainerLog(options.engine, options.container)]


def _logs(names: Sequence[str]) -> "list[Follower]":
    """Open the logs."""
    from streams.agent.follow import LogFile, Pipe

    known = [name for name in dict.fromkeys(names) if name]
    return [Pipe(sys.stdin.fileno()) if name == "-" else LogFile(Path(name)) for name in known]


def _exports(options: argparse.Namespace) -> "Exports | None":
    """Watch what the instance exports, if it is to."""
    from streams.agent.exports import Exports, declared

    if not options.exports:
        return None
    names = declared(options.export, tenant=options.tenant, application=options.application, cluster=options.cluster)
    return Exports(Path(options.exports), names, tell=_say)


def _metadata(options: argparse.Namespace, settings: Settings) -> "MetadataLog | None":
    """Begin to follow what the members of the application export, if it is to."""
    from streams.agent.metadata import MetadataFile, MetadataFold
    from streams.agent.metadata_log import MetadataLog
    from streams.partition import application_key, partition_of

    if not options.metadata:
        return None
    log = MetadataLog(
        settings.broker,
        MetadataFold(options.tenant, options.application),
        MetadataFile(Path(options.metadata)),
        partition=partition_of(application_key(options.tenant, options.application), settings.partitions),
        tell=lambda error: _say(f"metadata: {error or 'following'}"),
    )
    log.start()
    return log


def _stop_signal() -> Callable[[float], bool]:
    """Return a function that waits so many seconds and says whether SIGTERM or SIGINT came."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop.wait


def _tell(error: str) -> None:
    """Say that delivery began to fail or to work."""
    _say(f"cannot deliver, keeping the newest: {error}" if error else "delivering")


def _say(text: str) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"pileus agent: {text}\n")
