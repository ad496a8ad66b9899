"""Instances that files declare: what counts, what is told, and that one bad file harms no other."""

import json
from pathlib import Path

import pytest

from streams.agent.beside import Identity
from streams.agent.declared import FILE_BYTES, Declared
from streams.agent.probe import Probe
from streams.agent.watched import Watched, probe_of

GOOD = {"application": "shop", "cluster": "shop-web", "member": "web-1", "pid": 4711}


class Folder:
    """A folder of declarations, and who reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self.declared = Declared(path, timeout_s=0.5, tell=self.told.append)

    def write(self, name: str, **fields: object) -> None:
        part = self.path / f"{name}.part"
        part.write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))
        part.rename(self.path / f"{name}.json")

    def members(self) -> list[str]:
        return [who.member for who in self.declared()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_file_says_whose_an_instance_is_and_how_it_is_measured(folder: Folder) -> None:
    folder.write(
        "a", **GOOD, tenant="acme", cpus=0.5, memory_limit=1024, probe="http://127.0.0.1:80/x?y", log=["/l"], other=1
    )
    (found,) = folder.declared().values()

    assert found == Watched(
        who=Identity(tenant="acme", application="shop", cluster="shop-web", member="web-1"),
        measure="pid:4711",
        cpus=0.5,
        memory_limit=1024,
        probe=Probe(host="127.0.0.1", port=80, path="/x?y", timeout_s=0.5),
        logs=(Path("/l"),),
    )


@pytest.mark.parametrize("path", ["/docker/abc", "docker/abc", "/sys/fs/cgroup/docker/abc"])
def test_a_control_group_is_named_below_the_root(folder: Folder, path: str) -> None:
    folder.write("a", **{**GOOD, "pid": None}, cgroup=path)
    (found,) = folder.declared().values()

    assert found.measure.replace(":/", ":") == "cgroup:docker/abc"


def test_files_come_and_go(folder: Folder) -> None:
    folder.write("a", **GOOD)
    (folder.path / "b.txt").write_text("nothing of ours")
    first = folder.members()
    folder.write("b", **{**GOOD, "member": "web-2"})
    second = folder.members()
    (folder.path / "a.json").unlink()

    assert (first, second, folder.members(), folder.told) == (["web-1"], ["web-1", "web-2"], ["web-2"], [])


def test_a_file_that_has_changed_is_read_again(folder: Folder) -> None:
    folder.write("a", **GOOD)
    (before,) = folder.declared().values()
    folder.write("a", **{**GOOD, "pid": 4712})
    (after,) = folder.declared().values()

    assert (before.measure, after.measure) == ("pid:4711", "pid:4712")


def test_the_first_file_of_a_member_counts(folder: Folder) -> None:
    folder.write("b", **{**GOOD, "pid": 2})
    folder.write("a", **{**GOOD, "pid": 1})

    assert [each.measure for each in folder.declared().values()] == ["pid:1"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"pid": None}, "one of pid and cgroup", id="nothing to measure"),
        pytest.param({"cgroup": "/a"}, "one of pid and cgroup", id="two things to measure"),
        pytest.param({"pid": 0}, "pid = 0: must be at least 1", id="no process"),
        pytest.param({"pid": "x"}, "pid", id="a process that is no number"),
        pytest.param({"pid": None, "cgroup": "/a/../.."}, "must be the path of a group", id="a group elsewhere"),
        pytest.param({"pid": None, "cgroup": "/"}, "must be the path of a group", id="all groups"),
        pytest.param({"member": None}, "member", id="no member"),
        pytest.param({"cluster": ""}, "must not be empty", id="an empty cluster"),
        pytest.param({"cpus": 0}, "cpus = 0.0: must be", id="no processors"),
        pytest.param({"memory_limit": 0}, "memory_limit = 0: must be", id="no memory"),
        pytest.param({"probe": "udp://127.0.0.1:1"}, "probe 'udp:", id="an unknown probe"),
        pytest.param({"log": ["x" * FILE_BYTES]}, "bytes: must be at most", id="too large"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_once_and_harms_no_other(
    folder: Folder, fields: dict[str, object], said: str
) -> None:
    folder.write("a", **{**GOOD, **fields})
    folder.write("b", **{**GOOD, "member": "web-2"})

    assert [folder.members() for _ in range(3)] == [["web-2"]] * 3
    assert [said in text for text in folder.told] == [True]


def test_while_a_file_cannot_be_used_what_it_said_before_counts(folder: Folder) -> None:
    folder.write("a", **GOOD)
    folder.members()
    (folder.path / "a.json").write_text("{half")

    assert folder.members() == ["web-1"]
    assert len(folder.told) == 1


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        Declared(tmp_path / "missing", timeout_s=1.0, tell=lambda _: None)()


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("tcp://127.0.0.1:80", "127.0.0.1", 80, ""),
        ("tcp://[::1]:80", "::1", 80, ""),
        ("http://localhost:8080", "127.0.0.1", 8080, "/"),
        ("http://10.0.0.7:1/health", "10.0.0.7", 1, "/health"),
    ],
)
def test_probes(url: str, host: str, port: int, path: str) -> None:
    assert probe_of(url, timeout_s=1.0) == Probe(host=host, port=port, path=path, timeout_s=1.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example:80/", "http://127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/", "tcp://:80",
        "tcp://127.0.0.1:80/x", "https://127.0.0.1:80/", "127.0.0.1:80", "http://127.0.0.1:80/a b", "http://[::1:80/",
    ],
)  # fmt: skip
def test_what_is_no_probe(url: str) -> None:
    with pytest.raises(ValueError, match="must be http://ADDRESS:PORT/PATH"):
        probe_of(url, timeout_s=1.0)
