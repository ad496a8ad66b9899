"""The local stack: broker, worker, actuators, balancer, dashboard and the members, on this machine alone."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from actuators.balancers.caddy_config import Frontend
from actuators.balancers.caddy_process import Caddy
from actuators.clouds.local import LocalCloud
from actuators.ports import BalancerError
from config.catalogue import Catalogue
from config.cluster import ClusterSpec
from config.settings import Settings, to_environment
from pileus.stack.broker import Broker, BrokerError, answers
from pileus.stack.clouds import local_folder
from pileus.stack.ports import free_ports
from pileus.stack.supervise import Supervisor
from pileus.stack.tansu import start_tansu

READY_S = 60.0
"""How long the stack may take until the first request is answered (s)."""
LOOK_S = 0.1
BALANCER = "lb-1"
ORDER = ("dashboard", "actuate", "worker", "lb-agent")
"""Order in which parts are ended: who decides and acts first, who only looks on before."""


class StackError(RuntimeError):
    """A part did not come up; the message says which and why."""


@dataclass
class LocalStack:
    """Everything that ``pileus run`` starts, and leaves nothing of."""

    directory: Path
    settings: Settings
    catalogue: Catalogue
    tell: Callable[[str], None]
    own_broker: bool = True

    def __post_init__(self) -> None:
        """Choose addresses; nothing is started yet."""
        self.cluster: ClusterSpec = self.catalogue.clusters()[0]
        ports = free_ports()
        self._broker_port, front, check, admin = (next(ports) for _ in range(4))
        address = f"127.0.0.1:{self._broker_port}" if self.own_broker else self.settings.broker
        self.settings = msgspec.structs.replace(
            self.settings, broker=address, state_dir=str(self.directory), dashboard_port=next(ports)
        )
        self.front = f"http://127.0.0.1:{front}/"
        self.dashboard = f"http://{self.settings.dashboard_host}:{self.settings.dashboard_port}/"
        frontend = Frontend(
            listen=f"127.0.0.1:{front}",
            check=f"127.0.0.1:{check}",
            ports=sorted({port for p in self.cluster.partitions for port in p.ports}),
        )
        self._caddy = Caddy(self.directory / "caddy", {self.cluster.cluster: frontend}, admin=f"127.0.0.1:{admin}")
        self._broker: Broker | None = None
        environment = dict(os.environ) | to_environment(self.settings)
        self.supervisor = Supervisor(self.directory, environment, self.tell)
        self._caring: asyncio.Task[None] | None = None
        self._blocking: list[asyncio.Future[Any]] = []
        """What runs in threads: it goes on when the start is given up, and must be over before anything is ended."""

    async def start(self) -> None:
        """Start every part, and return when the first member answers a request through the balancer.

        Raises
        ------
        StackError
            A part did not come up. What was started must still be stopped.
        """
        self.tell("starting the broker")
        await self._start_broker()
        self.tell("creating topics")
        await self._declare()
        self.tell("starting worker, actuators, balancer and dashboard")
        try:
            await self._in_thread(self._caddy.start)
        except BalancerError as error:
            raise StackError(str(error)) from error
        self._caring = asyncio.create_task(self._care())
        for name, words in self._commands().items():
            self.supervisor.start(name, [sys.executable, "-m", "pileus", *words])
        self.tell("waiting for the first member")
        await self._answered()

    async def stop(self) -> list[str]:
        """End everything, and return what could not be ended: normally nothing."""
        if self._caring is not None:
            self._caring.cancel()
        await asyncio.gather(*self._blocking, return_exceptions=True)
        await self.supervisor.stop([name for name in ORDER if name in self.supervisor.parts])
        cloud = LocalCloud(local_folder(self.directory))
        left = await cloud.destroy_all(self.cluster.cartridge.grace_s)
        await asyncio.to_thread(self._caddy.stop)
        if self._broker is not None:
            await asyncio.to_thread(self._broker.stop)
        return sorted(left)

    def _commands(self) -> dict[str, Sequence[str]]:
        """Return the command line of each part."""
        spec = self.cluster
        balancer = ["lb-agent", "--name", BALANCER, "--tenant", spec.tenant, "--application", spec.application]
        balancer += ["--cluster", spec.cluster, "--members-dir", str(self._caddy.directory)]
        balancer += ["--probe", spec.cartridge.health or "tcp"]
        return {"worker": ["worker"], "actuate": ["actuate"], "lb-agent": balancer, "dashboard": ["dashboard"]}

    async def _start_broker(self) -> None:
        """Start our own broker, or make sure that the one named answers."""
        if not self.own_broker:
            if not await asyncio.to_thread(answers, self.settings.broker):
                raise StackError(f"--broker {self.settings.broker}: no Kafka answers there")
            return
        try:
            await self._in_thread(self._launch_broker)
        except BrokerError as error:
            raise StackError(str(error)) from error

    def _launch_broker(self) -> None:
        """Start our own broker; it is known from then on, whoever still waits for it."""
        self._broker = start_tansu(self._broker_port, directory=self.directory / "broker")

    async def _in_thread(self, call: Callable[[], None]) -> None:
        """Run a call that blocks for a bounded time; when the wait for it is given up, it is still known."""
        running = asyncio.ensure_future(asyncio.to_thread(call))
        self._blocking = [each for each in self._blocking if not each.done()] + [running]
        await asyncio.shield(running)

    async def _declare(self) -> None:
        """Make the topics and declare the definitions."""
        from kafka.errors import KafkaError  # noqa: PLC0415 - heavy

        from streams.admin import TopicError, create_topics, publish_definitions  # noqa: PLC0415 - heavy

        settings = self.settings
        try:
            await asyncio.to_thread(
                create_topics, settings.broker, partitions=settings.partitions, replication=settings.replication
            )
            await asyncio.to_thread(publish_definitions, settings.broker, self.catalogue.documents())
        except (KafkaError, TopicError) as error:
            raise StackError(f"topics at {settings.broker}: {error}") from error

    async def _care(self) -> None:
        """Start the balancer again when it ends."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._caddy.alive:
                self.tell("the balancer ended, starting it again")
                try:
                    await self._in_thread(self._caddy.start)
                except BalancerError as error:
                    self.tell(str(error))
                    await asyncio.sleep(1.0)

    async def _answered(self) -> None:
        """Wait until a request through the balancer is answered."""
        loop = asyncio.get_running_loop()
        until = loop.time() + READY_S
        timeout = aiohttp.ClientTimeout(total=2.0)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while loop.time() < until:
                try:
                    async with http.get(self.front) as response:
                        if response.status < 400:  # noqa: PLR2004 - an answer
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(LOOK_S)
        words = {name: part.last_words() for name, part in self.supervisor.parts.items()}
        said = "\n".join(f"--- {name}\n{text}" for name, text in words.items() if text)
        raise StackError(f"no member answered at {self.front} within {READY_S:g} s\n{said}")
