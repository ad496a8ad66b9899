"""The node agent, put together: who is watched on this host, and how each is measured."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from actuators.clouds.local_watched import LocalWatched
from config.settings import Settings
from pileus.stack.folders import docker_folder, local_folder
from streams.agent.beside import Beside
from streams.agent.cgroup import Cgroup, Groups
from streams.agent.declared import Declared
from streams.agent.exports import Exports, declared
from streams.agent.follow import Follower, LogFile
from streams.agent.measure import Source
from streams.agent.metadata import MetadataFiles, MetadataFold
from streams.agent.metadata_log import MetadataLog
from streams.agent.node import Node, Opened
from streams.agent.probes import ask_all
from streams.agent.process import ProcessTree
from streams.agent.watched import Find, Watched
from streams.partition import application_key, partition_of
from streams.producer import connect
from streams.publisher import Publisher

FLUSH_S = 1.0
"""For what is under way when the agent ends (s)."""
PROBE_S = 1.0
"""Most that a probe may take (s); in short intervals 0.8 of one."""

Tell = Callable[[str], None]


def serve(
    settings: Settings, *, name: str, instances: Path | None, form: str, stop: Callable[[float], bool], tell: Tell
) -> int:
    """Watch this host until ``stop(seconds)`` says True; return 0."""
    publisher = Publisher(
        partial(connect, settings.broker),
        partitions=settings.partitions,
        limit=settings.buffer_records,
        on_change=lambda error: tell(f"cannot deliver, keeping the newest: {error}" if error else "delivering"),
    )
    opener = Opener(settings, publisher, tell)
    node = Node(
        name,
        finds=finds(settings, instances, tell=tell),
        open_=opener.open,
        ask=ask_all,
        publisher=publisher,
        interval_s=settings.sample_interval_s,
        form=form,
        now=time.time,  # noqa: TID251 - a shell
        clock=time.monotonic,
        tell=tell,
    )
    node.look()
    over = threading.Event()
    looking = threading.Thread(target=node.follow, args=(over.wait,), name="follow", daemon=True)
    looking.start()
    node.run(stop)
    over.set()
    looking.join(FLUSH_S)
    publisher.close(FLUSH_S)
    if publisher.dropped:
        tell(f"{publisher.sent} records sent, {publisher.dropped} dropped")
    return 0


def finds(settings: Settings, instances: Path | None, *, tell: Tell) -> dict[str, Find]:
    """Return what finds the instances of this host, by the name of the place."""
    timeout_s, state = min(PROBE_S, 0.8 * settings.sample_interval_s), Path(settings.state_dir)
    found: dict[str, Find] = {"local": LocalWatched(local_folder(state), timeout_s=timeout_s)}
    if instances is not None:
        found[str(instances)] = Declared(instances, timeout_s=timeout_s, tell=tell)
    if settings.docker_host:
        from actuators.clouds.docker_watched import DockerWatched  # noqa: PLC0415 - heavy

        found["docker"] = DockerWatched(settings.docker_host, settings.stack, docker_folder(state), timeout_s=timeout_s)
    return found


class Opener:
    """Begins to watch instances. What applications export is followed once for all instances of each."""

    def __init__(self, settings: Settings, publisher: Publisher, tell: Tell) -> None:
        self._settings, self._publisher, self._tell = settings, publisher, tell
        self._followed: dict[bytes, tuple[MetadataFiles, MetadataLog]] = {}

    def open(self, watched: Watched) -> Opened:
        """Begin to watch an instance."""
        source, let_go = self._source(watched)
        if watched.metadata is not None:
            self._follow(watched, watched.metadata)

        def end() -> None:
            let_go()
            if watched.metadata is not None:
                self._leave(watched, watched.metadata)

        beside = Beside(
            watched.who,
            publisher=self._publisher,
            now=time.time,  # noqa: TID251 - a shell
            logs=self._logs(watched),
            exports=self._exports(watched),
        )
        return Opened(watched, source, beside, end)

    def _source(self, watched: Watched) -> tuple[Source, Callable[[], None]]:
        """Return what measures an instance, and what lets go of it."""
        kind, _, name = watched.measure.partition(":")
        if kind == "pid":
            return ProcessTree(int(name), cpus=watched.cpus, memory_limit=watched.memory_limit), _nothing
        if kind == "cgroup":
            return Cgroup(Groups(name), cpus=watched.cpus, memory_limit=watched.memory_limit), _nothing
        from actuators.clouds.docker_watch import ContainerUsage  # noqa: PLC0415 - heavy

        usage = ContainerUsage(self._settings.docker_host, name, clock=time.monotonic).start()
        return usage, usage.stop

    def _logs(self, watched: Watched) -> list[Follower]:
        """Return the logs of an instance."""
        logs: list[Follower] = [LogFile(path) for path in watched.logs]
        if watched.container:
            from actuators.clouds.docker_watch import ContainerLog  # noqa: PLC0415 - heavy

            logs.append(ContainerLog(self._settings.docker_host, watched.container))
        return logs

    def _exports(self, watched: Watched) -> Exports | None:
        """Return what watches what an instance exports."""
        if watched.exports is None:
            return None
        who = watched.who
        names = declared(watched.exported, tenant=who.tenant, application=who.application, cluster=who.cluster)
        return Exports(watched.exports, names, tell=self._tell)

    def _follow(self, watched: Watched, path: Path) -> None:
        """Keep a file of what the application exports."""
        who = watched.who
        key = application_key(who.tenant, who.application)
        if key not in self._followed:
            files = MetadataFiles()
            log = MetadataLog(
                self._settings.broker,
                MetadataFold(who.tenant, who.application),
                files,
                partition=partition_of(key, self._settings.partitions),
                tell=lambda error: self._tell(f"metadata of {key.decode()}: {error or 'following'}"),
            )
            log.start()
            self._followed[key] = files, log
        self._followed[key][0].add(path)

    def _leave(self, watched: Watched, path: Path) -> None:
        """Keep it no longer; the last one of an application ends following it."""
        key = application_key(watched.who.tenant, watched.who.application)
        files, log = self._followed[key]
        files.remove(path)
        if not len(files):
            log.stop()
            del self._followed[key]


def _nothing() -> None:
    """Hold nothing."""
