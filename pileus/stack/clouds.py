"""The clouds that the actuators of this process act on, by provider."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from actuators.clouds.libcloud import LibcloudCloud
from actuators.clouds.limited import LimitedCloud
from actuators.clouds.local import LocalCloud
from actuators.clouds.memory import MemoryCloud
from actuators.ports import Cloud, Instance
from config.accounts import Account, load_accounts
from config.errors import ConfigError, Problem
from config.network import BUILT_IN
from config.settings import Settings, text_of, variable
from streams.records.action import Launch

AGENT_SETTINGS = ("broker", "partitions", "sample_interval_s", "buffer_records")
"""Settings that the agent on an instance goes by."""


def clouds(settings: Settings, state: Path) -> dict[str, Cloud]:
    """Return the clouds, their state below ``state``: the built-in ones, and one per account in the settings.

    Raises
    ------
    ConfigError
        The file of accounts cannot be used, or an account has the name of a built-in cloud.
    """
    folder = local_folder(state)
    built_in: dict[str, Cloud] = {
        "local": LocalCloud(folder, agent=_agent(settings, folder)),
        "memory": MemoryCloud(now=time.time),  # noqa: TID251 - composition
    }
    accounts = load_accounts(Path(settings.clouds_file)) if settings.clouds_file else {}
    if taken := sorted(BUILT_IN & accounts.keys()):
        bound = "is the name of a built-in cloud: must be another"
        raise ConfigError([Problem(file=settings.clouds_file, path=name, bound=bound) for name in taken])
    return built_in | {name: _machines(name, account, settings, state) for name, account in accounts.items()}


def _machines(name: str, account: Account, settings: Settings, state: Path) -> Cloud:
    """Return the cloud of one account, within its limits."""
    told = {variable(each): text_of(getattr(settings, each)) for each in AGENT_SETTINGS}
    told |= {variable("broker"): account.broker} if account.broker else {}
    return LimitedCloud(
        LibcloudCloud(account, settings=told, ended=state / "clouds" / f"{name}.ended"),
        name=name,
        calls_per_s=account.calls_per_s,
        look_s=account.look_s,
        clock=time.monotonic,
    )


def local_folder(state: Path) -> Path:
    """Return where the local cloud remembers its instances."""
    return (state / "local").resolve()


def _agent(settings: Settings, folder: Path) -> Callable[[Instance, Launch], list[str]]:
    """Return what makes the command line of the cartridge agent beside an instance."""

    def command(instance: Instance, launch: Launch) -> list[str]:
        where, cloud = instance.where, LocalCloud(folder)
        words = [sys.executable, "-m", "pileus", "agent", "--member", where.member, "--cluster", where.cluster]
        words += ["--application", where.application, "--tenant", where.tenant]
        words += ["--pid", instance.instance.rpartition("-")[2], "--log", str(cloud.log(where.member))]
        words += ["--interval", str(settings.sample_interval_s), "--broker", settings.broker]
        words += ["--partitions", str(settings.partitions)]
        words += ["--exports", str(cloud.exports(where.member)), "--metadata", str(cloud.metadata(where.member))]
        words += [word for name in launch.exports for word in ("--export", name)]
        if launch.health:
            words += ["--probe", launch.health, "--address", f"{instance.host}:{instance.port}"]
        return words

    return command
