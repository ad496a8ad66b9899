"""What the agent beside a container asks the engine: how much the container uses, and what it has written.

The engine's own counters are taken, so it does not matter where the engine keeps its control groups, and which
version they have. An engine that is away leaves the usage unknown: that is neither zero nor the container's end.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import requests
import urllib3
from docker import APIClient
from docker.errors import DockerException, NotFound

from actuators.clouds.docker_engine import connect
from streams.agent.cgroup import Reading
from streams.agent.measure import GONE, CpuMeter, Usage, percent

ANSWER_S = 3.0
"""Most that the engine may take to answer, or be silent between two counts, which come once a second (s)."""
AGAIN_S = 1.0
"""Before the engine is asked again after it failed (s)."""
LATE_S = 5.0
"""Counts older than this say nothing any more (s)."""
FRESH_S = 60.0
"""A container that has run for less is followed from its first line, an older one from now on (s)."""
LINES = 1000
"""Lines fetched at once; of more than these between two looks, the newest."""
NANO = 1e9
UNKNOWN = Usage(load_average=None, memory_consumption=None)
FAILED = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)


def moment(text: str) -> float:
    """Read the engine's form of a time (s since the Unix epoch); 0 for "never", which it writes as the year 1."""
    return 0.0 if text.startswith("0001-") else datetime.fromisoformat(text).timestamp()


def reading(stats: Mapping[str, Any], *, cpus: float | None = None) -> Reading:
    """Read one answer of the engine's statistics; ``cpus`` is the container's own bound."""
    cpu, memory = stats.get("cpu_stats") or {}, stats.get("memory_stats") or {}
    detail: Mapping[str, int] = memory.get("stats") or {}
    used_ns, used = (cpu.get("cpu_usage") or {}).get("total_usage"), memory.get("usage")
    cache = detail.get("total_cache", detail.get("file"))  # cgroup v1, v2
    shared = detail.get("total_shmem", detail.get("shmem", 0))
    return Reading(
        cpu_s=None if used_ns is None else used_ns / NANO,
        cpus=cpus or cpu.get("online_cpus"),
        memory_bytes=None if used is None or cache is None else max(used - cache + shared, 0),
        limit_bytes=memory.get("limit"),
    )


class ContainerUsage:
    """Measure one container: a thread keeps its newest counts. ``clock`` is a monotonic time (s)."""

    def __init__(self, url: str, container: str, *, clock: Callable[[], float]) -> None:
        self._url, self._container, self._clock = url, container, clock
        self._meter = CpuMeter()
        self._usage, self._known_at = UNKNOWN, -LATE_S
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._stop = threading.Event()

    def start(self) -> "ContainerUsage":
        """Begin to follow; returns itself."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Follow no longer; the thread ends within ``ANSWER_S``."""
        self._stop.set()

    def measure(self, at: float) -> Usage:
        """Return what was counted last, unless that is too long ago."""
        usage, known_at = self._usage, self._known_at
        return usage if at - known_at <= LATE_S else UNKNOWN

    def _follow(self) -> None:
        """Follow the counts; when the engine fails, again after a while."""
        while not self._stop.is_set():
            try:
                self._counts(connect(self._url, timeout_s=ANSWER_S))
            except NotFound:
                self._know(GONE)
            except FAILED:
                pass  # away: what is known grows old
            self._stop.wait(AGAIN_S)

    def _counts(self, client: APIClient) -> None:
        """Take counts until the container ends or the engine does."""
        try:
            inspected = client.inspect_container(self._container)
            if not inspected["State"]["Running"]:
                self._know(GONE)
                return
            nano = inspected["HostConfig"].get("NanoCpus") or 0
            for stats in client.stats(self._container, decode=True, stream=True):
                at = moment(stats["read"])
                if self._stop.is_set() or not at:  # a container that has ended is counted in the year 1
                    return
                self._know(self._used(at, reading(stats, cpus=nano / NANO or None)))
        finally:
            client.close()

    def _used(self, at: float, found: Reading) -> Usage:
        """Turn counts into percent; the times are the engine's, so that no delay on the way counts."""
        return Usage(
            load_average=self._meter.load(at, found.cpu_s, found.cpus or 0.0),
            memory_consumption=percent(found.memory_bytes, found.limit_bytes),
        )

    def _know(self, usage: Usage) -> None:
        self._usage, self._known_at = usage, self._clock()


class ContainerLog:
    """Follow what a container writes to its standard output and error."""

    def __init__(self, url: str, container: str) -> None:
        self.name = f"container {container[:12]}"
        self._url, self._container = url, container
        self._client: APIClient | None = None
        self._since: str | None = None
        """Time of the newest line, as the engine writes it: so these compare as text."""
        self._waiting: list[str] = []

    def lines(self, limit: int) -> list[str]:
        """Return at most ``limit`` new lines; none while the engine is away."""
        if not self._waiting:
            try:
                self._fetch()
            except FAILED:
                self._client = None
        found, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return found

    def _fetch(self) -> None:
        """Ask for what is newer than the newest line."""
        client = self._client = self._client or connect(self._url, timeout_s=ANSWER_S)
        if self._since is None:
            self._since = self._first(client)
        # The engine takes a float, which is coarser than its times: what came back already is left out.
        said = client.logs(self._container, timestamps=True, since=max(moment(self._since), 1.0), tail=LINES)
        for line in said.decode("utf-8", errors="replace").splitlines():
            at, _, text = line.partition(" ")
            if at > self._since and text.strip():
                self._waiting.append(text.rstrip())
                newest = at
            else:
                continue
            self._since = newest

    def _first(self, client: APIClient) -> str:
        """Return from when on lines count: from the start, unless that is long ago."""
        started = str(client.inspect_container(self._container)["State"]["StartedAt"])
        now = str(client.info()["SystemTime"])
        return "0001-01-01T00:00:00Z" if moment(now) - moment(started) < FRESH_S else now
