"""One stack of the docker cloud on the tests' engine, and actuators beside it that can be killed."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from docker import APIClient

from actuators.clouds.docker import DockerCloud
from actuators.ports import TransientCloudError
from streams.records.action import Launch
from tests.clouds import a_place
from tests.engines import TINY, DockerEngine

ROOT = Path(__file__).resolve().parents[1]
SLEEP = Launch(image=TINY, command=["sleep", "9999"])
MEMBERS = 6
"""Launched together by :func:`churn`."""

ACTUATOR = """
import asyncio, os, signal, sys
from pathlib import Path
from actuators.clouds import docker, docker_calls
from actuators.clouds.docker import DockerCloud
from actuators.clouds.docker_box import Box
from tests.docker_site import SLEEP, churn
from tests.clouds import a_place

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    cloud = DockerCloud(sys.argv[1], Path(sys.argv[2]), url=sys.argv[3])
    {fault}
    await {call}

asyncio.run(main())
"""
LAUNCH = "cloud.launch(a_place(), SLEEP)"


class Site:
    """One stack on the shared engine."""

    def __init__(self, engine: DockerEngine, state: Path, stack: str) -> None:
        self.engine, self.state, self.stack = engine, state, stack
        self.client: APIClient = engine.client()
        self.since = int(time.time()) - 1
        self._opened: list[DockerCloud] = []
        self._started: dict[int, str] = {}

    def cloud(self) -> DockerCloud:
        self._opened.append(DockerCloud(self.stack, self.state, url=self.engine.url))
        return self._opened[-1]

    def words(self, *, fault: str = "pass", call: str = LAUNCH) -> list[str]:
        code = ACTUATOR.format(fault=fault, call=call)
        return [sys.executable, "-c", code, self.stack, str(self.state), self.engine.url]

    def run_actuator(self, *, fault: str = "pass", call: str = LAUNCH) -> int:
        """Run another actuator until it ends or is killed by ``fault``."""
        words = self.words(fault=fault, call=call)
        return subprocess.run(words, check=False, cwd=ROOT, timeout=60).returncode

    def containers(self) -> dict[str, str]:
        """Return the state of each container of the stack, by name."""
        listed = self.client.containers(all=True, filters={"label": f"pileus.stack={self.stack}"})
        return {each["Names"][0].lstrip("/"): each["State"] for each in listed}

    def starts(self) -> Counter[str]:
        """Return how often something was started so far, by member, as the engine itself tells.

        It remembers its last 256 events: ask before there are more new ones.
        """
        filters = {"type": "container", "event": "start", "label": f"pileus.stack={self.stack}"}
        events = self.client.events(since=self.since, until=int(time.time()) + 1, filters=filters, decode=True)
        self._started |= {each["timeNano"]: each["Actor"]["Attributes"]["pileus.member"] for each in events}
        return Counter(self._started.values())

    def add(self, name: str, **said: Any) -> str:
        """Start a container that Pileus did not make."""
        config = self.client.create_host_config(init=True)
        made = self.client.create_container(TINY, ["sleep", "9999"], name=name, host_config=config, **said)
        self.client.start(made["Id"])
        return str(made["Id"])

    async def close(self) -> None:
        left = await self.cloud().destroy_all(grace_s=0.0)
        for cloud in self._opened:
            cloud.close()
        self.client.close()
        assert left == {}
        assert self.containers() == {}


@asynccontextmanager
async def open_site(engine: DockerEngine, state: Path, name: str) -> AsyncIterator[Site]:
    """Open a stack, and leave nothing of it."""
    site = Site(engine, state / "docker", f"t{sum(name.encode())}")
    try:
        yield site
    finally:
        await site.close()


async def churn(cloud: DockerCloud, low: int, high: int) -> None:
    """Launch the members from ``low`` to ``high``, and end as many of those before."""

    async def patiently(do: Callable[[], Awaitable[object]]) -> None:
        for _ in range(300):
            try:
                await do()
            except TransientCloudError:
                await asyncio.sleep(0.03)
            else:
                return
        raise TimeoutError("it never succeeded")

    launches = [a_place(f"shop-web-{i}") for i in range(low, high)]
    ends = [f"shop-web-{i}" for i in range(max(low - MEMBERS, 0), low)]
    await asyncio.gather(
        *(patiently(lambda where=where: cloud.launch(where, SLEEP)) for where in launches),  # type: ignore[misc]
        *(patiently(lambda member=member: cloud.terminate(member, 0.2)) for member in ends),  # type: ignore[misc]
    )
