"""The clouds that the actuators of this process act on, by provider."""

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from actuators.clouds.docker import DockerCloud
from actuators.clouds.docker_agents import shared_folder
from actuators.clouds.hosts import HostsCloud
from actuators.clouds.kubernetes import KubernetesCloud
from actuators.clouds.libcloud import LibcloudCloud
from actuators.clouds.limited import LimitedCloud
from actuators.clouds.local import LocalCloud
from actuators.clouds.memory import MemoryCloud
from actuators.kube.labels import value as label_value
from actuators.ports import Cloud, Instance
from config.accounts import Account, load_accounts
from config.errors import ConfigError, Problem
from config.hosting import HOSTS
from config.kubernetes_account import KubernetesAccount
from config.network import BUILT_IN
from config.settings import Settings, text_of, variable
from pileus.stack.folders import docker_folder, host_folder, hosts_folder, local_folder
from streams.records.action import Launch
from streams.records.member import Member

A = TypeVar("A", bound=Account | KubernetesAccount)
AGENT_SETTINGS = ("broker", "partitions", "sample_interval_s", "buffer_records")
"""Settings that the agent on an instance goes by."""
TOLD_SETTINGS = (*AGENT_SETTINGS, "probe_interval_s")
"""Settings that an instance on this machine may go by: a balancer does."""


def clouds(settings: Settings, state: Path, members: Mapping[str, Member] | None = None) -> dict[str, Cloud]:
    """Return the clouds, their state below ``state``: the built-in ones, and one per account in the settings.

    ``members`` are the newest records of members, which say who is on which host.

    Raises
    ------
    ConfigError
        The file of accounts cannot be used, or an account has the name of a built-in cloud.
    """
    folder = local_folder(state)
    told = {variable(each): text_of(getattr(settings, each)) for each in TOLD_SETTINGS}
    built_in: dict[str, Cloud] = {
        "local": LocalCloud(folder, None if settings.agents == "node" else _agent(settings, folder), told=told),
        "memory": MemoryCloud(now=time.time),  # noqa: TID251 - composition
        HOSTS: HostsCloud({} if members is None else members, lambda host: _host(settings, state, host)),
    }
    if settings.docker_host:
        built_in["docker"] = _docker(settings, state)
    accounts = load_accounts(Path(settings.clouds_file)) if settings.clouds_file else {}
    if taken := sorted(BUILT_IN & accounts.keys()):
        bound = "is the name of a built-in cloud: must be another"
        raise ConfigError([Problem(file=settings.clouds_file, path=name, bound=bound) for name in taken])
    return built_in | {name: _account(name, account, settings, state) for name, account in accounts.items()}


def _account(name: str, account: Account | KubernetesAccount, settings: Settings, state: Path) -> Cloud:
    """Return the cloud of one account, within its limits."""
    account = of_stack(account, settings)
    told = {variable(each): text_of(getattr(settings, each)) for each in AGENT_SETTINGS}
    told |= {variable("broker"): account.broker} if account.broker else {}
    cloud: Cloud = (
        KubernetesCloud(account, settings=told, now=time.time)  # noqa: TID251 - composition
        if isinstance(account, KubernetesAccount)
        else LibcloudCloud(account, settings=told, ended=state / "clouds" / f"{name}.ended")
    )
    return LimitedCloud(
        cloud,
        name=name,
        calls_per_s=account.calls_per_s,
        look_s=account.look_s,
        clock=time.monotonic,
    )


def of_stack(account: A, settings: Settings) -> A:
    """Return the account as this stack has it: the owner that its tags name is ``OWNER/STACK``.

    A label of Kubernetes can have no slash: there it is ``OWNER.STACK``. With the default ``stack`` it is ``OWNER``
    alone, as it was before stacks had names.
    """
    if settings.stack == Settings().stack:
        return account
    if isinstance(account, KubernetesAccount):
        return msgspec.structs.replace(account, owner=label_value(f"{account.owner}.{settings.stack}"))
    return msgspec.structs.replace(account, owner=f"{account.owner}/{settings.stack}")


async def destroy_all(settings: Settings, state: Path, grace_s: float) -> list[str]:
    """End every instance of this stack on the clouds of this machine; return what is left.

    Raises
    ------
    TransientCloudError
        A cloud does not answer.
    """
    left = [*await LocalCloud(local_folder(state)).destroy_all(grace_s)]
    if settings.docker_host:
        cloud = DockerCloud(settings.stack, docker_folder(state), url=settings.docker_host)
        left += await cloud.destroy_all(grace_s)
        cloud.close()
    for folder in hosts_folder(state).glob("*/"):  # what ran on a host went with it, but for the agents
        cloud = DockerCloud(settings.stack, folder)
        await cloud.abandon()
        cloud.close()
    return sorted(left)


def stack_name(state: Path) -> str:
    """Return a name for a stack that lives in one folder: the same folder, the same name."""
    return f"run-{hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]}"


def _docker(settings: Settings, state: Path) -> DockerCloud:
    """Return the cloud of the Docker engine."""
    folder = docker_folder(state)
    agent = None if settings.agents == "node" else _container_agent(settings, folder, settings.docker_host)
    return DockerCloud(settings.stack, folder, url=settings.docker_host, agent=agent)


def _host(settings: Settings, state: Path, host: Member) -> DockerCloud:
    """Return the cloud of the Docker engine on a host, which listens where the host serves."""
    url, folder = f"tcp://{host.host}:{host.port}", host_folder(state, host.member)
    agent = None if settings.agents == "node" else _container_agent(settings, folder, url)
    return DockerCloud(settings.stack, folder, url=url, agent=agent, address=host.host)


def _agent(settings: Settings, folder: Path) -> Callable[[Instance, Launch], list[str]]:
    """Return what makes the command line of the cartridge agent beside an instance."""

    def command(instance: Instance, launch: Launch) -> list[str]:
        member, cloud = instance.where.member, LocalCloud(folder)
        words = ["--pid", instance.instance.rpartition("-")[2], "--log", str(cloud.log(member))]
        words += ["--exports", str(cloud.exports(member)), "--metadata", str(cloud.metadata(member))]
        return _words(settings, instance, launch) + words

    return command


def _container_agent(settings: Settings, folder: Path, url: str) -> Callable[[Instance, Launch], list[str]]:
    """Return what makes the command line of the cartridge agent beside a container."""

    def command(instance: Instance, launch: Launch) -> list[str]:
        member = instance.where.member
        words = ["--container", instance.instance.removeprefix("container-"), "--engine", url]
        shared = shared_folder(folder, member)
        words += ["--exports", str(shared / "exports"), "--metadata", str(shared / "metadata.json")]
        return _words(settings, instance, launch) + words

    return command


def _words(settings: Settings, instance: Instance, launch: Launch) -> list[str]:
    """Return what an agent is told wherever its instance runs."""
    where = instance.where
    words = [sys.executable, "-m", "pileus", "agent", "--member", where.member, "--cluster", where.cluster]
    words += ["--application", where.application, "--tenant", where.tenant]
    words += ["--interval", str(settings.sample_interval_s), "--broker", settings.broker]
    words += ["--partitions", str(settings.partitions)]
    words += [word for name in launch.exports for word in ("--export", name)]
    if launch.health:
        words += ["--probe", launch.health, "--address", f"{instance.host}:{instance.port}"]
    return words
