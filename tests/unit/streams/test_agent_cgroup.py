"""Control groups v1 and v2, on the literal content of their files."""

from pathlib import Path

import pytest

from streams.agent import cgroup as module
from streams.agent.cgroup import (
    Cgroup,
    Groups,
    Reading,
    inside_container,
    parse_cpu_list,
    parse_cpu_max,
    parse_flat,
    parse_limit,
    parse_quota,
)
from streams.agent.measure import GONE

V2_CPU_STAT = "usage_usec 41830000\nuser_usec 30210000\nsystem_usec 11620000\nnr_periods 0\nnr_throttled 0\n"
V2_MEMORY_STAT = (
    "anon 104857600\nfile 314572800\nkernel 8388608\nshmem 10485760\ninactive_file 209715200\nactive_file 94371840\n"
)
V1_MEMORY_STAT = (
    "cache 314572800\nrss 104857600\nshmem 10485760\nhierarchical_memory_limit 536870912\n"
    "total_cache 314572800\ntotal_rss 104857600\ntotal_shmem 10485760\ntotal_inactive_file 209715200\n"
)
MB = 1 << 20


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def v2(group: str = "", **changes: str | None) -> dict[str, str]:
    files: dict[str, str | None] = {
        "cpu.stat": V2_CPU_STAT,
        "cpu.max": "max 100000\n",
        "cpuset.cpus.effective": "0-3\n",
        "memory.current": f"{420 * MB}\n",
        "memory.stat": V2_MEMORY_STAT,
        "memory.max": "max\n",
    }
    files |= {name.replace("__", "."): text for name, text in changes.items()}
    named = {f"{group}/{name}".lstrip("/"): text for name, text in files.items() if text is not None}
    return {"cgroup.controllers": "cpuset cpu io memory pids\n"} | named


def v1(group: str = "", **changes: str | None) -> dict[str, str]:
    files: dict[str, tuple[str, str | None]] = {
        "cpuacct.usage": ("cpuacct", "41830000000\n"),
        "cpu.cfs_quota_us": ("cpu", "-1\n"),
        "cpu.cfs_period_us": ("cpu", "100000\n"),
        "cpuset.effective_cpus": ("cpuset", "0-3\n"),
        "memory.usage_in_bytes": ("memory", f"{420 * MB}\n"),
        "memory.stat": ("memory", V1_MEMORY_STAT),
        "memory.limit_in_bytes": ("memory", "9223372036854771712\n"),
    }
    files |= {key: (files[key][0], text) for name, text in changes.items() if (key := name.replace("__", "."))}
    return {f"{where}/{group}/{name}".replace("//", "/"): t for name, (where, t) in files.items() if t is not None}


POD_LIMITS = {"pod/memory.max": "268435456\n", "pod/cpu.max": "200000 100000\n"}
UNREADABLE = v2(memory__current="garbage\n", cpu__max="", cpuset__cpus__effective="\n")
V1_BARE = v1(cpuacct__usage=None, memory__usage_in_bytes=None, cpuset__effective_cpus=None)


def reads(
    cpu_s: float | None = 41.83, cpus: float | None = 4, memory: int | None = 130, limit: int | None = None
) -> Reading:
    """Return a reading; memory in MB: 420 in use, of which 300 are cache, of which 10 are shared memory."""
    return Reading(
        cpu_s=cpu_s,
        cpus=cpus,
        memory_bytes=None if memory is None else memory * MB,
        limit_bytes=None if limit is None else limit * MB,
    )


