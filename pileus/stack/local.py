"""The local stack: broker, worker, actuators, balancer, dashboard and the members, on this machine alone."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from actuators.ports import BalancerError, CloudError
from config.catalogue import Catalogue
from config.cluster import ClusterSpec
from config.settings import Settings, to_environment
from pileus.balancers import process
from pileus.stack.balancing import agents, fronts
from pileus.stack.broker import Broker, BrokerError, answers
from pileus.stack.clouds import destroy_all, stack_name
from pileus.stack.front import levels
from pileus.stack.ports import free_ports
from pileus.stack.several import worker_commands
from pileus.stack.supervise import Supervisor
from pileus.stack.tansu import start_tansu

READY_S = 60.0
"""How long each level of a start-up order may take until the first request is answered (s)."""
LOOK_S = 0.1
ORDER = ("dashboard", "actuate", "worker")
"""Order in which parts are ended: who decides and acts first, who only looks on before; the balancers' agents last."""


SESSION_S = 3.0
"""The embedded broker lets each group wait half a session for its members (s); Apache Kafka takes 6 s at least."""


class StackError(RuntimeError):
    """A part did not come up; the message says which and why."""


@dataclass
class LocalStack:
    """Everything that ``pileus run`` starts, and leaves nothing of."""

    directory: Path
    settings: Settings
    catalogue: Catalogue
    cluster: ClusterSpec
    """The one that gets the load."""
    tell: Callable[[str], None]
    own_broker: bool = True
    balancer: str = "caddy"
    """Kind of balancer."""
    program: tuple[str, ...] = ()
    """Command line of an external one."""
    workers: int = 1
    """Stream workers, which share the partitions."""

    def __post_init__(self) -> None:
        """Choose addresses; nothing is started yet."""
        self.applications = self.catalogue.applications()
        ports = free_ports()
        self._broker_port, admin = next(ports), next(ports)
        address = f"127.0.0.1:{self._broker_port}" if self.own_broker else self.settings.broker
        self.settings = msgspec.structs.replace(
            self.settings,
            broker=address,
            session_s=min(SESSION_S, self.settings.session_s) if self.own_broker else self.settings.session_s,
            state_dir=str(self.directory),
            dashboard_port=next(ports),
            stack=stack_name(self.directory),
        )
        self.dashboard = f"http://{self.settings.dashboard_host}:{self.settings.dashboard_port}/"
        frontends = fronts(self.catalogue.clusters(), ports)
        self.front = f"http://{frontends[self.cluster.cluster].listen}/"
        self._balancer = process(
            self.balancer, self.directory / self.balancer, frontends, admin=f"127.0.0.1:{admin}", program=self.program
        )
        self._served = frozenset(frontends)
        self._broker: Broker | None = None
        environment = dict(os.environ) | to_environment(self.settings)
        self.supervisor = Supervisor(self.directory, environment, self.tell)
        self._caring: asyncio.Task[None] | None = None
        self._blocking: list[asyncio.Future[Any]] = []
        """What runs in threads: it goes on when the start is given up, and must be over before anything is ended."""

    async def start(self) -> None:
        """Start every part.

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
            await self._in_thread(self._balancer.start)
        except BalancerError as error:
            raise StackError(str(error)) from error
        self._caring = asyncio.create_task(self._care())
        for name, words in self._commands().items():
            self.supervisor.start(name, [sys.executable, "-m", "pileus", *words])

    @property
    def levels(self) -> int:
        """Return how many clusters start one after another until the one that gets the load does, itself included."""
        whose = (self.cluster.tenant, self.cluster.application)
        application = next(each for each in self.applications if (each.tenant, each.application) == whose)
        return levels(application)[self.cluster.alias]

    async def stop(self) -> list[str]:
        """End everything, and return what could not be ended: normally nothing."""
        if self._caring is not None:
            self._caring.cancel()
        await asyncio.gather(*self._blocking, return_exceptions=True)
        names = list(self.supervisor.parts)
        parts = [name for kind in ORDER for name in names if name == kind or name.startswith(f"{kind}-")]
        await self.supervisor.stop([*parts, *(name for name in names if name not in parts)])
        grace_s = max(each.cartridge.grace_s for each in self.catalogue.clusters())
        try:
            left = await destroy_all(self.settings, self.directory, grace_s)
        except CloudError as error:
            left = [str(error)]
        await asyncio.to_thread(self._balancer.stop)
        if self._broker is not None:
            await asyncio.to_thread(self._broker.stop)
        return left

    async def withdraw(self, documents: Iterable[tuple[str, None]]) -> None:
        """Withdraw definitions.

        Raises
        ------
        StackError
            The broker did not take it.
        """
        await self._publish(documents)

    def _commands(self) -> dict[str, Sequence[str]]:
        """Return the command line of each part."""
        parts = {**worker_commands(self.workers, self.settings.health_port), "actuate": ["actuate"]}
        node = {"agent": ["agent", "--node"]} if self.settings.agents == "node" else {}
        balancers = agents(self.applications, self._served, self._balancer.directory, kind=self.balancer)
        return {**parts, **node, **balancers, "dashboard": ["dashboard"]}

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

        from streams.admin import TopicError, create_topics  # noqa: PLC0415 - heavy

        settings = self.settings
        try:
            await asyncio.to_thread(
                create_topics, settings.broker, partitions=settings.partitions, replication=settings.replication
            )
        except (KafkaError, TopicError) as error:
            raise StackError(f"topics at {settings.broker}: {error}") from error
        await self._publish(self.catalogue.documents())

    async def _publish(self, documents: Iterable[tuple[str, bytes | None]]) -> None:
        """Declare definitions, or withdraw them."""
        from kafka.errors import KafkaError  # noqa: PLC0415 - heavy

        from streams.admin import publish_definitions  # noqa: PLC0415 - heavy

        try:
            await asyncio.to_thread(publish_definitions, self.settings.broker, documents)
        except KafkaError as error:
            raise StackError(f"definitions at {self.settings.broker}: {error}") from error

    async def _care(self) -> None:
        """Start the balancer again when it ends."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._balancer.alive:
                self.tell("the balancer ended, starting it again")
                try:
                    await self._in_thread(self._balancer.start)
                except BalancerError as error:
                    self.tell(str(error))
                    await asyncio.sleep(1.0)

    async def answers(self, awaited: Callable[[], Sequence[str]]) -> None:
        """Wait until a request through the balancer is answered; none is sent while ``awaited`` says what comes before.

        Raises
        ------
        StackError
            None was answered in ``READY_S`` for each level of the application's start-up order.
        """
        loop = asyncio.get_running_loop()
        within_s = READY_S * self.levels
        until, told = loop.time() + within_s, ""
        timeout = aiohttp.ClientTimeout(total=2.0)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while loop.time() < until:
                missing = awaited()
                if (now := f"waiting: {', '.join(missing) or 'the first member'}") != told:
                    self.tell(told := now)
                if not missing and await self._answers(http):
                    return
                await asyncio.sleep(LOOK_S)
        words = {name: part.last_words() for name, part in self.supervisor.parts.items()}
        said = "\n".join(f"--- {name}\n{text}" for name, text in words.items() if text)
        raise StackError(f"no member answered at {self.front} within {within_s:g} s, {told}\n{said}")

    async def _answers(self, http: aiohttp.ClientSession) -> bool:
        """Say whether a request through the balancer is answered."""
        try:
            async with http.get(self.front) as response:
                return response.status < 400  # noqa: PLR2004 - an answer
        except (aiohttp.ClientError, TimeoutError):
            return False
