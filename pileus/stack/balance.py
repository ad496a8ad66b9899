"""A member of a load balancer's cartridge: HAProxy, its agent, and the routes that the definitions say."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiokafka.structs import ConsumerRecord

from actuators.balancers.cluster_file import ClusterFile
from actuators.balancers.front import Front
from actuators.balancers.haproxy_process import Haproxy
from config.catalogue import Catalogue
from config.errors import ConfigError
from config.routing import Route, routes, served, sticky
from config.settings import Settings, to_environment
from config.tree import ApplicationSpec
from pileus.stack.supervise import Supervisor
from streams.follow import Follower
from streams.topics import DEFINITIONS

AGENT = "lb-agent"
LOOK_S = 0.2
"""How often it looks whether the definitions have changed, and whether HAProxy runs (s)."""
STOP_S = 5.0
"""For open requests to end (s): below the cartridge's grace."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Which member it is, and where it is to listen."""

    name: str
    cluster: str
    application: str
    tenant: str
    listen: str

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Member":
        """Return what the environment says.

        Raises
        ------
        KeyError
            It is not that of a member.
        """
        port = environ.get("PILEUS_PORT") or environ["PORT"]
        return cls(
            name=environ["PILEUS_MEMBER"],
            cluster=environ["PILEUS_CLUSTER"],
            application=environ["PILEUS_APPLICATION"],
            tenant=environ.get("PILEUS_TENANT", "default"),
            listen=f"{environ.get('HOST', '0.0.0.0')}:{port}",  # noqa: S104 - a balancer is there for others
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a balancer serves."""

    probes: Mapping[str, str]
    """How members are asked whether they are well, by cluster."""
    sticky: frozenset[str]
    routes: tuple[Route, ...]

    def files(self) -> dict[str, ClusterFile]:
        """Return how each cluster is served."""
        return {cluster: ClusterFile(listen="", sticky=cluster in self.sticky) for cluster in self.probes}


def plan_of(applications: tuple[ApplicationSpec, ...], member: Member) -> Plan | None:
    """Return what a balancer is to serve; ``None`` when it is not declared. What cannot be a route is logged."""
    whose = (member.tenant, member.application)
    spec = next((each for each in applications if (each.tenant, each.application) == whose), None)
    own = next((each for each in spec.clusters() if each.cluster == member.cluster), None) if spec else None
    if spec is None or own is None:
        return None
    clusters = served(spec, own)
    found, faults = routes(spec, clusters)
    if faults:
        log.warning("routes that cannot be", faults=faults)
    return Plan(
        probes={each.cluster: each.cartridge.health or "tcp" for each in clusters},
        sticky=frozenset(each.cluster for each in clusters if sticky(each)),
        routes=found,
    )


class Declared:
    """What is declared, as far as it was read; what does not hold together changes nothing."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}
        self._changed = False
        self._catalogue: Catalogue | None = None

    def note(self, record: ConsumerRecord) -> None:
        """Take in one record."""
        key = (record.key or b"").decode(errors="replace")
        self._documents.pop(key, None)
        if record.value:
            self._documents[key] = record.value
        self._changed = True

    def applications(self) -> tuple[ApplicationSpec, ...]:
        """Return the applications that are in force."""
        if self._changed:
            self._changed = False
            try:
                self._catalogue = Catalogue.from_documents(self._documents.items(), self._catalogue)
            except ConfigError as error:
                log.warning("definitions do not hold together; the last good ones stay", error=str(error))
        return () if self._catalogue is None else self._catalogue.applications()


class Balancing:
    """HAProxy and its agent, brought to a plan again and again."""

    def __init__(self, member: Member, settings: Settings, directory: Path) -> None:
        self._member = member
        self._directory = directory
        self._environment = dict(os.environ) | to_environment(settings)
        self._supervisor = Supervisor(None, self._environment, log.warning)
        self._haproxy: Haproxy | None = None
        self._plan: Plan | None = None

    async def follow(self, plan: Plan | None) -> None:
        """Serve as a plan says; when there is none (any more), go on as before.

        The agent stands still while HAProxy is changed: nobody is taken out, and its successor finds all as it was.

        Raises
        ------
        BalancerError
            HAProxy does not come up.
        """
        if self._haproxy is not None and not self._haproxy.alive:
            log.warning("HAProxy ended, starting it again")
            await asyncio.to_thread(self._haproxy.start)
        if plan is None or plan == self._plan:
            return
        await self._supervisor.stop([AGENT])
        await asyncio.to_thread(self._serve, plan)
        if plan.probes:
            self._supervisor.start(AGENT, [sys.executable, "-m", "pileus", *self._words(plan)])
        self._plan = plan
        log.info("serves", clusters=sorted(plan.probes), listen=self._member.listen)

    async def stop(self) -> None:
        """End HAProxy with its last request, then the agent."""
        if self._haproxy is not None:
            await asyncio.to_thread(self._haproxy.stop, timeout_s=STOP_S)
        await self._supervisor.stop_at_once()

    def _serve(self, plan: Plan) -> None:
        front = Front(listen=self._member.listen, routes=plan.routes)
        if self._haproxy is None:
            self._haproxy = Haproxy(self._directory, plan.files(), front=front)
            self._haproxy.start()
        else:
            self._haproxy.change(plan.files(), front)

    def _words(self, plan: Plan) -> list[str]:
        """Return the command line of the agent."""
        member = self._member
        words = ["lb-agent", "--name", member.name, "--balancer", "haproxy", "--members-dir", str(self._directory)]
        words += ["--tenant", member.tenant, "--application", member.application]
        for cluster, probe in plan.probes.items():
            words += ["--cluster", cluster, "--probe", f"{cluster}={probe}"]
        return words


async def serve(member: Member, settings: Settings, *, directory: Path | None, stop: asyncio.Event) -> None:
    """Balance until stopped.

    Raises
    ------
    BalancerError
        HAProxy does not come up: another member will.
    """
    declared = Declared()
    with tempfile.TemporaryDirectory(prefix="pileus-lb-") as own:
        balancing = Balancing(member, settings, directory or Path(own))
        following = asyncio.create_task(_follow(balancing, declared, member, settings))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
        finally:
            for task in (following, stopping):
                task.cancel()
            await asyncio.gather(following, stopping, return_exceptions=True)
            await balancing.stop()


async def _follow(balancing: Balancing, declared: Declared, member: Member, settings: Settings) -> None:
    """Serve what the definitions say, for ever."""
    async with Follower(settings.broker, {(DEFINITIONS.name, 0): declared.note}) as follower:
        await follower.caught_up()
        while True:
            await balancing.follow(plan_of(declared.applications(), member))
            await asyncio.sleep(LOOK_S)