# fmt: off
@pytest.mark.parametrize(
    ("files", "group", "reading"),
    [
        pytest.param(v2(), "", reads(), id="v2 without bounds: the processors of the set, page cache not counted"),
        pytest.param(v2(cpu__max="50000 100000\n", memory__max="536870912\n"), "", reads(cpus=0.5, limit=512),
                     id="v2 with bounds"),
        pytest.param(v2("pod/web", memory__max="536870912\n") | POD_LIMITS, "/sys/fs/cgroup/pod/web",
                     reads(cpus=2, limit=256), id="v2: the bounds above count too"),
        pytest.param(v2(cpu__stat=None, memory__stat=None), "", reads(cpu_s=None, memory=None),
                     id="v2: what is missing is unknown"),
        pytest.param(UNREADABLE, "", reads(cpus=None, memory=None), id="v2: what cannot be read is unknown"),
        pytest.param(v1(), "", reads(limit=512), id="v1: bound of the hierarchy, page cache not counted"),
        pytest.param(v1(cpu__cfs_quota_us="150000\n", memory__limit_in_bytes="268435456\n"), "",
                     reads(cpus=1.5, limit=256), id="v1 with bounds"),
        pytest.param(v1("docker/abc", memory__stat="cache 0\ntotal_cache 0\n"), "docker/abc", reads(memory=420),
                     id="v1 without bounds, one level down"),
        pytest.param(V1_BARE, "", reads(cpu_s=None, cpus=None, memory=None, limit=512),
                     id="v1: what is missing is unknown"),
    ],
)
def test_reading(tmp_path: Path, files: dict[str, str], group: str, reading: Reading) -> None:
    root = write(tmp_path, files)

    assert Groups(group.replace("/sys/fs/cgroup", str(root)), root=root).read() == reading


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        pytest.param("max\n", None, id="v2's none"),
        pytest.param("9223372036854771712\n", None, id="v1's none"),
        pytest.param("1048576\n", 1048576, id="bytes"),
        pytest.param("", None, id="empty"),
        pytest.param("0\n", None, id="zero bounds nothing that lives"),
    ],
)
def test_limit(text: str, limit: int | None) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        pytest.param("max 100000\n", None, id="none"),
        pytest.param("250000 100000\n", 2.5, id="two and a half"),
        pytest.param("100000\n", None, id="one word"),
        pytest.param("100000 0\n", None, id="no period"),
    ],
)
def test_cpu_max(text: str, cpus: float | None) -> None:
    assert parse_cpu_max(text) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("-1\n", None), ("50000\n", 0.5), ("", None)])
def test_v1_quota(quota: str, cpus: float | None) -> None:
    assert parse_quota(quota, "100000\n") == cpus


@pytest.mark.parametrize(
    ("text", "count"), [("0-3\n", 4), ("0\n", 1), ("0-1,4,6-7\n", 5), ("\n", None), ("a-b", None), ("3-1", None)]
)
def test_cpu_list(text: str, count: int | None) -> None:
    assert parse_cpu_list(text) == count
# fmt: on


def test_lines_that_are_no_pairs_are_left_out() -> None:
    assert parse_flat("anon 5\nhugetlb\nfile many\n\nshmem 7\n") == {"anon": 5, "shmem": 7}


def test_load_and_memory_are_of_what_the_group_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 4)
    root = write(tmp_path, v2(cpu__max="50000 100000\n", memory__max=f"{260 * MB}\n"))
    source = Cgroup(Groups(root=root))
    first = source.measure(at=10.0)
    (root / "cpu.stat").write_text("usage_usec 42080000\n")
    second = source.measure(at=11.0)

    assert (first.load_average, first.memory_consumption) == (None, 50.0)
    assert second.load_average == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("files", "memory_limit", "memory"),
    [
        pytest.param(v2(), None, 13.0, id="the host's memory without a bound"),
        pytest.param(v2(memory__max=f"{9999 * MB}\n"), None, 13.0, id="the host's memory when the bound is larger"),
        pytest.param(v2(), 260 * MB, 50.0, id="what the caller says"),
    ],
)
def test_memory_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], memory_limit: int | None, memory: float
) -> None:
    monkeypatch.setattr(module, "total_memory", lambda: 1000 * MB)
    source = Cgroup(Groups(root=write(tmp_path, files)), memory_limit=memory_limit)

    assert source.measure(at=0.0).memory_consumption == pytest.approx(memory)


@pytest.mark.parametrize("files", [v2("web"), v1("web")], ids=["v2", "v1"])
def test_a_group_that_was_removed_is_gone(tmp_path: Path, files: dict[str, str]) -> None:
    root = write(tmp_path, files)

    assert Cgroup(Groups("web", root=root)).measure(at=0.0).present
    assert Cgroup(Groups("never", root=root)).measure(at=0.0) == GONE


def test_a_pod_without_a_token_is_a_container_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.agent.cgroup.CONTAINER_FILES", ())
    monkeypatch.setattr("streams.agent.cgroup.ROOT", tmp_path)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert not inside_container()

    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")

    assert inside_container()
