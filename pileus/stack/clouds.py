"""The clouds that the actuators of this process act on, by provider."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from actuators.clouds.local import LocalCloud
from actuators.clouds.memory import MemoryCloud
from actuators.ports import Cloud, Instance
from config.settings import Settings
from streams.records.action import Launch


def clouds(settings: Settings, state: Path) -> dict[str, Cloud]:
    """Return the clouds, their state below ``state``."""
    folder = local_folder(state)
    return {
        "local": LocalCloud(folder, agent=_agent(settings, folder)),
        "memory": MemoryCloud(now=time.time),  # noqa: TID251 - composition
    }


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
