"""A process and all its descendants as the source: for instances that are plain processes.

CPU time is that of the whole tree, children that have ended included. Memory is the resident set of a
lone process; pages that several processes share (forked workers) count once: with more than one process
the proportional set size is weighed every ten seconds, because reading it walks page tables, and in
between the resident set is scaled by the share found.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from streams.agent.host import cores, total_memory
from streams.agent.measure import GONE, CpuMeter, Usage, percent

WEIGH_EVERY_S = 10.0
"""How long a share of memory stands (s)."""
MAX_PROCESSES = 4096
"""Of one tree; more are not looked at."""
KERNEL_LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
"""Where it does not, every process of the host is looked at."""


@dataclass(frozen=True, slots=True)
class Times:
    """CPU time of one process (s)."""

    total: float
    """Its own and that of ended children it has waited for."""
    waited: float
    """The latter alone."""


class TreeTime:
    """The CPU time of a set of processes that come and go. It never falls."""

    def __init__(self) -> None:
        self._seen: Mapping[tuple[int, float], Times] | None = None
        self._sum = 0.0

    def advance(self, now: Mapping[tuple[int, float], Times]) -> float:
        """Take the processes of this moment, by id and start; return the time used since the first call (s).

        What an ended process used is in the ``waited`` of whoever waited for it; when nobody in
        the tree did (orphans), what was last seen of it is kept.
        """
        before = self._seen
        self._seen = dict(now)
        if before is None:
            return 0.0
        lost = sum(times.total for key, times in before.items() if key not in now)
        waited = sum(now[key].waited - times.waited for key, times in before.items() if key in now)
        grown = sum(t.total for t in now.values()) - sum(t.total for t in before.values())
        self._sum += max(grown + max(lost - waited, 0.0), 0.0)
        return self._sum


class ProcessTree:
    """Measure the process ``pid`` and its descendants.

    ``cpus`` is how many processors it may use (default: those it may run on), ``memory_limit`` how
    many bytes (default: the host's memory).
    """

    def __init__(self, pid: int, *, cpus: float | None = None, memory_limit: int | None = None) -> None:
        self._root = _process(pid)
        self._cpus = cpus
        self._limit = memory_limit or total_memory()
        self._time = TreeTime()
        self._meter = CpuMeter()
        self._share = 1.0
        self._weigh_at = 0.0

    def measure(self, at: float) -> Usage:
        """Measure the tree; it is gone when its root is, or is a zombie."""
        root = self._root
        if root is None or not _alive(root):
            return GONE
        tree = [root, *_descendants(root)]
        read = {key: (times, rss) for key, times, rss in map(_read, tree) if times is not None}
        if (root.pid, root.create_time()) not in read:
            return GONE
        used = self._time.advance({key: times for key, (times, _) in read.items()})
        resident = sum(rss for _, rss in read.values())
        return Usage(
            load_average=self._meter.load(at, used, self._cpus or _allowed(root)),
            memory_consumption=percent(self._memory(at, tree, resident), self._limit),
        )

    def _memory(self, at: float, tree: Sequence[psutil.Process], resident: int) -> float:
        """Return the memory of the tree (bytes), shared pages counted once."""
        if len(tree) == 1:
            return resident
        if at >= self._weigh_at or self._weigh_at == 0.0:
            self._weigh_at = at + WEIGH_EVERY_S
            self._share = _share(tree)
        return resident * self._share


def _process(pid: int) -> psutil.Process | None:
    """Return the process, ``None`` when there is none."""
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _read(process: psutil.Process) -> tuple[tuple[int, float], Times | None, int]:
    """Read one process: its key, its times (``None`` when it is gone) and its resident memory (bytes)."""
    try:
        with process.oneshot():
            cpu, memory = process.cpu_times(), process.memory_info()
            key = (process.pid, process.create_time())
    except (psutil.Error, OSError):
        return (process.pid, 0.0), None, 0
    waited = float(cpu.children_user + cpu.children_system)
    return key, Times(float(cpu.user + cpu.system) + waited, waited), int(memory.rss)


def _alive(process: psutil.Process) -> bool:
    """Return whether the same process still runs (its id may have been given to another)."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _allowed(process: psutil.Process) -> int:
    """Return how many processors the process may run on."""
    try:
        return len(process.cpu_affinity() or ()) or cores()
    except (psutil.Error, OSError, AttributeError):  # no affinity on macOS
        return cores()


def _share(tree: Sequence[psutil.Process]) -> float:
    """Return proportional / resident memory of a tree, 1 where the system does not tell."""
    proportional = resident = 0
    for process in tree:
        try:
            memory = process.memory_full_info()
        except (psutil.Error, OSError):
            continue
        proportional += getattr(memory, "pss", memory.rss)
        resident += memory.rss
    return proportional / resident if proportional and resident else 1.0


def _descendants(root: psutil.Process) -> list[psutil.Process]:
    """Return the living descendants: from the kernel's lists of children, or by looking at every process."""
    if not KERNEL_LISTS_CHILDREN:
        return _search(root)
    found: dict[int, None] = {}
    look = [root.pid]
    while look and len(found) < MAX_PROCESSES:
        new = [pid for pid in _children(look.pop()) if pid not in found]
        found.update(dict.fromkeys(new))
        look += new
    return [process for pid in found if (process := _process(pid)) is not None]


def _children(pid: int) -> list[int]:
    """Return the direct children of a process, of all its threads; none when it has just ended."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_bytes().split())
    except OSError:  # it, or one of its threads, ended meanwhile: what was found stands
        return found
    return found


def _search(root: psutil.Process) -> list[psutil.Process]:
    """Return the living descendants by looking at every process of the host (about 10 us each)."""
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []
