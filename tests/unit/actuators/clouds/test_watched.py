"""What a node agent sees of a local cloud, and where it looks for a container's control group."""

import asyncio
from pathlib import Path

import pytest

from actuators.clouds import docker_watched
from actuators.clouds.docker_watched import group_of
from actuators.clouds.local import LocalCloud
from actuators.clouds.local_watched import LocalWatched
from streams.agent.beside import Identity
from streams.agent.cgroup import Groups
from streams.agent.probe import Probe
from streams.records.action import Launch
from tests.clouds import SERVER, a_place, free_ports


async def test_the_instances_of_a_local_cloud_come_and_go(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    watched = LocalWatched(tmp_path / "local", timeout_s=0.5)
    nobody = watched()
    assert not (tmp_path / "local").exists()
    cloud = LocalCloud(tmp_path / "local")
    try:
        launch = Launch(command=SERVER, ports=[port], health="http:/health", exports=["web-URL"])
        launched = await cloud.launch(a_place(), launch)
        first, again = watched(), watched()
        await cloud.terminate("shop-web-1", 1.0)
        gone = watched()
    finally:
        await cloud.destroy_all(0.0)
    ((who, found),) = first.items()

    assert (nobody, gone, again) == ({}, {}, first)
    assert who == Identity(tenant="default", application="shop", cluster="shop-web", member="shop-web-1")
    assert found.measure == launched.instance.replace("process-", "pid:")
    assert found.probe == Probe(host="127.0.0.1", port=port, path="/health", timeout_s=0.5)
    assert (found.logs, found.exported) == ((cloud.log("shop-web-1"),), ("web-URL",))
    assert (found.exports, found.metadata) == (cloud.exports("shop-web-1"), cloud.metadata("shop-web-1"))


async def test_an_instance_that_crashed_is_not_begun_with(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path)
    try:
        launch = Launch(command=["sleep", "0"], ports=free_ports(1))
        await cloud.launch(a_place(), launch)
        async with asyncio.timeout(20):
            while await cloud.instances():
                await asyncio.sleep(0.02)
        assert LocalWatched(tmp_path, timeout_s=0.5)() == {}
    finally:
        await cloud.destroy_all(0.0)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("0::/docker/abc\n", "/docker/abc", id="v2"),
        pytest.param("7:memory:/docker/abc\n6:cpu,cpuacct:/docker/abc\n0::/other\n", "/docker/abc", id="v1"),
        pytest.param("0::/\n", None, id="the root"),
        pytest.param("0::/../abc\n", None, id="outside of what is seen here"),
        pytest.param("0::/elsewhere\n", None, id="a group whose files are not here"),
    ],
)
def test_the_control_group_of_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str | None
) -> None:
    (tmp_path / "17").mkdir()
    (tmp_path / "17" / "cgroup").write_text(text)
    root = tmp_path / "groups"
    (root / "docker/abc").mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu memory")
    (root / "docker/abc/cpu.stat").write_text("usage_usec 1000\n")
    monkeypatch.setattr(docker_watched, "Groups", lambda path: Groups(path, root=root))

    assert group_of(17, proc=tmp_path) == path
    assert group_of(18, proc=tmp_path) is None
