"""The command line of the agent beside an instance, process or container: the agent itself understands it."""

from argparse import ArgumentParser
from pathlib import Path

import pytest

from actuators.clouds.local import LocalCloud
from actuators.ports import Instance
from config.accounts import Account
from config.errors import ConfigError
from config.kubernetes_account import KubernetesAccount
from config.settings import Settings
from pileus.commands import actuate
from pileus.commands import agent as command
from pileus.stack.clouds import _agent, _container_agent, clouds, of_stack, stack_name
from pileus.stack.folders import local_folder
from streams.records.action import Launch
from tests.clouds import SERVER, a_place, carriers, free_ports


@pytest.mark.parametrize("exports", [[], ["web-URL", "web-USER"]], ids=["nothing to export", "two names"])
def test_an_agent_is_told_what_to_export_and_where_metadata_stand(tmp_path: Path, exports: list[str]) -> None:
    instance = Instance(where=a_place(), instance="process-4711", host="127.0.0.1", port=8000)
    words = _agent(Settings(), tmp_path)(instance, Launch(health="tcp", exports=exports))
    parser = ArgumentParser()
    command.arguments(parser)
    options = parser.parse_args(words[4:])
    cloud = LocalCloud(tmp_path)

    assert words[1:4] == ["-m", "pileus", "agent"]
    assert options.export == exports
    assert (options.exports, options.metadata) == (str(cloud.exports("shop-web-1")), str(cloud.metadata("shop-web-1")))
    assert (options.pid, options.address, options.log) == (4711, "127.0.0.1:8000", [str(cloud.log("shop-web-1"))])


def accounts(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "clouds.toml"
    file.write_text(text)
    return Settings(clouds_file=str(file))


async def test_each_account_is_a_cloud_by_its_name(tmp_path: Path) -> None:
    found = clouds(accounts(tmp_path, '[ec2]\nowner = "a"\n[spare]\ndriver = "openstack"\nowner = "a"\n'), tmp_path)

    assert sorted(found) == ["ec2", "hosts", "local", "memory", "spare"]


async def test_an_account_cannot_take_a_built_in_clouds_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="docker"):
        clouds(accounts(tmp_path, '[docker]\ndriver = "ec2"\nowner = "a"\n'), tmp_path)


def test_the_stack_is_part_of_the_owner_unless_it_is_the_default_one() -> None:
    account = Account(driver="ec2", owner="shop")

    assert of_stack(account, Settings()).owner == "shop"
    assert of_stack(account, Settings(stack="blue")).owner == "shop/blue"
    assert of_stack(account, Settings(stack="green")) != of_stack(account, Settings(stack="blue"))
    pods = KubernetesAccount(owner="shop")
    assert of_stack(pods, Settings()) == pods
    assert of_stack(pods, Settings(stack="blue")).owner == "shop.blue"  # a label can have no slash


def test_accounts_that_cannot_be_used_end_with_2_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILEUS_CLOUDS_FILE", str(tmp_path / "none.toml"))
    monkeypatch.setenv("PILEUS_STATE_DIR", str(tmp_path))
    parser = ArgumentParser()
    actuate.arguments(parser)

    assert actuate.main(parser.parse_args([])) == 2
    assert "none.toml" in capsys.readouterr().err


def test_the_agent_of_a_container_is_told_which_and_of_which_engine(tmp_path: Path) -> None:
    instance = Instance(where=a_place(), instance="container-0123456789ab", host="127.0.0.1", port=8000)
    settings = Settings(docker_host="unix:///run/d.sock")
    command_of = _container_agent(settings, tmp_path, settings.docker_host)
    words = command_of(instance, Launch(health="http:/health", exports=["web-URL"]))
    parser = ArgumentParser()
    command.arguments(parser)
    options = parser.parse_args(words[4:])

    assert (options.container, options.engine) == ("0123456789ab", "unix:///run/d.sock")
    assert (options.probe, options.address, options.export) == ("http:/health", "127.0.0.1:8000", ["web-URL"])
    assert (options.pid, options.log) == (None, None)


@pytest.mark.parametrize(("agents", "started"), [("instance", 1), ("node", 0)])
async def test_with_a_node_agent_no_instance_gets_one_of_its_own(tmp_path: Path, agents: str, started: int) -> None:
    cloud = clouds(Settings(agents=agents, broker="127.0.0.1:1"), tmp_path)["local"]
    try:
        await cloud.launch(a_place(), Launch(command=SERVER, ports=free_ports(1)))
        claims = list(local_folder(tmp_path).glob("living/*/agent-*.claim"))
        assert len(carriers(local_folder(tmp_path))) == 1 + started
    finally:
        assert await LocalCloud(local_folder(tmp_path)).destroy_all(0.0) == {}
    assert len(claims) <= started


def test_there_is_no_docker_without_an_engine(tmp_path: Path) -> None:
    assert "docker" not in clouds(Settings(), tmp_path)
    assert "docker" in clouds(Settings(docker_host="unix:///run/d.sock"), tmp_path)


def test_a_stack_has_the_name_of_its_folder(tmp_path: Path) -> None:
    one, two = stack_name(tmp_path / "one"), stack_name(tmp_path / "two")

    assert one != two
    assert one == stack_name(tmp_path / "two" / ".." / "one")
    assert Settings(stack=one).stack == one
