"""A control group (v1 or v2) as the source: for instances that are containers.

Memory is what the group uses without page cache: the kernel gives that back before it kills. Shared
memory and tmpfs are counted by the kernel as cache, but cannot be given back: they are added again.
The bounds of the groups above hold too: the smallest one counts.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from streams.agent.host import cores, total_memory
from streams.agent.measure import GONE, CpuMeter, Usage, percent

ROOT = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60
"""cgroup v1 writes "no limit" as a number about this large (bytes)."""
CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")
"""Any of them stands in a container, unless it is a pod of containerd's without a service account's token."""
IN_A_POD = "KUBERNETES_SERVICE_HOST"
"""Every container of a pod has this variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the files of a group say."""

    cpu_s: float | None
    """CPU time used (s)."""
    cpus: float | None
    """Processors it may use; ``None`` without a bound."""
    memory_bytes: int | None
    """Memory in use, page cache not counted (bytes)."""
    limit_bytes: int | None
    """Memory it may use; ``None`` without a bound (bytes)."""


def parse_flat(text: str) -> dict[str, int]:
    """Read lines of ``key value``; other lines are left out."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}  # noqa: PLR2004 - a pair


def parse_number(text: str) -> int | None:
    """Read one whole number; ``None`` for anything else (``max`` among it)."""
    word = text.strip()
    return int(word) if word.removeprefix("-").isdigit() else None


def parse_limit(text: str) -> int | None:
    """Read a memory bound (bytes); ``None`` for none, which v2 writes as ``max`` and v1 as a huge number."""
    number = parse_number(text)
    return number if number is not None and 0 < number < NO_LIMIT else None


def parse_quota(quota: str, period: str) -> float | None:
    """Return how many processors a quota is worth; ``None`` for none (``max`` in v2, -1 in v1)."""
    used, of = parse_number(quota), parse_number(period)
    return used / of if used is not None and of is not None and used > 0 and of > 0 else None


def parse_cpu_max(text: str) -> float | None:
    """Read v2's ``cpu.max``: quota and period."""
    words = text.split()
    return parse_quota(words[0], words[1]) if len(words) == 2 else None  # noqa: PLR2004 - quota and period


def parse_cpu_list(text: str) -> int | None:
    """Count the processors of a list such as ``0-3,8``; ``None`` when it is empty or no list."""
    count = 0
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        low, high = parse_number(first), parse_number(last or first)
        if low is None or high is None or high < low:
            return None
        count += high - low + 1
    return count


def smallest(bounds: Iterable[float | None]) -> float | None:
    """Return the smallest bound that is one."""
    return min((bound for bound in bounds if bound is not None), default=None)


class Groups:
    """Read the files of one group below ``root``; ``path`` is relative to it (``""``: the root itself)."""

    def __init__(self, path: str = "", *, root: Path = ROOT) -> None:
        self._root = root
        self._path = path.removeprefix(str(root)).strip("/")
        self._v2 = (root / "cgroup.controllers").exists()

    def exists(self) -> bool:
        """Return whether the group is there."""
        return (self._v1("memory") if not self._v2 else self._root / self._path).is_dir()

    def read(self) -> Reading:
        """Read the group; a file that is missing leaves its field ``None``."""
        return self._read_v2() if self._v2 else self._read_v1()

    def _read_v2(self) -> Reading:
        """Read the unified hierarchy."""
        group = self._root / self._path
        levels = list(_up(group, self._root))
        cpu, memory = parse_flat(_text(group / "cpu.stat")), parse_flat(_text(group / "memory.stat"))
        current = parse_number(_text(group / "memory.current"))
        usage = cpu.get("usage_usec")
        limit = smallest(parse_limit(_text(level / "memory.max")) for level in levels)
        bounds = [parse_cpu_max(_text(level / "cpu.max")) for level in levels]
        return Reading(
            cpu_s=None if usage is None else usage / 1e6,
            cpus=smallest([*bounds, parse_cpu_list(_text(group / "cpuset.cpus.effective"))]),
            memory_bytes=_without_cache(current, memory.get("file"), memory.get("shmem")),
            limit_bytes=None if limit is None else int(limit),
        )

    def _read_v1(self) -> Reading:
        """Read one hierarchy per controller."""
        memory, cpu, usage = self._v1("memory"), self._v1("cpu"), self._v1("cpuacct")
        stat = parse_flat(_text(memory / "memory.stat"))
        used_ns = parse_number(_text(usage / "cpuacct.usage"))
        limits = (_text(memory / "memory.limit_in_bytes"), str(stat.get("hierarchical_memory_limit", "")))
        levels = _up(cpu, self._root / "cpu")
        bounds = [parse_quota(_text(g / "cpu.cfs_quota_us"), _text(g / "cpu.cfs_period_us")) for g in levels]
        limit = smallest(map(parse_limit, limits))
        return Reading(
            cpu_s=None if used_ns is None else used_ns / 1e9,
            cpus=smallest([*bounds, parse_cpu_list(_text(self._v1("cpuset") / "cpuset.effective_cpus"))]),
            memory_bytes=_without_cache(
                parse_number(_text(memory / "memory.usage_in_bytes")), stat.get("total_cache"), stat.get("total_shmem")
            ),
            limit_bytes=None if limit is None else int(limit),
        )

    def _v1(self, controller: str) -> Path:
        """Return the group's directory in one controller's hierarchy."""
        return self._root / controller / self._path


def _up(group: Path, root: Path) -> Iterator[Path]:
    """Yield the group and those above it, up to the root."""
    yield group
    while group != root and root in group.parents:
        group = group.parent
        yield group


def _without_cache(used: int | None, cache: int | None, shared: int | None) -> int | None:
    """Return memory without page cache; shared memory is part of ``cache`` and stays counted."""
    return None if used is None or cache is None else max(used - cache + (shared or 0), 0)


def _text(path: Path) -> str:
    """Return a file's content, empty when it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


class Cgroup:
    """Measure one group. Where it has no bound, the host's is meant."""

    def __init__(self, groups: Groups, *, cpus: float | None = None, memory_limit: int | None = None) -> None:
        self._groups = groups
        self._cpus, self._limit = cpus, memory_limit
        self._total = total_memory()
        self._meter = CpuMeter()

    def measure(self, at: float) -> Usage:
        """Measure the group."""
        if not self._groups.exists():
            return GONE
        reading = self._groups.read()
        cpus = self._cpus or min(reading.cpus or cores(), cores())
        limit = self._limit or min(reading.limit_bytes or self._total, self._total)
        return Usage(
            load_average=self._meter.load(at, reading.cpu_s, cpus),
            memory_consumption=percent(reading.memory_bytes, limit),
        )


def inside_container() -> bool:
    """Return whether this program runs in a container, whose group is then the instance's."""
    files = (*map(Path, CONTAINER_FILES), ROOT / "memory.current")
    return IN_A_POD in os.environ or any(each.exists() for each in files)
